"""A flat netlist of the ECP5's cells, as Yosys writes it as JSON: who drives and who reads each bit, and what may move."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

Cell = dict[str, Any]
Bit = int | str

REGISTER, LUT = "TRELLIS_FF", "LUT4"
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
        return self.enable(name) == "1" and self._plain(name)

    def enable(self, name: str) -> Bit | None:
        """The bit by which a register is enabled, "1" if it always is; ``None`` if it is enabled by a 0."""
        cell = self.cells[name]
        way = cell["parameters"].get("CEMUX", "CE").strip()
        return "1" if way == "1" else cell["connections"].get("CE", ["1"])[0] if way == "CE" else None

    def _plain(self, name: str) -> bool:
        cell = self.cells[name]
        p, c = cell["parameters"], cell["connections"]
        plain = p.get("REGSET", "RESET").strip() == "RESET" and p.get("CLKMUX", "CLK").strip() == "CLK"
        resets = c.get("LSR", ["0"])[0] != "0"
        return plain and (not resets or p.get("SRMODE", "").strip() == "LSR_OVER_CE")

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

    def clocks(self, names: Iterable[str]) -> set[Bit]:
        """Clocks of registers."""
        return {self.cells[n]["connections"]["CLK"][0] for n in names}

    def behind(self, cell: Cell, ports: Iterable[str]) -> dict[str, str] | None:
        """The register behind each output of a cell that is read.

        ``None`` if not every one of them is read by a register that starts at 0 and has no reset, and by nothing else; if
        their clocks or their enables differ; or if none is read.
        """
        found: dict[str, str] = {}
        for port in ports:
            bit = cell["connections"][port][0]
            if self.readers[bit] <= 0:
                continue
            names = [name for name in self.registers_fed[bit] if name in self.cells]
            if self.readers[bit] != 1 or len(names) != 1 or not self._plain(names[0]):
                return None
            if self.cells[names[0]]["connections"].get("LSR", ["0"])[0] != "0":
                return None
            found[port] = names[0]
        enables = {self.enable(name) for name in found.values()}
        return found if len(enables) == len(self.clocks(found.values())) == 1 and None not in enables else None

    def absorb(self, cell: Cell, behind: Mapping[str, str]) -> None:
        """Let a cell drive what the registers behind its outputs drove, which go."""
        for port, name in behind.items():
            register = self.cells.pop(name)["connections"]
            for given in ("CLK", "CE"):
                if given in register:
                    self.readers[register[given][0]] -= 1
            cell["connections"][port] = register["Q"]
            del self.register_of[register["Q"][0]]

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
