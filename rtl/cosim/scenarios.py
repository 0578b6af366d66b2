"""What every co-simulation goes through beside the user's own samples: the parts of a script, one after the other.

Each begins with a reset and stands for itself. Networks of up to :data:`FULL` weights and biases are loaded and read as a
whole; of larger ones the first and the last row of every memory and rows that are drawn, but for one load and two readings
of everything in ``parameters`` and the reload after a ``reset``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsim.configuration.configuration import Configuration
from hwsim.random_streams import Stream
from models.errors import ArgumentError
from models.network.parameters import IntegerParameters
from rtl.cosim.script import Script
from rtl.cosim.stimulus import StreamSamples, anything, illegal_values, parameter_words, spoilt
from rtl.plan.plan import Plan
from rtl.ports import register_map as r
from rtl.ports.register_map import AddressMap, Region

FULL = 2048
"""Weights and biases up to which everything is loaded and read in every scenario."""
_ROWS = 6
"""Rows of a memory of larger networks that are drawn, beside its first and its last."""
_TAKEN_RARELY = 0.5
"""Clocks in which no result is taken."""
_RUNS = 3, 7
"""Junction cycles in which results are taken now and then, and in which none is."""


@dataclass(frozen=True)
class Scenario:
    """A part of a script: what it shows, and the steps; ``possible`` says whether a configuration can have it."""

    shows: str
    play: Callable[["Play"], None]
    possible: Callable[[Configuration], bool] = lambda _: True


SCENARIOS: dict[str, Scenario] = {}
DATA = "data"
"""The user's own run, which comes first: it begins with what the memories hold at power-up."""


def names() -> tuple[str, ...]:
    """All scenarios, in order."""
    return DATA, *SCENARIOS


def chosen(wanted: str | None) -> tuple[str, ...]:
    """Scenarios from their names with commas between; all if there are none.

    Raises
    ------
    InputError
        If one is not known.
    """
    if wanted is None:
        return names()
    given = [name.strip() for name in wanted.split(",")]
    for name in given:
        if name not in names():
            raise ArgumentError("scenarios", name, "is not known", names())
    return tuple(name for name in names() if name in given)


def _scenario(possible: Callable[[Configuration], bool] = lambda _: True) -> Callable:
    def register(play: Callable[["Play"], None]) -> Callable[["Play"], None]:
        shows = (play.__doc__ or "").rstrip(".")
        SCENARIOS[play.__name__] = Scenario(shows[0].lower() + shows[1:], play, possible)
        return play

    return register


def append(script: Script, name: str) -> bool:
    """Append a scenario to a script; whether the configuration can have it."""
    scenario = SCENARIOS[name]
    if not scenario.possible(script.plan.config):
        return False
    script.begin(name)
    script.reset()
    scenario.play(Play(script, script.plan.design.generator(Stream.COSIM_SCENARIOS, list(SCENARIOS).index(name))))
    return True


class Play:
    """A script with the random numbers of one scenario, and what several of them do."""

    def __init__(self, script: Script, rng: np.random.Generator) -> None:
        self.script, self.rng, self.plan = script, rng, script.plan
        self.map = AddressMap.of(self.plan)
        self.regions: list[Region] = [*self.map.weights, *self.map.biases]
        initial = self.plan.design.initial_integers
        self.small = sum(v.size for v in (*initial.weights, *initial.biases)) <= FULL
        self.kappas = range(self.plan.kappas[0], self.plan.kappas[1] + 1)

    def samples(self, n: int, inference: float = 0.0) -> StreamSamples:
        """Anything that is legal; a share of them for inference."""
        return anything(self.plan, n, self.rng, inference)

    def train(self, n: int, inference: float = 0.0) -> None:
        """Run such samples until nothing is under way."""
        self.script.add(self.samples(n, inference))
        self.script.run(n)

    @property
    def few(self) -> int:
        """Samples that fill the pipe and leave it."""
        return 2 * len(self.plan.junctions) + 4

    def words(self, whole: bool = False) -> npt.NDArray[np.int64]:
        """Addresses of the weights and biases that are loaded and read, in ascending order."""
        addresses, _ = parameter_words(self.plan, self.plan.design.initial_integers)
        if self.small or whole:
            return addresses
        kept = []
        for region in self.regions:
            inside = addresses[(addresses >= region.base) & (addresses < region.base + region.size)]
            rows = (inside - region.base) >> region.lane_bits
            drawn = self.rng.integers(0, region.rows, _ROWS)
            kept.append(inside[np.isin(rows, [0, region.rows - 1, *drawn])])
        return np.concatenate(kept)

    def load(self, values: IntegerParameters, whole: bool = False) -> npt.NDArray[np.int64]:
        """Write parameters; the addresses that were written."""
        addresses, words = parameter_words(self.plan, values)
        kept = np.isin(addresses, self.words(whole))
        self.script.access(addresses[kept], words[kept])
        return addresses[kept]

    def parameters(self, value: Callable[[int, int, int, int], npt.NDArray[np.int64]]) -> IntegerParameters:
        """Parameters from a function of junction, size, least and greatest."""
        n, js = self.plan.numbers, self.plan.junctions
        return IntegerParameters(
            [value(j.number, j.pattern.n_edges, n.weight.lowest, n.weight.highest).astype(np.int32) for j in js],
            [value(j.number, j.n_right, n.bias.lowest, n.bias.highest).astype(np.int32) for j in js],
        )

    def drawn(self) -> IntegerParameters:
        """Over the whole range."""
        return self.parameters(lambda _, size, low, high: self.rng.integers(low, high + 1, size))

    def counters(self) -> None:
        """Read every register that is there."""
        self.script.peek(list(register_words(self.plan)))


