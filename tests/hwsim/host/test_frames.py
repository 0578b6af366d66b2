"""Frames come through whatever surrounds them, and nothing else does."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.host.frames import LONGEST, Frame, Frames, stuffed, unstuffed
from tests.hwsim.host.link_board import on_the_line

BYTES = st.lists(st.sampled_from([0x7D, 0x7E, 0x5D, 0x5E, 0, 1, 255]) | st.integers(0, 255), max_size=60).map(bytes)
FRAMES = st.builds(Frame, st.integers(0, 255), st.integers(0, 255), BYTES)


def cut(line, rng):
    """A line in pieces of any size."""
    while line:
        n = rng.randint(1, 9)
        yield line[:n]
        line = line[n:]


@given(BYTES)
def test_any_bytes_survive_stuffing(body):
    assert b"\x7e" not in stuffed(body) and unstuffed(stuffed(body)) == body


@given(FRAMES)
def test_a_frame_is_what_the_description_says(frame):
    assert frame.line == on_the_line(bytes(frame[:2]) + frame.payload)


@given(st.lists(FRAMES, max_size=5), st.lists(BYTES, min_size=6, max_size=6), st.randoms(use_true_random=False))
def test_frames_are_found_in_any_garbage_and_in_any_pieces(frames, garbage, rng):
    line = b"".join(g + b"\x7e" + f.line for g, f in zip(garbage, frames, strict=False)) + garbage[-1]
    parser = Frames()
    found = [f for piece in cut(line, rng) for f in parser.feed(piece)]
    assert found == frames


@given(FRAMES, st.randoms(use_true_random=False))
def test_a_frame_in_which_anything_is_wrong_is_none(frame, rng):
    line = bytearray(frame.line)
    at = rng.randrange(1, len(line) - 1)
    kind = rng.choice(["lost", "changed", "repeated"])
    if kind == "changed":
        line[at] ^= 1 << rng.randrange(8)
    else:
        line[at : at + 1] = line[at : at + 1] * (2 * (kind == "repeated"))
    found = Frames().feed(bytes(line))
    assert found in ([], [frame])  # the latter only if what was repeated was equal to what was there
    assert not found or bytes(line) == frame.line


def test_the_parser_goes_on_behind_what_has_no_end():
    parser, frame = Frames(), Frame(1, 2, b"here")
    for _ in range(50):
        assert parser.feed(bytes(10_000)) == []
    assert len(parser._begun) <= 2 * LONGEST + 1
    assert parser.feed(frame.line) == [frame]


@pytest.mark.parametrize(
    "line", [b"\x7e\x7e\x7e", b"\x7e\x00\x7e", b"\x7e\x7d\x7e", b"\x7e\x01\x02\x7d\x7e", b"\x7d" * 9 + b"\x7e"]
)
def test_what_is_too_short_or_ends_in_an_escape_is_none(line):
    assert Frames().feed(line) == []


def test_noise_never_makes_a_frame():
    rng, parser = random.Random(4), Frames()
    noise = bytes(rng.choice([0x7E, 0x7D, rng.randrange(256)]) for _ in range(200_000))
    assert parser.feed(noise) == []
