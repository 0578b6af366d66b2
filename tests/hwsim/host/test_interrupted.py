"""Transfers that were given up, by an interrupt key or as the program was killed, harm nobody who comes later."""

import pytest

from hwsim.host import Link
from tests.hwsim.host.link_board import Line
from tests.hwsim.host.test_accelerator import samples
from tests.hwsim.host.test_link import QUICK, driven, linked, named, same, some_parameters, told


class Pulled(Exception):
    """What an interrupt key does, at a place that is known."""


class Interrupting(Line):
    """A line on which a call is interrupted now and then, before or behind what it does."""

    def __init__(self, board, seed):
        super().__init__(board, 0.0, seed)
        self.share = 0.0

    def _perhaps(self):
        if self._rng.random() < self.share:
            raise Pulled

    def write(self, line):
        if self._rng.random() < self.share:
            super().write(line[: self._rng.randrange(len(line))])
            raise Pulled
        super().write(line)
        self._perhaps()

    def read(self, at_most, seconds):
        self._perhaps()
        return super().read(at_most, seconds)


@pytest.mark.parametrize("seed", [*range(8), 1026, 1067])
def test_an_interrupted_request_is_finished_by_the_next_one(seed):
    """Whatever is asked behind it: nothing is done twice, nothing that came with its reply is lost."""
    _, there, _, _ = linked(moody=0.1)
    line = Interrupting(there, seed)
    link = Link(line, **QUICK)
    there.board.write([0], [1])
    line.share = 0.2
    sent, there.board.offer = [], lambda piece, last: sent.append(piece) or there.board.results.append(piece)
    given, got, pulled = [bytes([k]) for k in range(40)], [], 0
    for packet in given:
        before = link._number
        try:
            link.send(packet)
        except Pulled:
            pulled += 1
            line.share = 0.0
            if link._number == before or sent[-1:] != [packet]:  # it was not asked, or it is still on its way
                link.read([0])
            while sent[-1:] != [packet]:
                link.send(packet)
            line.share = 0.2
    line.share = 0.0
    while (result := link.receive(0)) is not None:
        got.append(result)
    assert pulled and sent == given and got == given


@pytest.mark.parametrize("seed", range(8))
def test_a_training_that_was_interrupted_leaves_nothing_behind(seed):
    of, there, _, _ = linked(bubbles=2)
    line = Interrupting(there, seed)
    link = Link(line, **QUICK)
    accelerator, given = driven(link, there.board), some_parameters(of)
    inputs, labels = samples(of, 20)
    for share in (0.1, 0.02, 0.01):
        accelerator.load(named(*some_parameters(of, seed)))
        line.share = share
        with pytest.raises(Pulled):
            while True:
                accelerator.train(inputs, labels, kappa=3)
        line.share = 0.0
        accelerator.load(named(*given))
        got = accelerator.train(inputs, labels, kappa=3)
        model, results = told(of, given, inputs, labels)
        assert got.outputs.tolist() == [r.outputs for r in results] and same(accelerator.read(), model)


def halves(size, capacity):
    """How many bytes of a packet may be left behind."""
    return sorted({1, 3, size // 2, size - 4, size - 1, min(size - 1, capacity - 3)})


@pytest.mark.parametrize("control", [1, 3])
@pytest.mark.parametrize("name", ["two_junctions", "one_junction", "mixed_formats"])
def test_a_new_program_finds_the_accelerator_as_one_that_was_killed_left_it(name, control):
    """Half a packet in its sink, half a result in front of it, no bubbles allowed, half a frame on the line."""
    of, there, line, link = linked(name, capacity=20)
    size, given = there.board.sample.size, some_parameters(of)
    inputs, labels = samples(of, 15)
    for half in halves(size, 20):
        link.write([0], [control])
        for _ in range(12):
            for at in range(0, size, 17):
                link._exchange(bytes(size)[at : at + 17], at + 17 >= size)
        for at in range(0, half, 17):
            link._exchange(bytes(half)[at : at + 17], False)
        line.write(b"\x7e\x01\x03\x00half a frame")
        link = Link(line, **QUICK)
        accelerator = driven(link, there.board)
        accelerator.load(named(*given))
        got = accelerator.train(inputs, labels, kappa=3)
        model, results = told(of, given, inputs, labels)
        assert got.outputs.tolist() == [r.outputs for r in results] and same(accelerator.read(), model)
        lost = accelerator.counters()
        assert lost["MISFRAMED"] + lost["REFUSED"] == 1, "the half packet, once"
        there.board.words[there.board.at["MISFRAMED"]] = there.board.words[there.board.at["REFUSED"]] = 0
