"""An event log as what a page draws: per junction its memories, per clock the accesses, rows of weights, and clashes.

Everything here is read off the log. A row of weights begins where its weights are read; clocks in which lanes go on working
on it are stall clocks; and where lanes of one row read one memory, they clash, and are served one after the other.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwsim.events.log import (
    ACCESS,
    ADDRESS,
    BANK,
    CLOCK,
    INDEX,
    JUNCTION,
    LANE,
    MEMORY,
    OPERATION,
    SAMPLE,
    VALUE,
    EventLog,
    Rows,
    owners,
)
from hwsim.events.waveform import fraction_of
from hwsim.view.recording import Recording, concerns
from hwsim.vocabulary import ACTIVATION, BIAS, BP, DELTA, DERIVATIVE, FF, PARTIAL, READ, UP, WEIGHT, MemoryKey, MemoryKind

_NOTES = {
    ACTIVATION: "What the neurons of this layer put out. FF multiplies them by weights now; UP needs the same words some "
    "junction cycles later, when the sample's error is known: until then the sample keeps its bank.",
    PARTIAL: "Sums of weight × delta, collected edge by edge for the layer on the left. UP and BP of the junction before "
    "make the layer's deltas of them.",
    WEIGHT: "All lanes share one address: a row holds one weight for each lane. It is read once for FF, BP and UP and "
    "written back, corrected, by UP.",
    BIAS: "One for each right neuron; read when its sum is finished, corrected by UP.",
    DERIVATIVE: "The slope of the activation function, kept from FF until the error of the same sample arrives.",
    DELTA: "The error of each output: what came out, less what should have.",
}
_ORDER = (ACTIVATION, WEIGHT, BIAS, PARTIAL, DERIVATIVE, DELTA)

Scene = dict[str, Any]


def scene(recording: Recording, junction: int) -> Scene:
    """What the page shows of one junction.

    Parameters
    ----------
    junction
        Its number, from 1.

    Returns
    -------
    dict
        For JSON: figures of the junction, ``memories`` with what they hold at first (``held``, the sample of each word), and
        ``clocks``: per clock the row, whether it is a stall clock, the sample of each operation, and the accesses.
    """
    log, first, last = recording.log, recording.first, recording.last
    rows = log.rows[concerns(log.rows, junction)]
    rows = rows.copy()
    # The weights of a row are one memory as wide as all lanes: here each lane has its own.
    weights = rows[:, MEMORY] == WEIGHT
    rows[weights, INDEX] = rows[weights, LANE]
    keys = np.column_stack([owners(rows), rows[:, MEMORY]])
    memories = _memories(recording, rows, keys, junction)
    passed = _passes(log, junction)
    by_key = {(m["owner"], m["kind"]): k for k, m in enumerate(memories)}
    which = np.array([by_key[tuple(key)] for key in keys.tolist()], np.int64)
    clocks = [_clock(rows, which, clock, junction, passed) for clock in range(first, last)]
    of = next(j for j in recording.design.inventory.junctions if j.number == junction)
    return {
        "number": junction,
        "left": of.n_left,
        "right": of.n_right,
        "z": of.z,
        "rows": of.rows,
        "depth": of.depth,
        "stalls": of.stall_clocks,
        "edges": of.edges,
        "memories": memories,
        "passes": [{"row": row, "begin": begin, "end": end, "clashes": clashes} for row, begin, end, clashes in passed],
        "clocks": clocks,
    }


def _memories(recording: Recording, rows: Rows, keys: Rows, junction: int) -> list[Scene]:
    found = [tuple(key) for key in np.unique(keys, axis=0).tolist()]
    numbers, before = recording.design.config.numbers.system, recording.first
    result = []
    for owner, kind in sorted(found, key=lambda k: (k[0] != junction, _ORDER.index(k[1]))):
        own = rows[(keys == (owner, kind)).all(axis=1)]
        banks, lanes, depth = (int(own[:, c].max()) + 1 for c in (BANK, INDEX, ADDRESS))
        held = np.full((banks, lanes, depth), -1, np.int64)
        # In order of clocks, reads before writes: what is told last of a word holds.
        told = own[(own[:, CLOCK] < before) & (own[:, SAMPLE] >= 0)]
        held[told[:, BANK], told[:, INDEX], told[:, ADDRESS]] = told[:, SAMPLE]
        layer = owner - 1 if kind in (ACTIVATION, PARTIAL) else owner
        result.append(
            {
                "owner": owner,
                "kind": kind,
                "title": str(MemoryKey(list(MemoryKind)[kind], layer)),
                "note": _NOTES[kind],
                "side": "left"
                if owner == junction and kind in (ACTIVATION, PARTIAL)
                else "own"
                if owner == junction
                else "right",
                "banks": banks,
                "lanes": lanes,
                "depth": depth,
                "fraction": fraction_of(numbers, owner, kind),
                "held": held.reshape(banks, -1).tolist(),
            }
        )
    return result


def _passes(log: EventLog, junction: int) -> list[tuple[int, int, int, list[Scene]]]:
    """Rows in work: (row, first clock, first clock behind it, clashes), in order of time."""
    own = log.rows[(log.rows[:, JUNCTION] == junction) & (log.rows[:, ACCESS] == READ)]
    begins, at = np.unique(own[own[:, MEMORY] == WEIGHT, CLOCK], return_index=True)
    row = own[own[:, MEMORY] == WEIGHT][at, ADDRESS]
    reads = own[own[:, MEMORY] == ACTIVATION]
    busy = set(reads[:, CLOCK].tolist())
    result = []
    for number, (begin, address) in enumerate(zip(begins.tolist(), row.tolist(), strict=True)):
        following = int(begins[number + 1]) if number + 1 < len(begins) else log.header.last
        end = begin + 1
        while end < following and end in busy:
            end += 1
        mine = reads[(reads[:, CLOCK] >= begin) & (reads[:, CLOCK] < end)]
        result.append((address, begin, end, _clashes(mine) if end - begin > 1 else []))
    return result


def _clashes(reads: Rows) -> list[Scene]:
    """Memories that one row's lanes ask for several words: who is served when."""
    one = reads[reads[:, OPERATION] == (FF if (reads[:, OPERATION] == FF).any() else UP)]
    return [
        {"memory": memory, "served": served[:, [CLOCK, LANE, ADDRESS]].tolist()}
        for memory in np.unique(one[:, INDEX]).tolist()
        if len(served := one[one[:, INDEX] == memory]) > 1
    ]


