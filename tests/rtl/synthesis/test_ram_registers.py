"""Registers move into block memories, and the netlist computes the same, clock by clock."""

import copy
import random

import pytest

from rtl.synthesis import ram_registers
from rtl.synthesis.netlist import Netlist
from tests.rtl.synthesis.netlists import register

CLOCK, OTHER, ENABLE, WRITE = 2, 3, 4, 5
READ, WRITTEN, WORD = [10, 11], [12, 13], [20, 21, 22, 23]
"""Bits of an address to read, of one to write, of a word to write."""


class Builder:
    """A module with a memory of four words, and chains of registers behind it."""

    def __init__(self, behind=1, wide=False, **different):
        self.cells, self.bit, self.different = {}, 100, different
        # A wide word is read on both sides of the block.
        self.outputs = ["DOB0", "DOB1", "DOA0", "DOA1"] if wide else ["DOB0", "DOB1", "DOB2", "DOB3"]
        ports = {f"DO{side}{i}": [self.new()] for side in "AB" for i in range(18)}
        words = [ports[name][0] for name in self.outputs]
        ports |= {"CLKA": [CLOCK], "CLKB": [CLOCK], "OCEA": ["0"], "OCEB": ["1"], "RSTA": ["0"], "RSTB": ["0"]}
        ports |= {"WEA": [WRITE], "ADA": WRITTEN, "ADB": READ, "DIA": WORD}
        self.cells["ram"] = {
            "type": "DP16KD",
            "parameters": {"DATA_WIDTH_B": format(36 if wide else 18, "032b")},
            "port_directions": {name: "output" if name.startswith("DO") else "input" for name in ports},
            "connections": ports,
        }
        extra = words[:1] if different.get("read_elsewhere") else []
        for k in range(behind):
            words = [self.register(d, k == 0 and i == 1) for i, d in enumerate(words)]
        inputs = [CLOCK, OTHER, ENABLE, WRITE, *READ, *WRITTEN, *WORD]
        self.ports = {"in": {"direction": "input", "bits": inputs}, "out": {"direction": "output", "bits": words + extra}}

    def new(self):
        self.bit += 1
        return self.bit

    def register(self, d, odd):
        """``odd`` ones may differ from the others."""
        q, of = self.new(), self.different
        self.cells[f"ff{q}"] = register(
            d,
            q,
            OTHER if odd and of.get("clock") else CLOCK,
            enable=ENABLE if of.get("enabled") or (odd and of.get("one_enabled")) else None,
            reset=OTHER if of.get("reset") else None,
            init="SET" if of.get("set") else "RESET",
        )
        return q

    @property
    def module(self):
        return {"cells": self.cells, "ports": self.ports}


def pack(module):
    netlist = Netlist(module)
    moved = ram_registers.pack(netlist)
    netlist.drop_unread()
    return moved


def run(module, outputs, seed):
    """The outputs of 80 clocks, by a naive simulation of registers and of the block."""
    rng, held, seen = random.Random(seed), {}, []
    words, latch, inside = [0] * 4, 0, 0
    ram = module["cells"]["ram"]
    mode = {ram["parameters"].get(f"REGMODE_{name[2]}", "NOREG") for name in outputs}
    assert len(mode) == 1  # of all sides that are read
    taken = mode == {"OUTREG"}
    for _ in range(80):
        bits = {"0": 0, "1": 1} | {b: rng.randrange(2) for b in module["ports"]["in"]["bits"]}
        for i, name in enumerate(outputs):
            bits[ram["connections"][name][0]] = (inside if taken else latch) >> i & 1
        registers = {n: c["connections"] for n, c in module["cells"].items() if c["type"] == "TRELLIS_FF"}
        bits |= {c["Q"][0]: held.get(n, 0) for n, c in registers.items()}
        seen.append([bits[b] for b in module["ports"]["out"]["bits"]])
        held |= {n: bits[c["DI"][0]] for n, c in registers.items() if bits[c.get("CE", ["1"])[0]]}
        if taken and bits[ram["connections"][f"OCE{outputs[0][2]}"][0]]:
            inside = latch
        latch = words[sum(bits[b] << i for i, b in enumerate(READ))]
        if bits[WRITE]:
            words[sum(bits[b] << i for i, b in enumerate(WRITTEN))] = sum(bits[b] << i for i, b in enumerate(WORD))
    return seen


@pytest.mark.parametrize("wide", [False, True], ids=["one_side", "both_sides"])
@pytest.mark.parametrize("enabled", [False, True], ids=["always", "enabled"])
@pytest.mark.parametrize("behind", [0, 1, 2])
def test_the_netlist_computes_the_same(behind, enabled, wide):
    built = Builder(behind, wide, enabled=enabled)
    packed = copy.deepcopy(built.module)
    assert pack(packed) == {"memories": 1, "memory output": int(behind > 0)}
    left = sum(c["type"] == "TRELLIS_FF" for c in packed["cells"].values())
    assert left == 4 * max(0, behind - 1)
    shown = run(packed, built.outputs, seed=behind)
    assert shown == run(built.module, built.outputs, seed=behind)
    assert len({tuple(word) for word in shown}) > 8


@pytest.mark.parametrize("what", ["read_elsewhere", "one_enabled", "set", "clock", "reset"])
def test_registers_that_do_otherwise_stay(what):
    module = Builder(behind=1, **{what: True}).module
    before = copy.deepcopy(module["cells"])
    assert pack(module) == {"memories": 1, "memory output": 0}
    assert module["cells"] == before


def test_a_memory_that_has_its_register_keeps_what_is_behind():
    module = Builder(behind=2).module
    assert pack(module)["memory output"] == 1
    before = copy.deepcopy(module["cells"])
    assert pack(module)["memory output"] == 0
    assert module["cells"] == before


def test_nothing_is_told_of_a_netlist_without_memories():
    module = Builder().module
    del module["cells"]["ram"]
    assert pack(module) == {}
