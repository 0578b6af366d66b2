"""Training samples with a learning-rate shift or a label that is none: fed forward only, counted, never reinterpreted."""

import numpy as np
import pytest

from hwsim.machine.streams import Samples, joined
from hwsim.vocabulary import TRAINING, UP
from models.errors import InputError
from tests.hwsim.machine.machines import SMALL, Pair, configuration, random_configuration, random_parameters

N = 40


def judged(kappa=(3, 5), classes=5, **hardware):
    """A configuration whose stream has three bits each for shifts and labels."""
    network, rates = SMALL["network"] | {"classes": classes}, [[0, kappa[0]], [1, kappa[1]]]
    hardware = {"kappa": None} | hardware
    return configuration(network=network, hardware=hardware, training={"rate_shift": rates})


def stream(config, seed=0):
    """Inputs, and labels, shifts and training flags over all that the stream can carry."""
    rng, n_inputs, legal = np.random.default_rng(seed), config.network.layers[0], config.numbers.system.input
    return (
        rng.integers(legal.lowest, legal.highest + 1, (N, n_inputs)),
        rng.integers(0, 1 << config.label_bits, N),
        rng.integers(0, 1 << config.kappa_bits, N),
        rng.random(N) < 0.8,
    )


def verdicts(config, labels, kappa, train):
    """Which samples are trained on, which have an illegal shift, and which an illegal label; written out."""
    least, greatest = config.kappa_range
    strange_kappa = [bool(t) and not least <= k <= greatest for k, t in zip(kappa, train, strict=True)]
    strange_label = [bool(t) and not 0 <= y < config.classes for y, t in zip(labels, train, strict=True)]
    trained = [bool(t) and not a and not b for t, a, b in zip(train, strange_kappa, strange_label, strict=True)]
    return np.array(trained), sum(strange_kappa), sum(strange_label)


CASES = {
    "flush": judged(),
    "overlap": judged(schedule="overlap"),
    "one shift": judged(kappa=(2, 2)),
    "shifts from 0": judged(kappa=(0, 4)),
    "one class": judged(classes=1),
    "every label is a class": judged(classes=4),
    "every shift that fits is legal": judged(kappa=(0, 7)),
    "random": random_configuration(np.random.default_rng(8), 3, {"kind": "full"}, "flush"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_illegal_is_fed_forward_only_and_counted(name):
    config = CASES[name]
    inputs, labels, kappa, train = stream(config)
    trained, strange_kappa, strange_label = verdicts(config, labels, kappa, train)
    pair = Pair(config, random_parameters(np.random.default_rng(1), config))
    machine, reference = pair.machine, pair.reference
    fed = machine.samples(inputs, labels, kappa, train, as_carried=True)
    out = joined(machine.feed(fed), machine.drain())
    # The reference is given legal labels, and what it may train on.
    reference.run(reference.samples(inputs, np.where(trained, labels, 0)), kappa, trained)
    reference.drain()
    for name, expected in reference.arrays().items():
        assert np.array_equal(machine.arrays()[name], expected), name
    assert out.label.tolist() == labels.tolist()
    assert (out.kind == TRAINING).tolist() == trained.tolist()
    assert machine.illegal == (strange_kappa, strange_label)
    assert machine.counts[0, UP, 1] == trained.sum() * config.edges[0]


def test_the_cases_above_have_what_they_are_about():
    counts = {name: verdicts(c, *stream(c)[1:])[1:] for name, c in CASES.items()}
    assert counts["every label is a class"][1] == 0  # 4 of them: 2 bits, and no more
    assert counts["every shift that fits is legal"][0] == 0
    assert all(any(found) for found in counts.values())


def test_a_shift_out_of_range_does_not_learn_faster_than_one_within():
    """6 of 3..5 once had the effect of 2."""
    config = judged()
    inputs, labels, _, _ = stream(config)
    start = Pair(config).start
    for kappa in (0, 1, 2, 6, 7):
        machine = Pair(config).design.machine(start)
        machine.feed(machine.samples(inputs, labels % 5, kappa, as_carried=True))
        machine.drain()
        assert [w.tolist() for w in machine.parameters.weights] == [w.tolist() for w in start.weights], kappa
        assert machine.illegal == (N, 0)


def test_samples_for_inference_need_no_legal_facts():
    config = judged()
    machine = Pair(config).machine
    inputs, labels, kappa, _ = stream(config)
    out = joined(machine.feed(machine.samples(inputs, labels, kappa, False, as_carried=True)), machine.drain())
    assert machine.illegal == (0, 0) and out.label.tolist() == labels.tolist()
    machine.samples(inputs, labels % 5, kappa, False)  # shifts need not be legal either way


@pytest.mark.parametrize(
    ("labels", "kappa", "carried", "line"),
    [
        (0, 6, False, "kappa = 6..6: must lie in 3..5"),
        (0, 2, False, "kappa = 2..2: must lie in 3..5"),
        (5, 3, False, "labels = 5..5: must lie in 0..4"),
        (0, 8, True, "kappa = 8..8: must lie in 0..7"),
        (8, 3, True, "labels = 8..8: must lie in 0..7"),
        (-1, 3, True, "labels = -1..-1: must lie in 0..7"),
    ],
)
def test_what_no_stream_carries_and_what_is_not_said_to_be_carried_is_refused(labels, kappa, carried, line):
    machine = Pair(judged()).machine
    with pytest.raises(InputError) as error:
        machine.samples(np.zeros((1, 12), np.int32), [labels], kappa, as_carried=carried)
    assert str(error.value) == line


@pytest.mark.parametrize("label", [-(1 << 31), -1, 5, (1 << 31) - 1])
def test_samples_made_by_hand_reach_no_memory_that_is_not_there(label):
    machine = Pair(judged()).machine
    good = machine.samples(np.zeros((1, 12), np.int32), [0], 3)
    machine.feed(Samples(good.input, np.array([label], np.int32), np.array([1 << 30], np.int32), good.kind))
    machine.drain()
    assert machine.illegal == (1, 1)


def test_a_checkpoint_waits_until_labels_that_are_none_have_come_out():
    config = judged()
    pair = Pair(config)
    machine = pair.machine
    inputs = np.zeros((1, 12), np.int32)
    machine.feed(machine.samples(inputs, [6], 3, as_carried=True))
    machine.settle()
    with pytest.raises(
        InputError, match=r"checkpoint = 6: is the label of a sample that has not come out yet, .*drain first"
    ):
        machine.arrays()
    machine.drain()
    pair.reference.restore(machine.arrays())
    # A shift that is none is not part of a sample that is not trained on.
    machine.feed(machine.samples(inputs, [1], 7, as_carried=True))
    machine.settle()
    pair.reference.restore(machine.arrays())
    assert machine.illegal == (1, 1)
    other = pair.new_machine()
    other.restore(machine.arrays())
    assert other.illegal == (0, 0)


def test_counting_ends_as_it_does_in_hardware():
    machine = Pair(judged()).machine
    machine._s.control.illegal[:] = (1 << 32) - 1
    machine.feed(machine.samples(np.zeros((3, 12), np.int32), [6] * 3, 7, as_carried=True))
    machine.drain()
    assert machine.illegal == ((1 << 32) - 1,) * 2
