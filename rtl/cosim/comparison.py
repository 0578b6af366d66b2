"""The machine on the samples of a co-simulation, at the same clocks, and the comparison with what the Verilog did."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hwsim.events.log import CLOCK, EVENT_FIELDS, LANE, SAMPLE
from hwsim.machine.log import Log
from hwsim.machine.machine import Machine, Results, Samples, joined
from hwsim.schedule.banks import Banks
from hwsim.vocabulary import ACTIVATION, MEMORIES, OPERATIONS, TRAINING, WEIGHT, WRITE
from models.network.order import NO_SAMPLE
from models.network.parameters import IntegerParameters
from rtl.cosim.capture import Capture, ordered
from rtl.cosim.probes import as_events, compared
from rtl.cosim.stimulus import StreamSamples, parameters_of
from rtl.plan.plan import Plan
from rtl.ports.results import ResultQueue, result_layout

_ACCESS, _MEMORY = EVENT_FIELDS.index("access"), EVENT_FIELDS.index("memory")
_LOGGED = 1_000_000  # events
_NEVER = 1 << 62  # clock


@dataclass(frozen=True)
class Mismatch:
    """The first thing in which Verilog and machine differ.

    Attributes
    ----------
    clock
        Of the machine; ``None`` for what is compared at the end.
    """

    what: str
    machine: object
    verilog: object
    clock: int | None = None

    def __str__(self) -> str:
        at = "" if self.clock is None else f"clock {self.clock}, "
        return f"{at}{self.what}: machine {self.machine}, Verilog {self.verilog}"


@dataclass
class CosimOutcome:
    """A finished comparison.

    Attributes
    ----------
    mismatch
        ``None`` if everything agrees.
    clocks, writes
        Compared.
    by_memory
        Writes compared by kind of memory.
    bubbles, standing
        Junction cycles without a sample between the first and the last one with a sample, clocks in which the accelerator
        stood although it was running.
    events
        int64 [n, EVENT_FIELDS] of machine and Verilog around a mismatch.
    """

    machine: Machine
    mismatch: Mismatch | None = None
    clocks: int = 0
    writes: int = 0
    by_memory: dict[str, int] = field(default_factory=dict)
    bubbles: int = 0
    standing: int = 0
    events: tuple[np.ndarray, np.ndarray] | None = None


def loads(of: Plan, seen: Capture) -> npt.NDArray[np.int64]:
    """Which sample each junction cycle loads, -1 for none: a sample is there in the clock after its last beat."""
    complete = seen.taken[of.inputs.groups - 1 :: of.inputs.groups]
    result = np.full(seen.advances.size, NO_SAMPLE, np.int64)
    sample = 0
    for k, advance in enumerate(seen.advances.tolist()):
        if sample < complete.size and complete[sample] < advance:
            result[k] = sample
            sample += 1
    return result


def due_advances(of: Plan, seen: Capture, source: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Clocks of the advances as period, back-pressure and skew make them due.

    The first one, and the first after a stop, are taken as seen, since they follow a request on the bus; but where the
    accelerator has stood, all its junctions must have come to rest.
    """
    lag = of.junctions[-1].forward_lag
    result = seen.advances.copy()
    ends = seen.marks[:, 1]
    held = 0
    for k in range(1, result.size):
        feeds = k - 1 - lag  # the cycle whose sample the last junction now turns to
        due = feeds >= 0 and source[feeds] >= 0
        earlier = k - 2 - lag
        held += int(earlier >= 0 and source[earlier] >= 0)
        first = int(result[k - 1]) + of.period
        if np.searchsorted(ends, result[k - 1]) != np.searchsorted(ends, seen.advances[k]):
            if result[k] != first:
                result[k] = max(int(result[k]), first + of.skew)
            continue
        clock = first
        if due and held >= ResultQueue.capacity:
            # There is room again in the clock after so many results have left; if they never do, there never is.
            need = held - ResultQueue.capacity
            clock = max(first, int(seen.left[need]) + 1) if need < seen.left.size else _NEVER
        result[k] = clock if clock == first else max(clock, first + of.skew)
    return result


