"""``costs``: what an accelerator's arithmetic and memories take, counted and estimated from its configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwsim.costs import area, energy, operations
from hwsim.costs.resources import area_figures
from hwsim.figure import Figure, Figures
from hwsim.measurements import check
from hwsim.measurements.measurement import Measurement, Need, Subject
from hwsim.schedule.figures import EXTERNAL
from models.files.regular import read_text

_MOST_TABLES = 8
_LARGEST_TABLE = 1 << 16  # bytes, as of all that is written by hand

FIGURES = Figures(
    "costs",
    {
        "multipliers": check.FIGURES["multipliers"],
        "derivative_multipliers": Figure("multipliers", "that apply derivatives to deltas", "less"),
        "adder_bits": Figure("bits", "widths of all adders together", "less", "adder bits"),
        "table_bits": Figure("bits", "activation and derivative tables, a copy for each result of a clock", "less"),
        "storage_bits": check.FIGURES["storage_bits"],
        "storage_words": Figure("words", check.FIGURES["storage_bits"].meaning, "less"),
        "banks": check.FIGURES["banks"],
        "bandwidth": Figure("bits/clock", "between memories and logic, reads and writes, average", "less", "bits per clock"),
        "energy": Figure(
            "nJ", "estimate, one sample trained: arithmetic and memories only", "less", "energy (nJ, estimate)"
        ),
        "energy_multiplications": Figure("nJ", "estimate, one sample trained: multiplications", "less"),
        "energy_additions": Figure("nJ", "estimate, one sample trained: additions", "less"),
        "external_traffic": EXTERNAL["external_traffic"],
        "energy_external": Figure("nJ", "estimate, one sample trained: moving weights to and from external memory", "less"),
        "energy_memories": Figure("nJ", "estimate, one sample trained: memory accesses", "less"),
    }
    | {
        f"{kind.replace(' ', '_')}_{what}": Figure(unit, f"{kind}, all layers and banks", "less")
        for kind in ("activations", "derivatives", "partial deltas", "weights", "biases", "deltas")
        for what, unit in (("bits", "bits"), ("banks", "memories"))
    }
    | area_figures("estimate fitted to synthesized designs", " (estimate)"),
)


def measure(subject: Subject) -> dict[str, Any]:
    """Counts of operations and bits, an estimate of energy by the study's table, and estimates of area."""
    found = operations.costs(subject.design.config, subject.design.inventory)
    path = _energies(subject.settings)
    table = subject.shelf.kept("energies", path, _MOST_TABLES, lambda: energy.load(path))
    counted = operations.figures(found, table)
    # Areas were fitted to circuits, none of which has an external memory.
    return counted if found.inventory.external else counted | area.load().figures(found)


def depends(settings: Mapping[str, Any]) -> list[str]:
    """The tables' content."""
    return [read_text(file, _LARGEST_TABLE) for file in (_energies(settings), area.DEFAULT)]


def _energies(settings: Mapping[str, Any]) -> Path:
    return Path(settings.get("energies") or energy.DEFAULT)


COSTS = Measurement("costs", FIGURES, measure, frozenset({Need.HARDWARE}), depends=depends)
