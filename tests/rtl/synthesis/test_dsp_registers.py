"""Registers move into multiplier blocks, and the netlist computes the same, clock by clock."""

import copy
import random

import pytest

from rtl.synthesis import dsp_registers
from rtl.synthesis.netlist import Netlist
from tests.rtl.synthesis.netlists import register

WIDTH = 4
INPUTS = {f"{side}{i}": 10 + 10 * n + i for n, side in enumerate("AB") for i in range(WIDTH)}
CLOCK, RESET = 2, 3


class Builder:
    """A module with one multiplier, and chains of registers around it."""

    def __init__(self, before=1, behind=2, reset_on=(), extra_reader=False, init="RESET"):
        self.cells, self.bit = {}, 100
        self.ports = {"in": {"direction": "input", "bits": [CLOCK, RESET, *INPUTS.values()]}}
        multiplier = {f"P{i}": [self.new()] for i in range(36)}
        products = [multiplier[f"P{i}"][0] for i in range(2 * WIDTH)]
        for side in "AB":
            for i in range(18):
                multiplier[f"{side}{i}"] = ["0"]
            for i in range(WIDTH):
                bit = INPUTS[f"{side}{i}"]
                for k in range(before):
                    resets = (side, i) in reset_on and k == before - 1
                    bit = self.register(bit, RESET if resets else "0", init)
                multiplier[f"{side}{i}"] = [bit]
        directions = {p: "output" if p[0] == "P" else "input" for p in multiplier}
        described = {"port_directions": directions, "connections": multiplier}
        self.cells["mult"] = {"type": "MULT18X18D", "parameters": {}, **described}
        watched = list(products[:1]) if extra_reader else []
        for _ in range(behind):
            products = [self.register(b) for b in products]
        self.ports["out"] = {"direction": "output", "bits": products + watched}

    def new(self):
        self.bit += 1
        return self.bit

    def register(self, d, reset="0", init="RESET"):
        q = self.new()
        self.cells[f"ff{q}"] = register(d, q, CLOCK, reset=reset, init=init)
        return q

    @property
    def module(self):
        return {"cells": self.cells, "ports": self.ports}


def pack(module):
    """Move registers, in place; what was moved."""
    netlist = Netlist(module)
    moved = dsp_registers.pack(netlist)
    netlist.drop_unread()
    return moved


def run(module, clocks, seed):
    """The outputs of every clock, by a naive simulation of registers, gates and multiplier blocks."""
    rng, state, seen = random.Random(seed), {}, []
    for _ in range(clocks):
        bits = {"0": 0, "1": 1, "x": 0} | {b: rng.randrange(2) for b in [RESET, *INPUTS.values()]}
        bits |= {c["connections"]["Q"][0]: state.get(n, 0) for n, c in module["cells"].items() if c["type"] == "TRELLIS_FF"}
        for c in module["cells"].values():
            if c["type"] == "LUT4":
                at = sum(bits[c["connections"][p][0]] << i for i, p in enumerate("ABCD"))
                bits[c["connections"]["Z"][0]] = int(c["parameters"]["INIT"][15 - at])
        step = {}
        for n, c in module["cells"].items():
            if c["type"] == "MULT18X18D":
                product, step[n] = multiply(c, bits, state.get(n, (0, 0, 0, 0)))
                bits |= {c["connections"][f"P{i}"][0]: product >> i & 1 for i in range(36)}
        for n, c in module["cells"].items():
            if c["type"] == "TRELLIS_FF":
                step[n] = bits[c["connections"]["DI"][0]] & ~bits[c["connections"]["LSR"][0]] & 1
        seen.append([bits[b] for b in module["ports"]["out"]["bits"]])
        state = step
    return seen


def multiply(cell, bits, state):
    """The product now, and the block's registers after the clock."""
    a, b = (sum(bits[cell["connections"][f"{s}{i}"][0]] << i for i in range(18)) for s in "AB")
    used = [cell["parameters"].get(f"REG_{r}_CLK") == "CLK0" for r in ("INPUTA", "INPUTB", "PIPELINE", "OUTPUT")]
    x, y = (state[0] if used[0] else a), (state[1] if used[1] else b)
    middle = state[2] if used[2] else x * y
    return (state[3] if used[3] else middle), (a, b, x * y, middle)


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("behind", [0, 1, 2, 3])
@pytest.mark.parametrize("reset_on", [(), (("A", 1), ("B", 3))], ids=["plain", "resets"])
def test_the_netlist_computes_the_same(before, behind, reset_on):
    module = Builder(before, behind, reset_on).module
    packed = copy.deepcopy(module)
    moved = pack(packed)
    assert moved == {k: 1 for k, there in (("input", before), ("pipeline", behind), ("output", behind > 1)) if there}
    assert run(packed, 60, seed=before + 10 * behind) == run(module, 60, seed=before + 10 * behind)


def test_registers_that_are_taken_in_are_gone():
    module = Builder(before=1, behind=2).module
    pack(module)
    assert [c["type"] for c in module["cells"].values()] == ["MULT18X18D"]


def test_a_product_that_is_read_elsewhere_keeps_its_registers():
    module = Builder(before=0, behind=2, extra_reader=True).module
    before = copy.deepcopy(module)
    assert pack(module) == {}
    assert module["cells"] == before["cells"]


def test_a_register_that_starts_at_one_stays():
    module = Builder(before=1, behind=0, init="SET").module
    assert pack(module) == {}
