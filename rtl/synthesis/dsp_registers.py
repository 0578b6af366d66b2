"""Registers around a multiplier move into the ECP5's multiplier block, which has them and which Yosys does not use.

The block has registers at both inputs, in the middle (pipeline) and at the output. A register may move in where it holds a
whole operand or the whole product; the logic is the same afterwards, clock by clock. Works on the netlist that Yosys writes
as JSON.
"""

from collections import Counter, defaultdict
from typing import Any

Cell = dict[str, Any]
Bit = int | str

MULTIPLIER, REGISTER, LUT = "MULT18X18D", "TRELLIS_FF", "LUT4"
_A_AND_NOT_B = "0010001000100010"


class Netlist:
    """The cells of a flat module, with who drives and who reads each bit."""

    def __init__(self, module: dict[str, Any]) -> None:
        self.cells: dict[str, Cell] = module["cells"]
        self.readers: Counter[Bit] = Counter()
        self.register_of: dict[Bit, str] = {}
        self.registers_fed: dict[Bit, list[str]] = defaultdict(list)
        self._next = 1 + max(
            (b for c in self.cells.values() for bits in c["connections"].values() for b in bits if isinstance(b, int)),
            default=1,
        )
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                if cell["port_directions"].get(port) == "input":
                    self.readers.update(bits)
            if cell["type"] == REGISTER:
                self.register_of[cell["connections"]["Q"][0]] = name
                self.registers_fed[cell["connections"]["DI"][0]].append(name)
        for port in module["ports"].values():
            if port["direction"] != "input":
                self.readers.update(port["bits"])

    def movable(self, name: str) -> bool:
        """Whether a register only delays: starts at 0, always enabled, no reset but a synchronous one to 0."""
        cell = self.cells[name]
        p, c = cell["parameters"], cell["connections"]
        enabled = p.get("CEMUX", "CE").strip() == "1" or c.get("CE", ["x"])[0] == "1"
        plain = p.get("REGSET", "RESET").strip() == "RESET" and p.get("CLKMUX", "CLK").strip() == "CLK"
        resets = c.get("LSR", ["0"])[0] != "0"
        return enabled and plain and (not resets or p.get("SRMODE", "").strip() == "LSR_OVER_CE")

    def ahead(self, name: str, gates: dict[str, Bit]) -> Bit:
        """The bit that a register takes over at the next edge; a synchronous reset becomes a gate in front of it."""
        c = self.cells[name]["connections"]
        reset = c.get("LSR", ["0"])[0]
        if reset == "0":
            return c["DI"][0]
        if name not in gates:
            gates[name] = self._next
            self.cells[f"{name}_gate"] = {
                "hide_name": 1,
                "type": LUT,
                "parameters": {"INIT": _A_AND_NOT_B},
                "attributes": {},
                "port_directions": {"A": "input", "B": "input", "C": "input", "D": "input", "Z": "output"},
                "connections": {"A": [c["DI"][0]], "B": [reset], "C": ["0"], "D": ["0"], "Z": [self._next]},
            }
            self.readers.update([c["DI"][0], reset])
            self._next += 1
        return gates[name]

    def drop_unread(self) -> None:
        """Remove registers that nobody reads any more."""
        waiting = [n for n, c in self.cells.items() if c["type"] == REGISTER]
        while waiting:
            gone = [n for n in waiting if n in self.cells and self.readers[self.cells[n]["connections"]["Q"][0]] <= 0]
            waiting = []
            for name in gone:
                connections = self.cells.pop(name)["connections"]
                for port in ("DI", "CLK", "CE", "LSR"):
                    for bit in connections.get(port, []):
                        self.readers[bit] -= 1
                        if bit in self.register_of:
                            waiting.append(self.register_of[bit])


def pack(module: dict[str, Any]) -> dict[str, int]:
    """Move registers into the multipliers of a flat module, in place; returns how many multipliers got which."""
    netlist, gates = Netlist(module), dict[str, Bit]()
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
    netlist.drop_unread()
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
    return known if len(known) == len(names) and len(_clocks(netlist, known)) == 1 else None


def _clocks(netlist: Netlist, names: list[str]) -> set[Bit]:
    return {netlist.cells[n]["connections"]["CLK"][0] for n in names}


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
    read = {i: b for i in range(36) if netlist.readers[b := cell["connections"][f"P{i}"][0]] > 0}
    found = {i: netlist.registers_fed[b] for i, b in read.items()}
    if not read or any(
        netlist.readers[read[i]] != 1
        or len(names) != 1
        or names[0] not in netlist.cells
        or not netlist.movable(names[0])
        or netlist.cells[names[0]]["connections"].get("LSR", ["0"])[0] != "0"
        for i, names in found.items()
    ):
        return None
    clocks = _clocks(netlist, [names[0] for names in found.values()])
    if len(clocks) != 1:
        return None
    for i, names in found.items():
        register = netlist.cells.pop(names[0])["connections"]
        netlist.readers[register["CLK"][0]] -= 1
        cell["connections"][f"P{i}"] = register["Q"]
        del netlist.register_of[register["Q"][0]]
    _uses(cell, stage)
    return clocks
