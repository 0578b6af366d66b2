"""Mutants of a tiny design: caught, proved to be no fault, or open, each with good reason."""

import pytest

from rtl.mutation.campaign import CAUGHT, EQUIVALENT, OPEN, Campaign, Options
from tests.rtl.cosim.driving import generate
from tests.rtl.designs import planned

pytest.importorskip("pyosys")
pytestmark = pytest.mark.slow

TINY = {"width": 6, "fraction": 3, "product_fraction": 6, "input": {"width": 4, "fraction": 4, "signed": False}}


def tiny():
    return generate(planned([6, 4], [2], [3], numbers=TINY, classes=3, rate_shift=((0, 1), (1, 2))))


def nothing(_):
    pass


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = Campaign(tiny(), Options(20), tmp_path_factory.mktemp("mutants") / "run", nothing)
    return made, sorted(made.judged({}), key=lambda j: j.mutant.number)


def test_no_mutant_of_twenty_is_open(run):
    _, found = run
    assert [j.mutant.number for j in found] == list(range(1, 21))
    assert {j.verdict for j in found} == {CAUGHT, EQUIVALENT}, [j for j in found if j.verdict == OPEN]
    for judgement in found:
        assert judgement.by and judgement.mutant.component.startswith("accelerator") and judgement.mutant.line > 0


def test_what_a_simulation_shows_is_never_proved_equivalent(run, tmp_path):
    made, found = run
    caught = [j.mutant.number for j in found if j.verdict == CAUGHT]
    assert len(caught) > 10
    assert [k for k in caught if made._prover.quickly(k, tmp_path / f"{k}") is not None] == []
    assert [k for k in caught[:3] if made._prover.thoroughly(k, tmp_path / f"{k}") is not None] == []
