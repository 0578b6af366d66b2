"""The orders of training against the published figures and against samples that walk through the pipeline one by one."""

from dataclasses import dataclass

import pytest

from models.errors import InputError
from models.network.order import FLUSH, OVERLAP, SEQUENTIAL, Hops

FAMILY = [SEQUENTIAL, FLUSH, OVERLAP, Hops(0, 1, 2), Hops(2, 0, 1), Hops(1, 3, 0), Hops(2, 3, 4)]
NETWORKS = [1, 2, 3, 4, 7]


@dataclass
class Walk:
    """In which cycle one sample is fed forward, and propagated back and learned from, per junction 1..L."""

    forward: dict
    backward: dict


def walk(hops, n_junctions, sample):
    """A sample goes from operation to operation, one hop at a time."""
    t, forward, backward = sample, {}, {}
    for i in range(1, n_junctions + 1):
        t += hops.forward if i > 1 else 0
        forward[i] = t
    for i in range(n_junctions, 0, -1):
        t += hops.backward if i < n_junctions else hops.turn
        backward[i] = t
    return Walk(forward, backward)


def most_alive(lives):
    """Samples alive in the busiest cycle, each from its first to its last cycle inclusive."""
    cycles = range(min(first for first, _ in lives), max(last for _, last in lives) + 1)
    return max(sum(first <= t <= last for first, last in lives) for t in cycles)


def overwrites(lives, banks):
    """Whether sample n, kept in bank n mod ``banks``, ever destroys what is still to be read."""
    return any(later[0] <= earlier[1] for earlier, later in zip(lives, lives[banks:], strict=False))


def stream(hops, n_junctions):
    return [walk(hops, n_junctions, sample) for sample in range(2 * hops.drain(n_junctions) + 5)]


@pytest.mark.parametrize("hops", FAMILY)
@pytest.mark.parametrize("n", NETWORKS)
def test_lags_and_drain_are_those_of_a_walking_sample(hops, n):
    one = walk(hops, n, 0)
    assert {i: hops.feedforward_lag(i) for i in range(1, n + 1)} == one.forward
    assert {i: hops.backward_lag(i, n) for i in range(1, n + 1)} == one.backward
    assert hops.drain(n) == max(one.backward.values())


@pytest.mark.parametrize("hops", FAMILY)
@pytest.mark.parametrize("n", NETWORKS)
def test_staleness_counts_the_updates_a_feedforward_misses(hops, n):
    """The weights at the start of a cycle hold the updates of all earlier cycles; the sequential order misses none."""
    samples = stream(hops, n)
    last = samples[-1]
    for i in range(1, n + 1):
        missed = sum(earlier.backward[i] >= last.forward[i] for earlier in samples[:-1])
        assert hops.staleness(i, n) == missed


@pytest.mark.parametrize("hops", FAMILY)
@pytest.mark.parametrize("n", NETWORKS)
def test_activation_banks_hold_every_sample_alive_and_none_is_spare(hops, n):
    """Layer 0 is written by the host one cycle ahead, layer i by FF of junction i; UP of junction i + 1 reads it last."""
    samples = stream(hops, n)
    for layer in range(n):
        lives = [((s.forward[layer] if layer else k - 1), s.backward[layer + 1]) for k, s in enumerate(samples)]
        banks = hops.activation_banks(layer, n)
        assert banks == most_alive(lives)
        assert not overwrites(lives, banks)
        assert banks == 1 or overwrites(lives, banks - 1)


@pytest.mark.parametrize("hops", FAMILY)
@pytest.mark.parametrize("n", NETWORKS)
def test_delta_banks_hold_every_sample_alive_and_none_is_spare(hops, n):
    """Deltas of layer L come from FF of junction L, partial deltas of layer i from BP of i + 1; BP/UP of i reads them."""
    samples = stream(hops, n)
    for layer in range(1, n + 1):
        lives = [((s.forward[n] if layer == n else s.backward[layer + 1]), s.backward[layer]) for s in samples]
        banks = hops.delta_banks(layer, n)
        assert banks == most_alive(lives)
        assert not overwrites(lives, banks)
        assert banks == 1 or overwrites(lives, banks - 1)


