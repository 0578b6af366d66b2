"""The protocol's clocks, worked out by hand: what a host may rely on, whatever the circuit does."""

import numpy as np
import pytest

from rtl.accelerator import Accelerator
from rtl.cosim import protocol_kernel as kernel
from rtl.cosim.clipping import possible
from rtl.cosim.script import Script
from rtl.ports.register_map import CONTROL, CYCLES, EMPTY, RATE, RATE_FIXED, RESULTS, SAMPLES, STANDING, STATUS, AddressMap
from tests.rtl.cosim.driving import samples
from tests.rtl.cosim.test_grid import TIGHT, sizes
from tests.rtl.designs import DEEPEST, NONE, design, planned


@pytest.fixture(scope="module")
def of():
    return design("one_junction")  # 6 beats of 2 inputs, 6 rows, a period of 8 clocks, results of 6 beats


def record(script):
    return script.protocol().record


def clocks(bits, what):
    return np.flatnonzero(bits & what).tolist()


def taken(r):
    """Clocks in which a beat of a sample is taken."""
    return clocks(np.where(r.sets & kernel.SENT, r.sees, 0), kernel.READY)


def test_a_register_answers_three_clocks_later_and_a_word_when_it_is_read_or_written(of):
    where = AddressMap.of(of)
    script = Script(of)
    script.peek([CONTROL, where.weights[0].base, where.weights[0].base + 1])
    script.poke([where.weights[0].base], [5])
    r = record(script)
    waits = (r.accesses[:, 1] - r.accesses[:, 0]).tolist()
    # memory_read 1: 9 clocks if it is read; an update of 2 clocks and 8 more if it is written.
    assert waits == [3, 9, 9, 10]
    assert clocks(r.sees, kernel.DONE) == r.accesses[:, 1].tolist() and not clocks(r.sees, kernel.ERROR)
    assert r.accesses[:, 5].tolist() == [kernel.KNOWN, *[kernel.OF_MEMORY] * 3]
    begun = r.accesses[:, 0].tolist()
    assert begun[1:] == [done + 1 for done in r.accesses[:-1, 1].tolist()]


@pytest.mark.parametrize("name", ["one_junction", "two_junctions", "overlap", "deepest", "inference"])
def test_the_first_result_comes_when_the_accelerator_says_and_then_one_a_period(name):
    of = design(name)
    script = Script(of, samples(of, 8))
    script.run(8)
    r = record(script)
    cycle = of.inputs.groups
    first = next(a for a, source in r.advances.tolist() if source == 0)
    ends = [k for k in clocks(r.sees, kernel.VALID) if (r.beat[k] + 1) % of.junctions[-1].groups == 0]
    offered = clocks(r.sees, kernel.VALID)
    assert offered[0] == first + 1 + Accelerator(of).latency
    if cycle <= of.period:
        assert np.diff(ends).tolist() == [of.period] * 7
    assert set(np.diff(r.advances[:, 0]).tolist()) == {of.period}


@pytest.mark.parametrize("name", ["one_junction", "two_junctions", "overlap", "deepest", "inference", "straddling_ends"])
def test_one_sample_takes_what_its_inventory_says_and_waits_for_a_cycle_at_most(name):
    """Its first beat comes in every clock of a junction cycle once."""
    of, took = design(name), []
    for late in range(of.period):
        script = Script(of, samples(of, 1))
        script.start()
        script.wait(3 * of.period + late)
        script.feed(1)
        script.finish()
        r = record(script)
        ends = clocks(np.where(r.sets & kernel.TAKES, r.sees, 0), kernel.VALID)
        took.append(ends[of.junctions[-1].groups - 1] - taken(r)[0])
    least = of.design.inventory.latency.prediction
    assert sorted(took) == list(range(least, least + of.period))


def test_status_is_empty_only_when_the_last_sample_has_been_learned_from(of):
    """Sample 2 of three enters at the advance after the one that loads it; UP of junction 1 works `drain` cycles later."""
    script = Script(of, samples(of, 3))
    script.run(3)
    r = record(script)
    (loads,) = r.advances[r.advances[:, 1] == 2, 0].tolist()
    over = loads + (1 + of.hops.drain(1) + 1) * of.period  # STATUS is a clock late, and read a clock after the request
    polls = [k for k in range(len(r.answers)) if r.accesses[k, 2] == STATUS and r.accesses[k, 4] == 0]
    empty = {int(r.accesses[k, 0]): int(r.answers[k]) >> EMPTY & 1 for k in polls}
    assert {clock: clock > over for clock in empty} == {clock: bool(e) for clock, e in empty.items()}
    assert len(empty) > 3 and r.answers[polls[-1]] >> STANDING & 1


