"""The co-simulations whose record mutants are measured by: short ones that catch most, longer ones for what survives.

Each is compared with the machine before its record counts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwsim.random_streams import Stream
from models.network.parameters import IntegerParameters
from models.numbers.format import Format
from rtl.cosim.capture import Capture, Script, SimulationError, simulate
from rtl.cosim.comparison import Mismatch, compare, compare_state
from rtl.cosim.cosimulation import compare_counters, counter_addresses, illegal_values, spoilt
from rtl.cosim.stimulus import StreamSamples
from rtl.mutation.recording import ALTERNATING, COUNTERS, Trace, fields, inputs, observed, read, recorder
from rtl.plan.plan import Plan
from rtl.ports import registers
from rtl.ports.registers import AddressMap
from rtl.verilog.emission import Verilog

_RECORD = "record.txt"
_ANY = -1


@dataclass(frozen=True, eq=False)
class Stimulus:
    """What a co-simulation does.

    Attributes
    ----------
    script
        Ends with reading all parameters and counters.
    start
        Parameters when the samples that count are fed.
    fed
        Those, as the machine takes them.
    refused
        Values that the port refuses on the way; ``None`` if counters do not begin at 0.
    """

    name: str
    script: Script
    start: IntegerParameters
    fed: StreamSamples
    refused: int | None = 0


def record(
    emitted: Verilog, text: str, kinds: tuple[str, ...], simulator: str, folder: Path, watch: Callable[[str], None]
) -> list[Trace]:
    """Co-simulate the design, without a mutant, on these kinds of stimulus, and record what is set and seen.

    Parameters
    ----------
    text
        Verilog to simulate.
    folder
        Absolute; for the simulator and the record.
    watch
        Is told what begins.

    Raises
    ------
    SimulationError
        If the design itself differs from the machine: then no mutant can be judged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _RECORD
    file.unlink(missing_ok=True)
    seen = observed(text, recorder(emitted, file))
    for kind in kinds:
        stimulus = KINDS[kind](emitted.accelerator.plan)
        watch(f"co-simulating the design: {stimulus.name}")
        capture = simulate(emitted, stimulus.script, simulator, folder, text=seen)
        if (mismatch := _mismatch(emitted.accelerator.plan, stimulus, capture)) is not None:
            raise SimulationError(f"the design itself differs from the machine, {stimulus.name}: {mismatch}")
    return read(file, inputs(emitted), fields(emitted))


def _mismatch(of: Plan, stimulus: Stimulus, seen: Capture) -> Mismatch | None:
    counters, parameters = len(counter_addresses(of)), sum(v.size for v in stimulus.start.arrays().values())
    words, counted = seen.reads[:-counters], seen.reads[-counters:]
    outcome = compare(of, stimulus.start, stimulus.fed, seen)
    found = outcome.mismatch or compare_state(of, outcome.machine, words[-parameters:, 0])
    return found if stimulus.refused is None else found or compare_counters(of, outcome, len(stimulus.fed), counted, stimulus.refused)


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


