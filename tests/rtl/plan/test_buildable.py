"""What ``hwsim check`` accepts, and what ``hwsim solve`` answers, has hardware."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.configuration import config_file
from hwsim.configuration.config_file import parse
from hwsim.design import Design
from hwsim.solver.solver import Solver
from models.errors import InputError
from rtl.accelerator import Accelerator
from tests.hwsim.schedule.test_inventory import designs

PATTERNS = [
    {"kind": "structured"},
    *({"kind": "clash_free", "type": t, "dither": d} for t in (1, 2, 3) for d in (False, True)),
]
FORMS = st.sampled_from(["auto", "table", "adder"])


@settings(max_examples=60, derandomize=True)
@given(designs(), st.sampled_from(PATTERNS), FORMS, st.integers(1, 3))
def test_what_check_accepts_has_hardware(data, connectivity, address, accumulate):
    hardware = data["hardware"] | {"address": address, "latency": {"accumulate": accumulate}}
    try:
        design = Design(parse(data | {"connectivity": connectivity, "hardware": hardware}))
        design.check()
    except InputError:
        return
    made = Accelerator.of(design)
    assert [j.z for j in made.plan.junctions] == data["hardware"]["z"]
    assert made.plan.period == design.timing.period


@pytest.mark.parametrize("schedule", ["flush", "overlap"])
@pytest.mark.parametrize("kind", ["structured", "clash_free", "full"])
def test_what_the_solver_answers_has_hardware(kind, schedule):
    network = {"layers": [24, 18, 12], "out_degree": "full" if kind == "full" else [6, 4]}
    config = parse({"network": network, "connectivity": {"kind": kind}, "hardware": {"z": [1, 1], "schedule": schedule}})
    answers = Solver(config).solve(unbalanced=True).candidates.z.tolist()
    assert len(answers) > 20
    straddling = 0
    for z in answers:
        made = Accelerator.of(Design(parse(config_file.with_overrides(config_file.resolved(config), {"hardware.z": z}))))
        straddling += any(j.straddles for j in made.plan.junctions)
    assert (straddling > 5) == (kind != "full")  # there, z always divides the in-degree