def register_words(of: Plan) -> list[int]:
    """Addresses of all registers."""
    from rtl.verilog.names import register_addresses

    return list(register_addresses(of).values())


@_scenario()
def rates(p: Play) -> None:
    """Every learning-rate shift, by the samples and by RATE."""
    script = p.script
    p.load(p.plan.design.initial_integers)
    each = p.samples(2 * len(p.kappas))
    script.add(StreamSamples(each.input, each.label, np.repeat(np.array(p.kappas, np.int32), 2), each.train))
    script.run(len(each))
    script.peek([r.RATE])
    for kappa in p.kappas:
        script.poke([r.RATE], [kappa | 1 << r.RATE_FIXED])
        script.peek([r.RATE])
        p.train(3)
    # With the bit cleared, whatever else RATE holds, the samples' own shifts count; also in the middle of a run.
    script.poke([r.RATE], [p.plan.kappas[0]])
    p.train(3)
    script.add(p.samples(p.few))
    script.feed(p.few)
    script.start()
    script.wait(p.plan.period * 3 + p.plan.period // 2)
    script.poke([r.RATE], [p.plan.kappas[1] | 1 << r.RATE_FIXED])
    script.finish()
    script.peek(p.words())
    p.counters()


def _streams(p: Play, idle: float, blocked: bool) -> None:
    """Samples for inference among those for training, results that are hardly taken for some junction cycles."""
    p.load(p.plan.design.initial_integers)
    period, (some, none) = p.plan.period, _RUNS
    taking = p.rng.random(some * period) < (0.5 if blocked else 0)
    runs = [taking, np.ones(none * period, np.bool_)] if blocked else [taking]
    late = p.rng.random(5 * p.plan.inputs.groups) < idle
    pauses = [late, np.repeat([bool(idle), False], [3 * period, 1])] if idle else [late]
    p.script.pause_by(np.concatenate(pauses), np.concatenate(runs))
    p.train(p.few + 8, inference=0.3)
    p.script.pause(0, 0)
    p.script.peek(p.words())
    p.counters()


@_scenario()
def flowing(p: Play) -> None:
    """Samples one after the other, results taken at once, some for inference."""
    _streams(p, 0.0, False)


@_scenario()
def late(p: Play) -> None:
    """Samples that come late: bubbles."""
    _streams(p, 0.4, False)


@_scenario()
def blocked(p: Play) -> None:
    """Results that are not taken: standstills, a payload that stays."""
    _streams(p, 0.0, True)


@_scenario()
def late_and_blocked(p: Play) -> None:
    """Samples that come late and results that are not taken."""
    _streams(p, 0.4, True)


@_scenario()
def gapless(p: Play) -> None:
    """Samples that come late and wait for each other; told to run on, and to wait again, in between."""
    script, period = p.script, p.plan.period
    p.load(p.plan.design.initial_integers)
    late = np.ones(3 * period + 5, np.bool_)
    late[p.rng.integers(late.size, size=p.plan.inputs.groups + 2)] = False
    script.pause_by(late, p.rng.random(7 * period) < _TAKEN_RARELY)
    script.start(no_bubbles=True)
    for ends in (False, True):
        script.add(p.samples(p.few, inference=0.3))
        script.feed(p.few)
        script.until_taken()
        # Nothing more comes: whatever is under way stays there.
        script.wait(3 * period)
        script.peek([r.CONTROL, r.STATUS, r.SAMPLES, r.RESULTS, r.CYCLES])
        if not ends:
            script.start()
            script.wait(period + period // 2)
            script.start(no_bubbles=True)
    script.stop()
    script.peek(p.words())
    script.start(no_bubbles=True)
    script.start()
    script.finish()
    script.peek(p.words())
    p.counters()


@_scenario()
def checkpoint(p: Play) -> None:
    """Stopped with samples under way, read back, changed, resumed; drained, read back, resumed."""
    script, n = p.script, p.few
    script.add(p.samples(2 * n))
    script.feed(n)
    script.start()
    script.wait(p.plan.period * (len(p.plan.junctions) + 2) + p.plan.period // 3)
    script.stop()
    p.counters()
    script.peek(p.words())
    p.load(p.plan.design.initial_integers)
    script.start()
    script.finish()
    script.peek(p.words())
    p.counters()
    script.run(n)
    script.peek(p.words())


def _can_be_illegal(config: Configuration) -> bool:
    try:
        illegal_values(config, 1.0)
    except ArgumentError:
        return False
    return True


@_scenario(_can_be_illegal)
def illegal(p: Play) -> None:
    """Illegal learning-rate shifts and labels: fed forward only, and counted."""
    script, design, n = p.script, p.plan.design, 2 * p.few
    p.load(design.initial_integers)
    script.add(spoilt(design, p.samples(n, 0.2), 0.6, p.rng))
    script.run(n)
    p.counters()
    script.peek(p.words())
    # A shift that RATE replaces is not judged; nor is a sample for inference.
    script.poke([r.RATE], [p.plan.kappas[0] | 1 << r.RATE_FIXED])
    script.add(spoilt(design, p.samples(n), 0.6, p.rng))
    script.run(n)
    p.counters()
    for bit in range(r.ERROR_BITS):
        script.poke([r.ERRORS], [1 << bit])
        script.peek([r.ERRORS, r.STATUS, r.ILLEGAL_KAPPAS, r.ILLEGAL_LABELS, r.REFUSED_VALUES])


@_scenario()
def registers(p: Play) -> None:
    """Every register and hole read and written, legally and not; memories beyond their ends and while running."""
    script, where, low = p.script, p.map, 1 << p.map.block_bits
    known = register_words(p.plan)
    holes = [a for a in range(min(64, low)) if a not in known] + [1 << b for b in range(6, where.bits)]
    script.peek([*known, *holes])
    kappas = [k | fixed << r.RATE_FIXED for k in p.kappas for fixed in (0, 1)]
    values = {
        r.CONTROL: [1, 3, 2, *(1 << b | low for b in range(2, 32) for low in range(4)), 1, 0],
        r.RATE: [*kappas, *range(256), *(kappas[-1] | 1 << b for b in range(9, 32))],
        r.ERRORS: [*range(8), *(1 << b for b in range(3, 32))],
    }
    for address, words in values.items():
        for word in words:
            script.poke([address], [word])
            script.peek([address])
        p.counters()
    for address in [*known, *holes]:
        if address not in values:
            for word in (0, 1, 0xFFFFFFFF, int(p.rng.integers(1 << 32))):
                script.poke([address], [word])
            script.peek([address])
    p.counters()
    beyond = _beyond(p)
    script.peek(beyond)
    script.poke(beyond, [0] * len(beyond))
    _strange_values(p)
    inside = [a for region in p.regions for a in (region.base, region.address(region.words - 1))]
    script.start()
    for _ in range(2):
        script.peek(inside)
        script.poke(inside, [1] * len(inside))
        p.counters()
    script.stop()
    script.poke([r.ERRORS], [7])
    script.peek([*inside, *known])


def _beyond(p: Play) -> list[int]:
    """Addresses behind the last lane, the last row and the last memory."""
    result = []
    for region in p.regions:
        rows = [0, region.rows - 1]
        result += [
            region.base + (row << region.lane_bits) + lane
            for row in rows
            for lane in range(region.lanes - region.short * (row == region.rows - 1), 1 << region.lane_bits)
        ]
        result += [region.base + (region.rows << region.lane_bits), region.base + (1 << p.map.block_bits) - 1]
    result += [len(p.regions) + 1 << p.map.block_bits, (1 << p.map.bits) - 1]
    memory = {region.address(k) for region in p.regions for k in range(region.words)}
    return sorted({a for a in result if a < 1 << p.map.bits} - memory)


def _strange_values(p: Play) -> None:
    """Values that the words cannot hold, and those at the edge; what stood there before is read after each."""
    n = len(p.plan.junctions)
    for k, region in enumerate(p.regions):
        fmt = p.plan.numbers.weight if k < n else p.plan.numbers.bias
        address = region.address(int(p.rng.integers(region.words)))
        wide = [1 << b for b in range(fmt.width, 32)] + [~(1 << b) for b in range(fmt.width, 32)]
        edge = [fmt.highest + 1, fmt.lowest - 1, fmt.highest, fmt.lowest, 0, 1 << 31, (1 << 31) - 1]
        for value in [*wide, *edge]:
            p.script.poke([address], [value & 0xFFFFFFFF])
            p.script.peek([address])
    p.counters()


@_scenario()
def parameters(p: Play) -> None:
    """Extreme and random parameters loaded through the port, each read twice."""

    def extreme(which: int) -> Callable[[int, int, int, int], npt.NDArray[np.int64]]:
        return lambda _, size, low, high: np.where((np.arange(size) + which) % 2, low, high)

    for values in (p.parameters(extreme(0)), p.parameters(extreme(1)), p.drawn()):
        written = p.load(values)
        for _ in range(2):
            p.script.peek(written)
    if not p.small:
        written = p.load(p.drawn(), whole=True)
        for _ in range(2):
            p.script.peek(written)
    p.train(p.few)
    p.script.peek(p.words())
    p.counters()


@_scenario()
def saturation(p: Play) -> None:
    """Numbers clipped: as many kinds as the formats allow."""
    last = len(p.plan.junctions)

    def all_of(weight: int, bias: int) -> IntegerParameters:
        """Weights and biases at one end of their ranges, 0 the lower one."""
        made = p.parameters(lambda _, size, low, high: np.stack([np.full(size, low), np.full(size, high)], 1).ravel())
        return IntegerParameters([w[weight::2] for w in made.weights], [b[bias::2] for b in made.biases])

    def steep(junction: int, size: int, low: int, high: int) -> npt.NDArray[np.int64]:
        """Hidden pre-activations of about 0, where derivatives are large, before weights as large as can be."""
        return np.full(size, 1 if junction < last else high)

    def balanced(_: int, size: int, low: int, high: int) -> npt.NDArray[np.int64]:
        """Sums of about 0, of terms as large as can be: what is clipped is the step."""
        return np.where(np.arange(size) % 2, low, high)

    extremes = [all_of(weight, bias) for weight, bias in ((1, 1), (0, 0), (0, 1), (1, 0))]
    fmt = p.plan.numbers.input
    for values in (p.drawn(), *extremes, p.parameters(steep), p.parameters(balanced)):
        p.load(values)
        given = p.samples(p.few)
        loud = np.where(p.rng.random(given.input.shape) < 0.5, given.input, fmt.highest).astype(np.int32)
        fast = np.full(len(given), p.plan.kappas[0], np.int32)
        p.script.add(StreamSamples(loud, given.label, fast, given.train))
        p.script.run(len(given))
        p.counters()
    p.script.peek(p.words())


@_scenario()
def reset(p: Play) -> None:
    """Reset in the middle of work, three times; reloaded, then a run."""
    script, period = p.script, p.plan.period
    script.pause(0.1, 0.5)
    for cycles, clocks in ((len(p.plan.junctions) + 2, period // 2), (1, 1), (3 * len(p.plan.junctions) + 2, period - 1)):
        script.add(p.samples(p.few, 0.2))
        script.abort(p.few, cycles * period + clocks)
        p.counters()
        script.peek(p.words())
    script.pause(0, 0)
    p.load(p.plan.design.initial_integers, whole=True)
    p.train(p.few)
    script.peek(p.words())
    p.counters()
