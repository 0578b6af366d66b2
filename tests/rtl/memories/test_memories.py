"""Memories against dictionaries: what was written in an earlier clock is what is read."""

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from rtl.blocks.ram import BLOCK, DISTRIBUTED, style, words
from rtl.memories.interleaved import InterleavedMemory
from rtl.memories.partial_deltas import Loop, PartialDeltaMemory
from rtl.memories.row import RowMemory
from rtl.plan.interleaving import Interleaving
from tests.rtl.driving import integers, play, put_off

INTERLEAVINGS = {
    "plain": (12, 2, 4),
    "phases_wrap": (12, 3, 4),
    "wraps_within_a_group": (10, 2, 5),
    "short_last_group": (15, 2, 3),
    "short_last_group_wraps": (14, 4, 7),
    "all_at_once": (5, 5, 5),
    "one_memory": (5, 1, 1),
    "depth_1": (9, 2, 9),
}


@pytest.mark.parametrize("stages", range(4))
@pytest.mark.parametrize(("depth", "banks"), [(1, 1), (5, 1), (4, 2), (1, 3), (3, 4), (5, 5), (7, 1)])
def test_rows_are_read_as_last_written(depth, banks, stages):
    rng, lanes = np.random.default_rng(depth), 3
    rows, expected, clocks = {}, [], []
    for _ in range(150):
        read, write = (tuple(rng.integers(0, (banks, depth)).tolist()) for _ in range(2))
        enable, row = rng.random() < 0.6, integers(rng, signed(5), lanes).tolist()
        expected.append(rows.get(read, [0] * lanes))
        clocks.append(
            {"read_bank": read[0], "read_address": read[1], "write_bank": write[0], "write_address": write[1]}
            | {"write_enable": enable, "write_data": row}
        )
        if enable:
            rows[write] = row
    memory = RowMemory(signed(5), lanes, depth, banks=banks, stages=stages)
    got = [s.read_data for s in play(memory, clocks + [{}] * stages)]
    assert memory.latency == stages
    assert got[stages:] == expected


def test_rows_start_as_they_are_given():
    memory = RowMemory(signed(4), 2, 3, stages=1, init=[0x21, 0x8F, 0x07])
    got = play(memory, [{"read_address": a} for a in (0, 1, 2, 0)])
    assert [s.read_data for s in got][1:] == [[1, 2], [-1, -8], [7, 0]]


def test_shallow_and_asynchronous_memories_are_lut_ram():
    assert style(64, 1, 64) == DISTRIBUTED
    assert style(65, 1, 64) == BLOCK
    assert style(1000, 0, 64) == DISTRIBUTED
    assert RowMemory(signed(4), 1, 5, banks=3, stages=1, lut_ram_depth=23).style == BLOCK  # 3 banks, 8 words apart
    assert [words(banks, 5) for banks in (1, 2, 3)] == [5, 16, 24]


def group_of(of, g):
    """Neurons, base and phase of a group, by definition."""
    first = g * of.per_clock
    phase = next(p for p in range(of.phases) if of.offset(p) == first % of.memories)
    return range(first, min(first + of.per_clock, of.neurons)), first // of.memories, phase


@pytest.mark.parametrize(("banks", "stages"), [(1, 0), (1, 2), (2, 1), (3, 0), (3, 3), (4, 2), (5, 1)])
@pytest.mark.parametrize("sizes", INTERLEAVINGS)
def test_neurons_are_read_where_they_live(sizes, banks, stages):
    of, rng = Interleaving(*INTERLEAVINGS[sizes]), np.random.default_rng(banks)
    layers = [dict.fromkeys(range(of.neurons)) for _ in range(banks)]
    memory = InterleavedMemory(of, signed(6), banks, ("a", "b"), stages=stages, lut_ram_depth=8)
    expected = {"a": [], "b": []}
    clocks = []
    for _ in range(40):
        g, valid, bank = int(rng.integers(of.groups)), rng.random() < 0.8, int(rng.integers(banks))
        neurons, base, phase = group_of(of, g)
        enable = sum(1 << n % of.memories for n in neurons)
        data = integers(rng, signed(6), of.per_clock).tolist()
        read = {"a": int(rng.integers(banks)), "b": int(rng.integers(banks))}
        address = rng.integers(of.depth, size=of.memories).tolist()
        clocks.append(
            {"write_enable": enable if valid else 0, "write_bank": bank, "write_base": base}
            | {"write_phase": phase, "write_data": data, "read_address": address}
            | {"a_bank": read["a"], "b_bank": read["b"]}
        )
        for reader, own in read.items():
            expected[reader].append([layers[own].get(a * of.memories + k) for k, a in enumerate(address)])
        if valid:
            layers[bank].update(zip(neurons, data, strict=False))
    seen = play(memory, clocks + [{}] * stages)[stages:]
    for reader, words_ in expected.items():
        got = [getattr(s, f"{reader}_data") for s in seen]
        # Nothing is said about neurons that were never written.
        assert [
            [g if w is not None else None for g, w in zip(a, b, strict=True)] for a, b in zip(got, words_, strict=True)
        ] == words_


def test_banks_and_neurons_do_not_overlap():
    of, banks = Interleaving(15, 2, 3), 3
    memory = InterleavedMemory(of, unsigned(6), banks, ("a",), stages=0, lut_ram_depth=64)
    clocks = []
    for bank in range(banks):
        for g in range(of.groups):
            neurons, base, phase = group_of(of, g)
            data = [20 * bank + n for n in neurons]
            clocks.append(
                {"write_enable": sum(1 << n % 3 for n in neurons), "write_bank": bank, "write_base": base}
                | {"write_phase": phase, "write_data": data + [63] * (2 - len(data))}
            )
    clocks += [{"a_bank": bank, "read_address": [a] * 3} for bank in range(banks) for a in range(of.depth)]
    got = [s.a_data for s in play(memory, clocks)][-banks * of.depth :]
    assert got == [[20 * bank + 3 * a + k for k in range(3)] for bank in range(banks) for a in range(of.depth)]