def compare(of: Plan, parameters: IntegerParameters, samples: StreamSamples, seen: Capture) -> CosimOutcome:
    """Run the machine through the same junction cycles and compare every write of every memory, and every result."""
    banks = None if of.trains else Banks.of_inference(len(of.junctions))
    machine = of.design.machine(parameters, banks=banks)
    outcome = CosimOutcome(machine)
    source = loads(of, seen)
    if not source.size:
        outcome.mismatch = Mismatch("junction cycles", "some", 0)
        return outcome
    due = due_advances(of, seen, source)
    late = np.flatnonzero(due != seen.advances)
    if late.size:
        k, offset = int(late[0]), int(seen.advances[0]) + 1
        what = f"junction cycle {k - 1} begins in clock"
        outcome.mismatch = Mismatch(what, int(due[k]) + 1 - offset, int(seen.advances[k]) + 1 - offset)
        return outcome
    fed = np.flatnonzero(source >= 0)
    if fed.size:
        outcome.bubbles = int((source[fed[0] : fed[-1]] < 0).sum())
    known = machine.samples(samples.input, samples.label, samples.kappa, samples.train, as_carried=True)
    results = machine.feed(known, [])
    for out, log in _segments(machine, of, known, source, seen.advances):
        results = joined(results, out)
        _compare_writes(outcome, log, seen, of.trains)
        if outcome.mismatch is not None:
            return outcome
    outcome.standing = machine.standing_clocks
    outcome.mismatch = _compare_results(of, results, seen)
    return outcome


def _segments(
    machine: Machine, of: Plan, known: Samples, source: npt.NDArray[np.int64], advances: npt.NDArray[np.int64]
) -> Iterator[tuple[Results, Log]]:
    """Feed junction cycles that follow each other, stand still between them; yields results and events of each piece."""
    edges = sum(j.pattern.n_edges for j in of.junctions)
    piece = max(1, _LOGGED // (8 * edges + 8 * sum(of.design.network.layers)))
    gaps = np.diff(advances) - of.period
    starts = [0, *(np.flatnonzero(gaps) + 1).tolist(), source.size]
    for a, b in pairwise(starts):
        for first in range(a, b, piece):
            log = _new_log(machine)
            out = machine.feed(known, source[first : min(b, first + piece)])
            yield out, _closed(machine, log)
        log = _new_log(machine)
        out = machine.stand(int(gaps[b - 1]) if b < source.size else machine.skew)
        yield out, _closed(machine, log)


def _new_log(machine: Machine) -> Log:
    machine.log = Log(machine.clock, np.iinfo(np.int64).max, 2 * _LOGGED)
    return machine.log


def _closed(machine: Machine, log: Log) -> Log:
    assert not log.lost
    log.last = machine.clock
    return log


def _compare_writes(outcome: CosimOutcome, log: Log, seen: Capture, trains: bool) -> None:
    offset = int(seen.advances[0]) + 1
    events = log.events
    writes = events[events[:, _ACCESS] == WRITE]
    if not trains:  # nobody reads them, and the hardware leaves them out
        writes = writes[writes[:, _MEMORY] == ACTIVATION]
    ours = ordered(compared(writes))
    theirs = seen.writes(log.first + offset, log.last + offset)
    theirs[:, 0] -= offset
    outcome.clocks = log.last
    n = min(len(ours), len(theirs))
    differs = (ours[:n] != theirs[:n]).any(axis=1)
    at = int(differs.argmax()) if differs.any() else n
    if at == len(ours) == len(theirs):
        outcome.writes += n
        kinds, counts = np.unique(ours[:, 3], return_counts=True)
        for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True):
            name = MEMORIES[kind]
            outcome.by_memory[name] = outcome.by_memory.get(name, 0) + count
        return
    outcome.mismatch = _describe(ours, theirs, at, writes)
    outcome.events = (writes, _as_events(theirs, writes))


