"""The streams at the border: nothing is lost, doubled or late, whatever their partners do."""

from collections import deque

import numpy as np
import pytest

from rtl.ports.results import ResultQueue
from rtl.ports.samples import SampleLoader, sample_layout
from tests.rtl.designs import DESIGNS, design, planned
from tests.rtl.driving import integers, play

LOADERS = (
    "two_junctions",
    "one_row",
    "one_junction",
    "three_junctions",
    "depth_1",
    "short_beat",
    "beats_wrap",
    "full",
    "combinational",  # the next cycle begins in the clock that loads the last beat
)

SPEEDS = {  # shares of the clocks in which the host and the next cycle are ready
    "both_at_once": (1, 1),
    "host_pauses": (0.3, 1),
    "cycles_wait": (0.9, 0.05),
    "bubbles": (0.05, 1),
    "both_pause": (0.6, 0.5),
}


class Source:
    """Samples as beats, offered with pauses; a beat that is offered stays until it is taken."""

    def __init__(self, of, rng, n, share, facts=None):
        self.of, self.rng, self.share = of, rng, share
        least, greatest = of.kappas
        self.inputs = integers(rng, of.junctions[0].left, n, of.inputs.neurons)
        self.facts = facts or [
            {"label": int(rng.integers(of.config.classes)), "train": int(rng.integers(2))}
            | {"kappa": int(rng.integers(least, greatest + 1))}
            for _ in range(n)
        ]
        self.beats = deque(self._beat(k, g) for k in range(n) for g in range(of.inputs.groups))
        self.offering = False
        self.arrived = []  # clock of every sample's last beat
        self.taken = []  # clock of every beat

    def _beat(self, k, g):
        of = self.of
        inputs = self.inputs[k, g * of.beat : (g + 1) * of.beat].tolist()
        wrong = {"label": self.facts[k]["label"] ^ 1, "train": 1 - self.facts[k]["train"], "kappa": 0}
        facts = self.facts[k] if g == of.inputs.groups - 1 else wrong  # only the last beat's count
        return {"inputs": inputs + [0] * (of.beat - len(inputs))} | facts

    def offer(self):
        self.offering = self.offering or (bool(self.beats) and self.rng.random() < self.share)
        return {"samples_valid": 1, "samples_payload": self.beats[0]} if self.offering else {"samples_valid": 0}

    def clock(self, t, seen):
        if self.offering and seen.samples_ready:
            self.beats.popleft()
            self.taken.append(t)
            self.offering = False
            if len(self.taken) % self.of.inputs.groups == 0:
                self.arrived.append(t)


def feed(of, share, patience, n=12, seed=0, rate=None, clocks=None, facts=None):
    """Feed samples while junction cycles begin; returns the source, the clocks of the advances, and the outputs."""
    rng = np.random.default_rng(seed)
    source, advances = Source(of, rng, n, share, facts), []
    fixed = {} if rate is None else {"rate": rate, "rate_fixed": 1}

    def stimulus():
        ready_at = 0
        for t in range(clocks or 4 * n * max(of.period, of.inputs.groups)):
            advance = t >= ready_at and rng.random() < patience
            if advance:
                advances.append(t)
                ready_at = t + max(of.period, of.inputs.groups)
            seen = yield {"advance": advance} | source.offer() | fixed
            source.clock(t, seen)

    return source, advances, play(SampleLoader(of), stimulus())


def loads(source, advances):
    """Which sample every junction cycle loads: the next one whose last beat came before the cycle's advance."""
    result, following = [], 0
    for t in advances:
        loaded = following < len(source.arrived) and source.arrived[following] + SampleLoader.arrival <= t
        result.append(following if loaded else None)
        following += loaded
    return result


