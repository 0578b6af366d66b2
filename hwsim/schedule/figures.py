"""The figures of an accelerator that its configuration decides."""

from hwsim.figure import Figure, Figures

BETWEEN_INPUTS = Figure("clocks", "between two inputs: the longest pass plus flush", "less", "clocks per input")

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
    },
)
"""By name, as ``metrics.json`` has them."""
