"""Carry chains of Nexus begin with an open input, and only those whose carry does not depend on it."""

import copy

from rtl.synthesis.carry_chains import open_ends

START, SLICE = ("0xFFFF", "0x00AA"), ("0x96AA", "0x96AA")
LOW, LINK, OTHER = 5, 6, 7


def chain(first, carry_in):
    """A chain of two cells; the first has a carry input."""
    tables = {"INIT0": first[0], "INIT1": first[1], "INJECT": "NO"}
    slice_tables = {"INIT0": SLICE[0], "INIT1": SLICE[1], "INJECT": "NO"}
    return {
        "ports": {"out": {"direction": "output", "bits": [9]}},
        "cells": {
            "low": {"type": "VLO", "parameters": {}, "connections": {"Z": [LOW]}},
            "first": {"type": "CCU2", "parameters": tables, "connections": {"CIN": [carry_in], "S1": [8], "COUT": [LINK]}},
            "second": {"type": "CCU2", "parameters": slice_tables, "connections": {"CIN": [LINK], "S0": [9]}},
        },
    }


def test_a_tied_start_is_opened_and_the_chain_stays():
    for tied in (LOW, "0", "x"):
        module = chain(START, tied)
        rest = copy.deepcopy(module)
        assert open_ends(module) == 1
        del rest["cells"]["first"]["connections"]["CIN"]
        assert module == rest


def test_what_is_not_a_tied_start_stays():
    for first, carry_in in ((START, OTHER), (SLICE, LOW)):
        module = chain(first, carry_in)
        before = copy.deepcopy(module)
        assert open_ends(module) == 0
        assert module == before


def test_a_cell_whose_sum_is_read_keeps_its_input():
    module = chain(START, LOW)
    module["ports"]["out"]["bits"].append(8)
    assert open_ends(module) == 0
    assert module["cells"]["first"]["connections"]["CIN"] == [LOW]