def _clock(
    rows: Rows, which: npt.NDArray[np.int64], clock: int, junction: int, passed: list[tuple[int, int, int, list[Scene]]]
) -> Scene:
    a, b = np.searchsorted(rows[:, CLOCK], (clock, clock + 1))
    now, memory = rows[a:b], which[a:b]
    place = next((k for k, (_, begin, end, _) in enumerate(passed) if begin <= clock < end), None)
    # The first contribution to a partial delta is written without a read; FF and UP write long after they have read.
    own = (now[:, JUNCTION] == junction) & (now[:, SAMPLE] >= 0)
    working = now[own & ((now[:, ACCESS] == READ) | (now[:, OPERATION] == BP))]
    accesses = []
    if len(now):
        group = np.column_stack([memory, now[:, [BANK, ACCESS, OPERATION, JUNCTION, SAMPLE]]])
        for key in np.unique(group, axis=0).tolist():
            words = now[(group == key).all(axis=1)][:, [INDEX, ADDRESS, LANE, VALUE]]
            accesses.append([*key, words.ravel().tolist()])
    samples = {int(o): int(working[working[:, OPERATION] == o][0, SAMPLE]) for o in np.unique(working[:, OPERATION])}
    return {"pass": place, "samples": samples, "accesses": accesses}
