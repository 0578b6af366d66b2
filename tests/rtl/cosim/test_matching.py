"""The compiled comparison of writes, against the slow one that names differences, on writes that somebody has changed."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

from hwsim.events.log import EVENT_FIELDS, INDEX, LANE
from hwsim.vocabulary import WEIGHT
from rtl.cosim import comparison, matching
from rtl.cosim.capture import simulate
from rtl.cosim.cosimulation import Exercise
from rtl.cosim.lines import Lines
from rtl.cosim.matching import Matching
from tests.rtl.cosim.driving import generate, verilog
from tests.rtl.cosim.test_grid import SHORT, sizes
from tests.rtl.designs import planned


@pytest.fixture(scope="module", params=["one bank", "banks"])
def run(request, tmp_path_factory):
    """A design's expectation and what Icarus has recorded of it."""
    if request.param == "one bank":
        emitted = verilog("one_junction")
    else:
        emitted = generate(planned(**sizes([16, 8, 4], [4, 4], [4, 2], numbers=SHORT, classes=3)))
    made = Exercise.of(emitted, ("flowing",))
    seen = simulate(emitted, made.expected.protocol, made.expected.samples, "icarus", tmp_path_factory.mktemp("run"))
    return made.expected, seen


def known(seen):
    """A capture whose lines can be written to; what the simulator does not know is 0, as in Verilator."""
    return replace(seen, lines={name: Lines.of(np.array(lines.words)) for name, lines in seen.lines.items()})


def slow(expected, seen):
    with patch.object(Matching, "agree", lambda *_: None):
        return comparison.compare(expected, seen, ["flowing"])


def test_writes_that_agree_take_the_quick_way(run):
    expected, seen = run
    with patch.object(comparison, "_grouped", side_effect=AssertionError("the slow way")):
        quick = comparison.compare(expected, known(seen), ["flowing"])
    assert quick.mismatch is None and quick.writes > 1000
    assert quick == slow(expected, known(seen))
    assert list(quick.by_memory) == list(slow(expected, known(seen)).by_memory)


def test_any_bit_that_is_wrong_is_found_as_the_slow_way_finds_it(run):
    expected, seen = run
    rng, differ = np.random.default_rng(3), 0
    for name in seen.probes:
        for _ in range(4):
            changed = known(seen)
            words, bits = changed.lines[name].words, seen.files[name].bits - 32
            line, bit = int(rng.integers(len(words))), int(rng.integers(bits))
            words[line, bit // 32] ^= np.uint32(1 << bit % 32)
            quick = comparison.compare(expected, changed, ["flowing"])
            assert str(quick.mismatch) == str(slow(expected, changed).mismatch)
            differ += quick.mismatch is not None
    assert differ > len(seen.probes)


@pytest.mark.parametrize("change", ["dropped", "twice", "bank", "address", "value", "clock", "place", "memory", "junction"])
def test_events_that_are_not_the_lines_do_not_agree(change, run):
    expected, seen = run
    seen, rng = known(seen), np.random.default_rng(4)
    match = Matching.of(seen.files, seen.lines)
    found = 0
    for piece in expected.pieces():
        events = piece.events.copy()
        assert match.agree(events, piece.first, piece.last) is not None
        if not len(events):
            continue
        at = int(rng.integers(len(events)))
        if change == "dropped":
            events = np.delete(events, at, axis=0)
        elif change == "twice":
            events = np.insert(events, at, events[at], axis=0)
        elif change == "place":
            events[at, LANE if events[at, matching._MEMORY] == WEIGHT else INDEX] += 1
        else:
            events[at, EVENT_FIELDS.index(change)] += 1
        assert match.agree(events, piece.first, piece.last) is None
        found += 1
    assert found