def _describe(
    ours: npt.NDArray[np.int64], theirs: npt.NDArray[np.int64], at: int, writes: npt.NDArray[np.int64]
) -> Mismatch:
    """Name the place in which the two lists of writes part."""
    a = ours[at].tolist() if at < len(ours) else None
    b = theirs[at].tolist() if at < len(theirs) else None
    row = min(r for r in (a, b) if r is not None)
    clock, junction, operation, memory, bank, index, address, value = row
    number = 0 if memory == WEIGHT else index
    place = f"junction {junction}, {OPERATIONS[operation]} write to {MEMORIES[memory]} memory {number}, "
    place += f"bank {bank}, address {address}"
    same = writes[(compared(writes)[:, :7] == np.array(row[:7])).all(axis=1)]
    if same.size:
        place += f", lane {int(same[0, LANE])}, sample {int(same[0, SAMPLE])}"
    elif memory == WEIGHT:
        place += f", lane {index}"
    if a is not None and b is not None and a[:7] == b[:7]:
        return Mismatch(place, a[7], b[7], clock)
    here = a is not None and row == a
    return Mismatch(place, value if here else "no write", "no write" if here else value, clock)


def _as_events(theirs: npt.NDArray[np.int64], writes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The Verilog's writes as events; lane and sample are those of the machine's write to the same place."""
    places = compared(writes)[:, :7].tolist()
    known = {tuple(p): pair for p, pair in zip(places, writes[:, [LANE, SAMPLE]].tolist(), strict=True)}
    result = as_events(theirs)
    for row, place in zip(result, theirs[:, :7].tolist(), strict=True):
        if tuple(place) in known:
            row[LANE], row[SAMPLE] = known[tuple(place)]
    return result[np.argsort(result[:, CLOCK], kind="stable")]


def _compare_results(of: Plan, results: Results, seen: Capture) -> Mismatch | None:
    layout, last = result_layout(of), of.junctions[-1]
    fmt = of.numbers.activation
    beats, n = last.groups, len(seen.results) // last.groups

    def part(name: str, beat: int) -> int:
        f = layout[name]
        return beat >> f.offset & ((1 << f.width) - 1)

    if n != len(results) or len(seen.results) % beats:
        return Mismatch("results", len(results), len(seen.results) / beats)
    for k in range(n):
        group = seen.results[k * beats : (k + 1) * beats]
        words = [
            part("outputs", beat) >> (i * fmt.width) & ((1 << fmt.width) - 1)
            for beat in group
            for i in range(last.results_per_clock)
        ][: last.n_right]
        signed = [w - (1 << fmt.width) if fmt.signed and w >> (fmt.width - 1) else w for w in words]
        expected = results.output[k].tolist()
        if signed != expected:
            i = next(i for i, (x, y) in enumerate(zip(expected, signed, strict=True)) if x != y)
            return Mismatch(f"output {i} of result {k}", expected[i], signed[i])
        facts = {
            "prediction": int(results.prediction[k]),
            "label": int(results.label[k]),
            "train": int(results.kind[k] == TRAINING),
        }
        for name, ours in facts.items():
            if part(name, group[-1]) != ours:
                return Mismatch(f"{name} of result {k}", ours, part(name, group[-1]))
        if [part("last", beat) for beat in group] != [0] * (beats - 1) + [1]:
            return Mismatch(f"end of result {k}", "last beat", [part("last", beat) for beat in group])
    return None


def compare_state(of: Plan, machine: Machine, words: npt.NDArray[np.int64]) -> Mismatch | None:
    """Weights and biases as the bus has read them, with the machine's."""
    theirs, ours = parameters_of(of, words).arrays(), machine.parameters.arrays()
    for name, expected in ours.items():
        differs = np.flatnonzero(theirs[name] != expected)
        if differs.size:
            k = int(differs[0])
            return Mismatch(f"{name}[{k}] at the end", int(expected[k]), int(theirs[name][k]))
    return None
