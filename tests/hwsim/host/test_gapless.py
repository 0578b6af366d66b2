"""Training without bubbles, however slow the way is, and streams of batches without gaps."""

from itertools import pairwise

import numpy as np
import pytest

from hwsim.host import Accelerator, BadValue, DesignMap, HostError, Silence
from rtl.accelerator_model import Sample
from rtl.interfaced import Interfaced
from tests.hwsim.host.board import ModelBoard
from tests.hwsim.host.test_accelerator import DESIGNS, connected, model_of, samples
from tests.rtl.designs import design


def same(learned, model):
    parameters = model.parameters
    return all(
        learned[f"weight_{i}"].tolist() == w.tolist() and learned[f"bias_{i}"].tolist() == b.tolist()
        for i, (w, b) in enumerate(zip(parameters.weights, parameters.biases, strict=True), 1)
    )


@pytest.mark.parametrize("bubbles", [0, 1, 5])
@pytest.mark.parametrize("name", DESIGNS)
def test_a_slow_way_changes_nothing_of_what_is_learned(name, bubbles):
    of, board, accelerator = connected(name, window=1)
    board.bubbles = bubbles
    inputs, labels = samples(of, 30)
    accelerator.train(inputs, labels, kappa=of.kappas[0])
    assert same(accelerator.read(), model_of(of, inputs, labels, of.kappas[0])[0])


def test_a_design_without_the_bit_learns_what_comes_with_the_bubbles():
    of = design("two_junctions", interface="axi")
    board = ModelBoard(of, no_bubbles=False)
    accelerator = Accelerator(board, DesignMap.of(board.map), patience=0.05)
    assert accelerator.map.no_bubbles == 0
    inputs, labels = samples(of, 30)
    accelerator.train(inputs, labels, kappa=3)
    model = Interfaced(of).model()
    for x, y in zip(inputs, labels, strict=True):
        for sample in (Sample(x.tolist(), int(y), 3, 1), *[None] * board.bubbles):
            model.cycle(sample)
    for _ in range(20):
        model.cycle(None)
    learned = accelerator.read()
    assert same(learned, model) and not same(learned, model_of(of, inputs, labels, 3)[0])


def test_bubbles_are_forbidden_while_training_alone():
    of, board, accelerator = connected()
    inputs, labels = samples(of, 5)
    accelerator.train(inputs, labels, kappa=3)
    assert accelerator.map.no_bubbles == 2 and board.written == [1, 3, 1]
    accelerator.predict(inputs)
    assert board.written == [1, 3, 1, 1]
    accelerator.train(inputs[:0], labels[:0], kappa=3)
    assert board.written[4:] == [1, 3, 1]


def batches(inputs, labels, sizes):
    at = np.cumsum([0, *sizes])
    return [(inputs[a:b], labels[a:b]) for a, b in pairwise(at)]


@pytest.mark.parametrize("sizes", [[4] * 6, [24], [1] * 24, [0, 7, 0, 0, 16, 1, 0], []])
def test_a_stream_is_one_training_told_batch_by_batch(sizes):
    of, _, accelerator = connected(window=1)
    n = sum(sizes)
    inputs, labels = samples(of, n)
    told = list(accelerator.stream(batches(inputs, labels, sizes), kappa=4))
    model, results = model_of(of, inputs, labels, 4)
    assert [len(r.label) for r in told] == sizes
    assert [y for r in told for y in r.label.tolist()] == labels.tolist()
    assert [y for r in told for y in r.outputs.tolist()] == [r.outputs for r in results]
    assert same(accelerator.read(), model)


def test_results_of_a_stream_come_as_soon_as_they_are_complete():
    of, board, accelerator = connected()
    inputs, labels = samples(of, 60)
    behind = [board.sent - 6 * k for k, _ in enumerate(accelerator.stream(batches(inputs, labels, [6] * 10), kappa=4), 1)]
    pipe = 2 * len(of.junctions) + 8
    assert all(0 <= b <= pipe for b in behind) and behind[-1] == 0 < behind[0] and board.sent == 60


def test_a_stream_takes_no_more_batches_than_it_needs():
    of, _, accelerator = connected()
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield samples(of, 6)

    told = accelerator.stream(endless(), kappa=3)
    assert not taken
    for k in range(1, 20):
        assert len(next(told).label) == 6 and k <= len(taken) <= k + 3


@pytest.mark.parametrize("then", ["train", "read", "load"])
def test_a_stream_that_nobody_takes_on_disturbs_nothing(then):
    of, board, accelerator = connected()
    inputs, labels = samples(of, 24)
    stream = accelerator.stream(batches(inputs, labels, [4] * 6), kappa=3)
    next(stream)
    assert board.under_way and board.waits_for_samples
    if then == "load":
        stream.close()
    first = board.sent
    learned = accelerator.read()
    assert same(learned, model_of(of, inputs[:first], labels[:first], 3)[0])
    if then == "load":
        accelerator.load(learned)
        assert all((accelerator.read()[name] == array).all() for name, array in learned.items())
    if then == "train":
        assert accelerator.train(inputs, labels, kappa=3).label.tolist() == labels.tolist()
    if then != "load":
        with pytest.raises(HostError, match="the stream has ended, as something else was asked"):
            list(stream)


def test_a_stream_that_is_over_does_not_wait_for_results_that_others_forgot():
    of, _, accelerator = connected()
    inputs, labels = samples(of, 8)
    stream = accelerator.stream(batches(inputs, labels, [1] * 8), kappa=3)
    sent = [next(stream) for _ in range(3)]
    accelerator.stop()
    accelerator.start()
    with pytest.raises(HostError, match="the stream has ended") as raised:
        list(stream)
    assert len(sent) == 3 and not isinstance(raised.value, Silence)


def test_a_batch_that_is_wrong_ends_the_stream_and_nothing_else():
    of, board, accelerator = connected()
    inputs, labels = samples(of, 8)
    with pytest.raises(BadValue, match="labels: 99 is outside"):
        list(accelerator.stream([(inputs, labels), (inputs, labels * 0 + 99)], kappa=3))
    assert board.sent == 8
    assert same(accelerator.read(), model_of(of, inputs, labels, 3)[0])


def test_a_design_for_inference_streams_nothing():
    of, board, accelerator = connected("inference")
    inputs, labels = samples(of, 4)
    for training in (lambda: accelerator.train(inputs, labels), lambda: list(accelerator.stream([(inputs, labels)]))):
        with pytest.raises(BadValue, match="was built for inference"):
            training()
    assert board.sent == 0 and len(accelerator.predict(inputs).prediction) == 4


def test_what_is_loaded_is_not_changed_by_samples_that_stand_still():
    of, board, accelerator = connected()
    inputs, labels = samples(of, 12)
    given = accelerator.read()
    next(accelerator.stream(batches(inputs, labels, [3] * 4), kappa=3))
    accelerator.stop()
    assert board.under_way and not accelerator.running
    accelerator.load(given)
    assert not accelerator.running and not board.under_way
    accelerator.train(inputs, labels, kappa=3)
    assert same(accelerator.read(), model_of(of, inputs, labels, 3)[0])