def _ends(rng: np.random.Generator, fmt: Format, size: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Values of which most are at the ends of a format's range or next to 0, whole rows alike as often as not."""
    values = np.array([fmt.lowest, fmt.highest, fmt.highest, fmt.lowest, 0, 1, max(fmt.lowest, -1), fmt.highest - 1])
    each = rng.choice(values, size)
    alike = np.broadcast_to(rng.choice(values, (size[0], *(1,) * (len(size) - 1))), size)
    return np.where(rng.random((size[0], *(1,) * (len(size) - 1))) < 0.5, alike, each)


def parameters(of: Plan, number: int, style: int = _ANY) -> IntegerParameters:
    """Weights and biases over their whole range, or most at its ends: all biases or weights at the lower or upper one."""
    rng, n = of.design.generator(Stream.MUTATION, number, 1), of.numbers

    def drawn(fmt: Format, size: int, groups: int, pinned: bool) -> npt.NDArray[np.int32]:
        if style == _ANY:
            return rng.integers(fmt.lowest, fmt.highest + 1, size).astype(np.int32)
        if pinned:
            return np.full(size, fmt.highest if style & 1 else fmt.lowest, np.int32)
        return _ends(rng, fmt, (groups, size // groups)).ravel().astype(np.int32)

    return IntegerParameters(
        [drawn(n.weight, j.pattern.n_edges, j.n_right, bool(style & 2)) for j in of.junctions],
        [drawn(n.bias, j.n_right, j.n_right, not style & 2) for j in of.junctions],
    )


def _spoilt(of: Plan, fed: StreamSamples, share: float) -> StreamSamples:
    """Some of the samples illegal, where something can be."""
    if not of.trains or not any(values.size for values in illegal_values(of.config, 1.0) if _any_illegal(of)):
        return fed
    return spoilt(of.design, fed, share)


def _any_illegal(of: Plan) -> bool:
    least, greatest = of.config.kappa_range
    return (least, greatest) != (0, (1 << of.config.kappa_bits) - 1) or of.config.classes < 1 << of.config.label_bits


def _ended(script: Script) -> Script:
    script.read_parameters()
    script.peek(counter_addresses(script.plan))
    return script


def _short(of: Plan) -> Stimulus:
    fed, start = samples(of, 10, 0, inference=0.2), parameters(of, 0)
    script = Script(of, fed, idle=0.1, blocked=0.1)
    script.load(start)
    script.run(6)
    script.run(4)
    return Stimulus("a few samples", _ended(script), start, fed)


def _long(of: Plan, number: int = 1, idle: float = 0.3, blocked: float = 0.3) -> Stimulus:
    fed, start = _spoilt(of, samples(of, 60, number, inference=0.3), 0.2), parameters(of, number)
    script = Script(of, fed, number, idle, blocked)
    script.load(start)
    script.run(30)
    script.run(30)
    return Stimulus("random samples", _ended(script), start, fed)


def _extreme(of: Plan, number: int) -> Stimulus:
    """Numbers at the ends of their ranges, steps as large as they can be as often as not."""
    drawn, start = samples(of, 14, number, extreme=True), parameters(of, number, number & 3)
    kappa = np.where(np.arange(14) % 2, drawn.kappa, of.kappas[0]).astype(np.int32)
    fed = StreamSamples(drawn.input, drawn.label, kappa, drawn.train)
    script = Script(of, fed, number, 0.0, 0.0)
    script.load(start)
    script.run(14)
    return Stimulus(f"numbers at the ends of their ranges ({number & 3})", _ended(script), start, fed)


def _counters(of: Plan) -> Stimulus:
    """Counters that pass through every bit: set, then a sample, illegal if it can be, then read."""
    n = ALTERNATING + 1
    fed, start = _spoilt(of, samples(of, n, 8, extreme=True), 1.0), parameters(of, 8, 1)
    script = Script(of, fed, 8)
    script.load(start)
    for k in range(n):
        script.attempt([registers.STATUS, registers.CONTROL], [COUNTERS | k, 2])
        script.run(1)
        script.peek([*counter_addresses(of), registers.ERRORS])
    return Stimulus("counters that are full", _ended(script), start, fed, None)


def _blocked(of: Plan) -> Stimulus:
    return replace(_long(of, 4, 0.05, 0.9), name="results that are hardly ever taken")


def _port(of: Plan) -> Stimulus:
    """Every register and row read and written, legally and not; a reset in the middle of work; RATE in place of kappas."""
    where, n = AddressMap.of(of), of.numbers
    block = list(range(where.weights[0].base if where.bits < 9 else 64))
    legal = [*where.weights, *where.biases]
    words = {r.address(k) for r in legal for k in range(r.rows * r.lanes)}
    near = [r.base + (r.rows << r.lane_bits) for r in legal] + [r.base + r.lanes for r in legal] + [(1 << where.bits) - 1]
    outside = [a for a in near if a not in words and a < 1 << where.bits]
    given, start = samples(of, 40, 5, inference=0.1), parameters(of, 5)
    script = Script(of, given, 5, 0.1, 0.3)
    script.load(parameters(of, 6))
    script.abort(6, 5 * of.period + 2)
    # While the accelerator runs, its memories are refused.
    script.poke([registers.CONTROL], [1])
    script.peek([r.base for r in legal])
    script.attempt([r.base for r in legal], [1] * len(legal))
    script.poke([registers.CONTROL], [0])
    script.peek([registers.STATUS] * of.period)
    script.attempt([registers.CONTROL] * 3, [2, 1 << 31, 0xFFFFFFFE])
    # A reset clears what has been refused so far.
    script.abort(4, 3 * of.period + of.period // 2)
    script.load(start)
    script.read_parameters()
    script.peek(block + outside)
    refused = []
    for regions, fmt in ((where.weights, n.weight), (where.biases, n.bias)):
        for region in regions:
            for k in range(32):
                refused += [(region.address(0), fmt.highest ^ (1 << k))] if k >= fmt.width - 1 else []
                refused += [(region.address(0), fmt.lowest ^ (1 << k))] if k >= fmt.width - 1 else []
            refused += [(region.address(region.rows * region.lanes - 1), v) for v in (fmt.highest + 1, fmt.lowest - 1)]
    least, greatest = of.kappas
    rates = [k for k in range(256) if not least <= k <= greatest]
    refused += [(registers.RATE, k) for k in rates] + [(registers.RATE, greatest | 1 << k) for k in range(9, 32)]
    refused += [(registers.CONTROL, 1 << k) for k in range(1, 32)] + [(registers.ERRORS, 1 << k) for k in range(3, 32)]
    script.attempt(*_pairs(refused))
    script.peek([registers.ERRORS, registers.REFUSED_VALUES, registers.STATUS])
    script.attempt([registers.ERRORS] * 4, [1, 2, 4, 0])
    script.peek([registers.ERRORS, registers.REFUSED_VALUES, registers.STATUS])
    read_only = [registers.STATUS, registers.SAMPLES, registers.CYCLES, registers.REFUSED_VALUES, registers.SATURATION]
    script.attempt([*read_only, *outside], [1] * (len(read_only) + len(outside)))
    kappa = given.kappa.copy()
    for k, fixed in enumerate((greatest, least, greatest, least)):
        script.poke([registers.RATE], [fixed | (k < 2) << registers.RATE_FIXED])
        script.peek([registers.RATE])
        script.run(5)
        if k < 2:
            kappa[10 + 5 * k : 15 + 5 * k] = fixed
    script.peek(block)
    script.run(10)
    fed = StreamSamples(given.input[10:], given.label[10:], kappa[10:], given.train[10:])
    return Stimulus("the port, RATE and a reset", _ended(script), start, fed)


def _pairs(of: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [a for a, _ in of], [w for _, w in of]


def _ties(of: Plan) -> Stimulus:
    """Parameters that are all 0, so that outputs tie."""
    zero = parameters(of, 7)
    start = IntegerParameters([np.zeros_like(w) for w in zero.weights], [np.zeros_like(b) for b in zero.biases])
    fed = samples(of, 10, 7)
    script = Script(of, fed, 7)
    script.load(start)
    script.run(10)
    return Stimulus("outputs that tie", _ended(script), start, fed)


_EXTREMES = {f"extreme {k}": k for k in range(16, 28)}
KINDS: dict[str, Callable[[Plan], Stimulus]] = {
    "short": _short,
    "port": _port,
    "long": _long,
    "ties": _ties,
    **{name: partial(_extreme, number=k) for name, k in _EXTREMES.items()},
    "blocked": _blocked,
    "counters": _counters,
}
"""What the design is put through, the shortest first."""
