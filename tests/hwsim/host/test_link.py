"""The serial link: the same bits as without it, over good lines and bad ones; nothing is lost and nothing is done twice."""

import numpy as np
import pytest

from hwsim.host import Accelerator, DesignMap, HostError, Link, Refused, Silence
from hwsim.host.link import HELLO, READ, WRITE
from models.network.parameters import IntegerParameters
from rtl.accelerator_model import Sample
from rtl.interfaced import Interfaced
from tests.hwsim.host.board import ModelBoard
from tests.hwsim.host.link_board import Line, LinkBoard
from tests.hwsim.host.test_accelerator import samples
from tests.rtl.designs import design

QUICK = {"seconds": 0.002, "tries": 200, "patience": 2.0}


def linked(name="two_junctions", *, capacity=64, bad=0.0, moody=0.0, bubbles=2, seed=1):
    """A board, its end of the link, the line, and the host's end."""
    of = design(name, interface="axi", beat_bits=8)
    board = ModelBoard(of)
    board.bubbles = bubbles
    there = LinkBoard(board, capacity, moody=moody, seed=seed)
    line = Line(there, bad, seed)
    return of, there, line, Link(line, **QUICK)


def driven(link, board):
    return Accelerator(link, DesignMap.of(board.map), patience=0.5, window=3)


def some_parameters(of, seed=2):
    rng, n = np.random.default_rng(seed), of.numbers
    weights = [rng.integers(n.weight.lowest, n.weight.highest + 1, j.pattern.n_edges).astype(np.int32) for j in of.junctions]
    biases = [rng.integers(n.bias.lowest, n.bias.highest + 1, j.n_right).astype(np.int32) for j in of.junctions]
    return weights, biases


def named(weights, biases):
    arrays = {f"weight_{i}": w for i, w in enumerate(weights, 1)}
    return arrays | {f"bias_{i}": b for i, b in enumerate(biases, 1)}


def told(of, parameters, inputs, labels, kappa=3):
    """Model and results of a training without a gap."""
    model = Interfaced(of).model()
    model.parameters = IntegerParameters(*parameters)
    rows = [Sample(x.tolist(), int(y), kappa, 1) for x, y in zip(inputs, labels, strict=True)]
    return model, model.run(rows)


def same(learned, model):
    parameters = model.parameters
    expected = named(parameters.weights, parameters.biases)
    return all((learned[name] == array).all() for name, array in expected.items())


CAPACITIES = {"two_junctions": 64, "mixed_formats": 15, "short_beat": 23, "full": 300}
LINES = {"good": {}, "moody": {"moody": 0.1}, "bad": {"bad": 0.004}, "both": {"bad": 0.004, "moody": 0.05}}


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize(
    ("name", "capacity"), [("two_junctions", 64), ("mixed_formats", 15), ("short_beat", 23), ("full", 300)]
)
def test_a_board_behind_a_link_learns_and_tells_the_same(name, capacity, line):
    of, there, _, link = linked(name, capacity=capacity, **LINES[line])
    accelerator, given = driven(link, there.board), some_parameters(of)
    accelerator.load(named(*given))
    inputs, labels = samples(of, 24)
    got = accelerator.train(inputs, labels, kappa=3)
    model, results = told(of, given, inputs, labels)
    assert got.outputs.tolist() == [r.outputs for r in results] and got.label.tolist() == labels.tolist()
    assert got.prediction.tolist() == [r.prediction for r in results] and got.trained.all()
    assert same(accelerator.read(), model)
    fed = accelerator.predict(inputs)
    assert fed.outputs.tolist() == [r.outputs for r in model.run([Sample(x.tolist(), 0, 0, 0) for x in inputs])]
    assert there.board.sent == 48, "each packet has come once"
    assert bool(there.dropped) == ("bad" in LINES[line])
    assert link.capacity == capacity


@pytest.mark.parametrize("seed", range(12))
def test_packets_of_any_bytes_come_once_and_whole(seed):
    _, there, _, link = linked(bad=0.01, moody=0.1, seed=seed)
    rng = np.random.default_rng(seed)
    come, begun = [], b""

    def offer(piece, last):
        nonlocal begun
        begun += piece
        if last:
            come.append(begun)
            there.board.results.append(begun[::-1])
            begun = b""

    there.board.offer = offer
    there.board.write([0], [1])
    sent = [bytes(rng.choice([0x7D, 0x7E, 0, 255], rng.integers(1, 150)).astype(np.uint8)) for _ in range(12)]
    for packet in sent:
        link.send(packet)
    got = [link.receive(5.0) for _ in sent]
    assert come == sent and got == [packet[::-1] for packet in sent]
    assert link.receive(0) is None


