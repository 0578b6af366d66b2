"""Whatever single thing is broken in the hardware, the co-simulation says so, and says where."""

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pytest

from models.network.parameters import IntegerParameters
from rtl.plan.plan import Plan
from tests.rtl.cosim.driving import cosimulate, generate, loud
from tests.rtl.cosim.faults import FAULTS
from tests.rtl.cosim.test_grid import OVERLAP_SMALL, TIGHT, sizes
from tests.rtl.designs import DESIGNS, NUMBERS, SHORT, planned

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Scenario:
    """A design and what it is fed; parameters are loud, all zero so that every output ties, or all as high as can be."""

    keywords: dict[str, Any]
    streams: dict[str, Any] = field(default_factory=dict)
    parameters: str = "loud"

    def plan(self) -> Plan:
        return planned(**({"numbers": SHORT} | self.keywords))

    def start(self, of: Plan) -> IntegerParameters:
        given, fmt = loud(of), of.numbers.weight
        if self.parameters == "loud":
            return given
        level = fmt.highest if self.parameters == "highest" else 0
        return IntegerParameters([np.full_like(w, level) for w in given.weights], [np.zeros_like(b) for b in given.biases])


SCENARIOS = {
    "training": Scenario(DESIGNS["two_junctions"]),
    "bubbles": Scenario(DESIGNS["two_junctions"], {"idle": 0.7, "inference": 0.4}),
    "illegal": Scenario(
        DESIGNS["two_junctions"] | {"classes": 3, "rate_shift": ((0, 3), (2, 5))}, {"illegal": 0.6, "idle": 0.2}
    ),
    "heavy": Scenario(DESIGNS["two_junctions"] | {"numbers": NUMBERS["exact"]}, parameters="highest"),
    "ties": Scenario(sizes([16, 8, 4], [2, 1], [8, 8]), parameters="zero"),
    "tight": Scenario(sizes([12, 6, 4], [3, 4], [6, 6], numbers=TIGHT, rate_shift=((0, 0), (1, 1)))),
    "rows": Scenario(DESIGNS["three_junctions"]),
    "standstills": Scenario(sizes([16, 8, 4], [4, 4], [4, 2], **OVERLAP_SMALL), {"blocked": 0.9, "n": 24}),
    "dither": Scenario(DESIGNS["type_2_dither"]),
}


def mismatch(name: str, folder):
    scenario = SCENARIOS[name]
    of = scenario.plan()
    start = scenario.start(of)
    return cosimulate(generate(of, start), folder, **scenario.streams).mismatch


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What the unbroken design shows on a scenario's stimulus."""
    return cache(lambda name: mismatch(name, tmp_path_factory.mktemp("whole")))


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_caught_and_located(name, whole, monkeypatch, tmp_path):
    fault = FAULTS[name]
    assert whole(fault.scenario) is None, "the design disagrees without a fault"
    fault.apply(monkeypatch)
    found = mismatch(fault.scenario, tmp_path)
    assert found is not None, f"not noticed: {fault.breaks}"
    assert re.search(fault.caught, str(found)), str(found)
    assert found.machine != found.verilog
