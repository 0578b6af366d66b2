"""Mutants of a tiny design: caught, proved to be no fault, or open, each with good reason."""

from dataclasses import replace

import pytest

from rtl.mutation.campaign import CAUGHT, EQUIVALENT, OPEN, Campaign, Options
from rtl.mutation.equivalence import _CUT, _FREE, _WHOLE, A_FEW_APART, REACHABLE, STRUCTURE
from rtl.mutation.mutants import Workbench, selector_width
from rtl.mutation.pairing import selection
from rtl.mutation.stimulus import PARTS
from rtl.mutation.trace import columns, inputs
from tests.rtl.cosim.driving import generate
from tests.rtl.designs import planned

pytest.importorskip("pyosys")
pytestmark = pytest.mark.slow

TINY = {"width": 6, "fraction": 3, "product_fraction": 6, "input": {"width": 4, "fraction": 4, "signed": False}}


@pytest.fixture(scope="module")
def emitted():
    return generate(planned([6, 4], [2], [3], numbers=TINY, classes=3, rate_shift=((0, 1), (1, 2))))


def campaign(emitted, folder, time_limit=60, **options):
    # No test waits for the limit, but for those that want mutants to stay open.
    return Campaign(emitted, Options(20, time_limit=time_limit, **options), folder / "run", lambda _: None)


@pytest.fixture(scope="module")
def run(emitted, tmp_path_factory):
    made = campaign(emitted, tmp_path_factory.mktemp("mutants"))
    return made, sorted(made.judged({}), key=lambda j: j.mutant.number)


def test_no_mutant_of_twenty_is_open(run):
    _, found = run
    assert [j.mutant.number for j in found] == list(range(1, 21))
    assert {j.verdict for j in found} == {CAUGHT, EQUIVALENT}
    for judgement in found:
        assert judgement.by and judgement.mutant.component.startswith("accelerator") and judgement.mutant.line > 0


def test_a_memory_that_is_written_when_it_should_not_be_is_written_where_its_address_says(run):
    """Yosys leaves that undefined: a simulator would leave the write out, a proof write to address 0."""
    _, found = run
    (written,) = (j for j in found if (j.mutant.port, j.mutant.fault) == ("WR_EN", "stuck at 1"))
    assert written.mutant.component == "accelerator_junction_1_weights" and written.verdict == CAUGHT


def test_what_a_simulation_shows_is_never_proved_equivalent(run, tmp_path, monkeypatch):
    made, found = run
    monkeypatch.setattr(made._prover, "_limit", 2)
    # Counters are set to what they may never come to: some errors cannot occur in a design.
    caught = [j.mutant.number for j in found if j.verdict == CAUGHT and not j.by.startswith("counters")]
    assert len(caught) > 10
    prover = made._prover
    assert [k for k in caught if prover.quickly(k, tmp_path / f"{k}") is not None] == []
    for kind in (_FREE, _CUT):
        for k in caught[::5]:
            pairing = prover._pairing(kind, k)
            assert not prover._apart(pairing, k, tmp_path / f"{k}")
            assert prover._never(*pairing.two_machines(k), tmp_path / f"{k}") is not True


def test_what_a_blind_stimulus_does_not_show_is_open(run, emitted, tmp_path):
    """The same mutants; one that shows in results is judged by a stimulus without samples."""
    _, found = run
    hidden = next(j.mutant for j in found if j.verdict == CAUGHT and "junction" in j.mutant.component)
    blind = campaign(emitted, tmp_path, 1, parts=("refusals",))
    assert [m.number for m in blind.mutants] == list(range(1, 21))
    judged = blind.judge(hidden)
    assert judged.verdict == OPEN and judged.mutant == hidden


@pytest.mark.parametrize("kind", [_FREE, _CUT, _WHOLE])
def test_proofs_are_of_the_gates_that_a_simulation_shows(run, emitted, kind):
    """What surrounds the design, and all that is taken for constant, changes nothing of what its ports do, nor a mutant's.

    Where memories are cut out, until the first of their words is read.
    """
    made, found = run
    trace, at = made.recorded.traces[0], columns(inputs(emitted))
    shown = next(j.mutant.number for j in found if j.verdict == CAUGHT and "bus__" in j.by)
    clocks = 200 if kind == _WHOLE else 8
    pairing = made._prover._pairing(kind, shown)
    bare = made._prover._graphs[kind][0]
    for mutant in (0, shown):
        before, after = (played(graph, trace.given[:clocks], at, mutant) for graph in (bare, pairing.graph))
        assert [{name: bits[name] for name in now} for now, bits in zip(before, after, strict=True)] == before


