"""What operations work on and banks hold, against the published table and against the machine."""

import numpy as np
import pytest

from hwsim.schedule.banks import Banks
from hwsim.schedule.timeline import illustration, timeline
from hwsim.vocabulary import BUBBLE, INFERENCE, OPERATIONS, TRAINING, MemoryKind
from models.network.order import FLUSH, OVERLAP
from tests.hwsim.events import test_log as trace

# Two junctions, six samples, one a junction cycle: which sample each bank holds (docs/architecture.md §4).
CYCLES = "-1  0  1  2  3  4  5  6  7  8"
PUBLISHED_BANKS = {
    ("activation", 0): """
        0  0  0  0  0  5  5  5  5  5
        .  1  1  1  1  1  .  .  .  .
        .  .  2  2  2  2  2  .  .  .
        .  .  .  3  3  3  3  3  .  .
        .  .  .  .  4  4  4  4  4  .
    """,
    ("activation", 1): """
        .  0  0  0  3  3  3  .  .  .
        .  .  1  1  1  4  4  4  .  .
        .  .  .  2  2  2  5  5  5  .
    """,
    ("derivative", 1): """
        .  0  0  0  0  3  3  3  .  .
        .  .  1  1  1  1  4  4  4  .
        .  .  .  2  2  2  2  5  5  5
    """,
    ("partial delta", 1): """
        .  .  .  0  0  2  2  4  4  .
        .  .  .  .  1  1  3  3  5  5
    """,
    ("delta", 2): """
        .  .  0  0  2  2  4  4  .  .
        .  .  .  1  1  3  3  5  5  .
    """,
}
PUBLISHED_OPERATIONS = {
    (1, "FF"): ".  0  1  2  3  4  5  .  .  .",
    (1, "BP"): ".  .  .  .  .  .  .  .  .  .",
    (1, "UP"): ".  .  .  .  0  1  2  3  4  5",
    (2, "FF"): ".  .  0  1  2  3  4  5  .  .",
    (2, "BP"): ".  .  .  0  1  2  3  4  5  .",
    (2, "UP"): ".  .  .  0  1  2  3  4  5  .",
}


def numbers(text):
    return [[-1 if word == "." else int(word) for word in line.split()] for line in text.strip().splitlines()]


def place(table):
    """Memory, in the word of an event log, and layer."""
    return table.key.kind.word, table.key.number


def test_the_published_pipeline():
    t = timeline(FLUSH, 2, [TRAINING] * 6)
    assert t.cycles.tolist() == [int(c) for c in CYCLES.split()]
    for (junction, operation), row in PUBLISHED_OPERATIONS.items():
        assert t.sample[junction - 1, OPERATIONS.index(operation)].tolist() == numbers(row)[0]
    assert {place(b): b.holds.tolist() for b in t.tables} == {k: numbers(v) for k, v in PUBLISHED_BANKS.items()}


def test_up_to_5_operations_at_once():
    t = timeline(FLUSH, 2, [TRAINING] * 9)
    first, last = t.steady
    assert (first, last) == (3, 9)
    assert (t.sample[..., first + 1 : last + 1] >= 0).sum(axis=(0, 1)).tolist() == [5] * (last - first)  # 3 L - 1


@pytest.mark.parametrize("hops", [FLUSH, OVERLAP])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_in_steady_state_as_many_banks_are_in_use_as_samples_are_alive(hops, n):
    t = timeline(hops, n, [TRAINING] * 40)
    for table in t.tables:
        held = table.holds[:, hops.drain(n) + 1 : -hops.drain(n) - 1]
        alive = hops.activation_banks(table.key.number, n) if table.key.kind == MemoryKind.ACTIVATIONS else table.banks
        assert ((held >= 0).sum(axis=0) == alive).all()
        assert (held[held >= 0] % table.banks == np.nonzero(held >= 0)[0]).all()


@pytest.mark.parametrize("schedule", ["flush", "overlap"])
def test_the_machine_does_what_the_timeline_says(schedule):
    log, machine = trace.recorded(trace.small_design(schedule))
    kinds = [BUBBLE if s < 0 else INFERENCE if s in trace.INFERENCE else TRAINING for s in trace.ENTERED]
    t = timeline(machine.config.hops, 2, kinds, machine.banks)

    def cycle(e):
        """The junction cycle of the weight row that causes an event."""
        junction = max(e.junction, 1)
        times = machine.timing.junctions[junction - 1]
        late = {
            ("FF", "write"): times.feedforward,
            ("BP", "read"): times.backward,
            ("BP", "write"): times.backward + times.accumulate - 1,
            ("UP", "write"): times.update,
        }
        since = e.clock - late.get((e.operation, e.access), 0) - log.header.clocking.begin(0, junction)
        return since // log.header.clocking.period

    done, accessed = set(), set()
    for e in log:
        if e.operation != "host" and e.sample >= 0:
            done.add((e.junction, e.operation, cycle(e), e.sample))
        if e.memory not in ("weight", "bias") and (e.operation, e.access) != ("BP", "read"):
            layer = e.owner - (e.memory not in ("derivative", "delta"))
            accessed.add((e.memory, layer, e.bank, cycle(e), e.access, e.operation, e.sample))
    assert done == {
        (j + 1, OPERATIONS[o], int(t.cycles[i]), int(t.sample[j, o, i])) for j, o, i in np.argwhere(t.sample >= 0).tolist()
    }
    assert accessed == {
        (*place(b), bank, int(t.cycles[i]), access, OPERATIONS[by[bank, i]], int(what[bank, i]))
        for b in t.tables
        for access, what, by in (("read", b.read, b.reader), ("write", b.written, b.writer))
        for bank, i in np.argwhere(what >= 0).tolist()
    }


def test_bubbles_and_inference_leave_banks_free():
    t = timeline(FLUSH, 2, [TRAINING, BUBBLE, INFERENCE, TRAINING])
    inputs = t.tables[0].holds
    assert inputs[1].tolist() == [-1] * 8
    assert inputs[2].tolist() == [-1, -1, 2, 2, -1, -1, -1, -1]  # loaded and fed forward
    assert t.sample[0, 2].tolist() == [-1, -1, -1, -1, 0, -1, -1, 3]
    assert t.tables[2].written[2].max() == 2 and t.tables[2].read[2].max() == -1  # a derivative that nobody reads


def test_a_part_is_cut_out():
    t = illustration(FLUSH, 2)
    part = t.within(4, 9)
    assert part.cycles.tolist() == [4, 5, 6, 7, 8]
    assert part.sample.tolist() == t.sample[..., 5:10].tolist()
    assert [b.holds.tolist() for b in part.tables] == [b.holds[:, 5:10].tolist() for b in t.tables]
    assert part.steady == t.steady


def test_the_illustration_has_all_there_is_to_see():
    for n in (1, 2, 4):
        t = illustration(OVERLAP, n)
        assert set(t.kinds.tolist()) == {BUBBLE, INFERENCE, TRAINING}
        first, last = t.steady
        assert 0 < first < last < t.cycles[-1]
        assert Banks.of(OVERLAP, n).activation == tuple(b.banks for b in t.tables[:n])
