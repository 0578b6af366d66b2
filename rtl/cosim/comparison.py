"""What was seen of the Verilog, compared with what protocol and machine say: the first difference, and what was compared."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hwsim.events.log import CLOCK, EVENT_FIELDS, INDEX, LANE, SAMPLE
from hwsim.vocabulary import MEMORIES, OPERATIONS, TRAINING, WEIGHT, WRITE
from rtl.cosim.capture import Capture, Undefined, Writes
from rtl.cosim.expectation import Expectation
from rtl.cosim.matching import Matching
from rtl.cosim.probes import Probe
from rtl.cosim.protocol import SIGNALS
from rtl.cosim.testbench import ANSWERS, DIFFERENCES, RESULTS
from rtl.plan.plan import Plan
from rtl.ports.results import result_layout

_JUNCTION, _OPERATION, _MEMORY, _BANK, _ADDRESS, _VALUE = (
    EVENT_FIELDS.index(name) for name in ("junction", "operation", "memory", "bank", "address", "value")
)
_NEVER = 1 << 62  # clock
UNDEFINED = "undefined"


@dataclass(frozen=True)
class Mismatch:
    """The first thing in which the Verilog differs.

    Attributes
    ----------
    what
        Signal or place.
    machine, verilog
        What must be, and what is.
    clock
        Of the bench, from power-up on.
    scenario
        In which part of the script.
    verdict
        What it means, if that is known.
    """

    what: str
    machine: object
    verilog: object
    clock: int | None = None
    scenario: str = ""
    verdict: str = ""

    def __str__(self) -> str:
        where = ", ".join(
            [
                *([f"scenario {self.scenario}"] if self.scenario else []),
                *([f"clock {self.clock}"] if self.clock is not None else []),
                self.what,
            ]
        )
        verdict = f" ({self.verdict})" if self.verdict else ""
        return f"{where}: machine {self.machine}, Verilog {self.verilog}{verdict}"


@dataclass
class Outcome:
    """A finished comparison.

    Attributes
    ----------
    mismatch
        ``None`` if everything agrees.
    clocks, writes, answers, results
        Compared: clocks, written words, words read through the port, beats of results offered or taken.
    by_memory
        Writes compared by kind of memory.
    events
        int64 [n, EVENT_FIELDS] of machine and Verilog around a mismatch.
    """

    mismatch: Mismatch | None = None
    clocks: int = 0
    writes: int = 0
    answers: int = 0
    results: int = 0
    by_memory: dict[str, int] = field(default_factory=dict)
    events: tuple[np.ndarray, np.ndarray] | None = None

    def count(self, writes: dict[str, int]) -> None:
        """Add writes that agree, by kind of memory."""
        self.writes += sum(writes.values())
        for kind, n in writes.items():
            self.by_memory[kind] = self.by_memory.get(kind, 0) + n


def compare(expected: Expectation, seen: Capture, parts: list[str], followed: dict[str, int] | None = None) -> Outcome:
    """Compare every clock.

    Parameters
    ----------
    parts
        Names of the script's.
    followed
        Writes by kind of memory, if all have been found to agree while the simulator ran (:mod:`rtl.cosim.following`).
    """
    outcome = Outcome()
    try:
        first = _control(expected, seen)
        limit = _NEVER if first is None or first.clock is None else first.clock
        outcome.clocks = min(expected.protocol.clocks, limit)
        if first is None and followed is not None:
            outcome.count(followed)
            differing = None
        else:
            differing = _writes(expected, seen, limit, outcome)
        for found in (
            differing,
            _answers(expected, seen, limit, outcome),
            _results(expected, seen, limit, outcome),
        ):
            if found is not None and found.clock is not None and found.clock <= limit:
                first, limit = found, found.clock
    except Undefined as e:
        name, text = e.args
        probe = seen.files[name].probe
        first = Mismatch(f"{name} of {probe.key}" if probe else name, "bits", text)
    if first is not None and first.clock is not None:
        k = max(int(np.searchsorted(expected.protocol.record.marks, first.clock, "right")) - 1, 0)
        if k < len(parts):
            first = Mismatch(first.what, first.machine, first.verilog, first.clock, parts[k], first.verdict)
    outcome.mismatch = first
    outcome.by_memory = {kind: outcome.by_memory[kind] for kind in MEMORIES if kind in outcome.by_memory}
    return outcome


def _control(expected: Expectation, seen: Capture) -> Mismatch | None:
    """The first control signal that differs; whether it ever came, in the clocks that the bench went on."""
    clocks = seen.clocks(DIFFERENCES)
    if not clocks.size:
        return None
    words, sees = seen.single(DIFFERENCES), expected.protocol.record.sees
    clock, ours, theirs = int(clocks[0]), int(sees[clocks[0]]), int(words[0])
    bit = ((ours ^ theirs) & -(ours ^ theirs)).bit_length() - 1
    verdict, name = "", SIGNALS[bit]
    if ours >> bit & 1:
        after = min(int(clocks[-1]) + 1, expected.protocol.clocks)
        was = sees[clock:after].copy()
        was[clocks - clock] = words
        if not (was >> bit & 1).any():
            verdict = f"deadlock: {name} does not come in {after - clock} clocks"
    return Mismatch(name, ours >> bit & 1, theirs >> bit & 1, clock, verdict=verdict)


def _writes(expected: Expectation, seen: Capture, limit: int, outcome: Outcome) -> Mismatch | None:
    probes, match = seen.probes, _matching(seen)
    by_place = {(p.key.kind.code, p.junction): name for name, p in probes.items()}
    for piece in expected.pieces():
        last = min(piece.last, limit + 1)
        events = piece.events if piece.last <= last else piece.events[piece.events[:, CLOCK] < last]
        if (counts := match.agree(events, piece.first, last)) is not None:
            outcome.count(counts)
            if piece.last > limit:
                break
            continue
        ours = {name: (_grouped(probes[name], rows), rows) for name, rows in _by_probe(events, by_place)}
        theirs = {}
        for k, name in enumerate(probes):
            rows = match.rows(k, piece.first, last)
            if rows.start < rows.stop or name in ours:
                theirs[name] = seen.writes(name, rows)
        differing = [
            ((d.clock, p.junction, p.operation, p.key.kind.code), d)
            for name, w in theirs.items()
            if (d := _first(p := probes[name], ours.get(name), w)) is not None
        ]
        if differing:
            seen_events = [_as_events(probes[n], w, *ours.get(n, (None, None))) for n, w in theirs.items()]
            outcome.events = events.copy(), np.concatenate(seen_events)  # the machine's own are written over
            return min(differing)[1]
        kinds, numbers = np.unique(events[:, _MEMORY], return_counts=True)
        outcome.count({MEMORIES[kind]: n for kind, n in zip(kinds.tolist(), numbers.tolist(), strict=True)})
        if piece.last > limit:
            break
    return None


def _matching(seen: Capture) -> Matching:
    """What was seen, ready to be matched; names the file if a clock is not known."""
    for name in seen.probes:
        seen.clocks(name)
    return Matching.of(seen.files, seen.lines)


def _by_probe(
    events: npt.NDArray[np.int64], by_place: dict[tuple[int, int], str]
) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    codes = events[:, _MEMORY] * 64 + events[:, _JUNCTION]
    for (memory, junction), name in by_place.items():
        rows = events[codes == memory * 64 + junction]
        if len(rows):
            yield name, rows


def _lane(p: Probe) -> int:
    """The column that tells which of a probe's lanes an event is of: all lanes of a weight row are one memory."""
    return LANE if p.key.kind.code == WEIGHT else INDEX


