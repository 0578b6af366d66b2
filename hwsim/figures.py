"""The figures that a study can measure: unit, meaning, and which direction is better."""

from typing import NamedTuple


class Figure(NamedTuple):
    """One figure; ``better`` is ``less``, ``more`` or, where neither is, empty. ``axis`` is what a picture calls it."""

    unit: str
    meaning: str
    better: str = ""
    axis: str = ""


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
    "test_accuracy": Figure("1", "share of test samples predicted right after the last epoch", "more", "test accuracy"),
    "test_loss": Figure("nats or squared error", "mean cost of test samples after the last epoch", "less", "test loss"),
    "validation_accuracy": Figure(
        "1", "share of held-out samples predicted right after the last epoch", "more", "validation accuracy"
    ),
    "validation_loss": Figure("nats or squared error", "mean cost of held-out samples after the last epoch", "less"),
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

TRAINING = ("fixed", "float", "cycle")
"""Measurements that train, each on the engine of its name."""

FIGURES: dict[str, dict[str, Figure]] = {
    "check": _CHECK,
    "fixed": _TRAINED,
    "float": _TRAINED,
    "cycle": _TRAINED,
    "costs": _COSTS,
}
"""By measurement and name; a column of a table is called ``measurement.name``."""


def of_column(column: str) -> Figure | None:
    """The figure of a column ``measurement.name``; ``None`` if there is no such figure."""
    measurement, _, name = column.partition(".")
    return FIGURES.get(measurement, {}).get(name)
