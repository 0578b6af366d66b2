"""Machine and Verilog agree at every clock, whatever the sizes, patterns, latencies, numbers and streams."""

import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from hwsim.configuration.legal import divisors
from hwsim.edge_processors import results_per_clock
from models.connectivity.draw import feasible_out_degrees
from models.errors import InputError
from rtl.plan.plan import Plan
from rtl.verilog.emission import Verilog
from tests.rtl.cosim.driving import cosimulate, generate, loud, short_verilog
from tests.rtl.designs import NUMBERS, SHORT, STOCHASTIC, STRUCTURED, clash_free, planned, shortened

TIGHT = {
    "width": 8,
    "fraction": 5,
    "product_fraction": 9,
    "delta": {"width": 5, "fraction": 5},
    "bias": {"width": 5, "fraction": 5},
    "input": {"width": 6, "fraction": 5, "signed": True},
}
"""Formats that all overflow: an output's error of one, for example, does not fit into its delta."""

OVERLAP_SMALL = {"schedule": "overlap", "latency": {"memory_read": 1, "multiplier": 1, "tree_every": 2, "write_back": 1}}


@dataclass(frozen=True)
class Case:
    """A design, named or in full, and what its streams meet.

    ``bus`` tells whether parameters are loaded over the bus or are in the memories from the start.
    """

    base: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    streams: dict[str, Any] = field(default_factory=dict)
    bus: bool = True

    def plan(self) -> Plan:
        return shortened(self.base, **self.changes) if self.base else planned(**({"numbers": SHORT} | self.changes))

    def shared(self) -> Verilog | None:
        """What other tests have generated of it, or will."""
        return short_verilog(self.base) if self.base and self.bus and not self.changes else None


def sizes(layers: list[int], out_degree: list[int], z: list[int], **more: Any) -> dict[str, Any]:
    return {"layers": layers, "out_degree": out_degree, "z": z} | more


FAST = {
    "two junctions": Case("two_junctions", {"numbers": NUMBERS["exact"]}, {"idle": 0.3, "blocked": 0.3, "inference": 0.3}),
    "fully connected, z divides the in-degree": Case("full", {"classes": 3}, {"inference": 0.2}),
    "every format overflows": Case(
        None, sizes([12, 6, 4], [3, 4], [6, 6], numbers=TIGHT, rate_shift=((0, 0), (1, 1))), {"n": 24}
    ),
    "overlap": Case(None, sizes([16, 8, 4], [4, 4], [4, 2], **OVERLAP_SMALL), {"idle": 0.1, "blocked": 0.5}, bus=False),
}
SLOW = {
    "neurons straddle rows": Case("straddling", streams={"idle": 0.3, "blocked": 0.3, "inference": 0.3}),
    "neurons straddle rows, groups too, dither": Case("straddling_groups", streams={"idle": 0.2}),
    "neurons straddle rows of three junctions": Case("straddling_three", {"numbers": "mixed"}, {"blocked": 0.5}),
    "neurons straddle rows, more registers": Case("straddling_deepest", streams={"idle": 0.2}),
    "neurons straddle rows, the last group is short": Case("straddling_ends", {"numbers": "floor"}, {"blocked": 0.5}),
    "neurons straddle rows, inference build": Case("straddling", {"build": "inference"}, {"idle": 0.3}),
    "neurons straddle rows, overlap": Case(
        None,
        sizes([48, 24, 12], [6, 6], [16, 8], connectivity=clash_free(3, True), **OVERLAP_SMALL),
        {"blocked": 0.5},
        False,
    ),
    "clashes, random bits": Case("clashing", {"numbers": STOCHASTIC}, {"idle": 0.3, "blocked": 0.3, "inference": 0.3}),
    "clashes, neurons straddle rows, deep": Case("clashing_straddling", {"numbers": "mixed"}, {"blocked": 0.5}),
    "clashes, inference build": Case("clashing_inference", streams={"idle": 0.3}),
    "no clash, no sweeps, no registers": Case("one_lane", {"numbers": "half_even"}),
    "clashes, overlap": Case(
        None,
        sizes([32, 16, 8], [4, 4], [8, 4], connectivity=STRUCTURED, **OVERLAP_SMALL),
        {"blocked": 0.5, "idle": 0.3},
        False,
    ),
    "one junction": Case("one_junction", streams={"idle": 0.3}),
    "inference build": Case("inference", streams={"idle": 0.3, "blocked": 0.3}),
    "three junctions, z divides the in-degree": Case("three_junctions", streams={"idle": 0.3, "blocked": 0.5}),
    "four junctions": Case("four_junctions", streams={"blocked": 0.9}),
    "odd sizes, two beats of which the last is short": Case("short_beat", streams={"idle": 0.3}),
    "type 1": Case("type_1"),
    "type 1, dither": Case("type_1_dither", streams={"inference": 0.3}),
    "type 2, dither, z no power of two": Case("type_2_dither", streams={"inference": 0.3}),
    "type 3": Case("type_3", {"seed": 3}),
    "type 3, dither": Case("type_3_dither", streams={"idle": 0.5}),
    "memories of one word": Case("depth_1"),
    "results wrap around the next memories": Case("results_wrap"),
    "beats wrap around the memories": Case("beats_wrap"),
    "registers everywhere": Case("deep", streams={"idle": 0.2, "blocked": 0.3}),
    "more registers, random bits": Case("deepest", {"numbers": STOCHASTIC}, {"idle": 0.2}),
    "no registers": Case("combinational"),
    "combinational reads, all else late": Case(
        "combinational", {"latency": {"memory_read": 0, "multiplier": 3, "tree_every": 1, "table": 4, "write_back": 2}}
    ),
    "late reads, no write-back": Case(
        "combinational", {"latency": {"memory_read": 2, "multiplier": 1, "table": 2, "write_back": 0}}
    ),
    "accumulation in two clocks": Case(
        "accumulate_3", {"latency": {"accumulate": 2, "memory_read": 2}}, {"idle": 0.5, "inference": 0.3}
    ),
    "accumulation in three clocks": Case("accumulate_3", {"z": [4, 2]}),
    "overlap, registers everywhere, random bits": Case("overlap", {"numbers": STOCHASTIC}, {"blocked": 0.9}, bus=False),
    "overlap, three junctions": Case("overlap_three", streams={"blocked": 0.5, "idle": 0.3, "inference": 0.2}, bus=False),
    "overlap, one junction": Case(
        None, sizes([32, 8], [4], [8], **OVERLAP_SMALL), {"blocked": 0.5, "idle": 0.3, "inference": 0.2}
    ),
    "overlap, inference build": Case("overlap", {"build": "inference"}, {"blocked": 0.6, "idle": 0.3}, bus=False),
    "tanh, quadratic cost, half even": Case("quadratic", streams={"inference": 0.2}),
    "ReLU, floor, short products": Case("relu"),
    "a format and a rounding for each signal": Case("mixed_formats"),
    "weight steps shifted to the left": Case("fine_weights", {"address": "table"}),
    "clipped ReLU, quadratic cost": Case(
        "two_junctions", {"activation": "clipped_relu", "cost": "quadratic", "numbers": "mixed", "out_degree": [4, 4]}
    ),
    "addresses from adders": Case("type_3", {"connectivity": clash_free(2), "address": "adder"}),
    "addresses from adders, type 1, dither": Case("type_1_dither", {"address": "adder"}, {"blocked": 0.3}),
    "block RAM, no counters": Case(
        None, sizes([32, 8, 8], [2, 4], [4, 2], lut_ram_depth=4, counters=False, address="adder"), {"idle": 0.1}, bus=False
    ),
    "classes among padding, deep and dithered": Case(
        None,
        sizes(
            [18, 12, 8],
            [4, 4],
            [6, 6],
            connectivity=clash_free(3, True),
            classes=4,
            pad_outputs="spread",
            latency={"memory_read": 1, "multiplier": 2, "tree_every": 2, "table": 1, "write_back": 1},
        ),
    ),
}