def _grouped(p: Probe, events: npt.NDArray[np.int64]) -> Writes:
    """Events, ascending in clocks, as the writes of a probe."""
    clock, lane = events[:, CLOCK], events[:, _lane(p)]
    begins = np.concatenate([[True], np.diff(clock) != 0])
    row = np.cumsum(begins) - 1
    shape = (int(row[-1]) + 1, p.lanes)
    enable = np.zeros(shape, np.bool_)
    enable[row, lane] = True
    bank, address, value = (np.zeros(shape, np.int64) for _ in range(3))
    for column, filled in ((_BANK, bank), (_ADDRESS, address), (_VALUE, value)):
        filled[row, lane] = events[:, column]
    return Writes(clock[begins], enable, bank, address, value)


def _first(p: Probe, ours: tuple[Writes, npt.NDArray[np.int64]] | None, theirs: Writes) -> Mismatch | None:
    """The first difference of one probe."""
    mine, rows = ours if ours else (theirs.none(), np.zeros((0, len(EVENT_FIELDS)), np.int64))
    n = min(len(mine.clock), len(theirs.clock))
    same_clock = mine.clock[:n] == theirs.clock[:n]
    on = mine.enable[:n]
    wrong = on != theirs.enable[:n]
    for word, other in ((mine.bank, theirs.bank), (mine.address, theirs.address), (mine.value, theirs.value)):
        wrong |= on & (word[:n] != other[:n])
    bad = ~same_clock | wrong.any(axis=1)
    at = int(bad.argmax()) if bad.any() else n
    if at == len(mine.clock) == len(theirs.clock):
        return None
    a = int(mine.clock[at]) if at < len(mine.clock) else _NEVER
    b = int(theirs.clock[at]) if at < len(theirs.clock) else _NEVER
    lane = int(wrong[at].argmax()) if a == b else int((mine if a < b else theirs).enable[at].argmax())
    here = None if a > b else _write_at(mine, at, lane)
    there = None if b > a else _write_at(theirs, at, lane)
    return _described(p, min(a, b), lane, here, there, rows)


