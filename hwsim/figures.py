"""The figures that a study can measure, by measurement and name."""

from hwsim.difficulty_figures import DIFFICULTY_FIGURES
from hwsim.figure import JUDGED, Figure
from hwsim.frontends.figures import FRONTEND_FIGURES
from hwsim.patterns.figures import PATTERN_FIGURES

__all__ = ["FIGURES", "TRAINING", "Figure", "of_column"]

_CHECK = {
    "edges": Figure("edges", "edges of all junctions, ΣW", "less", "edges"),
    "density": Figure("1", "edges over those of the fully connected network", "less", "density"),
    "clocks_per_input": Figure("clocks", "between two inputs: the longest pass plus flush", "less", "clocks per input"),
    "flush": Figure("clocks", "clocks added to a junction cycle until results have landed", "less"),
    "stall_clocks": Figure("clocks", "of the longest pass beyond its C: the price of not being clash-free", "less"),
    "utilisation": Figure("1", "share of the edge processors' clocks in which they work, flush included", "more"),
    "multipliers": Figure("multipliers", "in the edge processors", "less", "multipliers"),
    "storage_bits": Figure("bits", "all memories of the accelerator", "less", "storage (bits)"),
    "banks": Figure("memories", "with an address of their own, all banks", "less", "banks"),
    "staleness": Figure(
        "updates", "that the feedforward of the first junction misses in training", "less", "staleness (updates)"
    ),
}
_TRAINED = {
    **JUDGED,
    "train_accuracy": Figure(
        "1", "share of training samples predicted right as they were fed, last epoch", "more", "training accuracy"
    ),
    "train_loss": Figure("nats or squared error", "mean cost of the same samples", "less"),
    "saturations": Figure("events", "values that left their format's range, all signals, junctions and epochs", "less"),
    "clocks": Figure("clocks", "simulated, drain included", "less"),
}
_COSTS = {
    "multipliers": _CHECK["multipliers"],
    "derivative_multipliers": Figure("multipliers", "that apply derivatives to deltas", "less"),
    "adder_bits": Figure("bits", "widths of all adders together", "less", "adder bits"),
    "table_bits": Figure("bits", "activation and derivative tables, a copy for each result of a clock", "less"),
    "storage_bits": _CHECK["storage_bits"],
    "storage_words": Figure("words", "all memories of the accelerator", "less"),
    "banks": _CHECK["banks"],
    "bandwidth": Figure("bits/clock", "between memories and logic, reads and writes, average", "less", "bits per clock"),
    "energy": Figure("nJ", "estimate, one sample trained: arithmetic and memories only", "less", "energy (nJ, estimate)"),
    "energy_multiplications": Figure("nJ", "estimate, one sample trained: multiplications", "less"),
    "energy_additions": Figure("nJ", "estimate, one sample trained: additions", "less"),
    "energy_memories": Figure("nJ", "estimate, one sample trained: memory accesses", "less"),
} | {
    f"{kind.replace(' ', '_')}_{what}": Figure(unit, f"{kind}, all layers and banks", "less")
    for kind in ("activations", "derivatives", "partial deltas", "weights", "biases", "deltas")
    for what, unit in (("bits", "bits"), ("banks", "memories"))
}

_FAMILIES = {"xc7": "7 series", "ecp5": "ECP5", "ice40": "iCE40"}
_RESOURCES = {
    "luts": ("LUTs", "LUTs of logic"),
    "lut_ram": ("LUTs", "LUTs of distributed memory"),
    "ffs": ("flip-flops", "flip-flops"),
    "dsps": ("blocks", "DSP blocks"),
    "block_rams": ("blocks", "block memories"),
}
RESOURCES = tuple(f"{family}_{resource}" for family in _FAMILIES for resource in _RESOURCES)
"""What estimates and synthesis both count."""


def _area(how: str, note: str = "") -> dict[str, Figure]:
    return {
        f"{family}_{resource}": Figure(unit, f"{meaning} on {device}, {how}", "less", f"{meaning}, {device}{note}")
        for family, device in _FAMILIES.items()
        for resource, (unit, meaning) in _RESOURCES.items()
    }


_SYNTHESIS = _area("as synthesized") | {
    name: figure
    for family, device in _FAMILIES.items()
    if family != "xc7"  # for which no open place and route exists
    for name, figure in {
        f"{family}_fits": Figure("1", f"1 if the {device} target has room for the design, else 0", "more"),
        f"{family}_fmax": Figure("MHz", f"clock frequency on {device} after routing", "more", f"MHz, {device}"),
        f"{family}_inputs_per_second": Figure(
            "inputs/s", f"trained at that clock frequency on {device}", "more", f"inputs per second, {device}"
        ),
    }.items()
}

TRAINING = ("fixed", "float", "cycle")
"""Measurements that train, each on the engine of its name."""

FIGURES: dict[str, dict[str, Figure]] = {
    "check": _CHECK,
    "fixed": _TRAINED,
    "float": _TRAINED,
    "cycle": _TRAINED,
    "costs": _COSTS | _area("estimate fitted to synthesized designs", " (estimate)"),
    "pattern": PATTERN_FIGURES,
    "difficulty": DIFFICULTY_FIGURES,
    "frontend": FRONTEND_FIGURES,
    "synth": _SYNTHESIS,
}
"""By measurement and name; a column of a table is called ``measurement.name``."""


def of_column(column: str) -> Figure | None:
    """The figure of a column ``measurement.name``; ``None`` if there is no such figure."""
    measurement, _, name = column.partition(".")
    return FIGURES.get(measurement, {}).get(name)