class Passes:
    """Contributions to partial deltas in passes, and what they add up to."""

    def __init__(self, of, banks, loop, seed=0):
        self.of, self.banks, self.loop = of, banks, loop
        self.rng = np.random.default_rng(seed)
        self.clocks, self.expected, self.visited, self.sums = [], [], {}, {}

    def clock(self, **contribution):
        """One clock; beside it a group of the last finished pass is handed over."""
        of, finished = self.of, [bank for bank, sums in self.sums.items() if sums is not None]
        read = {}
        if finished:
            bank, g = self.rng.choice(finished), int(self.rng.integers(of.groups))
            neurons, base, phase = group_of(of, g)
            read = {"read_bank": bank, "read_base": base, "read_phase": phase}
            self.expected.append((len(self.clocks), [self.sums[bank][n] for n in neurons]))
        self.clocks.append(contribution | read)

    def run(self, n, sweeps, share):
        """Pass n: every neuron once a sweep, in an order of its own for every memory, as soon as the loop allows."""
        of, bank, sums = self.of, n % self.banks, [0] * self.of.neurons
        self.sums[bank] = None
        for sweep in range(sweeps):
            orders = [self.rng.permutation(of.depth) for _ in range(of.memories)]
            for step in range(of.depth):
                address = [int(o[step]) for o in orders]
                while self.rng.random() > share or any(
                    len(self.clocks) - self.visited.get((k, a), -99) < self.loop.apart for k, a in enumerate(address)
                ):
                    self.clock(valid=0, first=1, bank=bank, address=address, product=[77] * of.memories)
                product = integers(self.rng, signed(8), of.memories).tolist()
                for k, a in enumerate(address):
                    self.visited[k, a] = len(self.clocks)
                    sums[a * of.memories + k] += product[k]
                self.clock(valid=1, first=sweep == 0, bank=bank, address=address, product=product)
        for _ in range(self.loop.ahead + self.loop.clocks - 1 + self.loop.behind):
            self.clock()
        self.sums[bank] = sums


LOOPS = [Loop(1), Loop(1, 1), Loop(1, 1, 2), Loop(1, 1, 1, 1), Loop(2, behind=1), Loop(2), Loop(3), Loop(4)]


@pytest.mark.parametrize(("banks", "stages"), [(1, 1), (2, 0), (2, 1), (3, 2)])
@pytest.mark.parametrize("loop", LOOPS, ids=str)
def test_all_contributions_are_counted_and_handed_over(banks, loop, stages):
    for sizes in ((12, 3, 4), (10, 2, 5), (3, 3, 3)):
        passes = Passes(Interleaving(*sizes), banks, loop)
        for n, share in enumerate((1, 0.7, 1, 0.5)):
            passes.run(n, sweeps=3, share=share)
        for _ in range(20):
            passes.clock()
        memory = PartialDeltaMemory(passes.of, signed(8), signed(10), banks, loop, stages=stages, lut_ram_depth=8)
        seen = play(memory, put_off(passes.clocks + [{}] * stages, "product", loop.ahead))
        assert [seen[t + stages].read_data for t, _ in passes.expected] == [sums for _, sums in passes.expected]


@pytest.mark.parametrize("loop", [Loop(1, zeros=2), Loop(1, 1, zeros=1), Loop(3, zeros=1)], ids=str)
def test_bits_of_contributions_that_are_always_zero_are_not_added(loop):
    of, rng = Interleaving(2 * loop.apart, 2, 2), np.random.default_rng(0)
    products = rng.integers(-128 >> loop.zeros, 128 >> loop.zeros, size=(5 * of.depth, 2)) << loop.zeros
    clocks = [
        {"valid": 1, "first": c < of.depth, "address": [c % of.depth] * 2, "product": p} for c, p in enumerate(products)
    ]
    clocks += [{}] * (loop.clocks - 1 + loop.ahead + loop.behind) + [{"read_base": a} for a in range(of.depth)]
    memory = PartialDeltaMemory(of, signed(8), signed(11), 1, loop, stages=0, lut_ram_depth=8)
    got = [s.read_data for s in play(memory, put_off(clocks, "product", loop.ahead))][: len(clocks)][-of.depth :]
    assert got == [products[a :: of.depth].sum(axis=0).tolist() for a in range(of.depth)]


@pytest.mark.parametrize("loop", LOOPS, ids=str)
def test_a_word_may_return_after_as_many_clocks_as_the_loop_is_long(loop):
    of = Interleaving(2 * loop.apart, 2, 2)
    clocks = [
        {"valid": 1, "first": c < of.depth, "address": [c % of.depth] * 2, "product": [c + 1, -1]}
        for c in range(5 * of.depth)
    ]
    clocks += [{}] * (loop.clocks - 1 + loop.ahead + loop.behind) + [{"read_base": a} for a in range(of.depth)]
    memory = PartialDeltaMemory(of, signed(8), signed(11), 1, loop, stages=0, lut_ram_depth=8)
    got = [s.read_data for s in play(memory, put_off(clocks, "product", loop.ahead))][: len(clocks)][-of.depth :]
    assert got == [[sum(range(a + 1, 5 * of.depth + 1, of.depth)), -5] for a in range(of.depth)]
