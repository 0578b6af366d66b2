"""The reference of the figures: unit, meaning and direction of all that is measured, from their registry."""

import importlib
from pathlib import Path

from hwsim.figure import registered
from tools.site.text import code, escaped, table

ROOT = Path(__file__).resolve().parents[2]


def load() -> None:
    """Import every module that registers figures: they register as they are made."""
    for package in ("models", "hwsim", "rtl"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if " = Figures(" in path.read_text(encoding="utf-8"):
                importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def reference() -> str:
    """A table for each room."""
    load()
    rooms: dict[str, list[list[str]]] = {}
    for key, figure in registered().items():
        room, _, name = key.rpartition(".")
        rooms.setdefault(room, []).append([code(name), escaped(figure.unit), figure.better, escaped(figure.meaning)])
    head = ["figure", "unit", "better", "meaning"]
    return "\n".join(f"## {room}\n\n{table(head, rows)}" for room, rows in sorted(rooms.items()))
