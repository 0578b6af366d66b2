"""The figures of an accelerator that its configuration decides."""

from typing import Any

from hwsim.figure import Figure, Figures
from hwsim.schedule.inventory import Inventory

BETWEEN_INPUTS = Figure("clocks", "between two inputs: the longest pass plus flush", "less", "clocks per input")

PREDICTION_LATENCY = Figure(
    "clocks",
    "from the first beat of a sample, alone and just in time, to the offer of its prediction",
    "less",
    "latency of a prediction (clocks)",
)
UPDATE_LATENCY = Figure(
    "clocks",
    "from that beat to the write of the last weight that it changes; null if none",
    "less",
    "latency of the last update (clocks)",
)

ACCELERATOR = Figures(
    "accelerator",
    {
        "z": Figure("edges/clock", "edge processors of each junction"),
        "junction_cycle": Figure("clocks", "clocks of one pass over each junction, C_i"),
        "stall_clocks": Figure("clocks", "of a pass beyond C, by junction: the price of not being clash-free", "less"),
        "clocks_per_input": BETWEEN_INPUTS._replace(meaning=f"clocks {BETWEEN_INPUTS.meaning}"),
        "flush": Figure("clocks", "clocks added to a junction cycle until results have landed", "less"),
        "utilisation": Figure("1", "share of the longest pass that each works"),
        "multipliers": Figure("multipliers", "in the edge processors", "less", "multipliers"),
        "storage": Figure("bits", "all memories of the accelerator", "less", "storage (bits)"),
        "drain": Figure("junction cycles", "from the entry of the last sample to its last update"),
        "prediction_latency": PREDICTION_LATENCY,
        "update_latency": UPDATE_LATENCY,
    },
)
"""By name, as ``metrics.json`` has them."""


def of_inventory(a: Inventory) -> dict[str, Any]:
    """The figures of an accelerator, as ``metrics.json`` has them."""
    return ACCELERATOR.all_told(
        {
            "z": [j.z for j in a.junctions],
            "junction_cycle": [j.rows for j in a.junctions],
            "stall_clocks": [j.stall_clocks for j in a.junctions],
            "clocks_per_input": a.clocks_per_input,
            "flush": a.flush,
            "utilisation": [j.utilisation for j in a.junctions],
            "multipliers": a.multipliers,
            "storage": a.storage_bits,
            "drain": a.drain,
            "prediction_latency": a.latency.prediction,
            "update_latency": a.latency.update,
        }
    )
