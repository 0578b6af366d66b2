"""Many cases: the same on any number of processes, ended by time, and not by what an engine does."""

import os
from itertools import count

import pytest

from hwsim.selftest import run
from hwsim.selftest.case import Different, Unbuildable
from hwsim.selftest.run import ENGINES, REFERENCE, Failure, Outcome, Wanted, check_engines, examine, pairs
from models.errors import ArgumentError
from tests.hwsim.selftest.faults import PAIRS

MADE_UP = "machine–made up"


def odd_edges(case):
    """A comparison in which something happens to some designs."""
    edges = sum(case.config.edges)
    if edges % 2:
        raise Different(f"{edges} edges")
    if edges % 3 == 0:
        raise Unbuildable("by three")
    return edges


def dies(case):
    os._exit(3)


def ran(wanted, comparisons):
    return sorted(run.run(wanted, comparisons), key=lambda o: o.number)


def test_results_do_not_depend_on_the_workers():
    alone, spread = (ran(Wanted(1, 12, workers=n), PAIRS | {MADE_UP: odd_edges}) for n in (1, 2))
    assert alone == spread and [o.number for o in alone] == list(range(12))
    assert {o.failure.pair for o in alone if o.failure} == {MADE_UP} and any(o.no_hardware for o in alone)
    assert all(o.compared[REFERENCE] > 0 for o in alone)


def test_only_one_number():
    (outcome,) = ran(Wanted(1, only=7), PAIRS)
    assert outcome == ran(Wanted(1, 8), PAIRS)[7]


def test_time_ends_it(monkeypatch):
    clock = count()
    monkeypatch.setattr(run.time, "monotonic", lambda: float(next(clock)))
    assert [o.number for o in run.run(Wanted(1, seconds=4.5), {})] == [0, 1, 2, 3]


def test_the_watcher_is_told():
    told = []
    assert len([*run.run(Wanted(1, 12), {MADE_UP: odd_edges}, lambda *p: told.append(p))]) == 12
    assert [done for done, _ in told] == list(range(1, 13)) and 0 < told[-1][1] < 12


def test_a_process_that_dies_is_a_failure():
    (outcome,) = run.run(Wanted(1, 1, workers=2), {MADE_UP: dies})
    assert outcome == Outcome(0, failure=Failure("processes", "a process died of one of the cases 0"))


def test_engines():
    assert check_engines(["machine", "reference", "machine"]) == ("machine", "reference")
    assert check_engines(ENGINES) == ENGINES
    assert [*pairs(("machine", "reference"))] == [REFERENCE]
    assert [*pairs(("machine", "verilog"), odd_edges)] == ["machine–Verilog"]
    assert [*pairs(ENGINES, odd_edges)] == [REFERENCE, "machine–Verilog"]
    for wrong in (["machine"], ["reference", "verilog"], ["machine", "fpga"]):
        with pytest.raises(ArgumentError):
            check_engines(wrong)


@pytest.mark.parametrize("wrong", [{"designs": 0}, {"seconds": 0}, {"workers": 0}, {"only": -1}, {"seed": -1}])
def test_nonsense_is_refused(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        Wanted(**wrong)


def test_a_design_that_is_not_examined_has_no_failure(monkeypatch):
    outcome = examine(run.drawn(0, 0), {})
    assert outcome.failure is None and outcome.compared == {} and outcome.values["schedule"]
