"""What mutants are measured by: a few samples, which catch most, all scenarios of co-simulation, extreme numbers."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hwsim.random_streams import Stream
from models.errors import ArgumentError
from models.network.parameters import IntegerParameters
from models.numbers.format import Format
from rtl.cosim import scenarios
from rtl.cosim.protocol import memory_clocks
from rtl.cosim.script import Script
from rtl.cosim.stimulus import StreamSamples, illegal_values, spoilt
from rtl.mutation.trace import CODE_BITS, COUNTERS, FULL, LONE
from rtl.plan.plan import JunctionPlan, Plan, tables
from rtl.ports import register_map
from rtl.ports.register_map import AddressMap

_FEW, _EXTREME, _SCALED = 10, 14, 25
"""Samples: of the first part, and of each load of parameters."""
_ENOUGH = 12
"""Loads of extreme parameters."""
_BALANCED = 3
"""Loads of parameters for each junction and each end of its biases."""
_STEEP = 12
"""Loads of parameters that let the greatest deltas back."""
_RESTARTS, _ABORTS = 40, 24
"""At most: while no sample is under way, and while some are."""
_LANES = 8
"""Of a memory, at most, a word of which is written."""
_WORD = 0xFFFFFFFF
_SCALES, _LEAST_SCALES, _CLOCKS = 96, 12, 120_000
"""Loads of parameters of other sizes: as many, but fewer where they would take more clocks."""


def samples(of: Plan, n: int, number: int, inference: float = 0.0, extreme: bool = False) -> StreamSamples:
    """Random inputs, labels and learning rates over everything that is legal, inputs at the ends of their range if asked."""
    rng, fmt, config = of.design.generator(Stream.MUTATION, number), of.numbers.input, of.config
    least, greatest = of.kappas
    size = (n, config.network.layers[0])
    return StreamSamples(
        (_ends(rng, fmt, size) if extreme else rng.integers(fmt.lowest, fmt.highest + 1, size)).astype(np.int32),
        rng.integers(0, config.classes, n).astype(np.int32),
        rng.integers(least, greatest + 1, n).astype(np.int32),
        rng.random(n) >= (inference if of.trains else 1.0),
    )


def _ends(rng: np.random.Generator, fmt: Format, size: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Values of which most are at the ends of a format's range or next to 0, whole rows alike as often as not."""
    values = np.array([fmt.lowest, fmt.highest, fmt.highest, fmt.lowest, 0, 1, max(fmt.lowest, -1), fmt.highest - 1])
    rows = (size[0], 1)
    alike = np.broadcast_to(rng.choice(values, rows), size)
    return np.where(rng.random(rows) < 0.5, alike, rng.choice(values, size))