def played(graph, given, at, mutant):
    """What all outputs are in every clock; inputs that no co-simulation knows are 0."""
    chosen, state, result = selection(graph.inputs, mutant), [0] * len(graph.latches), []
    for row in given.tolist():
        value = [0, *(chosen.get(name, row[at[name]] if name in at else 0) for name in graph.inputs), *state]
        for a, b in graph.gates:
            value.append((value[a >> 1] ^ a & 1) & (value[b >> 1] ^ b & 1))
        state = [value[x >> 1] ^ x & 1 for x in graph.next]
        result.append({name: value[x >> 1] ^ x & 1 for name, x in graph.outputs.items()})
    return result


def test_judging_is_continued_with_what_is_left(run):
    made, found = run
    left = [j for j in found if j.by.startswith("few,")][-2:]  # soon judged
    known = {j.mutant.number: j for j in found if j not in left}
    assert len(left) == 2 and sorted(made.judged(known), key=lambda j: j.mutant.number) == left


def test_numbers_fit_their_selector():
    assert [selector_width(n) for n in (1, 3, 4, 255, 256)] == [2, 2, 3, 8, 9]


def test_a_design_by_another_name_has_the_same_mutants(run, tmp_path):
    sizes = ([6, 4], [2], [3])
    other = generate(planned(*sizes, numbers=TINY, classes=3, rate_shift=((0, 1), (1, 2)), module="other"))
    expected = run[1][0]
    assert expected.verdict == CAUGHT
    until = list(PARTS).index(expected.by.partition(",")[0]) + 1  # what shows the mutant, and all before it
    made = campaign(other, tmp_path, parts=tuple(PARTS)[:until])
    assert {m.component.split("_")[0] for m in made.mutants} == {"other"}
    first = made.judge(made.mutants[0])
    assert (first.verdict, first.by) == (expected.verdict, expected.by)


TWINS = """
module accelerator_twins(input clk, input request, output apart, output never);
  reg first, second;
  initial first = 0;
  initial second = 0;
  always @(posedge clk) first <= request;
  always @(posedge clk) second <= request;
  assign apart = first ^ second;
  assign never = first & ~first;
endmodule
"""
HAND_WRITTEN = {
    "apart const0": (EQUIVALENT, REACHABLE),  # two registers that are always alike
    "apart const1": (CAUGHT, "few"),
    "never const0": (EQUIVALENT, STRUCTURE),
    "never inv": (CAUGHT, "few"),
    "request inv": (EQUIVALENT, A_FEW_APART),  # both take another way, nobody sees it
}


def test_hand_written_faults_are_judged_as_their_author_knows(emitted, tmp_path, monkeypatch):
    """Redundant registers that stop the accelerator when they differ, which they never do."""
    begin, pace = "  wire pacer__go;", "assign pacer__go = "
    assert begin in emitted.text and pace in emitted.text
    instance = (
        "  wire apart, never;\n  accelerator_twins twins(.clk(clk), .request(bus__request), .apart(apart), .never(never));\n"
    )
    text = emitted.text.replace(begin, instance + begin, 1).replace(pace, f"{pace}~apart & ~never & ") + TWINS

    def drawn(bench, *_):
        return [
            bench._mutant(f"mutate -mode {mode} -module accelerator -cell twins -port {port} -portbit 0", k)
            for k, (port, mode) in enumerate(map(str.split, HAND_WRITTEN), 1)
        ]

    monkeypatch.setattr(Workbench, "draw", drawn)
    options = Options(len(HAND_WRITTEN), time_limit=60, parts=("few",))
    made = Campaign(replace(emitted, text=text), options, tmp_path / "run", lambda _: None)
    found = {f: made.judge(m) for f, m in zip(HAND_WRITTEN, made.mutants, strict=True)}
    assert {f: (j.verdict, j.by.partition(",")[0]) for f, j in found.items()} == HAND_WRITTEN
