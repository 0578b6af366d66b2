"""What Yosys and nextpnr report, as plain figures."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rtl.synthesis.targets import Family

_ASYNCHRONOUS = "<async>"
_CELLS = re.compile(
    r"_(?:TRELLIS_FF|TRELLIS_DPR16X4|LUT4|CCU2C|PFUMX|L6MUX21|MULT18X18D|DP16KD|DP16KD_\w+|SB_DFF[A-Z]*|SB_LUT4|SB_CARRY|"
    r"SB_MAC16|SB_RAM40_4K|FD1P3[A-Z]X|DPR16X4|CCU2|WIDEFN9|MULT9X9|MULT18X18|MULTADDSUB18X18|PDP(?:SC)?16K|DP16K|"
    r"DFF[A-Z]*|LUT[1-4]|ALU|MUX2_LUT[5-8]|RAM16SDP4|SP|SPX9|S?DPB|S?DPX9B)_"
)
"""Where the name of a signal ends and the names of the cells behind it begin."""


@dataclass(frozen=True)
class Path:
    """The longest path from one register to the next.

    Attributes
    ----------
    source, sink
        Cells that hold the registers.
    total, logic, routing
        ns; ``logic`` are the cells on the way and the registers themselves, ``routing`` the wires between them.
    cells
        Cells between the registers.
    """

    source: str
    sink: str
    total: float
    logic: float
    routing: float
    cells: int

    def __str__(self) -> str:
        return (
            f"from {signal(self.source)} to {signal(self.sink)}: {self.total:.2f} ns, {self.logic:.2f} ns of it in both "
            f"registers and {self.cells} cells between them, {self.routing:.2f} ns in wires"
        )


def signal(cell: str) -> str:
    """The signal of the design that a cell was made for."""
    return _CELLS.split(cell)[0]


def cells(stat: Mapping[str, Any]) -> dict[str, int]:
    """Cells by type, from Yosys' ``stat -json``; what only keeps names does not count."""
    counts = stat["design"]["num_cells_by_type"]
    return {name: int(counts[name]) for name in sorted(counts) if not name.startswith("$")}


def utilisation(report: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Used and available by nextpnr's names, from its report."""
    found = report["utilization"]
    return {name: (int(found[name]["used"]), int(found[name]["available"])) for name in sorted(found)}


def logged_utilisation(log: str) -> dict[str, tuple[int, int]]:
    """The same from nextpnr's log, which says so before placement fails."""
    found = re.findall(r"^Info:\s+(\w+):\s+(\d+)\s*/\s*(\d+)\s+\d+%", log, re.MULTILINE)
    return {name: (int(used), int(available)) for name, used, available in sorted(found)}


def overflow(used: Mapping[str, tuple[int, int]], family: Family) -> list[tuple[str, int, int]]:
    """What there is too little of: name, used, available."""
    names = {r.site: f"{r.name} ({r.unit})" for r in family.resources if r.site}
    return [(names.get(name, name), n, most) for name, (n, most) in used.items() if n > most]


def fmax(report: Mapping[str, Any]) -> float | None:
    """Clock frequency in MHz that all paths between registers allow; ``None`` without such paths."""
    achieved = [clock["achieved"] for clock in report["fmax"].values()]
    return round(min(achieved), 3) if achieved else None


def critical_path(report: Mapping[str, Any]) -> Path | None:
    """The longest path between registers."""
    inside = [p for p in report["critical_paths"] if _ASYNCHRONOUS not in (p["from"], p["to"])]
    found = [_path(p["path"]) for p in inside if p["path"]]
    return max(found, key=lambda p: p.total, default=None)


def _path(steps: list[dict[str, Any]]) -> Path:
    # A difference of clocks counts as wires.
    total = sum(s["delay"] for s in steps)
    routing = sum(s["delay"] for s in steps if s["type"] in ("routing", "clk-skew"))
    between = sum(s["type"] == "logic" for s in steps)
    ends = steps[0]["from"]["cell"], steps[-1]["to"]["cell"]
    return Path(*ends, round(total, 3), round(total - routing, 3), round(routing, 3), between)