def parameters(of: Plan, number: int, style: int) -> IntegerParameters:
    """Weights and biases most of which are at the ends of their ranges.

    ``style`` says which of them are all at one end: biases at the lower (0) or upper one (1), weights at the lower (2) or
    upper one (3).
    """
    rng, n = of.design.generator(Stream.MUTATION, number, 1), of.numbers

    def drawn(fmt: Format, size: int, groups: int, pinned: bool) -> npt.NDArray[np.int32]:
        if pinned:
            return np.full(size, fmt.highest if style & 1 else fmt.lowest, np.int32)
        return _ends(rng, fmt, (groups, size // groups)).ravel().astype(np.int32)

    return IntegerParameters(
        [drawn(n.weight, j.pattern.n_edges, j.n_right, bool(style & 2)) for j in of.junctions],
        [drawn(n.bias, j.n_right, j.n_right, not style & 2) for j in of.junctions],
    )


def few(script: Script) -> None:
    """What the memories hold at power-up, and a few samples: most mutants show."""
    script.begin("few")
    script.add(samples(script.plan, _FEW, 0, inference=0.2))
    script.run(_FEW)
    script.read_parameters()
    script.peek(scenarios.register_words(script.plan))


def extremes(script: Script) -> None:
    """Numbers at the ends of their ranges, the largest steps as often as not."""
    script.begin("extremes")
    of = script.plan
    for number in range(1, 1 + _ENOUGH):
        script.load(parameters(of, number, number & 3))
        drawn = samples(of, _EXTREME, number, extreme=True)
        kappa = np.where(np.arange(_EXTREME) % 2, drawn.kappa, of.kappas[0]).astype(np.int32)
        script.add(StreamSamples(drawn.input, drawn.label, kappa, drawn.train))
        script.run(_EXTREME)
        script.peek(scenarios.register_words(of))
    script.read_parameters()


def scales(script: Script) -> None:
    """Numbers of all sizes, those of a layer alike: what is rounded lies anywhere, and pre-activations where slopes are."""
    script.begin("scales")
    of = script.plan
    words = sum(j.pattern.n_edges + j.n_right for j in of.junctions)
    # A word takes its clocks on the bus, a sample at least one pass.
    cost = 8 * words + _SCALED * of.period
    for number in range(128, 128 + max(_LEAST_SCALES, min(_SCALES, _CLOCKS // cost))):
        script.load(_scaled(of, number))
        script.add(samples(of, _SCALED, number, inference=0.05))
        script.run(_SCALED)
        script.peek(scenarios.register_words(of))
    script.read_parameters()


def _scaled(of: Plan, number: int) -> IntegerParameters:
    """Weights and biases up to a power of two, another one for each junction; a few are at the ends of their ranges."""
    rng, n = of.design.generator(Stream.MUTATION, number, 1), of.numbers

    def drawn(fmt: Format, size: int) -> npt.NDArray[np.int32]:
        most = fmt.highest >> int(rng.integers(0, fmt.width - 1))
        values = rng.integers(-most - 1, most + 1, size)
        ends = rng.choice([fmt.lowest, fmt.highest], size)
        return np.where(rng.random(size) < 0.85, values, ends).astype(np.int32)

    return IntegerParameters(
        [drawn(n.weight, j.pattern.n_edges) for j in of.junctions], [drawn(n.bias, j.n_right) for j in of.junctions]
    )


def balanced(script: Script) -> None:
    """Biases at their ends, and weights that make up for them: pre-activations are where slopes are, biases are clipped."""
    script.begin("balanced")
    of, numbers = script.plan, iter(range(512, 1024))
    for j in of.junctions:
        for end in (of.numbers.bias.lowest, of.numbers.bias.highest):
            for _ in range(_BALANCED):
                number = next(numbers)
                script.load(_balancing(of, number, j, end))
                drawn = samples(of, _EXTREME, number)
                top = np.full_like(drawn.input, of.numbers.input.highest)
                kappa = np.full_like(drawn.kappa, of.kappas[0])
                script.add(StreamSamples(top, drawn.label, kappa, drawn.train))
                script.run(_EXTREME)
                script.peek(scenarios.register_words(of))
    script.read_parameters()


def _balancing(of: Plan, number: int, at: JunctionPlan, end: int) -> IntegerParameters:
    """Layers before the junction's right one give the most they can; its biases are at an end, its weights against them."""
    made, n, left = _scaled(of, number), of.numbers, of.numbers.input.highest / 2**of.numbers.input.fraction
    rng = of.design.generator(Stream.MUTATION, number, 2)
    for j, weight, bias in zip(of.junctions[: at.number], made.weights, made.biases, strict=False):
        if j is at:
            against = -end / 2**n.bias.fraction / (j.d_in * left) * 2**n.weight.fraction
            size = weight.shape
            weight[:] = np.clip(np.rint(against * rng.uniform(0.8, 1.2, size)), n.weight.lowest, n.weight.highest)
            bias[:] = end
        else:
            weight[:], bias[:] = 0, n.bias.highest
            left = max(int(tables(of, j)[0].max()), 1) / 2**n.activation.fraction
    return made


def steep(script: Script) -> None:
    """Weights at their ends, and next to nothing in front of them: slopes are steep, and deltas grow on their way back."""
    of = script.plan
    if len(of.junctions) == 1 or not of.trains:
        return
    script.begin("steep")
    for number in range(1024, 1024 + _STEEP):
        script.load(_steep(of, number))
        script.add(samples(of, _EXTREME, number))
        script.run(_EXTREME)
        script.peek(scenarios.register_words(of))
    script.read_parameters()


def _steep(of: Plan, number: int) -> IntegerParameters:
    """Weights of the first junction and all biases of a few units; all other weights at their ends, neurons alike or not."""
    rng, n = of.design.generator(Stream.MUTATION, number, 1), of.numbers
    weights = [rng.integers(-1, 2, of.junctions[0].pattern.n_edges)]
    for j in of.junctions[1:]:
        size = (j.n_right, j.pattern.n_edges // j.n_right)
        alike, ends = rng.random((j.n_right, 1)) < 0.5, [n.weight.lowest, n.weight.highest]
        weights.append(np.where(alike, rng.choice(ends, (j.n_right, 1)), rng.choice(ends, size)).ravel())
    biases = [rng.integers(0, 3, j.n_right) for j in of.junctions]
    return IntegerParameters([w.astype(np.int32) for w in weights], [b.astype(np.int32) for b in biases])


def interplay(script: Script) -> None:
    """A few samples at a time, with gaps, halts and every RATE, while STATUS is read: stages are empty beside full ones."""
    script.begin("interplay")
    of, numbers = script.plan, iter(range(256, 512))
    (least, greatest), rng = of.kappas, of.design.generator(Stream.MUTATION, 256, 1)
    for idle in (0.05, 0.3, 0.6, 0.85, 0.95):
        for blocked in (0.0, 0.3, 0.8):
            script.pause(idle, blocked)
            for n in (1, 2, 3, 5, 8):
                rate = int(rng.integers(least, greatest + 1)) | int(rng.integers(2)) << register_map.RATE_FIXED
                script.poke([register_map.RATE], [rate])
                # Whatever comes in between, it stays.
                script.peek([register_map.RATE, *(r.base for r in AddressMap.of(of).weights), register_map.RATE])
                script.add(samples(of, n, next(numbers), inference=0.3))
                script.feed(n)
                script.start()
                clocks = of.period * (n + of.hops.drain(len(of.junctions)))
                # An access takes at least two clocks.
                for _ in range(4):
                    script.peek([register_map.STATUS] * int(rng.integers(1, clocks // 4)))
                    # Told to stop, it moves for a few clocks more, and refuses memories.
                    script.poke([register_map.CONTROL], [0])
                    script.peek([r.base for r in AddressMap.of(of).weights])
                    script.stop()
                    script.wait(int(rng.integers(2 * of.period)))
                    script.start()
                script.finish()
    script.pause(0, 0)
    script.poke([register_map.RATE], [greatest])


def ties(script: Script) -> None:
    """Parameters that are all 0, so that outputs tie; then biases alone, each of which leads in its turn."""
    script.begin("ties")
    of = script.plan
    zero = [np.zeros_like(w) for w in of.design.initial_integers.weights]
    quiet = [np.zeros_like(b) for b in of.design.initial_integers.biases]
    last = of.junctions[-1].n_right
    for leader in range(-1, last):
        biases = [*quiet[:-1], np.where(np.arange(last) == leader, 1, 0).astype(np.int32)]
        script.load(IntegerParameters(zero, biases))
        drawn = samples(of, 2, 32 + leader)
        script.add(StreamSamples(drawn.input, drawn.label, drawn.kappa, np.zeros(2, np.bool_)))
        script.run(2)


def refusals(script: Script) -> None:
    """What two rules forbid at once: values that no word can hold, outside the memories and while running."""
    script.begin("refusals")
    of = script.plan
    where, n = AddressMap.of(of), of.numbers
    regions = [*where.weights, *where.biases]
    words = {r.address(k) for r in regions for k in range(r.rows * r.lanes)}
    near = {r.base + (r.rows << r.lane_bits) for r in regions} | {r.base + r.lanes for r in regions}
    near |= {r.base + (1 << where.block_bits) - 1 for r in regions} | {(1 << where.bits) - 1}
    outside = sorted(a for a in near if a not in words and a < 1 << where.bits)
    strange = [n.weight.highest + 1, n.weight.lowest - 1, n.bias.highest + 1, n.bias.lowest - 1, 1 << 31, (1 << 31) - 1]
    for running in (0, 1, 0):
        script.poke([register_map.CONTROL], [running])
        # The junction cycle that is under way ends first.
        script.wait(of.period + of.skew)
        for address in [*outside, *((r.base for r in regions) if running else ())]:
            script.poke([address] * len(strange), [value & 0xFFFFFFFF for value in strange])
            script.peek([register_map.REFUSED_VALUES, register_map.ERRORS])


def restarts(script: Script) -> None:
    """Reset after so many clocks, with samples or without, and told to go on at once: nothing is left of the time before.

    With samples reset lasts for one clock, all stages are full, and what counts errors has counted.
    """
    script.begin("restarts")
    of = script.plan
    longest = of.period + of.skew + 1
    for clocks in sorted({1 + k * longest // _RESTARTS for k in range(_RESTARTS)}):
        script.start()
        script.wait(clocks)
        script.reset()
    full = of.hops.drain(len(of.junctions)) + 1
    for number, clocks in enumerate(sorted({k * of.period // _ABORTS for k in range(_ABORTS)}), 1536):
        script.poke([register_map.RATE], [1 << register_map.WIDTH - 1])
        script.add(_spoilt(of, samples(of, full + 2, number, inference=0.2), 0.3, number))
        script.abort(full + 2, full * of.period + clocks, reset=1)
        # What is still on its way to a memory would come there now.
        script.start()
        script.wait(of.period)
        script.stop()
        script.peek(scenarios.register_words(of))
    script.add(samples(of, _FEW, 65))
    script.run(_FEW)


def broken_off(script: Script) -> None:
    """Writes that change every bit of a word, broken off by reset after each number of clocks: it lands, or nothing has."""
    script.begin("broken_off")
    of = script.plan
    where, n, rng = AddressMap.of(of), of.numbers, of.design.generator(Stream.MUTATION, 2048)
    regions = [(r, n.weight) for r in where.weights] + [(r, n.bias) for r in where.biases]
    _, writing = memory_clocks(of)
    for region, fmt in regions:
        row = int(rng.integers(region.words // region.lanes))
        for lane in rng.permutation(region.lanes)[:_LANES].tolist():
            address = region.address(row * region.lanes + lane)
            for clocks in range(1, writing + 1):
                script.poke([address], [fmt.lowest & _WORD if clocks % 2 else fmt.highest])
                script.break_off(address, fmt.highest if clocks % 2 else fmt.lowest, clocks)
                script.peek([address])


def counting(script: Script) -> None:
    """Counters are set so that the next events change every bit, or to one bit; samples are illegal where some can be."""
    script.begin(COUNTING)
    of, codes = script.plan, range(FULL + 1)
    script.load(parameters(of, 64, 1))
    script.add(_spoilt(of, samples(of, 2 * len(codes), 64, extreme=True), 0.8, 64))
    for code in codes:
        script.poke([register_map.STATUS, register_map.CONTROL], [_setting(code), 1 << register_map.NO_BUBBLES + 1])
        script.run(2)
        # A bit that is inverted with every addition is right after an even number of clocks.
        script.wait(1 + code % 2)
        script.peek(scenarios.register_words(of))
    errors = [register_map.ERRORS, register_map.ILLEGAL_KAPPAS, register_map.ILLEGAL_LABELS, register_map.REFUSED_VALUES]
    for cleared in range(2 << register_map.ERROR_BITS):  # the upper half is refused
        script.poke([register_map.STATUS, register_map.ERRORS], [_setting(FULL), cleared])
        script.peek(errors)
    for bit in range(register_map.WIDTH):
        script.poke([register_map.STATUS], [_setting(LONE + bit)])
        script.peek(scenarios.register_words(of))


def _setting(code: int) -> int:
    return COUNTERS << CODE_BITS | code


def _spoilt(of: Plan, fed: StreamSamples, share: float, number: int) -> StreamSamples:
    """A share of the samples illegal, where something can be."""
    try:
        illegal_values(of.config, 1.0)
    except ArgumentError:
        return fed
    return spoilt(of.design, fed, share, of.design.generator(Stream.MUTATION, number, 3))


def _scenario(name: str) -> Callable[[Script], None]:
    def play(script: Script) -> None:
        script.pause(0, 0)
        scenarios.append(script, name)
        script.pause(0, 0)

    return play


COUNTING = "counters"
PARTS: dict[str, Callable[[Script], None]] = {
    "few": few,
    **{name: _scenario(name) for name in scenarios.SCENARIOS},
    "interplay": interplay,
    "refusals": refusals,
    "restarts": restarts,
    "broken_off": broken_off,
    "ties": ties,
    "extremes": extremes,
    "scales": scales,
    "balanced": balanced,
    "steep": steep,
    COUNTING: counting,
}
"""What the design goes through, in this order; each appends to a script."""