@pytest.mark.parametrize("n", NETWORKS)
def test_published_figures_of_the_flush_schedule(n):
    junctions, layers = range(1, n + 1), range(n)
    assert [FLUSH.feedforward_lag(i) for i in junctions] == [i - 1 for i in junctions]
    assert [FLUSH.backward_lag(i, n) for i in junctions] == [2 * n - i for i in junctions]
    assert [FLUSH.staleness(i, n) for i in junctions] == [2 * (n - i) + 1 for i in junctions]
    assert [FLUSH.activation_banks(i, n) for i in layers] == [2 * (n - i) + 1 for i in layers]
    assert [FLUSH.delta_banks(i, n) for i in junctions] == [2] * n
    assert FLUSH.drain(n) == 2 * n - 1


@pytest.mark.parametrize("n", NETWORKS)
def test_operations_in_flight_at_once(n):
    """3L - 1: L feedforwards, L updates and all but one backpropagation."""
    samples, t = stream(FLUSH, n), 2 * n
    feedforwards = sum(t in s.forward.values() for s in samples)
    updates = [i for s in samples for i, cycle in s.backward.items() if cycle == t]
    backpropagations = [i for i in updates if i > 1]
    assert feedforwards + len(updates) + len(backpropagations) == 3 * n - 1


def test_two_junctions_cycle_by_cycle():
    """The network of 2018: sample 0 is learned from in junction 2 in cycle 2, in junction 1 in cycle 3."""
    one = walk(FLUSH, 2, 0)
    assert (one.forward, one.backward) == ({1: 0, 2: 1}, {2: 2, 1: 3})
    assert [FLUSH.activation_banks(i, 2) for i in (0, 1)] == [5, 3]
    assert [FLUSH.staleness(i, 2) for i in (1, 2)] == [3, 1]


def test_overlap_costs_two_junctions_one_or_two_more_banks():
    assert [OVERLAP.activation_banks(i, 2) - FLUSH.activation_banks(i, 2) for i in (0, 1)] == [2, 1]
    assert [OVERLAP.delta_banks(i, 2) - FLUSH.delta_banks(i, 2) for i in (1, 2)] == [1, 1]
    assert [OVERLAP.staleness(i, 2) - FLUSH.staleness(i, 2) for i in (1, 2)] == [2, 1]
    assert (FLUSH.drain(2), OVERLAP.drain(2)) == (3, 5)


@pytest.mark.parametrize("n", NETWORKS)
def test_overlap_costs_one_more_bank_per_junction_still_ahead(n):
    """In deeper networks the price of a layer grows with its distance from the output; deltas always cost one."""
    assert [OVERLAP.activation_banks(i, n) - FLUSH.activation_banks(i, n) for i in range(n)] == [n - i for i in range(n)]
    assert [OVERLAP.delta_banks(i, n) for i in range(1, n + 1)] == [3] * n
    assert OVERLAP.drain(n) == 3 * n - 1


@pytest.mark.parametrize("n", NETWORKS)
def test_the_textbook_order_is_the_member_without_hops(n):
    assert SEQUENTIAL.drain(n) == 0
    assert {SEQUENTIAL.staleness(i, n) for i in range(1, n + 1)} == {0}


@pytest.mark.parametrize("hops", [(-1, 1, 1), (1, -1, 1), (1, 1, -1), (1, 1.0, 1), (True, 1, 1)])
def test_hops_that_no_sample_can_take_are_refused_at_once(hops):
    with pytest.raises(InputError, match=r"^(forward|turn|backward) = .*: must be a whole number of junction cycles"):
        Hops(*hops)
