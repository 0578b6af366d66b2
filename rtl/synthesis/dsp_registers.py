"""Registers around a multiplier move into the ECP5's multiplier block, which has them and which Yosys does not use.

The block has registers at both inputs, in the middle (pipeline) and at the output. A register may move in where it holds a
whole operand or the whole product; the logic is the same afterwards, clock by clock.
"""

from collections import Counter

from rtl.synthesis.netlist import Bit, Cell, Netlist

MULTIPLIER = "MULT18X18D"


def pack(netlist: Netlist) -> dict[str, int]:
    """Move registers into multipliers, in place; returns how many multipliers got which."""
    gates = dict[str, Bit]()
    packed: Counter[str] = Counter()
    for cell in [c for c in netlist.cells.values() if c["type"] == MULTIPLIER]:
        clocks: set[Bit] = set()
        # Timing models know the inputs' registers only as a pair.
        if all(_input_registers(netlist, cell, side) is not None for side in "AB"):
            for side in "AB":
                clocks |= _pack_input(netlist, cell, side, gates)
            packed["input"] += 1
        for stage in ("PIPELINE", "OUTPUT"):
            moved = _pack_product(netlist, cell, stage)
            if moved is None:
                break
            clocks |= moved
            packed[stage.lower()] += 1
        if clocks:
            for port, bit in (("CLK0", next(iter(clocks))), ("CE0", "1"), ("RST0", "0")):
                cell["connections"][port] = [bit]
                cell["port_directions"][port] = "input"
    return dict(packed)


def _uses(cell: Cell, register: str) -> None:
    cell["parameters"] |= {f"REG_{register}_CLK": "CLK0", f"REG_{register}_CE": "CE0", f"REG_{register}_RST": "RST0"}
    cell["parameters"]["GSR"] = "DISABLED"


def _input_registers(netlist: Netlist, cell: Cell, side: str) -> list[str] | None:
    """The registers of an operand, if all its bits have one that may move; bits that are always 0 need none."""
    bits = [cell["connections"][f"{side}{i}"][0] for i in range(18)]
    if any(b == "1" for b in bits) or all(isinstance(b, str) for b in bits):
        return None
    names = [netlist.register_of.get(b) for b in bits if not isinstance(b, str)]
    known = [n for n in names if n is not None and netlist.movable(n)]
    return known if len(known) == len(names) and len(netlist.clocks(known)) == 1 else None


def _pack_input(netlist: Netlist, cell: Cell, side: str, gates: dict[str, Bit]) -> set[Bit]:
    clocks: set[Bit] = set()
    for i in range(18):
        bit = cell["connections"][f"{side}{i}"][0]
        if isinstance(bit, str):
            continue
        name = netlist.register_of[bit]
        clocks.add(netlist.cells[name]["connections"]["CLK"][0])
        before = netlist.ahead(name, gates)
        cell["connections"][f"{side}{i}"] = [before]
        netlist.readers[bit] -= 1
        netlist.readers[before] += 1
    _uses(cell, f"INPUT{side}")
    return clocks


def _pack_product(netlist: Netlist, cell: Cell, stage: str) -> set[Bit] | None:
    """Take the registers behind a product in, if every bit that is read goes into one and nowhere else."""
    behind = netlist.behind(cell, [f"P{i}" for i in range(36)])
    if behind is None or not all(map(netlist.movable, behind.values())):
        return None
    clocks = netlist.clocks(behind.values())
    netlist.absorb(cell, behind)
    _uses(cell, stage)
    return clocks
