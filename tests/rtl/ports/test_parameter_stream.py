"""The stream of parameters against its model, clock by clock."""

from itertools import cycle

import numpy as np
import pytest

from rtl.plan.plan import Plan
from rtl.ports.parameter_order import order
from rtl.ports.parameter_stream import ParameterStream
from tests.rtl.designs import design
from tests.rtl.test_models import check

STREAMS = {
    "words": ("two_junctions", 32, {}),
    "bytes": ("mixed_formats", 8, {}),
    "halves": ("deepest", 16, {}),
    "several": ("short_beat", 64, {}),
    "one_row": ("one_row", 128, {}),
    "combinational": ("one_lane", 32, {}),
    "inference": ("inference", 32, {}),
    "short_groups": ("straddling_groups", 256, {}),
    "everything_at_once": ("one_row", 512, {}),
}


def planned(name: str) -> Plan:
    base, beat_bits, changes = STREAMS[name]
    return design(base, interface="axi", beat_bits=beat_bits, parameter_stream=True, **changes)


def beats_of(of: Plan, rng: np.random.Generator, size: int, kind: int) -> list[tuple[int, int]]:
    """A packet: as it should be, too short, too long, or with words that do not fit."""
    n = of.numbers
    formats = [n.bias if word.bias else n.weight for word in order(of)]
    numbers = [int(rng.integers(f.lowest, f.highest + 1)) for f in formats]
    if kind == 1:
        at = int(rng.integers(len(numbers)))
        numbers[at] = int(rng.choice([formats[at].highest + 1, formats[at].lowest - 1, -(1 << 31), (1 << 31) - 1]))
    data = np.array(numbers, "<i4").tobytes()
    data = data.ljust(-(-len(data) // size) * size, b"\xa5")
    if kind == 2:
        data = data[: size * int(rng.integers(1, len(data) // size + 1))]
    if kind == 3:
        data += bytes(rng.integers(256, size=size * int(rng.integers(1, 9)), dtype=np.uint8))
    cut = [data[k : k + size] for k in range(0, len(data), size)]
    return [(int.from_bytes(beat, "little"), int(k == len(cut) - 1)) for k, beat in enumerate(cut)]


@pytest.mark.parametrize("name", STREAMS)
def test_parameters_come_and_go(name):
    of, rng = planned(name), np.random.default_rng(0)
    component = ParameterStream(of)
    size, width = of.config.hardware.beat_bits // 8, max(of.numbers.weight.width, of.numbers.bias.width)

    turns = cycle((1, 0))
    kinds, longest = cycle((1, 0, 2, 3, 0)), max(-(-32 * len(order(of)) // of.config.hardware.beat_bits), len(order(of)))

    def stimulus():
        load, send, beats, left, told = 0, 0, [], 0, {}
        for t in range(max(1500, 12 * longest)):
            slow, sent, send = t // 300 % 3, send, 0
            if load and left <= 0 and rng.random() < 0.05:
                load = 0
            elif not (load or sent or told.get("loading") or told.get("sending")) and rng.random() < 0.2:
                load, left = next(turns), int(rng.integers(1, 4))
                send = 1 - load
            if load and rng.random() < 0.002:
                load = 0  # in the middle of a packet, perhaps
            beats = beats or beats_of(of, rng, size, next(kinds))
            offered = rng.random() < (0.4 if slow == 1 else 1)
            given = {"load": load, "send": send, "m_axis_tready": int(rng.random() < (0.4 if slow == 2 else 1))}
            given |= {"s_axis_tvalid": 1, "s_axis_tdata": beats[0][0], "s_axis_tlast": beats[0][1]} if offered else {}
            given |= {f"access_{j.number}_read_word": int(rng.integers(1 << width)) for j in of.junctions}
            told = yield given
            if offered and told["s_axis_tready"]:
                left -= load and beats[0][1]
                beats.pop(0)

    told = check(component, stimulus())
    for event in ("misframed", "refused", "loaded", "sending", "loading", "m_axis_tlast"):
        assert 1 in {t[event] for t in told}, event
    assert {t["access_1_write"] for t in told} == {None, 0, 1}


@pytest.mark.parametrize("name", STREAMS)
def test_a_clock_brings_a_word(name):
    """Where nobody waits: a word a clock, or a beat, or all rows of a memory while one is read and written."""
    of = planned(name)
    component, words = ParameterStream(of), order(of)
    per_word = max(1, 32 // of.config.hardware.beat_bits)
    beats = beats_of(of, np.random.default_rng(0), of.config.hardware.beat_bits // 8, 0)

    def stimulus():
        left = list(beats)
        while left:
            told = yield {"load": 1, "s_axis_tvalid": 1, "s_axis_tdata": left[0][0], "s_axis_tlast": left[0][1]}
            left = left[1:] if told["s_axis_tready"] else left
        told = yield {}
        while told["loading"]:
            told = yield {}
        yield {"send": 1}
        told = yield {"m_axis_tready": 1}
        while told["sending"]:
            told = yield {"m_axis_tready": 1}

    told = check(component, stimulus())
    loading = [t for t, seen in enumerate(told) if seen["routes"]]
    # Rounds that are shorter than a write, and the end of one memory before the next one.
    waits = [w.lanes * max(0, component.settles - (w.apart or w.rows)) + component.settles for w in component.walks]
    assert len(words) * per_word <= len(loading) <= len(words) * per_word + sum(waits) + 4
    sending = [t for t, seen in enumerate(told) if seen["sending"]]
    assert len(sending) <= len(words) * per_word + component.reads + component.queue.latency + 2
    assert sum(bool(seen["m_axis_tvalid"]) for seen in told) == len(beats)
    asked = [[seen[f"access_{j.number}_strobe"] for j in of.junctions] for seen in told]
    assert sum(map(sum, asked)) == 2 * len(words)
