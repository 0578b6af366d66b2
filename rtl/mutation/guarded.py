"""Proofs that a mutant's registers agree with the design's whenever they count.

A register that holds nothing of use may hold anything: a word behind a multiplier while no sample is there. So each
register has *signs*, registers of one bit that, set or clear, each say that design and mutant agree in it; where none of
them speaks, what the mutant has there is free. The mutant then has no registers of its own, and most of its gates are the
design's. Of all signs that a simulation does not refute, those are kept that keep each other up from clock to clock: every
counter-example of a proof takes some away, until there is none.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from rtl.mutation import aig_kernel
from rtl.mutation.aig import Aig
from rtl.mutation.pairing import Guarded, Pairing, is_word

_RUNS, _CLOCKS = 64, 16_000
"""Of a simulation for signs; each run begins elsewhere in the record."""
_ROUNDS = 200
"""Counter-examples after which no more are asked for."""

Answer = bool | npt.NDArray[np.uint8]
"""Whether a literal is never set; or inputs that set it, [clocks, inputs]; false also where no answer is found in time."""


def agree(
    pairing: Pairing,
    mutant: int,
    given: npt.NDArray[np.uint8],
    column: Mapping[str, int],
    ask: Callable[[Aig, int], Answer],
    rng: np.random.Generator,
) -> bool:
    """Whether a mutant is proved to agree with the design.

    Parameters
    ----------
    given
        [clocks, bits]: what inputs are in a co-simulation.
    column
        Where an input is in that, by name; others are random.
    ask
        Decides whether a literal of a graph can ever be set.
    rng
        Varies counter-examples.
    """
    graph = pairing.graph
    signs = [k for k, names in enumerate(graph.latches) if any("[" not in name for name in names.split())]
    holds = differing(pairing, mutant, given, column, signs) == 0
    words = np.array([(names.split() or [f"{k}"])[0].partition("[")[0] for k, names in enumerate(graph.latches)])
    for _ in range(_ROUNDS):
        model = pairing.guarded(mutant, signs, holds)
        broken = list(map(model.graph.both, model.differs, model.counts))
        if (bad := model.graph.either([*broken, model.shows])) == 0:
            return True
        answer = ask(model.graph, bad)
        if isinstance(answer, bool):
            return answer
        values = aig_kernel.played(*_arrays(model.graph), _varied(model.graph, answer, rng))

        def value(x: int, of: npt.NDArray[np.uint64] = values) -> np.uint64:
            return ~of[x >> 1] if x & 1 else of[x >> 1]

        hit = {k: when for k, x in enumerate(broken) if x and (when := value(x))}
        if not hit:
            return False
        _take_away(model, holds, signs, words, {k: value(model.graph.next[k]) for k in signs}, hit)
    return False


def _take_away(
    model: Guarded,
    holds: npt.NDArray[np.bool_],
    signs: list[int],
    words: npt.NDArray[np.str_],
    then: Mapping[int, np.uint64],
    hit: Mapping[int, np.uint64],
) -> None:
    """Take away the signs that spoke in runs in which registers, or other bits of the same word, did not agree."""
    open_ = np.array([x != 0 for x in model.differs])
    for k, when in hit.items():
        alike = np.flatnonzero((words == words[k]) & open_)
        spoke = [bool(when & v) for sign in signs for v in (then[sign], ~then[sign])]
        holds[np.ix_(alike, np.flatnonzero([*spoke, True]))] = False


def differing(
    pairing: Pairing, mutant: int, given: npt.NDArray[np.uint8], column: Mapping[str, int], signs: list[int]
) -> npt.NDArray[np.uint8]:
    """Where the two have differed in a simulation.

    Returns
    -------
    uint8 [registers, 2 S + 1]: by register whether they did while a sign was set, while it was clear, for each; and at all.
    """
    into, _ = pairing.two_machines(mutant)
    first, n = 1 + len(into.inputs), len(pairing.graph.latches)
    where = np.array([column.get(name, -1) for name in into.inputs])
    pairs = np.array([(first + k, first + n + k) for k in range(n)])
    nodes = np.array([first + k for k in signs], np.int64)
    at = (np.arange(_CLOCKS)[:, None] + np.arange(_RUNS) * (len(given) // _RUNS)) % len(given)
    played = np.packbits(given[at].swapaxes(1, 2), axis=2, bitorder="little").view("<u8")[:, :, 0]
    return aig_kernel.differing(*_arrays(into), where, played.astype(np.uint64), pairs, nodes, 1 + mutant)


def _arrays(graph: Aig) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return np.array(graph.gates, np.int64).reshape(-1, 2), np.array(graph.next, np.int64)


def _varied(graph: Aig, given: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint64]:
    """64 runs: the one given; others with other words from memories and in the mutant's registers; half end otherwise."""
    runs = np.where(given != 0, ~np.uint64(0), np.uint64(0))
    free = [k for k, name in enumerate(graph.inputs) if name.startswith("other ") or is_word(name)]
    other = rng.integers(0, 1 << 63, (len(given), len(free)), np.uint64) << np.uint64(1)
    runs[:, free] = (runs[:, free] & np.uint64(1)) | other
    late = ~np.uint64(0) << np.uint64(32)
    runs[-1] = (runs[-1] & ~late) | (rng.integers(0, 1 << 63, runs.shape[1], np.uint64) << np.uint64(1) & late)
    return runs
