"""Mutants of a tiny design: caught, proved to be no fault, or open, each with good reason."""

import pytest

from rtl.mutation.campaign import CAUGHT, EQUIVALENT, OPEN, Campaign, Options
from rtl.mutation.mutants import selector_width
from tests.rtl.cosim.driving import generate
from tests.rtl.designs import planned

pytest.importorskip("pyosys")
pytestmark = pytest.mark.slow

TINY = {"width": 6, "fraction": 3, "product_fraction": 6, "input": {"width": 4, "fraction": 4, "signed": False}}


@pytest.fixture(scope="module")
def emitted():
    return generate(planned([6, 4], [2], [3], numbers=TINY, classes=3, rate_shift=((0, 1), (1, 2))))


def campaign(emitted, folder, **options):
    return Campaign(emitted, Options(20, time_limit=5, **options), folder / "run", lambda _: None)


@pytest.fixture(scope="module")
def run(emitted, tmp_path_factory):
    made = campaign(emitted, tmp_path_factory.mktemp("mutants"))
    return made, sorted(made.judged({}), key=lambda j: j.mutant.number)


def test_no_mutant_of_twenty_is_open(run):
    _, found = run
    assert [j.mutant.number for j in found] == list(range(1, 21))
    assert [j for j in found if j.verdict == OPEN] == []
    assert {j.verdict for j in found} == {CAUGHT, EQUIVALENT}
    for judgement in found:
        assert judgement.by and judgement.mutant.component.startswith("accelerator") and judgement.mutant.line > 0


def test_what_a_simulation_shows_is_never_proved_equivalent(run, tmp_path):
    made, found = run
    caught = [j.mutant.number for j in found if j.verdict == CAUGHT]
    assert len(caught) > 10
    assert [k for k in caught if made._prover.quickly(k, tmp_path / f"{k}") is not None] == []


def test_what_a_blind_stimulus_does_not_show_is_open(run, emitted, tmp_path):
    """The same mutants; one that shows at the port only is judged by a stimulus that never asks."""
    _, found = run
    late = next(j.mutant.number for j in found if j.verdict == CAUGHT and j.by.startswith(("illegal", "rates")))
    blind = campaign(emitted, tmp_path, parts=("ties",))
    assert [m.number for m in blind.mutants] == list(range(1, 21))
    judged = blind.judge(blind.mutants[late - 1])
    assert judged.verdict == OPEN and judged.mutant == found[late - 1].mutant


def test_judging_is_continued_with_what_is_left(run):
    made, found = run
    known = {j.mutant.number: j for j in found[:-2]}
    assert sorted(j.mutant.number for j in made.judged(known)) == [19, 20]
    assert made.judge(found[-1].mutant) == found[-1]


def test_numbers_fit_their_selector():
    assert [selector_width(n) for n in (1, 3, 4, 255, 256)] == [2, 2, 3, 8, 9]


def test_a_design_by_another_name_has_the_same_mutants(run, tmp_path):
    sizes = ([6, 4], [2], [3])
    other = generate(planned(*sizes, numbers=TINY, classes=3, rate_shift=((0, 1), (1, 2)), module="other"))
    made = campaign(other, tmp_path)
    assert {m.component.split("_")[0] for m in made.mutants} == {"other"}
    first = made.judge(made.mutants[0])
    assert (first.verdict, first.by) == (run[1][0].verdict, run[1][0].by)
