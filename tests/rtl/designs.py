"""Small legal designs, each with something that the others do not have."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hwsim.configuration.configuration import Configuration
from hwsim.design import Design
from rtl.plan.plan import JunctionPlan, Plan

STOCHASTIC: dict[str, Any] = {"width": 10, "fraction": 6, "rounding": {"weight_step": "stochastic"}}
"""Weight steps are rounded by random bits."""

NUMBERS: dict[str, dict[str, Any]] = {
    "exact": {
        "width": 12,
        "fraction": 8,
        "product_fraction": 16,
        "input": {"width": 8, "fraction": 8, "signed": False},
    },
    "half_even": {
        "width": 10,
        "fraction": 6,
        "rounding": "half_even",
        "input": {"width": 6, "fraction": 6, "signed": False},
    },
    "floor": {"width": 9, "fraction": 5, "rounding": "floor", "product_fraction": 7},
    "mixed": {
        "width": 10,
        "fraction": 6,
        "weight": {"width": 9, "fraction": 7},
        "bias": {"width": 11, "fraction": 5},
        "delta": {"width": 8, "fraction": 7},
        "activation": {"width": 7, "fraction": 7, "signed": False},
        "derivative": {"width": 6, "fraction": 4},
        "preactivation": {"width": 8, "fraction": 4},
        "product_fraction": 10,
        "rounding": {
            "product": "half_even",
            "preactivation": "half_up",
            "delta": "floor",
            "weight_step": "half_even",
            "bias_step": "half_up",
        },
    },
    # The weights' fraction is so long that steps are shifted to the left.
    "fine_weights": {
        "width": 8,
        "fraction": 3,
        "weight": {"width": 14, "fraction": 12},
        "bias": {"width": 12, "fraction": 9},
        "product_fraction": 9,
    },
}
"""Number systems."""
SHORT = {"width": 9, "fraction": 6, "product_fraction": 12, "input": {"width": 7, "fraction": 7, "signed": False}}
"""In place of a design's 12 bits where numbers are not the point: tables are most of the Verilog."""

DEEP = {"memory_read": 1, "multiplier": 2, "tree_every": 1, "table": 1, "write_back": 1}
DEEPEST = {"memory_read": 3, "multiplier": 4, "tree_every": 2, "table": 3, "write_back": 3}
NONE = {"memory_read": 0, "multiplier": 0, "write_back": 0}
"""Latencies: registers almost everywhere, more of them, none at all."""

OVERLAP = {
    "schedule": "overlap",
    "latency": {"memory_read": 1, "multiplier": 2, "tree_every": 2, "table": 2, "write_back": 1},
}


def clash_free(kind: int, dither: bool = False) -> dict[str, Any]:
    return {"kind": "clash_free", "type": kind, "dither": dither}


STRUCTURED = {"kind": "structured"}


_SECTIONS = {
    "classes": "network",
    "activation": "network",
    "cost": "network",
    "pad_outputs": "data",
    "rate_shift": "training",
}


def configuration(
    layers: list[int],
    out_degree: list[int],
    z: list[int],
    *,
    connectivity: dict[str, Any] | None = None,
    numbers: str | dict[str, Any] = "exact",
    seed: int = 0,
    **options: Any,
) -> Configuration:
    """A configuration; ``options`` go into the section of their name in :data:`_SECTIONS`, else into ``hardware``."""
    sections: dict[str, dict[str, Any]] = {"network": {}, "hardware": {}, "training": {}, "data": {}}
    for name, value in options.items():
        sections[_SECTIONS.get(name, "hardware")][name] = value
    return Configuration.model_validate(
        {
            "name": "small",
            "seed": seed,
            "network": {"layers": layers, "out_degree": out_degree} | sections["network"],
            "connectivity": connectivity or clash_free(2),
            "numbers": NUMBERS[numbers] if isinstance(numbers, str) else numbers,
            "hardware": {"z": z} | sections["hardware"],
            "training": {"rate_shift": ((0, 3), (2, 5))} | sections["training"],
            "data": {"name": "mnist-mini"} | sections["data"],
        }
    )


def planned(*sizes: list[int], **options: Any) -> Plan:
    """The plan of :func:`configuration`'s design."""
    return Plan.of(Design(configuration(*sizes, **options)))


