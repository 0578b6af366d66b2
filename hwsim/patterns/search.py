"""Looking for clash-free patterns with good scatter: random draws, then local moves on the seeds of the best of them.

What is searched are the seeds of one clash-free type; sizes, degrees and z stay what they are. A pattern is the better
the greater the least value of its scatter vector is; of two with the same least value, the one with the greater second
least, and so on. A move changes one or two seeds of one junction,

- types 1 and 2: the start address of a memory (in one sweep);
- type 3: it exchanges two addresses of a memory in one sweep;
- with memory dither, as often: it exchanges two lanes (in one sweep),

and is kept if it makes nothing worse. Seeds that would repeat an edge are refused by
:func:`models.connectivity.clash_free.from_seeds`, so every pattern on the way is legal. Everything follows from the seed
of the configuration.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hwsim.configuration import scatter_windows
from hwsim.configuration.configuration import Configuration
from hwsim.design import Design
from hwsim.random_streams import Stream
from models.connectivity.clash_free import draw_clash_free, from_seeds
from models.connectivity.pattern import Pattern
from models.data.dataset import Split
from models.errors import ArgumentError, InputError
from models.pattern_quality.scatter import Coverage, backward, forward, network_backward, network_forward

FloatArray = npt.NDArray[np.float64]
Key = tuple[float, ...]

_MOST_REFUSED = 100
"""Illegal proposals in a row after which a trial is given up."""
_ROWS = 4096


@dataclass(frozen=True)
class SearchProgress:
    """What a watcher is told: random draws and moves judged so far, all that are wanted, and the best score."""

    done: int
    total: int
    best: float


@dataclass(frozen=True, eq=False)
class Candidate:
    """Patterns of junctions 1..L and their scatter vector, in which ``1f`` and ``net_f`` may be weighed."""

    patterns: tuple[Pattern, ...]
    vector: dict[str, float]

    @property
    def key(self) -> Key:
        """Greater is better: the values, least first."""
        return tuple(sorted(self.vector.values()))

    @property
    def score(self) -> float:
        """The least value."""
        return min(self.vector.values())


@dataclass(eq=False)
class FoundPatterns:
    """What a search has found, also when it was interrupted.

    Attributes
    ----------
    own
        The pattern that the configuration draws by itself.
    draws
        Scores of the random draws.
    best
        Best of all.
    history
        Of every restart: (moves judged, score), at the start and whenever the score rose.
    moves
        Of every restart: how many were judged.
    refused
        Proposals that would have repeated an edge.
    """

    own: Candidate
    best: Candidate
    draws: list[float] = field(default_factory=list)
    history: list[list[tuple[int, float]]] = field(default_factory=list)
    moves: list[int] = field(default_factory=list)
    refused: int = 0
    finished: bool = False


class Judge:
    """Judges patterns of one configuration; what a move leaves alone is not judged again.

    Parameters
    ----------
    config
        Its windows and padding count.
    variance
        float64 [N_0]: weighs the windows of the input layer by the variance of their inputs; all windows count the same
        without it.
    """

    def __init__(self, config: Configuration, variance: FloatArray | None = None) -> None:
        self._sides, self._network = scatter_windows.windows(config)
        self._inputs, self._outputs = scatter_windows.real_neurons(config)
        shares = [None if variance is None else _shares(variance, w.left) for w in (self._sides[0], self._network)]
        self._input_shares, self._network_shares = shares

    def candidate(self, patterns: Sequence[Pattern]) -> Candidate:
        """Judge patterns from scratch."""
        vector: dict[str, float] = {}
        for i, p in enumerate(patterns):
            vector |= self._junction(i, p)
        return Candidate(tuple(patterns), vector | self._whole(patterns))

    def moved(self, before: Candidate, i: int, pattern: Pattern) -> Candidate:
        """Judge ``before`` with another pattern in junction ``i`` (from 0)."""
        patterns = (*before.patterns[:i], pattern, *before.patterns[i + 1 :])
        return Candidate(patterns, before.vector | self._junction(i, pattern) | self._whole(patterns))

    def _junction(self, i: int, pattern: Pattern) -> dict[str, float]:
        last = i == len(self._sides) - 1
        ahead = forward(pattern, self._sides[i].left, self._outputs if last else None)
        back = backward(pattern, self._sides[i].right, self._inputs if i == 0 else None)
        return {f"{i + 1}f": _value(ahead, None if i else self._input_shares), f"{i + 1}b": back.value}

    def _whole(self, patterns: Sequence[Pattern]) -> dict[str, float]:
        ahead = network_forward(patterns, self._network.left, self._outputs)
        back = network_backward(patterns, self._network.right, self._inputs)
        return {"net_f": _value(ahead, self._network_shares), "net_b": back.value}


def _value(coverage: Coverage, shares: FloatArray | None) -> float:
    return coverage.value if shares is None else float(coverage.by_window @ shares)


def _shares(variance: FloatArray, windows: npt.NDArray[np.int64]) -> FloatArray:
    """Of every window in the variance of all windows."""
    of = variance[windows].sum(axis=1)
    total = of.sum()
    return of / total if total > 0 else np.full(len(windows), 1 / len(windows))


def input_variance(samples: Split) -> FloatArray:
    """float64 [inputs]: variance of every input over the samples."""
    total, squares = (np.zeros(samples.features) for _ in range(2))
    for first in range(0, len(samples), _ROWS):
        real = samples[first : first + _ROWS].real()
        total += real.sum(axis=0)
        squares += (real**2).sum(axis=0)
    mean = total / len(samples)
    return np.maximum(squares / len(samples) - mean**2, 0)


def check(config: Configuration) -> None:
    """Refuse configurations whose patterns have no seeds to move."""
    c = config.connectivity
    if c.kind != "clash_free":
        raise InputError("connectivity.kind", c.kind, "has no seeds: the search is for clash-free patterns", ["clash_free"])
    if c.file is not None:
        raise InputError("connectivity.file", c.file, "must be left out: the search draws its own patterns")
    assert config.hardware is not None
    if not _movable(config):
        rule = "leaves nothing to choose: without dither a memory needs at least two words"
        lower = [max(n // 2, 1) for n in config.network.layers[:-1]]
        raise InputError("hardware.z", list(config.hardware.z), rule, [lower, "connectivity.dither true"])


def _movable(config: Configuration) -> list[int]:
    """Junctions, from 0, whose seeds can be anything but what they are."""
    assert config.hardware is not None
    c, depths = config.connectivity, [n // z for n, z in zip(config.network.layers, config.hardware.z, strict=False)]
    return [i for i, z in enumerate(config.hardware.z) if depths[i] > 1 or (c.dither and z > 1)]


def search(
    design: Design,
    trials: int,
    draws: int,
    restarts: int,
    variance: FloatArray | None = None,
    watch: Callable[[SearchProgress], None] | None = None,
) -> FoundPatterns:
    """Draw patterns at random, then improve the best of them; an interrupt ends the search with what it has found.

    Parameters
    ----------
    trials
        Moves judged, all restarts together.
    draws
        Random draws, at least as many as restarts.
    restarts
        Climbs, each from the next best draw.
    variance
        See :class:`Judge`.
    watch
        Told the progress after every pattern.

    Raises
    ------
    InputError
        For a configuration that has nothing to search, and counts out of range.
    """
    check(design.config)
    _check_counts(trials, draws, restarts)
    judge = Judge(design.config, variance)
    own = judge.candidate(design.patterns)
    found = FoundPatterns(own, own)
    tell = watch or (lambda _: None)
    total = draws + trials
    try:
        starts: list[Candidate] = []
        for number in range(draws):
            drawn = judge.candidate(_draw(design, number))
            found.draws.append(drawn.score)
            starts = sorted([*starts, drawn], key=lambda c: c.key, reverse=True)[:restarts]
            _improve(found, drawn)
            tell(SearchProgress(number + 1, total, found.best.score))
        for number, start in enumerate(starts):
            share = trials * (number + 1) // restarts - trials * number // restarts
            found.history.append([(0, start.score)])
            found.moves.append(0)
            for step, now in enumerate(_climb(design, judge, start, share, number, found), 1):
                _improve(found, now)
                found.moves[-1] = step
                if now.score > found.history[-1][-1][1]:
                    found.history[-1].append((step, now.score))
                tell(SearchProgress(draws + sum(found.moves), total, found.best.score))
        found.finished = True
    except KeyboardInterrupt:
        pass
    return found


def _check_counts(trials: int, draws: int, restarts: int) -> None:
    for name, value, least in (("trials", trials, 0), ("restarts", restarts, 1), ("draws", draws, restarts)):
        if value < least:
            raise ArgumentError(name, value, f"must be at least {least}", [least])


def _improve(found: FoundPatterns, now: Candidate) -> None:
    if now.key > found.best.key:
        found.best = now


def _draw(design: Design, number: int) -> list[Pattern]:
    c = design.config
    assert c.hardware is not None and c.out_degrees is not None
    layers, kind, dither = c.network.layers, c.connectivity.type, c.connectivity.dither
    return [
        draw_clash_free(layers[i], d, layers[i + 1], z, kind, dither, design.generator(Stream.SEARCH_DRAWS, number, i))
        for i, (d, z) in enumerate(zip(c.out_degrees, c.hardware.z, strict=True))
    ]


def _climb(
    design: Design, judge: Judge, start: Candidate, trials: int, number: int, found: FoundPatterns
) -> Iterator[Candidate]:
    """Where a climb stands after each of its moves."""
    rng = design.generator(Stream.SEARCH_MOVES, number)
    movable, now = _movable(design.config), start
    for _ in range(trials):
        i = movable[int(rng.integers(len(movable)))]
        pattern = _move(now.patterns[i], design.config.connectivity.dither, rng, found)
        if pattern is not None:
            then = judge.moved(now, i, pattern)
            now = then if then.key >= now.key else now
        yield now


def _move(pattern: Pattern, dither: bool, rng: np.random.Generator, found: FoundPatterns) -> Pattern | None:
    """A legal neighbour of a pattern; ``None`` if chance does not find one."""
    for _ in range(_MOST_REFUSED):
        try:
            return _neighbour(pattern, dither, rng)
        except InputError:
            found.refused += 1
    return None


def _neighbour(pattern: Pattern, dither: bool, rng: np.random.Generator) -> Pattern:
    """The pattern with one or two seeds changed.

    Raises
    ------
    InputError
        If it would repeat an edge.
    """
    seeds = pattern.seeds
    assert seeds is not None
    one = seeds.kind == 1  # one sweep stands for all
    memory = (seeds.memory[:1] if one else seeds.memory).copy()
    address = (seeds.given[:1] if one else seeds.given).copy()
    (sweeps, z), depth = memory.shape, seeds.depth
    for _ in range(int(rng.integers(1, 3))):
        s = int(rng.integers(sweeps))
        lanes = dither and z > 1 and (depth == 1 or rng.random() < 0.5)
        if lanes:
            a, b = rng.choice(z, 2, replace=False)
            memory[s, [a, b]] = memory[s, [b, a]]
        elif seeds.kind == 3:
            m, (a, b) = int(rng.integers(z)), rng.choice(depth, 2, replace=False)
            address[s, [a, b], m] = address[s, [b, a], m]
        else:
            m = int(rng.integers(z))
            address[s, m] = (address[s, m] + rng.integers(1, depth)) % depth
    d_out = pattern.n_edges // pattern.n_left
    t, v = (address[0], memory[0]) if one else (address, memory)
    return from_seeds(pattern.n_left, d_out, pattern.n_right, seeds.kind, t, v)
