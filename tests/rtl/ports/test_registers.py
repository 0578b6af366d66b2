"""The bus, through small whole accelerators."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.count import error_counter, flag
from rtl.ports.register_map import (
    BUILD,
    CONTROL,
    CYCLES,
    EMPTY,
    ERROR,
    ERRORS,
    HASH,
    ILLEGAL_KAPPAS,
    ILLEGAL_LABELS,
    MAGIC,
    RATE,
    RATE_FIXED,
    REFUSED_VALUES,
    RESULTS,
    SAMPLES,
    SATURATION,
    STANDING,
    STATUS,
    VERSION,
    AddressMap,
)
from tests.models.fixed.naive import NaiveFixed
from tests.rtl.designs import DEEP, DESIGNS, design, planned
from tests.rtl.driving import play
from tests.rtl.host import Host, random_parameters, random_samples, words_of

COUNTED_ERRORS = (ILLEGAL_KAPPAS, ILLEGAL_LABELS, REFUSED_VALUES)
SIGNALS = ("preactivation", "delta", "weight", "bias")
SMALLEST = {"layers": [6, 4], "out_degree": [2], "z": [3]}
SMALL = {"layers": [6, 6, 4], "out_degree": [2, 2], "z": [2, 3], "classes": 3}

BUILDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "combinational": {"latency": {"memory_read": 0, "write_back": 0}},
    "deep": {"latency": {"memory_read": 3, "write_back": 3, "multiplier": 1}},
    "inference": {"build": "inference", "latency": {"memory_read": 3}},
    "combinational_inference": {"build": "inference", "latency": {"memory_read": 0}},
    "mixed_formats": {"numbers": "mixed"},
    "fine_weights": {"numbers": "fine_weights"},
    "one_row": {"layers": [4, 4, 2], "out_degree": [1, 1], "z": [4, 4], "classes": 2},
}


@pytest.mark.parametrize("name", DESIGNS)
def test_every_word_has_an_address_of_its_own(name):
    of = design(name)
    where = AddressMap.of(of)
    regions = [*where.weights, *where.biases]
    sizes = [j.pattern.n_edges for j in of.junctions] + [j.n_right for j in of.junctions]
    addresses = [[r.address(k) for k in range(n)] for r, n in zip(regions, sizes, strict=True)]
    flat = [a for region in addresses for a in region]
    assert len(set(flat)) == len(flat) == sum(sizes)
    assert max(flat) < 1 << where.bits
    assert min(flat) >= 1 << where.block_bits > SATURATION + 4 * len(of.junctions)
    for region, own in zip(regions, addresses, strict=True):
        assert region.base <= min(own) and max(own) < region.base + region.size
        assert {a >> where.block_bits for a in own} == {region.base >> where.block_bits}
    # A row's words lie side by side, and rows a power of two apart.
    j, region = of.junctions[0], regions[0]
    assert [region.address(k) - region.base for k in range(j.z)] == list(range(j.z))
    assert region.address(j.z) - region.base == min(1 << b for b in range(12) if 1 << b >= j.z)


@pytest.mark.parametrize(
    ("options", "counters"),
    [
        ({}, [0, 1, 2, 3]),
        ({"counters": False}, []),
        ({"build": "inference"}, [0]),
        ({"layers": [5, 5], "out_degree": [3], "z": [5], "classes": 4}, [0, 1, 2, 3]),
    ],
    ids=["training", "without_counters", "inference", "short_last_row"],
)
def test_only_what_is_there_can_be_read(options, counters):
    host = Host(planned(**(SMALLEST | options)))
    there_are = {CONTROL, STATUS, RATE, SAMPLES, RESULTS, CYCLES, *(SATURATION + k for k in counters)}
    there_are |= {ERRORS, *COUNTED_ERRORS, MAGIC, VERSION, HASH, BUILD, *range(20, 30)}

    async def scenario(host):
        there = [a for a in range(1 << host.map.bits) if not await host.refused(a)]
        assert set(there) == there_are | set(host.addresses())

    host.play(scenario)


def test_only_what_may_change_can_be_written():
    host = Host(planned(**SMALLEST))

    async def scenario(host):
        for address in [
            STATUS,
            SAMPLES,
            RESULTS,
            CYCLES,
            *COUNTED_ERRORS,
            MAGIC,
            BUILD,
            *range(SATURATION, SATURATION + 14),
        ]:
            before = await host.read(address)
            assert await host.refused(address, before ^ 0xFF)
            assert await host.read(address) == before
        gaps = set(range(1 << host.map.bits)) - set(host.addresses()) - {CONTROL, RATE, ERRORS}
        parameters = await host.read_parameters()
        for address in sorted(gaps)[::5]:
            assert await host.refused(address, 1), address
        assert await host.read_parameters() == parameters

    host.play(scenario)


def test_registers_take_four_clocks():
    host = Host(planned(**SMALLEST))

    async def scenario(host):
        for address in (CONTROL, STATUS, RATE, SAMPLES, ERRORS, REFUSED_VALUES):
            _, _, clocks = await host.access(address)
            assert clocks == 3  # after the one of the request

    host.play(scenario)


@pytest.mark.parametrize("options", BUILDS.values(), ids=BUILDS)
def test_all_parameters_are_read_back_after_all_are_written(options):
    of = planned(**(SMALL | options))
    wanted = random_parameters(of, np.random.default_rng(0))
    host = Host(of)

    async def scenario(host):
        assert await host.read_parameters() == words_of(of.design.initial_integers)
        await host.load(wanted)
        assert await host.read_parameters() == words_of(wanted)

    host.play(scenario)


def test_one_word_is_written_and_no_other():
    of = planned(**SMALLEST)
    host, words, rng = Host(of), words_of(of.design.initial_integers), np.random.default_rng(0)

    async def scenario(host):
        for k in rng.permutation(len(words))[:6]:
            words[k] = int(rng.integers(-100, 100))
            await host.write(host.addresses()[k], words[k])
            assert await host.read_parameters() == words

    host.play(scenario)


def test_memories_are_refused_while_running():
    of = planned(**SMALLEST)
    host, initial = Host(of), words_of(of.design.initial_integers)

    async def scenario(host):
        await host.write(CONTROL, 1)
        assert await host.read(CONTROL) == 1
        assert not await host.read(STATUS) >> STANDING & 1
        assert all([await host.refused(a) for a in host.addresses()])
        assert all([await host.refused(a, 1) for a in host.addresses()])
        await host.write(CONTROL, 0)
        await host.until(STATUS, STANDING)
        assert await host.read_parameters() == initial

    host.play(scenario)


def test_only_legal_rates_are_taken():
    host = Host(planned(**SMALLEST, rate_shift=((0, 2), (1, 5))))

    async def scenario(host):
        assert await host.read(RATE) == 5
        for kappa in (0, 1, 6, 7, 255):
            for fixed in (0, 1 << RATE_FIXED):
                assert await host.refused(RATE, kappa | fixed), kappa
        assert await host.read(RATE) == 5
        for kappa in (2, 3, 4, 5):
            for fixed in (1 << RATE_FIXED, 0):
                await host.write(RATE, kappa | fixed)
                assert await host.read(RATE) == kappa | fixed

    host.play(scenario)


async def refusals(host):
    return await host.read(REFUSED_VALUES)


@pytest.mark.parametrize("options", BUILDS.values(), ids=BUILDS)
def test_words_of_memories_take_what_their_formats_hold_and_nothing_else(options):
    """5000 in a weight of 10 bits once became -120."""
    of = planned(**(SMALL | options))
    host, numbers, words = Host(of), of.numbers, words_of(of.design.initial)
    sizes = [(numbers.weight, j.pattern.n_edges) for j in of.junctions] + [(numbers.bias, j.n_right) for j in of.junctions]
    ends = np.cumsum([n for _, n in sizes]) - 1

    async def scenario(host):
        refused = 0
        for (fmt, _), k in zip(sizes, ends.tolist(), strict=True):
            address, width = host.addresses()[k], fmt.width
            for legal in (fmt.lowest, fmt.highest, -1, 0):
                await host.write(address, legal)
                assert await host.read(address) == legal
            beyond = [fmt.highest + 1, fmt.lowest - 1, 5000 << 12, -(1 << 31), (1 << 31) - 1]
            # A negative number that is extended by zeros is none; nor is one with a hole in its sign.
            beyond += [fmt.lowest & ((1 << width) - 1), ~(1 << width), ~(1 << 30), 1 << width]
            for illegal in beyond:
                assert await host.refused(address, illegal), (fmt, illegal)
                refused += 1
                assert await host.read(address) == 0
                assert await refusals(host) == refused
            words[k] = 0
        assert await host.read_parameters() == words
        assert await host.read(ERRORS) == 0b100 and await host.read(STATUS) >> ERROR & 1

    host.play(scenario)


def test_a_weight_of_10_bits_does_not_become_another():
    of = planned(**SMALLEST, numbers="half_even")
    assert of.numbers.weight.width == 10
    host = Host(of)

    async def scenario(host):
        address = host.addresses()[0]
        await host.write(address, 77)
        assert await host.refused(address, 5000)
        assert await host.read(address) == 77 and await refusals(host) == 1

    host.play(scenario)


def test_control_rate_and_errors_take_what_they_hold_and_nothing_else():
    host = Host(planned(**SMALLEST, rate_shift=((0, 2), (1, 5))))

    async def scenario(host):
        await host.write(RATE, 3 | 1 << RATE_FIXED)
        before = {a: await host.read(a) for a in (CONTROL, RATE)}
        illegal = {CONTROL: [4, 7, 1 << 31, -1], RATE: [1, 6, 3 | 1 << 9, 3 | 1 << 31, -1], ERRORS: [8, 1 << 31 | 7, -1]}
        refused = 0
        for address, words in illegal.items():
            for word in words:
                assert await host.refused(address, word), (address, word)
                refused += 1
                assert await refusals(host) == refused
                assert {a: await host.read(a) for a in before} == before
        assert await host.read(STATUS) == 1 << STANDING | 1 << EMPTY | 1 << ERROR

    host.play(scenario)


def test_only_refused_values_count_as_such():
    """Not what has no address, is read-only, or is a memory while running: there no value would do."""
    host = Host(planned(**SMALLEST))

    async def scenario(host):
        for address in (STATUS, CYCLES, REFUSED_VALUES, 7, (1 << host.map.bits) - 1):
            assert await host.refused(address, 1 << 30)
        await host.write(CONTROL, 1)
        assert await host.refused(host.addresses()[0], 1 << 30)
        await host.access(RATE, 0)
        assert (await refusals(host), await host.read(ERRORS)) == (1, 0b100)

    host.play(scenario)


def test_errors_are_cleared_one_by_one():
    of = planned(**(SMALL | {"rate_shift": ((0, 3), (1, 5))}))
    host, rng = Host(of), np.random.default_rng(3)
    facts = [{"kappa": 6}, {"label": 3}, {"kappa": 2, "label": 3}, {"kappa": 0}, {"kappa": 7, "label": 3, "train": 0}]
    samples = [random_samples(of, 1, rng, **({"train": 1} | f))[0] for f in facts]

    async def errors(host):
        return [await host.read(a) for a in (ERRORS, *COUNTED_ERRORS)]

    async def scenario(host):
        await host.access(CONTROL, 4)
        await host.train(samples)
        assert await errors(host) == [0b111, 3, 2, 1]
        for word, left in ((0, [7, 3, 2, 1]), (0b010, [5, 3, 0, 1]), (0b010, [5, 3, 0, 1]), (0b101, [0] * 4)):
            await host.write(ERRORS, word)
            assert await errors(host) == left
        assert await host.read(STATUS) == 1 << STANDING | 1 << EMPTY
        assert await host.read(SAMPLES) == len(samples)  # other counters go on
        await host.access(CONTROL, 4)
        assert await errors(host) == [4, 0, 0, 1]

    host.play(scenario)


@pytest.mark.parametrize("fixed", [False, True])
def test_samples_that_may_not_train_leave_no_trace_but_their_results(fixed):
    """Among good ones; a fixed rate makes every sample's own count for nothing."""
    of = planned(**(SMALL | {"rate_shift": ((0, 3), (1, 5)), "latency": DEEP}))
    host, rng = Host(of), np.random.default_rng(4)
    parameters, samples = random_parameters(of, rng), random_samples(of, 20, rng)
    for k, s in enumerate(samples):
        s |= [{}, {"kappa": int(rng.choice([0, 1, 2, 6, 7]))}, {"label": 3}, {"kappa": 6, "label": 3}][k % 4]
    strange = [(s["train"] and not fixed and not 3 <= s["kappa"] <= 5, s["train"] and s["label"] == 3) for s in samples]
    learned = [int(s["train"] and not any(odd)) for s, odd in zip(samples, strange, strict=True)]

    async def scenario(host):
        await host.load(parameters)
        if fixed:
            await host.write(RATE, 4 | 1 << RATE_FIXED)
        await host.train(samples)
        legal = [
            s | {"train": t, "label": s["label"] % 3, "kappa": 4 if fixed or not t else s["kappa"]}
            for s, t in zip(samples, learned, strict=True)
        ]
        naive = trained(of, parameters, legal)
        assert await host.read_parameters() == all_words(naive)
        while len(host.results) < len(samples) * of.junctions[-1].groups:
            await host.ctx.tick()
        last = [b for b in host.results if b["last"]]
        assert [b["prediction"] for b in last] == naive.predictions
        assert [b["train"] for b in last] == learned
        assert [b["label"] for b in last] == [s["label"] for s in samples]
        counted = [await host.read(a) for a in (ILLEGAL_KAPPAS, ILLEGAL_LABELS)]
        assert counted == [sum(map(bool, kind)) for kind in zip(*strange, strict=True)]
        assert await host.read(ERRORS) == (0b10 if fixed else 0b11)

    host.play(scenario)


