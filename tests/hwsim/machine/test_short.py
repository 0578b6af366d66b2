"""Junction cycles of 16-bit integers that are repeated on vectors: wider networks than those drawn elsewhere."""

import numpy as np
import pytest

from hwsim.machine.kernel.compiling import compiled
from hwsim.machine.kernel.vectors import DEPTHS, dots, steps, turn, turn_back
from models.network.order import NO_SAMPLE
from models.vector_code import LANES
from tests.hwsim.machine.machines import Pair, configuration, machine_samples, random_parameters, random_stream

WIDE = {
    "network": {"layers": [256, 48, 40], "out_degree": [6, 20]},
    "hardware": {"z": [64, 24], "kappa": [0, 20]},
    "connectivity": {"kind": "clash_free", "type": 2},
    "numbers": {"width": 12, "fraction": 8, "input": {"width": 8, "fraction": 8, "signed": False}},
}


@compiled
def turned(x, out, masks, rows, columns, sweeps):
    turn(x, out, masks, rows, columns, sweeps)


@compiled
def turned_back(x, out, masks, rows, columns, sweeps):
    turn_back(x, out, masks, rows, columns, sweeps)


@compiled
def summed(w, x, rows, step, length, out):
    dots(w, x, rows, step, length, out)


@compiled
def stepped(w, x, rows, length, delta, low, high):
    return steps(w, x, rows, length, delta, low, high)


def room(values, kind):
    """Values, with a vector's room behind them."""
    flat = np.asarray(values).ravel()
    return np.concatenate([flat, np.full(LANES, 77)]).astype(kind)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("columns", [1, 3, 31, 32, 33, 40, 63, 64, 100])