@pytest.mark.parametrize(("share", "patience"), SPEEDS.values(), ids=SPEEDS)
@pytest.mark.parametrize("name", LOADERS)
def test_every_sample_is_written_in_the_cycle_after_its_last_beat(name, share, patience):
    of, inputs = design(name), design(name).inputs
    source, advances, seen = feed(of, share, patience, n=8)
    expected = {}
    for cycle, (t, k) in enumerate(zip(advances, loads(source, advances), strict=True)):
        for g in range(inputs.groups if k is not None else 0):
            words = source.inputs[k, g * of.beat : (g + 1) * of.beat].tolist()
            first = g * of.beat
            place = (cycle % of.junctions[0].left_banks, first // inputs.memories, first % inputs.memories)
            enable = sum(1 << (first + i) % inputs.memories for i in range(len(words)))
            expected[t + 1 + g] = (place, enable, words + [0] * (of.beat - len(words)))
    got = {
        t: ((s.writes_bank, s.writes_base, inputs.offset(s.writes_phase)), s.writes_enable, s.writes_data)
        for t, s in enumerate(seen)
        if s.writes_valid
    }
    assert got == {t: e for t, e in expected.items() if t < len(seen)}
    assert len(got) >= inputs.groups


@pytest.mark.parametrize("rate", [None, 0, 1])
@pytest.mark.parametrize("name", ["two_junctions", "short_beat"])
def test_facts_of_the_last_beat_enter_with_the_sample(name, rate):
    of = design(name)
    source, advances, seen = feed(of, 0.5, 0.7, rate=rate)
    loaded = loads(source, advances)
    assert None in loaded and len(loaded) > 8
    for t, following, k in zip(advances, [*advances[1:], len(seen)], loaded, strict=True):
        for s in seen[t + 1 : following + 1]:  # up to and with the advance by which it enters
            tag = s.entering
            assert tag["valid"] == int(k is not None)
            if k is not None:
                facts = source.facts[k]
                shift = of.kappas[1] - facts["kappa"] if rate is None else rate
                assert tag == {"valid": 1, "train": facts["train"], "label": facts["label"], "shift": shift}


@pytest.mark.parametrize("name", LOADERS)
def test_two_samples_are_taken_while_nothing_moves(name):
    """And three beats more; four of samples of two beats, five of samples of one."""
    of = design(name)
    source, _, seen = feed(of, share=1, patience=0, clocks=4 * of.inputs.groups + 6)
    accepted = len(source.taken)
    assert accepted == 2 * of.inputs.groups + {1: 5, 2: 4}.get(of.inputs.groups, 3)
    assert [s.samples_ready for s in seen] == [1] * accepted + [0] * (len(seen) - accepted)


@pytest.mark.parametrize("name", LOADERS)
def test_a_fast_host_leaves_no_bubble(name):
    of = design(name)
    source, advances, _ = feed(of, share=1, patience=1, n=10)
    loaded = loads(source, advances)
    begin = loaded.index(0)
    assert loaded[begin : begin + 10] == list(range(10))


@pytest.mark.parametrize("name", ["two_junctions", "short_beat", "depth_1"])
def test_waiting_while_anything_has_come_that_is_not_being_loaded(name):
    of = design(name)
    source, advances, seen = feed(of, 0.2, 0.6)
    loaded_at = [t for t, k in zip(advances, loads(source, advances), strict=True) if k is not None]
    for t, s in enumerate(seen):
        beats = sum(at < t for at in source.taken)
        loaded = sum(at < t for at in loaded_at)
        assert s.waiting == int(beats > loaded * of.inputs.groups), t
    assert {s.waiting for s in seen} == {0, 1}


JUDGES = {
    "shifts_2_to_5_and_3_of_4_labels": {"classes": 3, "rate_shift": ((0, 2), (1, 5))},
    "one_shift": {"rate_shift": ((0, 5),)},
    "shifts_from_0": {"rate_shift": ((0, 0), (1, 4))},
    "one_shift_of_0_and_one_class": {"classes": 1, "rate_shift": ((0, 0),)},
    "all_that_fits": {"rate_shift": ((0, 0), (1, 7))},
    "samples_of_one_beat": {"layers": [4, 4, 4], "out_degree": [1, 1], "z": [4, 4], "classes": 3},
    "beats_of_which_the_last_is_short": {"layers": [15, 10, 5], "out_degree": [2, 2], "z": [3, 2], "classes": 3},
    "inference": {"build": "inference", "classes": 3},
}


@pytest.mark.parametrize("rate", [None, 0])
@pytest.mark.parametrize("name", JUDGES)
def test_a_sample_that_may_not_train_enters_for_inference_and_is_told(name, rate):
    """Only the last beat's label and shift are judged, and only where they would be used."""
    of = planned(**(DESIGNS["two_junctions"] | JUDGES[name]))
    (least, greatest), classes = of.kappas, of.config.classes
    draw, layout = np.random.default_rng(5), sample_layout(of)
    facts = [
        {"label": int(draw.integers(1 << len_of(layout, "label"))), "train": int(draw.random() < 0.8)}
        | {"kappa": int(draw.integers(1 << len_of(layout, "kappa")))}
        for _ in range(30)
    ]
    source, advances, seen = feed(of, 0.7, 0.7, n=30, rate=rate, facts=facts)
    told = []
    for t, k in zip(advances[1:], loads(source, advances), strict=False):
        tag = seen[t].entering
        assert tag["valid"] == int(k is not None)
        if k is None:
            assert not seen[t].illegal_kappa and not seen[t].illegal_label
            continue
        label, kappa, train = (facts[k][name] for name in ("label", "kappa", "train"))
        judged = train and of.trains
        strange_kappa, strange_label = (
            judged and rate is None and not least <= kappa <= greatest,
            judged and label >= classes,
        )
        assert (seen[t].illegal_kappa, seen[t].illegal_label) == (int(strange_kappa), int(strange_label)), facts[k]
        assert (tag["train"], tag["label"]) == (int(train and not strange_kappa and not strange_label), label)
        if tag["train"] and of.trains:
            assert tag["shift"] == (greatest - kappa if rate is None else rate)
        told.append((strange_kappa, strange_label))
    assert len(told) > 20
    kappas, labels = (any(t[i] for t in told) for i in range(2))
    assert kappas == (of.trains and rate is None and name != "all_that_fits")
    assert labels == ((of.trains and classes & (classes - 1) != 0) or classes == 1)


def len_of(layout, name):
    return layout[name].width


class Network:
    """Computes samples in order, as the last junction does: ``groups`` beats for each sample that was let in."""

    def __init__(self, of, rng, cycle):
        self.of, self.rng, self.cycle = of, rng, cycle
        self.coming = deque()
        self.samples = []  # beats and facts, in order
        self.next_cycle = 0

    def clock(self, t, room):
        """Inputs of the queue in clock ``t``; ``room`` is what the queue said."""
        due = int(self.rng.random() < 0.8)
        reserve = t >= self.next_cycle and (room or not due)
        if reserve:
            self.next_cycle = t + self.cycle
            if due:
                self._compute(t)
        beat = self.coming.popleft()[1] if self.coming and self.coming[0][0] <= t else {}
        return {"due": due, "reserve": reserve} | beat

    def _compute(self, t):
        of, rng, groups = self.of, self.rng, self.of.junctions[-1].groups
        outputs = integers(rng, of.numbers.activation, groups, of.junctions[-1].results_per_clock).tolist()
        tag = {"valid": 1, "train": int(rng.integers(2)), "label": int(rng.integers(of.config.classes)), "shift": 0}
        prediction = int(rng.integers(of.config.classes))
        self.samples.append((outputs, {"prediction": prediction, "label": tag["label"], "train": tag["train"]}))
        late = t + int(rng.integers(1, 6))
        for g, words in enumerate(outputs):
            beat = {"valid": 1, "last": g == groups - 1, "outputs": words, "prediction": prediction, "tag": tag}
            self.coming.append((late + g, beat))


def what_counts(beat):
    """Outputs; in a sample's last beat its facts too."""
    return {k: v for k, v in beat.items() if beat["last"] or k in ("outputs", "last")}


def collect(of, share, n_clocks=400, seed=0, cycle=None):
    """The network and what left the queue; checks room and stability on the way."""
    rng = np.random.default_rng(seed)
    groups, queue = of.junctions[-1].groups, ResultQueue(of)
    network = Network(of, rng, cycle or groups + 2)
    out = []

    def stimulus():
        room, held, given_back, before = 1, 0, 0, None
        for t in range(n_clocks):
            draining = t > n_clocks - 5 * groups * queue.capacity - 20
            ready = int(rng.random() < share or draining)
            given = network.clock(t, room and not draining)
            if draining and given["due"]:
                given = given | {"reserve": 0}
            seen = yield given | {"results_ready": ready}
            assert seen.room == int(held < queue.capacity)
            if before is not None:  # a beat that was not taken is still there
                assert (seen.results_valid, what_counts(seen.results_payload)) == (1, before)
            before = what_counts(seen.results_payload) if seen.results_valid and not ready else None
            last = int(bool(seen.results_valid and ready and seen.results_payload["last"]))
            assert seen.taken == last
            if seen.results_valid and ready:
                out.append(seen.results_payload)
            held += int(bool(given["reserve"] and given["due"])) - given_back
            given_back = last  # counted in the next clock
            room = int(held < queue.capacity)

    play(queue, stimulus())
    return network, out


@pytest.mark.parametrize("share", [1, 0.5, 0.1])
@pytest.mark.parametrize("name", ["two_junctions", "one_junction", "depth_1", "short_beat", "three_junctions", "inference"])
def test_results_leave_once_each_and_in_order(name, share):
    of = design(name)
    network, out = collect(of, share)
    assert [beat["outputs"] for beat in out] == [words for outputs, _ in network.samples for words in outputs]
    groups = of.junctions[-1].groups
    assert [beat["last"] for beat in out] == ([0] * (groups - 1) + [1]) * len(network.samples)
    facts = [{k: beat[k] for k in ("prediction", "label", "train")} for beat in out if beat["last"]]
    assert facts == [facts for _, facts in network.samples]
    assert len(network.samples) > ResultQueue(of).capacity


def test_a_blocked_output_stops_after_as_many_samples_as_fit():
    of = design("two_junctions")
    rng = np.random.default_rng(0)
    queue = ResultQueue(of)
    network = Network(of, rng, of.junctions[-1].groups)

    def stimulus():
        room = 1
        for t in range(100):
            seen = yield network.clock(t, room) | {"results_ready": 0}
            room = seen.room and len(network.samples) < queue.capacity

    seen = play(queue, stimulus())
    assert len(network.samples) == queue.capacity
    assert seen[-1].room == 0