def test_counting_errors_ends_at_the_greatest_number():
    """With a counter of three bits; what happens in the clock in which it is cleared is not lost, nor is the flag."""

    class Counter(wiring.Component):
        event: In(1)
        clear: In(1)
        total: Out(3)
        flag: Out(1)

        def elaborate(self, platform):
            m = Module()
            m.d.comb += [
                self.total.eq(error_counter(m, "errors", self.event, self.clear, width=3)),
                self.flag.eq(flag(m, self.event, self.clear)),
            ]
            return m

    stimulus = [{"event": 1}] * 10 + [{}, {"clear": 1, "event": 1}, {"clear": 1}, {"event": 1}, {}]
    seen = play(Counter(), stimulus)
    assert [s.total for s in seen] == [0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 1, 0, 1]
    assert [s.flag for s in seen] == [int(s.total > 0) for s in seen]


def trained(of, parameters, samples):
    """The contract: samples one after the other, then bubbles until the last update."""
    naive = NaiveFixed(of.design.network, of.numbers, parameters, of.hops)
    for s in samples:
        naive.cycle((s["inputs"], s["label"], s["kappa"], bool(s["train"])))
    for _ in range(of.hops.drain(len(of.junctions))):
        naive.cycle()
    return naive


def all_words(naive):
    return [x for array in (*naive.w, *naive.b) for x in array]