def test_columns_are_turned_there_and_back(depth, columns):
    rng = np.random.default_rng([depth, columns])
    for sweeps in (1, 2, 5):
        by = rng.integers(0, depth, (sweeps, columns))
        stages = np.arange(depth.bit_length() - 1)
        masks = np.zeros((sweeps, stages.size, -(-columns // LANES) * LANES), np.int16)
        masks[..., :columns] = -(by[:, None] >> stages[:, None] & 1)
        bank = rng.integers(-(1 << 15), 1 << 15, (depth, columns))
        out = room(np.zeros((sweeps, depth, columns)), np.int16)
        turned(room(bank, np.int16), out, masks.ravel(), depth, columns, sweeps)
        row = (np.arange(depth)[:, None] + by[:, None]) % depth
        assert out[: by.size * depth].tolist() == bank[row, np.arange(columns)].ravel().tolist()
        terms = rng.integers(-(1 << 25), 1 << 25, (sweeps, depth, columns))
        sums = room(np.zeros((depth, columns)), np.int32)
        turned_back(room(terms, np.int32), sums, masks.ravel(), depth, columns, sweeps)
        expected = np.zeros((depth, columns), np.int64)
        np.add.at(expected, (row, np.broadcast_to(np.arange(columns), row.shape)), terms)
        assert sums[: expected.size].tolist() == expected.ravel().tolist()


@pytest.mark.parametrize("length", [1, 5, 31, 32, 33, 64, 70])
@pytest.mark.parametrize("rows", [1, 7, 8, 9, 19])
def test_sums_and_steps_of_rows(length, rows):
    rng = np.random.default_rng([length, rows])
    low, high = -3000, 32767
    w, x = (rng.integers(low, high + 1, (rows, length)) for _ in range(2))
    out = np.zeros(rows, np.int32)
    for part in {length, min(length, LANES)}:
        summed(room(w, np.int16), room(x, np.int16), rows, length, part, out)
        assert out.tolist() == (w * x)[:, :part].sum(1).astype(np.int32).tolist()
    for delta in (rng.integers(-(1 << 15), 1 << 15, rows), np.zeros(rows, int), np.full(rows, -(1 << 15))):
        after = room(w, np.int16)
        count = stepped(after, room(x, np.int16), rows, length, delta.astype(np.int16), low, high)
        exact = w - (x * delta[:, None] + (1 << 14) >> 15)
        assert after[: w.size].tolist() == np.clip(exact, low, high).ravel().tolist()
        assert after[w.size :].tolist() == [77] * LANES
        assert count == int((exact != np.clip(exact, low, high)).sum())


LONG = {"width": 16, "fraction": 11, "product_fraction": 22, "input": {"width": 8, "fraction": 8, "signed": False}}
CASES = {
    "type 2": ({}, (4, 2)),
    "type 1": ({"connectivity": {"kind": "clash_free", "type": 1}}, (4, 2)),
    "memories of 16 words, lanes that are no vectors": ({"hardware": {"z": [16, 24]}}, (16, 2)),
    "memories of 12 words": ({"network": {"layers": [192, 48, 40]}, "hardware": {"z": [16, 24]}}, (0, 2)),
    "dither": ({"connectivity": {"kind": "clash_free", "type": 2, "dither": True}}, (0, 0)),
    "type 3, all of which with two words are turns": ({"connectivity": {"kind": "clash_free", "type": 3}}, (0, 2)),
    "full": ({"network": {"layers": [256, 48, 40], "out_degree": [48, 40]}}, (4, 2)),
    "overlap": ({"hardware": {"schedule": "overlap"}}, (4, 2)),
    "sums in parts": ({"numbers": LONG, "network": {"layers": [256, 96, 40], "out_degree": [6, 20]}}, (4, 4)),
    "other rounding": ({"numbers": {"rounding": "half_even"}}, (4, 2)),
    "three junctions": (
        {"network": {"layers": [128, 64, 48, 40], "out_degree": [6, 24, 20]}, "hardware": {"z": [32, 32, 24]}},
        (4, 2, 2),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_junction(name):
    """All that comes out and all that is kept are the reference's, at any learning-rate shift and with any weights."""
    sections, depths = CASES[name]
    config = configuration(WIDE, **sections)
    rng = np.random.default_rng(7)
    for parameters in (None, random_parameters(rng, config)):
        pair = Pair(config, parameters)
        stream = random_stream(rng, config, 300)
        train, source = rng.random(300) < 0.98, np.where(rng.random(300) < 0.98, np.arange(300), NO_SAMPLE)
        stream = stream._replace(kappa=rng.integers(0, 16, 300), train=train, source=source)
        pair.feed(stream, 0, 140)
        pair.feed(stream, 140, 300)
        short = pair.machine._repetition.passes.short
        assert short.works and tuple(short.turning[:, 0]) == depths
        assert pair.machine.repeated_cycles > 60
        pair.drain()
        pair.assert_same()


def test_numbers_that_are_not_short_go_the_other_way():
    for numbers in ({"width": 20, "fraction": 10}, {"product_fraction": 14}, {"rounding": {"weight_step": "stochastic"}}):
        config = configuration(WIDE, numbers=numbers)
        pair = Pair(config)
        pair.feed(random_stream(np.random.default_rng(1), config, 60))
        assert not pair.machine._repetition.passes.short.works and pair.machine.repeated_cycles > 10
        pair.drain()
        pair.assert_same()


def test_samples_in_flight_that_no_table_could_have_made():
    """The formats of a checkpoint allow them, and the proofs of 16-bit loops do not."""
    config = configuration(WIDE, numbers=LONG)
    pair = Pair(config)
    stream = random_stream(np.random.default_rng(2), config, 80)
    pair.feed(stream, 0, 40)
    pair.machine.settle()
    arrays = pair.machine.arrays()
    delta = arrays["flight_output_delta"]
    delta[tuple(np.argwhere(delta)[0])] = -32_000
    machine, reference = pair.new_machine(), pair.new_reference()
    machine.restore(arrays)
    reference.restore(arrays)
    machine.feed(machine_samples(machine, stream), stream.source[40:])
    machine.settle()
    samples = reference.samples(stream.inputs, stream.labels)
    reference.run(samples, *(a[40:] for a in (stream.kappa, stream.train, stream.source)))
    assert not machine._repetition.passes.short.works and machine.repeated_cycles > 0
    mine, theirs = ({k: v.tolist() for k, v in m.arrays().items()} for m in (machine, reference))
    assert mine == theirs
