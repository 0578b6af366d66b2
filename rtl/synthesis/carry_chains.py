"""Carry chains of Nexus begin with a cell whose carry input is open; Yosys ties it to 0, which nextpnr refuses.

That cell lets no carry through from below: its upper half gives the carry that the chain begins with. So nothing that is
computed depends on the input.
"""

from collections import Counter
from typing import Any

CARRY, LOW = "CCU2", "VLO"


def open_ends(module: dict[str, Any]) -> int:
    """Disconnect, in a flat module and in place, tied carry inputs that nothing depends on; returns how many there were."""
    cells = module["cells"].values()
    low = {"0", "x"} | {c["connections"]["Z"][0] for c in cells if c["type"] == LOW}
    ends = Counter(b for of in (module["ports"].values(), cells) for part in of for b in _bits(part))
    opened = 0
    for cell in cells:
        of = cell["connections"]
        if cell["type"] != CARRY or of.get("CIN", [None])[0] not in low or _lets_through(cell):
            continue
        if not any(ends[bit] > 1 for sum_ in ("S0", "S1") for bit in of.get(sum_, [])):
            del of["CIN"]
            opened += 1
    return opened


def _bits(part: dict[str, Any]) -> list[Any]:
    """The bits of a port of the module, or of all connections of a cell."""
    return part["bits"] if "bits" in part else [b for bits in part["connections"].values() for b in bits]


def _lets_through(cell: dict[str, Any]) -> bool:
    """Whether a carry gets from the input to the output: the upper half lets it where its table, input D set, has a 1."""
    return int(cell["parameters"]["INIT1"], 16) >> 8 != 0
