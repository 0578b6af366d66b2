"""Which junction cycles are repetitions: cycles like them have been checked clock by clock, and their accesses are the same.

What every junction does in a cycle, and at which ports and addresses, follows from three things: the tables of the design,
which of the operations have a sample, and where the banks of each memory stand. Values have no part in it. So a cycle in
which the same operations work, and in which the banks of every memory stand as they stood in such a cycle before, meets no
conflict of ports, no pending write and no incomplete sum that has not been looked for then. Where junctions run behind each
other (``overlap``) the end of a cycle meets the beginning of the next, and the operations of the cycle before count, too.

Such cycles may run as a whole (:mod:`hwsim.machine.kernel.passes`) where the clocks of a cycle do not matter, which is
worked out from the tables here (:func:`whole_passes`). Tables that have changed are tables that nothing has been checked by.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim.machine import columns as c
from hwsim.machine.kernel import clocks, passes
from hwsim.machine.kernel.groups import Design, Lanes, Neurons, Passes, State, Stretch, Watch
from hwsim.machine.short import firsts, short_of
from hwsim.machine.streams import Results, Samples
from hwsim.vocabulary import BUBBLE, INFERENCE, TRAINING

_BANKS = [c.LEFT_BANKS, c.PARTIAL_BANKS, c.DERIVATIVE_BANKS, c.DELTA_BANKS]
_BITS = 30
_MOST_KEPT = 1 << 22
"""Left activations of edges that are kept, 4 bytes each."""
_SHORTEST = 8
"""Calls of fewer junction cycles are checked without asking what is known."""


class Piece(NamedTuple):
    """Periods ``first`` to ``past`` - 1 of a stretch: all checked clock by clock, or all repeated."""

    first: int
    past: int
    repeated: bool


class Repetition:
    """What a machine has checked so far.

    Attributes
    ----------
    passes
        The design in whole passes; ``None`` where every clock matters.
    settling
        Clocks from the end of a period until nothing of it is on its way any more.
    repeated
        Junction cycles repeated so far.
    """

    def __init__(self) -> None:
        self.passes: Passes | None = None
        self.settling = 0
        self.repeated = 0
        self._design: Design | None = None
        self.forget()

    def forget(self) -> None:
        """Everything is new again."""
        self._combinations: dict[tuple[int, int], int] = {}
        self._known: dict[int, npt.NDArray[np.bool_]] = {}

    def run(
        self,
        design: Design,
        state: State,
        stretch: Stretch,
        feed: npt.NDArray[np.int64],
        samples: Samples,
        results: Results,
        watch: Watch,
    ) -> tuple[int, int]:
        """Advance through whole periods as :func:`hwsim.machine.kernel.clocks.run` does, repeating what can be repeated."""
        filled, lead, reached = 0, stretch.lead, stretch.start
        last = (stretch.end - stretch.base) // design.period
        for piece in self.pieces(design, state.control.samples, stretch, feed, samples, (watch.first, watch.past)):
            first, past = piece.first, piece.past
            start, end = stretch.base + first * design.period, stretch.base + past * design.period
            if piece.repeated:
                # Everybody comes to the end of the cycle before, and begins anew behind the last one that is repeated.
                rest = stretch._replace(start=start, end=start + self.settling, lead=lead, limit=first)
                filled += clocks.run(design, state, rest, feed[:0], samples, _room(results, filled), watch)[0]
                whole = stretch._replace(start=rest.end, end=end, lead=first, limit=past)
                left, lead = passes.repeat(design, self.passes, state, whole, feed, samples, _room(results, filled), watch)
                filled += left
                self.repeated += lead - first
                if lead == past:
                    continue
                # Something is not as it should be: the clock loop says what.
                start, end, past = stretch.base + lead * design.period, stretch.end, last
            own = stretch._replace(start=start, end=end, lead=lead)
            left, reached = clocks.run(design, state, own, feed, samples, _room(results, filled), watch)
            filled += left
            if past == last or reached < end:
                break
        return filled, reached

    def warm_up(
        self,
        design: Design,
        state: State,
        stretch: Stretch,
        feed: npt.NDArray[np.int64],
        samples: Samples,
        results: Results,
        watch: Watch,
    ) -> None:
        """Compile the loops that :meth:`run` may call, by running each for no clock at all."""
        clocks.run(design, state, stretch, feed, samples, results, watch)
        if self._holds(design):
            passes.repeat(design, self.passes, state, stretch, feed, samples, results, watch)

    def pieces(
        self,
        design: Design,
        control: npt.NDArray[np.int64],
        stretch: Stretch,
        feed: npt.NDArray[np.int64],
        samples: Samples,
        watched: tuple[int, int],
    ) -> Iterator[Piece]:
        """What to do in a stretch of whole periods, in order; what has been done when the next piece is asked for is known.

        Parameters
        ----------
        design, control, stretch, feed, samples
            As the clock loop takes them; ``control`` as it stands at the beginning.
        watched
            First clock that is recorded, and first that is not any more.
        """
        period = design.period
        first, past = ((clock - stretch.base) // period for clock in (stretch.start, stretch.end))
        if past - first < _SHORTEST or not self._holds(design):
            yield Piece(first, past, False)
            return
        rest = -(-self.settling // period)
        cycles = np.arange(first, past)
        codes = self._codes(design, control, stretch, feed, samples, cycles)
        new = (cycles < stretch.lead) | (cycles >= past - 1 - rest)
        begins = stretch.base + cycles * period
        new |= (begins < watched[1]) & (begins + period + self.settling > watched[0])
        for count, code in codes.items():
            known = self._known.get(count, np.zeros(0, np.bool_))
            self._known[count] = known = np.append(known, np.zeros(max(0, int(code.max()) + 1 - known.size), np.bool_))
            unknown = np.flatnonzero(~known[code])
            new[unknown[np.unique(code[unknown], return_index=True)[1]]] = True
        for a, b, repeated in _runs(new, 2 + rest):
            yield Piece(first + a, first + b, repeated)
            if not repeated:
                for count, code in codes.items():
                    self._known[count][code[a:b]] = True

    def _holds(self, design: Design) -> bool:
        """Whether cycles can be repeated as wholes; tables that are not those of the last call are taken in first."""
        if self._design is None or not _same(self._design, design):
            self.forget()
            self._design = _copy(design)
            self.passes, self.settling = whole_passes(design), _settling(design)
        return self.passes is not None

    def _codes(
        self,
        design: Design,
        control: npt.NDArray[np.int64],
        stretch: Stretch,
        feed: npt.NDArray[np.int64],
        samples: Samples,
        cycles: npt.NDArray[np.int64],
    ) -> dict[int, npt.NDArray[np.int64]]:
        """By number of banks: the combination of operations and the bank's place of every cycle, as one number."""
        works = _operations(design, control, stretch, feed, samples, np.append(cycles[0] - 1, cycles))
        works = np.concatenate([works[:-1], works[1:]], 1) if self.settling else works[1:]
        combination = np.zeros(len(works), np.int64)
        for first in range(0, works.shape[1], _BITS):
            some = works[:, first : first + _BITS]
            kinds, which = np.unique(combination << _BITS | some @ (1 << np.arange(some.shape[1])), return_inverse=True)
            numbers = [self._combinations.setdefault((first, int(kind)), len(self._combinations)) for kind in kinds]
            combination = np.array(numbers, np.int64)[which]
        counts = set(design.junctions[:, _BANKS].ravel().tolist()) - {0, 1}
        return {n: combination * n + (stretch.cycle + cycles) % n for n in counts}