def _write_at(w: Writes, at: int, lane: int) -> tuple[int, int, int] | None:
    if not w.enable[at, lane]:
        return None
    return int(w.bank[at, lane]), int(w.address[at, lane]), int(w.value[at, lane])


def _described(
    p: Probe,
    clock: int,
    lane: int,
    ours: tuple[int, int, int] | None,
    theirs: tuple[int, int, int] | None,
    events: npt.NDArray[np.int64],
) -> Mismatch:
    """Name the place in which the writes of a lane part."""
    place = ours if ours is not None else theirs
    assert place is not None
    here = events[(events[:, CLOCK] == clock) & (events[:, _lane(p)] == lane)]
    operation = int(here[0, _OPERATION]) if len(here) else p.operation
    weight = p.key.kind.code == WEIGHT
    what = f"junction {p.junction}, {OPERATIONS[operation]} write to {p.key.kind.word} memory {0 if weight else lane}, "
    what += f"bank {place[0]}, address {place[1]}"
    if len(here):
        what += f", lane {int(here[0, LANE])}, sample {int(here[0, SAMPLE])}"
    elif weight:
        what += f", lane {lane}"
    if ours is not None and theirs is not None:
        if ours[:2] == theirs[:2]:
            return Mismatch(what, ours[2], theirs[2], clock)
        return Mismatch(what, ours[2], f"bank {theirs[0]}, address {theirs[1]}", clock)
    return Mismatch(what, "no write" if ours is None else ours[2], "no write" if theirs is None else theirs[2], clock)


def _as_events(p: Probe, theirs: Writes, ours: Writes | None, events: npt.NDArray[np.int64] | None) -> npt.NDArray[np.int64]:
    """The Verilog's writes as events; lane and sample are those of the machine's write to the same place."""
    at, lane = np.nonzero(theirs.enable)
    result = np.zeros((at.size, len(EVENT_FIELDS)), np.int64)
    facts: dict[str, npt.ArrayLike] = {
        "clock": theirs.clock[at],
        "junction": p.junction,
        "operation": p.operation,
        "access": WRITE,
        "memory": p.key.kind.code,
        "bank": theirs.bank[at, lane],
        "address": theirs.address[at, lane],
        "value": theirs.value[at, lane],
        "sample": -1,
    }
    for name, value in facts.items():
        result[:, EVENT_FIELDS.index(name)] = value
    result[:, _lane(p)] = lane
    if events is not None:
        known = {(c, k): i for i, (c, k) in enumerate(events[:, [CLOCK, _lane(p)]].tolist())}
        for row in result:
            i = known.get((int(row[CLOCK]), int(row[_lane(p)])))
            if i is not None:
                row[[LANE, SAMPLE, _OPERATION]] = events[i, [LANE, SAMPLE, _OPERATION]]
    return result


