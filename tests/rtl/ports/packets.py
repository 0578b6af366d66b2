"""Packets for the AXI4-Streams of small designs: good ones, and bad ones of every kind."""

from typing import Any

import numpy as np

from models.network.parameters import IntegerParameters
from rtl.plan.plan import Plan
from rtl.ports.packing import SAMPLE_FACTS, Packet
from rtl.ports.parameter_order import order
from tests.rtl.driving import integers


def facts(**given: int) -> int:
    """The trailer of a sample."""
    return int(SAMPLE_FACTS.const(given).as_value().value)


def beats(packet: Packet, data: bytes) -> list[int]:
    size = packet.beat_bits // 8
    return [int.from_bytes(data[k : k + size], "little") for k in range(0, len(data), size)]


def framed(of_beats: list[int], lasts: list[int] | None = None) -> list[tuple[int, int]]:
    """Beats with their tlast, at the end unless said otherwise."""
    marks = [len(of_beats) - 1] if lasts is None else lasts
    return [(beat, int(k in marks)) for k, beat in enumerate(of_beats)]


def outside(packet: Packet, rng: np.random.Generator) -> int | None:
    """A number that the format cannot hold but its bytes can, if there is one."""
    bits, fmt = 8 * packet.number_bytes, packet.number
    lowest = -(1 << bits - 1) if fmt.signed else 0
    legal = range(fmt.lowest, fmt.highest + 1)
    found = [
        x for x in (lowest, fmt.lowest - 1, fmt.highest + 1, lowest + (1 << bits) - 1) if x not in legal and x >= lowest
    ]
    found = [x for x in found if x < lowest + (1 << bits)]
    return int(rng.choice(found)) if found else None


def packet_beats(packet: Packet, of: Plan, rng: np.random.Generator) -> list[tuple[int, int]]:
    """A packet, often as it should be."""
    numbers = integers(rng, packet.number, packet.count).tolist()
    known: dict[str, Any] = {"label": int(rng.integers(of.config.classes)), "train": int(rng.integers(2))}
    known["kappa"] = int(rng.integers(of.kappas[0], of.kappas[1] + 1))
    kind = int(rng.integers(10))
    if kind == 0:
        wrong = outside(packet, rng)
        if wrong is None:
            known["reserved"] = int(rng.integers(1, 128))
        else:
            numbers[int(rng.integers(packet.count))] = wrong
    if kind == 1:
        known |= {"label": int(rng.integers(1 << 16)), "train": 1}
    if kind == 2:
        known |= {"kappa": int(rng.integers(1 << 8)), "train": 1}
    if kind == 3:
        known["reserved"] = int(rng.integers(128))
    good = beats(packet, packet.pack(numbers, facts(**known)))
    if kind == 4 and len(good) > 1:
        return framed(good[: int(rng.integers(1, len(good)))])
    if kind == 5:
        return framed(good + [int(x) for x in rng.integers(256, size=int(rng.integers(1, 9)))])
    return framed(good)


def random_parameters(of: Plan, rng: np.random.Generator) -> IntegerParameters:
    """Weights and biases of their formats."""
    weights = [integers(rng, of.numbers.weight, j.pattern.n_edges).astype(np.int32) for j in of.junctions]
    biases = [integers(rng, of.numbers.bias, j.n_right).astype(np.int32) for j in of.junctions]
    return IntegerParameters(weights, biases)


def parameter_words(of: Plan, given: IntegerParameters) -> list[int]:
    """All of them in the order of the streams."""
    lanes = [(j.z, j.results_per_clock) for j in of.junctions]
    arrays = list(zip(given.weights, given.biases, strict=True))
    return [int(arrays[w.junction - 1][w.bias][w.row * lanes[w.junction - 1][w.bias] + w.lane]) for w in order(of)]


def parameter_packet(words: list[int], beat_bits: int) -> bytes:
    """A packet of them, zeros behind the last one."""
    data = np.array(words, "<i4").tobytes()
    return data.ljust(-(-8 * len(data) // beat_bits) * beat_bits // 8, b"\0")


def with_words(of: Plan, words: list[int]) -> IntegerParameters:
    """The inverse of :func:`parameter_words`."""
    numbered = parameter_words(of, IntegerParameters(*_numbers(of)))
    back = dict(zip(numbered, words, strict=True))
    weights, biases = ([np.array([back[n] for n in a.tolist()], np.int32) for a in arrays] for arrays in _numbers(of))
    return IntegerParameters(weights, biases)


def _numbers(of: Plan) -> tuple[list[Any], list[Any]]:
    """Arrays in which each weight and each bias is its own number."""
    sizes = [n for j in of.junctions for n in (j.pattern.n_edges, j.n_right)]
    parts = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    return parts[::2], parts[1::2]