def agree(of: Plan, folder, bus: bool = True, emitted: Verilog | None = None, **streams: Any):
    """Co-simulates with loud parameters; returns the outcome if nothing differs."""
    start = loud(of)
    emitted = emitted or generate(of, None if bus else start)
    run = cosimulate(emitted, folder, start=start if bus else None, **streams)
    assert run.mismatch is None, str(run.mismatch)
    assert sum(len(results) for results in run.expected.results) == streams.get("n", 12)
    return run


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_verilog_does_what_the_machine_does(name, tmp_path):
    case = (FAST | SLOW)[name]
    run = agree(case.plan(), tmp_path, case.bus, case.shared(), **case.streams)
    assert (run.expected.bubbles > 0) >= ("idle" in case.streams) and run.outcome.writes > 0
    assert run.expected.saturation[:, 0].sum() > 0
    if name == "every format overflows":
        assert (run.expected.saturation > 0).all()


@st.composite
def plans(draw):
    """Legal designs, and latencies as long as the schedule lets them be."""
    layers = draw(st.lists(st.sampled_from([4, 6, 8, 9, 10, 12, 15, 16]), min_size=2, max_size=4))
    kind = draw(
        st.sampled_from(
            [{"kind": "full"}, STRUCTURED, STRUCTURED, *(clash_free(t, d) for t in (1, 2, 3) for d in (False, True))]
        )
    )
    degrees, z, results = [], [], 1
    for left, right in itertools.pairwise(layers):
        degrees.append(right if kind["kind"] == "full" else draw(st.sampled_from(list(feasible_out_degrees(left, right)))))
        d_in = left * degrees[-1] // right
        z.append(draw(st.sampled_from([n for n in divisors(left) if n >= results])))
        results = results_per_clock(z[-1], d_in)
    stages = {"memory_read": 3, "multiplier": 4, "tree_every": 2, "table": 4, "write_back": 3}
    latency = {name: draw(st.integers(0, most)) for name, most in stages.items()}
    cost = draw(st.sampled_from(["cross_entropy", "quadratic"]))
    hidden = st.sampled_from(["sigmoid", "relu", "clipped_relu", "tanh"])
    activation = [draw(hidden) for _ in degrees[:-1]]
    activation.append("sigmoid" if cost == "cross_entropy" else draw(hidden))
    try:
        return planned(
            layers,
            degrees,
            z,
            connectivity=kind,
            numbers=draw(st.sampled_from([*NUMBERS.values(), TIGHT])),
            classes=draw(st.integers(1, layers[-1])),
            activation=activation,
            cost=cost,
            rate_shift=((0, draw(st.integers(0, 3))), (1, draw(st.integers(0, 6)))),
            seed=draw(st.integers(0, 99)),
            schedule=draw(st.sampled_from(["flush", "overlap"])),
            build=draw(st.sampled_from(["training", "training", "inference"])),
            lut_ram_depth=draw(st.sampled_from([4, 64])),
            latency=latency,
        )
    except InputError:
        reject()


@pytest.mark.slow
@settings(max_examples=5, derandomize=True, suppress_health_check=list(HealthCheck))
@given(plans(), st.sampled_from([0.0, 0.3, 0.9]), st.sampled_from([0.0, 0.3, 0.9]))
def test_any_legal_design_does_what_its_machine_does(tmp_path_factory, of, idle, blocked):
    agree(of, tmp_path_factory.mktemp("drawn"), idle=idle, blocked=blocked, inference=0.2, n=8)
