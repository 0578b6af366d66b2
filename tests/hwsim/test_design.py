"""One object describes a design: what follows from it is worked out once, and everything asks the design."""

import pytest

from hwsim import design as module
from hwsim.configuration.config_file import parse
from hwsim.design import Design
from hwsim.measurements import check
from hwsim.measurements.measurement import Subject
from models.errors import InputError
from models.fixed.engine import FixedEngine
from models.floating.engine import FloatEngine
from rtl.plan.plan import Plan
from tests.hwsim.machine.machines import SMALL, configuration

STRUCTURED = configuration({"network": SMALL["network"], "hardware": SMALL["hardware"]}, connectivity={"kind": "structured"})


@pytest.fixture
def counted(monkeypatch):
    """How often schedule, timing and inventory have been worked out since the test began."""
    counts = dict.fromkeys(("schedule", "timing", "inventory"), 0)

    def counting(name, made):
        def count(*arguments):
            counts[name] += 1
            return made(*arguments)

        return count

    for name in counts:
        monkeypatch.setattr(module, name, counting(name, getattr(module, name)))
    return counts


def test_schedule_timing_and_inventory_are_worked_out_once(counted):
    design = Design(configuration(hardware={"z": [6, 4]}))
    design.check()
    check.measure(Subject(design))
    machine, another = design.machine(), design.machine()
    planned = Plan.of(design)
    assert machine.schedule is another.schedule is design.schedule
    assert machine.timing is another.timing is planned.timing is design.timing
    assert counted == {"schedule": 1, "timing": 1, "inventory": 1}


def test_a_pattern_with_clashes_shares_its_schedule_with_the_inventory(counted):
    design = Design(STRUCTURED)
    stalls = [j.stall_clocks for j in design.inventory.junctions]
    assert stalls == [j.stall_clocks for j in design.schedule.junctions]
    assert any(stalls)
    assert counted["schedule"] == 1


def test_the_machine_works_by_what_it_is_given():
    design, other = Design(configuration()), Design(configuration(seed=1))
    machine = design.machine(other.initial_integers, schedule=other.schedule)
    assert machine.schedule is other.schedule and machine.timing is design.timing
    assert [w.tolist() for w in machine.parameters.weights] == [w.tolist() for w in other.initial_integers.weights]


@pytest.mark.parametrize(("engine", "kind"), [("float", FloatEngine), ("fixed", FixedEngine), ("cycle", FixedEngine)])
def test_the_reference_is_that_of_the_engine_that_trains(engine, kind):
    design = Design(configuration(training={"engine": engine}))
    assert type(design.reference()) is kind
    assert [a.tolist() for a in design.reference().parameters.weights] == [a.tolist() for a in design.initial.weights]


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"hardware": {"latency": {"accumulate": 16}}}, "hardware.latency.accumulate = 16: exceeds the shortest revisit"),
        (
            {"numbers": {"width": 20, "fraction": 0, "delta": {"width": 24, "fraction": 0}}},
            "numbers: exact sums of junction",
        ),
    ],
)
def test_a_check_finds_what_only_drawn_patterns_tell(sections, line):
    with pytest.raises(InputError, match=f"^{line}"):
        Design(configuration(**sections)).check()


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"training": {"order": "sequential"}}, "training.order = sequential: has no machine; nearest: pipelined"),
        ({"connectivity": {"kind": "structured"}, "hardware": None}, "hardware: is missing: give the edge processors"),
        ({"connectivity": {"kind": "random"}}, "connectivity.kind = random: has no hardware"),
    ],
)
def test_a_design_without_a_machine_says_why(sections, line):
    with pytest.raises(InputError, match=f"^{line}"):
        Design(parse(SMALL | sections)).machine()