DESIGNS: dict[str, dict[str, Any]] = {
    "two_junctions": {"layers": [16, 8, 4], "out_degree": [2, 2], "z": [8, 4]},
    "one_junction": {"layers": [12, 6], "out_degree": [3], "z": [6]},
    "three_junctions": {"layers": [16, 8, 12, 6], "out_degree": [3, 6, 3], "z": [2, 4, 6]},
    "four_junctions": {"layers": [8, 8, 8, 8, 4], "out_degree": [2, 4, 2, 2], "z": [4, 8, 4, 4]},
    "type_1": {"layers": [16, 16, 4], "out_degree": [2, 4], "z": [4, 4], "connectivity": clash_free(1)},
    "type_1_dither": {"layers": [24, 12, 6], "out_degree": [2, 3], "z": [12, 6], "connectivity": clash_free(1, True)},
    "type_2_dither": {"layers": [24, 12, 6], "out_degree": [4, 3], "z": [8, 6], "connectivity": clash_free(2, True)},
    "type_3": {"layers": [30, 15, 5], "out_degree": [3, 3], "z": [6, 3], "connectivity": clash_free(3)},
    "type_3_dither": {"layers": [24, 12, 6], "out_degree": [3, 3], "z": [6, 6], "connectivity": clash_free(3, True)},
    "full": {"layers": [6, 5, 3], "out_degree": [5, 3], "z": [2, 5], "connectivity": {"kind": "full"}},
    "depth_1": {"layers": [6, 6, 4], "out_degree": [2, 2], "z": [6, 6], "connectivity": clash_free(1)},
    "one_row": {"layers": [4, 4, 2], "out_degree": [1, 1], "z": [4, 4]},
    "beats_wrap": {"layers": [16, 12, 4], "out_degree": [3, 2], "z": [8, 3], "classes": 3},
    "results_wrap": {"layers": [12, 10, 4], "out_degree": [5, 2], "z": [12, 5], "classes": 3},
    "short_beat": {"layers": [15, 10, 5], "out_degree": [2, 2], "z": [3, 2], "pad_outputs": "spread", "classes": 3},
    "inference": {"layers": [16, 8, 4], "out_degree": [4, 4], "z": [8, 8], "build": "inference", "latency": DEEP},
    "deep": {"layers": [16, 8, 4], "out_degree": [4, 4], "z": [8, 8], "latency": DEEP},
    "deepest": {"layers": [16, 8, 4], "out_degree": [4, 4], "z": [8, 8], "latency": DEEPEST, "multiply_add": True},
    "combinational": {"layers": [16, 8, 4], "out_degree": [4, 4], "z": [8, 8], "latency": NONE},
    "overlap": {"layers": [64, 16, 8], "out_degree": [8, 8], "z": [16, 8], **OVERLAP},
    "overlap_three": {"layers": [64, 32, 16, 8], "out_degree": [8, 8, 8], "z": [16, 8, 4], **OVERLAP},
    "accumulate_3": {
        "layers": [16, 16, 4],
        "out_degree": [2, 4],
        "z": [4, 4],
        "connectivity": clash_free(1),
        "latency": {"accumulate": 3},
    },
    "quadratic": {
        "layers": [16, 8, 4],
        "out_degree": [4, 4],
        "z": [8, 8],
        "numbers": "half_even",
        "activation": "tanh",
        "cost": "quadratic",
    },
    "relu": {
        "layers": [16, 8, 4],
        "out_degree": [4, 4],
        "z": [8, 8],
        "numbers": "floor",
        "activation": ["relu", "sigmoid"],
        "multiply_add": True,
    },
    "mixed_formats": {
        "layers": [16, 8, 4],
        "out_degree": [4, 4],
        "z": [8, 8],
        "numbers": "mixed",
        "activation": ["clipped_relu", "sigmoid"],
    },
    "fine_weights": {"layers": [16, 8, 4], "out_degree": [4, 4], "z": [2, 4], "numbers": "fine_weights"},
    # Rows that end in the middle of neurons: shorter than a neuron's edges, and longer.
    "straddling": {"layers": [12, 6, 4], "out_degree": [3, 4], "z": [4, 3], "multiply_add": True},
    "straddling_groups": {"layers": [10, 15, 6], "out_degree": [6, 4], "z": [10, 15], "connectivity": clash_free(2, True)},
    "straddling_three": {"layers": [12, 9, 6, 4], "out_degree": [3, 4, 2], "z": [6, 9, 2], "latency": DEEP},
    "straddling_deepest": {"layers": [6, 4, 9, 6], "out_degree": [2, 9, 4], "z": [2, 4, 9], "latency": DEEPEST},
    # Patterns that clash: some rows take several clocks.
    "clashing": {"layers": [12, 8, 4], "out_degree": [2, 2], "z": [6, 4], "connectivity": STRUCTURED},
    "clashing_straddling": {
        "layers": [12, 9, 6],
        "out_degree": [3, 4],
        "z": [6, 9],
        "connectivity": STRUCTURED,
        "latency": DEEP,
    },
    "clashing_inference": {
        "layers": [12, 9, 6],
        "out_degree": [3, 4],
        "z": [6, 9],
        "connectivity": STRUCTURED,
        "build": "inference",
    },
    # Nothing clashes here, but nothing is ordered by sweeps.
    "one_lane": {"layers": [6, 4, 4], "out_degree": [2, 2], "z": [1, 1], "connectivity": STRUCTURED, "latency": NONE},
    "straddling_ends": {"layers": [5, 5], "out_degree": [3], "z": [5], "classes": 4, "latency": NONE},
}
"""Keywords of :func:`configuration` by name."""


def design(name: str, **changes: Any) -> Plan:
    """The plan of one of :data:`DESIGNS`, options replaced or added."""
    return planned(**(DESIGNS[name] | changes))


def shortened(name: str, **changes: Any) -> Plan:
    """:func:`design` in :data:`SHORT` numbers, unless it has its own."""
    return planned(**({"numbers": SHORT} | DESIGNS[name] | changes))


class Row(NamedTuple):
    """Right neurons of a weight row, by the definition of edges."""

    there: list[int]
    begin: list[int]
    end: list[int]


def row(j: JunctionPlan, c: int) -> Row:
    """Row c of a junction."""
    edges = range(c * j.z, (c + 1) * j.z)
    there = sorted({e // j.d_in for e in edges})
    return Row(there, [n for n in there if n * j.d_in in edges], [n for n in there if (n + 1) * j.d_in - 1 in edges])


def slots(j: JunctionPlan, neurons: list[int], values: Sequence[Any], other: Sequence[Any]) -> list[Any]:
    """Values of right neurons by slot, other ones where there is no neuron."""
    result = [int(x) for x in other]
    for n in neurons:
        result[n % j.results_per_clock] = int(values[n])
    return result


def junctions(*names: str) -> list[tuple[str, int]]:
    """Name and number of every junction of the named designs, or of all; for parametrised tests."""
    return [(name, i + 1) for name in names or DESIGNS for i in range(len(DESIGNS[name]["z"]))]