@pytest.mark.parametrize("fixed", [None, 2, 4], ids=["samples_own", "2", "4"])
def test_a_fixed_rate_replaces_that_of_the_samples(fixed):
    of = planned(**SMALL, rate_shift=((0, 2), (1, 5)))
    rng = np.random.default_rng(1)
    parameters, samples = random_parameters(of, rng), random_samples(of, 6, rng)
    host = Host(of)

    async def scenario(host):
        await host.load(parameters)
        if fixed is not None:
            await host.write(RATE, fixed | 1 << RATE_FIXED)
        await host.train(samples)
        at = samples if fixed is None else [s | {"kappa": fixed} for s in samples]
        assert await host.read_parameters() == all_words(trained(of, parameters, at))

    host.play(scenario)


@pytest.mark.parametrize(
    "options", [{"latency": DEEP}, {"numbers": "mixed"}, {"build": "inference"}], ids=["deep", "mixed_formats", "inference"]
)
def test_counters_count(options):
    of = planned(**(SMALL | {"z": [6, 3]} | options))  # several numbers are clipped in a clock
    rng = np.random.default_rng(2)
    parameters = random_parameters(of, rng)
    samples = random_samples(of, 7, rng, **({} if of.trains else {"train": 0}))
    host = Host(of)

    async def scenario(host):
        await host.load(parameters)
        assert [await host.read(a) for a in (SAMPLES, RESULTS, CYCLES)] == [0, 0, 0]
        await host.train(samples)
        while len(host.results) < 7 * of.junctions[-1].groups:
            await host.ctx.tick()
        await host.ctx.tick()
        assert [await host.read(a) for a in (SAMPLES, RESULTS, CYCLES)] == [7, 7, host.advances]
        naive, signals = trained(of, parameters, samples), SIGNALS if of.trains else SIGNALS[:1]
        counted = {
            (j, signal): await host.read(SATURATION + 4 * j + k)
            for j in range(len(of.junctions))
            for k, signal in enumerate(signals)
        }
        assert counted == {key: naive.saturation.get(key, 0) for key in counted}
        assert counted[0, "preactivation"] > 0
        assert [b["prediction"] for b in host.results if b["last"]] == naive.predictions

    host.play(scenario)


def test_status_tells_whether_the_pipe_is_empty():
    of = planned(**SMALL)
    host = Host(of)

    async def scenario(host):
        assert await host.read(STATUS) == 1 << STANDING | 1 << EMPTY
        host.beats.extend([{"inputs": [0] * of.beat, "label": 0, "kappa": 3, "train": 0}])  # part of a sample
        await host.ctx.tick().repeat(3)
        assert await host.read(STATUS) == 1 << STANDING
        host.beats.extend([{"inputs": [0] * of.beat, "label": 0, "kappa": 3, "train": 0}] * (of.inputs.groups - 1))
        await host.ctx.tick().repeat(of.inputs.groups + 2)
        assert await host.read(STATUS) == 1 << STANDING
        await host.write(CONTROL, 1)
        await host.until(STATUS, EMPTY)
        assert host.advances > of.hops.drain(len(of.junctions))
        await host.write(CONTROL, 0)
        await host.until(STATUS, STANDING)
        assert await host.read(STATUS) == 1 << STANDING | 1 << EMPTY

    host.play(scenario)
