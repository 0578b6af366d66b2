"""The figures of an accelerator that its configuration decides."""

from typing import Any

from hwsim.figure import Figure, Figures
from hwsim.schedule.external import ExternalWeights
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

EXTERNAL = Figures(
    "external",
    {
        "external_bits": Figure("bits", "of all weights, which an external memory holds", "less"),
        "external_traffic": Figure(
            "bits", "to and from the external memory for one input, in steady state", "less", "external traffic (bits)"
        ),
        "transfer_clocks": Figure("clocks", "in which its port moves them: the fewest for an input, whatever z", "less"),
        "waiting_clocks": Figure(
            "clocks",
            "between two inputs in which the accelerator waits for weights, steady state, average",
            "less",
            "clocks that wait for weights",
        ),
        "fed": Figure("edges/clock", "edge processors that the port can feed, all junctions together", "more"),
        "useful_z": Figure("edges/clock", "by junction: with more an input takes no fewer clocks"),
        "held_rows": Figure("rows", "of weights on chip, by junction: ahead, and on their way back"),
        "held_bits": Figure("bits", "on chip in place of all weights", "less"),
        "first_fill": Figure("clocks", "from the start until the first weight row of every junction is there", "less"),
    },
)
"""Of an external memory for the weights."""

JUNCTION = Figures(
    "junction",
    {
        "junction": Figure("number", "of a junction, from 1"),
        "neurons": Figure("neurons", "of its left and its right layer, padding included"),
        "edges": Figure("edges", "of the junction, W_i"),
        "d_out": Figure("edges", "of each left neuron; their mean where neurons differ"),
        "d_in": Figure("edges", "of each right neuron; their mean where neurons differ"),
        "density": Figure("1", "its edges over all pairs of a left and a right neuron"),
        "z": Figure("edges/clock", "edge processors of the junction"),
        "junction_cycle": Figure("clocks", "of one pass over the junction without clashes, C_i"),
        "depth": Figure("words", "of each of its left memories, D_i"),
        "utilisation": Figure("1", "share of the longest pass that the junction works"),
        "stall_clocks": Figure("clocks", "of a pass beyond C_i: the price of not being clash-free", "less"),
    },
)
"""Of one junction, as tables have them."""

MEMORY = Figures(
    "memory",
    {
        "banks": Figure("banks", "samples that a memory holds at once"),
        "lanes": Figure("memories", "of a bank, each with an address of its own"),
        "depth": Figure("words", "of each of these"),
        "width": Figure("bits", "of a word"),
        "bits": Figure("bits", "of all banks", "less"),
    },
)
"""Of one kind of memory of a layer or junction, as tables have them."""


def of_inventory(a: Inventory) -> dict[str, Any]:
    """The figures of an accelerator, as ``metrics.json`` has them."""
    return _of_external(a.external) | ACCELERATOR.all_told(
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


def _of_external(e: ExternalWeights | None) -> dict[str, Any]:
    if e is None:
        return {}
    return EXTERNAL.all_told(
        {
            "external_bits": e.bits,
            "external_traffic": e.traffic,
            "transfer_clocks": float(e.transfer),
            "waiting_clocks": float(e.stall_clocks),
            "fed": float(e.fed),
            "useful_z": list(e.useful_z),
            "held_rows": [list(s.held) for s in e.streams],
            "held_bits": e.held_bits,
            "first_fill": e.first_fill,
        }
    )