def _room(results: Results, filled: int) -> Results:
    """Where further results go."""
    return Results(*(a[filled:] for a in results))  # type: ignore[arg-type]


def _runs(new: npt.NDArray[np.bool_], shortest: int) -> Iterator[tuple[int, int, bool]]:
    """Runs of cycles: from, to, whether they are repeated; runs of fewer than ``shortest`` are not worth repeating."""
    edges = np.flatnonzero(np.diff(new)) + 1
    bounds = [0, *edges.tolist(), len(new)]
    begin = 0
    for a, b in pairwise(bounds):
        if not new[a] and b - a >= shortest:
            if a > begin:
                yield begin, a, False
            yield a, b, True
            begin = b
    if begin < len(new):
        yield begin, len(new), False


def _operations(
    design: Design,
    control: npt.NDArray[np.int64],
    stretch: Stretch,
    feed: npt.NDArray[np.int64],
    samples: Samples,
    cycles: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """bool [cycles, operations]: who works: the host, FF and UP of every junction, and whether an output gets a delta."""
    places, entered = len(control), stretch.cycle + int(cycles[1])
    # Kinds of all samples from `oldest` on: in the control pipeline, and then those that the host is about to load.
    oldest = entered - places + 1
    numbers = np.arange(oldest, entered + 1)
    held = np.where(numbers >= 0, control[numbers % places, c.KIND], BUBBLE)
    coming = np.full(len(cycles), BUBBLE)
    fed = cycles[1:] - stretch.first_fed
    fed = fed[(fed >= 0) & (fed < feed.size)]
    coming[: fed.size] = _kinds(design, samples, feed[fed])
    kinds = np.concatenate([held, coming])
    loads = np.concatenate([[kinds[entered - oldest] != BUBBLE], coming[:-1] != BUBBLE])
    works, result = cycles >= stretch.lead, [loads]
    for p in design.junctions:
        forward, back = (np.maximum(stretch.cycle + cycles - p[lag] - oldest, 0) for lag in (c.FORWARD_LAG, c.BACKWARD_LAG))
        result += [works & (kinds[forward] != BUBBLE), works & (kinds[back] == TRAINING)]
        if p[c.IS_LAST]:
            result.append(works & (kinds[forward] == TRAINING))
    return np.stack(result, 1)


def _kinds(design: Design, samples: Samples, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """What samples that the host is about to load will be taken for."""
    if not len(samples.label):
        return np.full(rows.size, BUBBLE)
    kind, kappa, label = samples.kind[rows], samples.kappa[rows], samples.label[rows]
    legal = (design.least_kappa <= kappa) & (kappa <= design.greatest_kappa)
    legal &= (label >= 0) & (label < design.output_neurons.size)
    return np.where(rows < 0, BUBBLE, np.where((kind == TRAINING) & ~legal, INFERENCE, kind)).astype(np.int64)


def _arrays(design: Design) -> Iterator[npt.NDArray]:
    for value in design:
        if isinstance(value, tuple):
            yield from value
        else:
            yield np.asarray(value)


def _same(a: Design, b: Design) -> bool:
    return all(map(np.array_equal, _arrays(a), _arrays(b)))


def _copy(design: Design) -> Design:
    """One whose arrays nobody else has."""
    arrays = {name: getattr(design, name).copy() for name in ("junctions", "clocks", "output_neurons", "tables")}
    lanes, neurons = Lanes(*(a.copy() for a in design.lanes)), Neurons(*(a.copy() for a in design.neurons))
    return design._replace(lanes=lanes, neurons=neurons, **arrays)


def _settling(design: Design) -> int:
    """Clocks from the end of a period until nothing of it is on its way any more."""
    return max(0, max(_last_clock(p) for p in design.junctions) + 1 - design.period)


def _last_clock(p: npt.NDArray[np.int64]) -> int:
    """The clock in which a junction's last result lands, from the beginning of the first junction's cycle on."""
    latencies = p[c.FORWARD_LATENCY], p[c.UPDATE_LATENCY], p[c.BACKWARD_LATENCY] + p[c.ACCUMULATE] - 1
    return int(p[c.OFFSET] + p[c.CLOCKS] - 1 + max(latencies))


def whole_passes(design: Design) -> Passes | None:
    """A design in whole passes, or ``None`` if its clocks matter: if the order within a cycle is not that of the passes.

    They do not matter if

    - each pass walks every edge once, row by row, and no right neuron before it begins or after it ends;
    - the first contribution to a partial delta is the one that overwrites, and there are as many as are asked for;
    - the host has loaded a sample at the end of its cycle;
    - a cycle meets that before it and that behind it, and no other.
    """
    js, n = design.junctions, len(design.junctions)
    starts = np.append(js[:, c.EDGES], design.lanes.word.size)
    words = [_edge_words(design, i, int(starts[i + 1] - starts[i])) for i in range(n)]
    if any(word is None for word in words) or not _cycles_apart(design):
        return None
    if -(-int(js[0, c.N_LEFT]) // design.beat) > design.period:
        return None
    index = design.lanes.word.dtype
    last = js[-1]
    clocks = design.clocks[last[c.FIRST_CLOCK] : last[c.FIRST_CLOCK] + last[c.CLOCKS]]
    ending = int(np.flatnonzero(clocks[:, c.END_END] > clocks[:, c.END])[-1])
    neurons, segments, rows = [], [], [np.zeros(1, np.int64)]
    edges = np.diff(starts)
    for p, own in zip(js, edges, strict=True):
        d_in = own // p[c.N_RIGHT]
        right = np.arange(p[c.N_RIGHT])
        neurons.append(np.stack([p[c.RIGHT] + right, right * d_in, (right + 1) * d_in], 1))
        # In a row, a segment goes from the row's or a neuron's first edge to the next such edge.
        first = np.union1d(np.arange(0, own, p[c.Z]), right * d_in)
        row = first // p[c.Z]
        length = np.diff(np.append(first, own))
        segments.append(np.stack([p[c.RIGHT] + first // d_in, first % p[c.Z], first % p[c.Z] + length], 1))
        rows.append(rows[-1][-1] + np.cumsum(np.bincount(row)))
    # What FF has spread out, UP meets again; but not where there is no room for all of it.
    banks = js[:, c.LEFT_BANKS] if js[:, c.LEFT_BANKS] @ edges <= _MOST_KEPT else np.ones(n, np.int64)
    short = short_of(design, words, banks)  # type: ignore[arg-type]
    wide = 0 if short.works else int(js[:, c.N_LEFT].sum())
    return Passes(
        word=np.concatenate(words).astype(index),  # type: ignore[arg-type]
        lane=np.arange(int(js[:, c.Z].max())).astype(index),
        starts=starts.astype(np.int64),
        lefts=np.append(0, np.cumsum(js[:, c.N_LEFT])),
        neuron=np.concatenate(neurons),
        segment=np.concatenate(segments),
        rows=np.concatenate(rows),
        result_clocks=int(last[c.OFFSET]) + ending + int(last[c.FORWARD_LATENCY]),
        read=np.zeros((3, wide), np.int32),
        kept=np.stack([banks, firsts(banks * js[:, c.N_LEFT]), firsts(banks * edges)], 1),
        words=np.zeros(0 if short.works else int(banks @ js[:, c.N_LEFT]), np.int32),
        left=np.zeros(0 if short.works else int(banks @ edges), np.int32),
        preactivation=np.zeros(int(js[:, c.N_RIGHT].max()), np.int64),
        short=short,
    )


def _cycles_apart(design: Design) -> bool:
    """Whether what a junction does in a cycle is over before it or a neighbour begins with the next but one."""
    begins = [int(p[c.OFFSET]) for p in design.junctions]
    ends = [_last_clock(p) for p in design.junctions]
    return all(
        ends[i] < begins[k] + 2 * design.period
        for i in range(len(begins))
        for k in range(max(i - 1, 0), min(i + 2, len(begins)))
    )


def _edge_words(design: Design, i: int, edges: int) -> npt.NDArray[np.int64] | None:
    """int64 [edges] of one junction: where the left neuron of every edge lives in a bank; ``None`` if its clocks matter."""
    p = design.junctions[i]
    z, n_right, clocks = int(p[c.Z]), int(p[c.N_RIGHT]), design.clocks[p[c.FIRST_CLOCK] : p[c.FIRST_CLOCK] + p[c.CLOCKS]]
    first = clocks[:, c.ACCESS]
    count = clocks[:, c.COUNT]
    if (
        edges % n_right
        or edges % z
        or not np.array_equal(first, p[c.EDGES] + np.cumsum(count) - count)
        or count.sum() != edges
    ):
        return None
    accesses = slice(int(p[c.EDGES]), int(p[c.EDGES]) + edges)
    word, lane = (a[accesses].astype(np.int64) for a in (design.lanes.word, design.lanes.lane))
    clock = np.repeat(np.arange(len(clocks)), count)
    row = clocks[:, c.ROW]
    edge = row[clock] * z + lane
    rows_in_order = (
        np.array_equal(np.unique(row), np.arange(edges // z))
        and (np.diff(row) >= 0).all()
        and np.array_equal(clocks[:, c.ROW_BEGINS] > 0, np.diff(row, prepend=-1) > 0)
        and np.array_equal(clocks[:, c.ROW_ENDS] > 0, np.diff(row, append=row[-1] + 1) > 0)
    )
    if not rows_in_order or lane.max() >= z or not np.array_equal(np.sort(edge), np.arange(edges)):
        return None
    neuron = edge // (edges // n_right)
    if not (_served(design, clocks, neuron, p, n_right) and _framed(design, clocks, clock, neuron, p, n_right)):
        return None
    if i and not _summed(
        word, design.lanes.first_visit[accesses], int(design.junctions[i - 1, c.NEXT_D_OUT]), int(p[c.N_LEFT])
    ):
        return None
    result = np.empty(edges, np.int64)
    result[edge] = word
    return result if word.max() < p[c.N_LEFT] else None


def _served(design: Design, clocks: npt.NDArray, neuron: npt.NDArray, p: npt.NDArray, n_right: int) -> bool:
    """Whether the segments of all clocks take every access once, each for the right neuron of its edge."""
    begin, end = int(clocks[0, c.SEGMENT]), int(clocks[-1, c.SEGMENT_END])
    who, a, b = design.neurons.segment[begin:end].T
    own = np.diff(np.append(clocks[:, c.SEGMENT], end))
    offset = np.repeat(clocks[:, c.ACCESS] - p[c.EDGES], own)
    length = b - a
    in_order = np.array_equal(offset + a, np.cumsum(length) - length) and (length > 0).all()
    return bool(in_order and np.array_equal(np.repeat(who - p[c.RIGHT], length), neuron) and n_right > neuron.max())


def _framed(
    design: Design, clocks: npt.NDArray, clock: npt.NDArray, neuron: npt.NDArray, p: npt.NDArray, n_right: int
) -> bool:
    """Whether every right neuron begins once, not after its first access, and ends once, not before its last."""
    for column, names, late in ((c.BEGIN, design.neurons.begin, False), (c.END, design.neurons.end, True)):
        begin, end = int(clocks[0, column]), int(clocks[-1, column + 1])
        who = names[begin:end] - p[c.RIGHT]
        if not np.array_equal(np.sort(who), np.arange(n_right)):
            return False
        when = np.empty(n_right, np.int64)
        when[who] = np.repeat(np.arange(len(clocks)), clocks[:, column + 1] - clocks[:, column])
        if not (clock <= when[neuron] if late else clock >= when[neuron]).all():
            return False
    return True


def _summed(word: npt.NDArray, first_visit: npt.NDArray, d_out: int, n_left: int) -> bool:
    """Whether the first contribution to every partial delta overwrites, and all have as many as they need."""
    first = np.zeros(word.size, np.bool_)
    first[np.unique(word, return_index=True)[1]] = True
    return bool((first == first_visit).all() and (np.bincount(word, minlength=n_left) == d_out).all())