def _answers(expected: Expectation, seen: Capture, limit: int, outcome: Outcome) -> Mismatch | None:
    """The words that the port gave."""
    r = expected.protocol.record
    clocks, words = seen.clocks(ANSWERS), seen.single(ANSWERS)
    done = r.accesses[:, 1]
    wanted = np.flatnonzero(expected.answered & (done > 0) & (done <= limit) & (r.accesses[:, 4] == 0))
    at = np.minimum(np.searchsorted(clocks, done[wanted]), max(clocks.size - 1, 0))
    if not clocks.size:
        return None
    there = clocks[at] == done[wanted]  # where it is not, DONE differs
    wrong = there & (words[at] != expected.answers[wanted])
    outcome.answers = int(there.sum())
    if not wrong.any():
        return None
    k = int(wrong.argmax())
    i = wanted[k]
    what = f"bus.read_data of {_named(expected.plan, int(r.accesses[i, 2]))}"
    return Mismatch(what, int(expected.answers[i]), int(words[at[k]]), int(done[i]))


def _named(of: Plan, address: int) -> str:
    """What an address is."""
    from rtl.verilog.names import register_addresses

    for name, at in register_addresses(of).items():
        if at == address:
            return f"register {name}"
    return f"address {address}"


def _results(expected: Expectation, seen: Capture, limit: int, outcome: Outcome) -> Mismatch | None:
    """Every beat of the results in every clock in which it is offered."""
    of, r = expected.plan, expected.protocol.record
    last = of.junctions[-1]
    clocks = seen.clocks(RESULTS)
    known = clocks[(clocks < len(r.beat)) & (clocks <= limit)]
    known = known[r.beat[known] >= 0]
    lines = seen.lines[RESULTS][np.searchsorted(clocks, known)]
    resets = r.resets[:, 0]
    era, beat = np.searchsorted(resets, known), r.beat[known]
    layout, fmt, q, beats = result_layout(of), of.numbers.activation, last.results_per_clock, last.groups
    try:
        theirs = {
            "outputs": lines.fields(layout["outputs"].offset, fmt.width, q, fmt.signed),
            **{n: lines.fields(layout[n].offset, layout[n].width)[:, 0] for n in ("prediction", "label", "train", "last")},
        }
    except ValueError as e:
        raise Undefined(RESULTS, str(e)) from None
    found: Mismatch | None = None
    for k, results in enumerate(expected.results):
        at = np.flatnonzero((era == k) & (beat < len(results) * beats))
        if not at.size:
            continue
        sample, group = beat[at] // beats, beat[at] % beats
        ends = group == beats - 1
        ours = {
            "prediction": results.prediction[sample] * ends,
            "label": results.label[sample] * ends,
            "train": (results.kind[sample] == TRAINING) & ends,
            "last": ends,
        }
        outcome.results += at.size
        missing = beats * q - last.n_right
        outputs = np.pad(results.output, ((0, 0), (0, missing))).reshape(len(results), beats, q)[sample, group]
        exists = group[:, None] * q + np.arange(q) < last.n_right  # the others mean nothing
        for name, wanted in (("outputs", outputs), *ours.items()):
            wrong = wanted.reshape(at.size, -1) != theirs[name][at].reshape(at.size, -1)
            if name == "outputs":
                wrong &= exists
            if not wrong.any():
                continue
            i = int(wrong.any(axis=1).argmax())
            lane, clock, n = int(wrong[i].argmax()), int(known[at[i]]), int(sample[i])
            if found is not None and found.clock is not None and found.clock <= clock:
                continue
            what = f"output {int(group[i]) * q + lane} of result {n}" if name == "outputs" else f"{name} of result {n}"
            seen_word = int(theirs[name][at].reshape(at.size, -1)[i, lane])
            found = Mismatch(what, int(wanted.reshape(at.size, -1)[i, lane]), seen_word, clock)
    return found