SHORT = ["one_row", "depth_1", "two_junctions", "overlap", "deepest", "straddling_ends"]


@pytest.mark.parametrize(
    ("name", "options"),
    [*((n, o) for n in SHORT for o in ({}, {"latency": NONE})), ("overlap", {"schedule": "overlap", "latency": DEEPEST})],
)
def test_a_stream_whose_results_are_taken_at_once_never_waits(name, options):
    """However short a junction cycle is, and however long results take: room for them is back in time."""
    of = design(name, **options)
    script = Script(of, samples(of, 40))
    script.run(40)
    r = record(script)
    loads = r.advances[r.advances[:, 1] >= 0]
    assert loads[:, 1].tolist() == list(range(40))
    assert set(np.diff(loads[2:, 0]).tolist()) == {of.period}


def test_without_bubbles_a_junction_cycle_waits_for_its_sample(of):
    late = np.ones(5 * of.period + 1, bool)
    late[:3] = False
    script = Script(of, samples(of, 6))
    script.pause_by(late, np.zeros(1, bool))
    script.start(no_bubbles=True)
    script.feed(6)
    script.until_taken()
    script.wait(4 * of.period)
    script.peek([CONTROL, STATUS])
    script.start()
    script.finish()
    r = record(script)
    control, status = r.answers[1:3].tolist()
    assert (control, status & 3) == (3, 1)
    loaded = r.advances[:, 1].tolist()
    assert loaded[:6] == list(range(6)) and set(loaded[6:]) == {-1}
    assert min(np.diff(r.advances[:6, 0])) > of.period  # samples come more slowly than they could enter


def test_a_beat_that_is_offered_stays_until_it_is_taken(of):
    script = Script(of, samples(of, 12), idle=0.5)
    script.run(12)
    r = record(script)
    sent, ready, fresh = ((a & b) > 0 for a, b in ((r.sets, kernel.SENT), (r.sees, kernel.READY), (r.sets, kernel.NEXT)))
    waits = sent[:-1] & ~ready[:-1]
    assert waits.any() and sent[1:][waits].all() and not fresh[1:][waits].any()
    assert len(taken(r)) == 12 * 6 == fresh.sum() and r.sent.tolist() == list(range(72))


def test_the_queues_hold_three_samples_of_input_and_four_results_and_then_all_stands(of):
    """Nothing is taken from the output: four results are computed, and so many samples come in behind them."""
    script = Script(of, samples(of, 16))
    script.pause_by(np.zeros(1, bool), np.ones(1, bool))
    script.feed(16)
    script.start()
    script.wait(40 * of.period)
    script.peek([SAMPLES, RESULTS, CYCLES, STATUS])
    r = record(script)
    entered, results, cycles, status = r.answers[-4:].tolist()
    # Four have been fed forward; the fifth has entered no pass: it is loaded. Behind it wait 2 * 6 beats and three.
    assert (entered, results, status & 3) == (4, 0, 1)
    assert cycles == len(r.advances) and r.advances[-1].tolist()[1] == 4
    assert len(taken(r)) == 5 * 6 + 2 * 6 + 3


def test_rate_counts_for_the_samples_that_enter_while_it_is_set(of):
    fed = samples(of, 6)
    script = Script(of, fed)
    script.feed(6)
    script.start()
    script.wait(3 * of.period)
    script.poke([RATE], [of.kappas[1] | 1 << RATE_FIXED])
    script.finish()
    r = record(script)
    (since,) = r.accesses[(r.accesses[:, 2] == RATE), 1].tolist()
    enters = {source: clock + of.period for clock, source in r.advances.tolist() if source >= 0}
    expected = [of.kappas[1] if enters[n] >= since else int(fed.kappa[n]) for n in range(6)]
    assert r.kappa.tolist() == expected and expected != fed.kappa.tolist()


def test_a_script_without_an_end_is_refused(of):
    script = Script(of, samples(of, 9))
    script.feed(9)
    script.until_taken()  # but nothing runs
    with pytest.raises(ValueError, match="waits for what does not come"):
        script.protocol()
    script = Script(of, samples(of, 1))
    script.run(2)
    with pytest.raises(ValueError, match="2 samples are fed, there are 1"):
        script.protocol()


def test_kinds_that_cannot_be_clipped():
    """A delta of a sigmoid is at most 1; formats of s12.8 hold 8. An s5.5 holds less than 1."""
    wide = possible(design("two_junctions"))
    assert wide == {"pre-activations": True, "deltas": False, "weights": True, "biases": True}
    tight = planned(**sizes([12, 6, 4], [3, 4], [6, 6], numbers=TIGHT, rate_shift=((0, 0), (1, 1))))
    assert all(possible(tight).values())
    assert possible(design("inference")) == {"pre-activations": True}