def test_a_board_that_says_nothing_waits_is_not_asked_again_at_once():
    _, there, _, link = linked(bubbles=0)
    link.write([0], [3])  # no bubbles: results come one behind the other
    packet = bytes(there.board.sample.size)
    for _ in range(5):
        link.send(packet)
        asked = len(there.requests)
        while link.receive(0) is not None:
            pass
        assert len(there.requests) == asked
    assert link.receive(0) is None and len(there.requests) == asked + 1, "later it is"
    there.board.results.append(b"late")
    assert link.receive(0) == b"late"


def test_as_many_words_as_fit_go_at_once():
    _, there, _, link = linked(capacity=42)
    addresses = there.board.map["memories"][0]["byte"] + 4 * np.arange(23)
    at = [int(a) for a in addresses if int(a) in there.board.memories]
    before = len(there.requests)
    link.write(at, [7] * len(at))
    assert link.read(at) == [7] * len(at)
    codes = [code for _, code, _ in there.requests[before:]]
    assert codes == [WRITE] * -(-len(at) // 5) + [READ] * -(-len(at) // 10)


def test_a_refused_access_says_which_and_those_before_are_done():
    _, there, _, link = linked(capacity=42)
    at = list(there.board.memories)[:12]
    there.board.broken.add(at[7])
    with pytest.raises(Refused) as refused:
        link.write(at, range(1, 13))
    assert (refused.value.address, refused.value.writes) == (at[7], True)
    assert link.read(at[:7]) == [1, 2, 3, 4, 5, 6, 7]
    with pytest.raises(Refused) as refused:
        link.read(at)
    assert (refused.value.address, refused.value.writes) == (at[7], False)


def test_a_board_that_does_not_answer_is_given_up():
    _, there, line, link = linked()
    there.deaf = True
    with pytest.raises(Silence, match=r"does not answer: 3 tries of 0\.001 s each"):
        Link(line, seconds=0.001, tries=3)
    link._tries = 3
    with pytest.raises(Silence, match="does not answer: 3 tries"):
        link.read([0])
    there.deaf = False
    assert link.read([0]) == [0]


def test_samples_that_are_not_taken_are_given_up():
    _, there, _, link = linked()
    link._patience = 0.01
    with pytest.raises(Silence, match=r"of a packet of \d+ bytes 0 were taken, and no more within 0\.01 s"):
        link.send(bytes(there.board.sample.size))  # it stands


@pytest.mark.parametrize("seed", range(5))
def test_a_result_that_waits_is_not_left_behind(seed):
    """Whatever part of it comes at once, even none."""
    _, there, _, link = linked(moody=0.6, seed=seed)
    there.board.results.extend([b"first", b"second"])
    assert [link.receive(0), link.receive(0), link.receive(0)] == [b"first", b"second", None]


@pytest.mark.parametrize("come", [0, 3])
def test_half_a_result_is_told_and_forgotten(come):
    _, there, _, link = linked()
    link._patience = 0.01
    there._exchange = lambda piece, last, parts=[b"abc"[:come]]: (
        bytes([0, 0, 0 if come else 2]) + (parts.pop() if parts else b"")
    )
    with pytest.raises(Silence, match=rf"{come} bytes of a result have come, and the rest does not within 0\.01 s"):
        link.receive(0)
    del there._exchange
    there.board.results.append(b"whole")
    assert link.receive(0) == b"whole"


def test_another_version_and_nonsense_are_told():
    _, there, line, link = linked()
    there.version = 2
    with pytest.raises(HostError, match="speaks version 2 of the serial link instead of 1"):
        Link(line, **QUICK)
    there.version, there.says = 1, 14
    with pytest.raises(HostError, match="greeting makes no sense: 6877736c010e00"):
        Link(line, **QUICK)
    with pytest.raises(HostError, match=r"no such request: code 9 with 1 bytes was answered with code 2"):
        link._ask(9, b"x")
    assert link.read([0]) == [0], "the next one is asked all the same"


def test_frames_that_a_board_has_dropped_are_known():
    line = linked()[2]
    line.write(b"\x7eabcdefgh\x7e\x7eab\x7e")
    assert Link(line, **QUICK).dropped == 2


@pytest.mark.parametrize("further", [0, 1, 2, 255])
def test_a_greeting_is_always_answered_whatever_its_number(further, monkeypatch):
    """Even one that is numbered as the request before it was, which by itself would be taken for a repetition."""
    _, there, line, link = linked()
    assert link.read([0]) == [0]
    drawn = iter([bytes([(link._number + further) % 256]), b"once"])
    monkeypatch.setattr("hwsim.host.link.os.urandom", lambda size: next(drawn))
    again = Link(line, **QUICK)
    assert again.read([0]) == [0] and next(drawn, None) is None
    assert [code for _, code, _ in there.requests[-2:]] == [HELLO, READ]
