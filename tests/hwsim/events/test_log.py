"""The event log: what the machine's events mean, the file, and where two logs differ."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.design import Design
from hwsim.events.difference import first_difference
from hwsim.events.lines import read_events, write_events
from hwsim.events.log import CLOCK, INDEX, MEMORY, Clocking, Event, EventLog, Header
from hwsim.machine.log import Log
from hwsim.vocabulary import EVENT_FIELDS, MEMORIES, WEIGHT
from models.errors import InputError
from models.network.order import NO_SAMPLE
from tests.hwsim.runs import FIXED
from tests.work import calls

ENTERED = [0, 1, 2, NO_SAMPLE, 3, 4, 5, 6]
INFERENCE = (4,)


def small_design(schedule="flush"):
    """Three layers, 16-8-4, with 8 and 4 lanes: four clocks of work in a junction cycle."""
    return Design(Configuration.model_validate(FIXED | {"hardware": {"z": [8, 4], "schedule": schedule}}))


def recorded(design, first=0, last=None, capacity=100_000):
    """The machine's log of samples that enter with a bubble between them, one of which is for inference only."""
    rng = np.random.default_rng(0)
    log = Log(first, 10**9 if last is None else last, capacity)
    machine = design.machine(log=log)
    n, layers = max(ENTERED) + 1, design.network.layers
    train = ~np.isin(np.arange(n), INFERENCE)
    samples = machine.samples(rng.integers(0, 256, (n, layers[0])), rng.integers(0, layers[-1], n), 3, train)
    # Not drained but fed bubbles: a machine that has come to rest begins again with a junction cycle for the host alone.
    machine.feed(samples, np.array(ENTERED + [NO_SAMPLE] * design.config.hops.drain(len(layers) - 1)))
    machine.settle()
    clocking = Clocking(machine.timing.period, machine.timing.period, tuple(j.offset for j in machine.timing.junctions))
    fingerprint = config_file.fingerprint(design.config)
    header = Header("machine", fingerprint, first, min(log.last, machine.clock), clocking)
    return EventLog.of(header, log.events, log.lost), machine


@pytest.fixture(scope="module")
def log():
    return recorded(small_design())[0]


def a_log(rows, first=0, last=10):
    return EventLog.of(Header("test", "abc", first, last), np.array(rows, np.int64).reshape(-1, len(EVENT_FIELDS)))


def a_write_of(log, memory):
    """Where in the middle of a log a junction writes a memory."""
    return next(i for i in range(len(log) // 2, len(log)) if log[i].memory == memory and log[i][3] == "write" and log[i][1])


def changed(log, i, **fields):
    rows = log.rows.copy()
    for name, value in fields.items():
        rows[i, EVENT_FIELDS.index(name)] = value
    return EventLog.of(log.header, rows)


# What events mean.


@pytest.mark.parametrize("schedule", ["flush", "overlap"])
def test_replaying_the_writes_explains_every_read(schedule):
    log, machine = recorded(small_design(schedule))
    memories, explained = {}, 0
    for e in log:
        word = (e.owner, e.memory, e.bank, e.index, e.address, e.lane if e.memory == "weight" else 0)
        if e.access == "write":
            memories[word] = e.value
        elif word in memories:
            assert memories[word] == e.value, e
            explained += 1
    assert explained > 1000
    for i, weights in enumerate(machine.parameters.weights, 1):
        z = machine.config.hardware.z[i - 1]
        final = [memories[i, "weight", 0, 0, edge // z, edge % z] for edge in range(weights.size)]
        assert final == weights.tolist()


def test_the_first_contribution_is_written_without_a_read(log):
    """Four outputs, d_out of the last junction: of each sample that is learned from, 8 sums of as many contributions."""
    d_out = FIXED["network"]["out_degree"][1]
    events = Counter((e.operation, e.access, e.sample) for e in log if e.memory == "partial delta")
    learned = [t for t, n in enumerate(ENTERED) if n != NO_SAMPLE and n not in INFERENCE]
    expected = {("BP", "read"): 8 * (d_out - 1), ("BP", "write"): 8 * d_out, ("UP", "read"): 8}
    assert events == {(*access, t): count for access, count in expected.items() for t in learned}


def test_every_access_lies_within_the_memory_that_owns_it(log):
    layers, z = (16, 8, 4), (8, 4)
    for e in log:
        if e.memory in ("activation", "partial delta"):
            assert e.index < z[e.owner - 1]
            assert e.address * z[e.owner - 1] + e.index < layers[e.owner - 1]
        if e.memory in ("derivative", "bias", "delta"):
            results = z[e.owner - 1] // 4  # neurons of four edges each
            assert e.owner == e.junction
            assert e.index < results
            assert e.address * results + e.index < layers[e.owner]


def test_an_event_reads_as_a_sentence():
    e = Event(12, 1, "FF", "write", "activation", 2, 3, 0, 1, -77, 5)
    assert e.owner == 2  # left activations of junction 2
    assert str(e) == "clock 12, junction 1, activation memory 3 bank 2 address 0, lane 1: FF write of -77, sample 5"


@given(st.randoms())
@settings(max_examples=20)
def test_order_does_not_depend_on_the_recorder(random):
    rows = [[random.randrange(3) for _ in EVENT_FIELDS] for _ in range(30)]
    shuffled = random.sample(rows, len(rows))
    assert a_log(rows).rows.tolist() == a_log(shuffled).rows.tolist()


def test_order_is_by_clock_reads_before_writes_then_place(log):
    keys = [(e.clock, e.access, e.junction, MEMORIES.index(e.memory), e.bank, e.index, e.lane) for e in log]
    assert keys == sorted(keys)
    assert log[0].operation == "host" and len(log) > 2000


def test_a_full_recorder_ends_the_window_before_the_clock_it_did_not_finish(log):
    short, _ = recorded(small_design(), capacity=500)
    assert 0 < len(short) <= 500
    assert short.header.last < log.header.last
    assert short.rows.tolist() == log.within(0, short.header.last).rows.tolist()
    with pytest.raises(InputError, match="no room for the events of clock 0"):
        recorded(small_design(), capacity=3)


def test_a_window_is_a_part_of_the_whole(log):
    window, _ = recorded(small_design(), 20, 31)
    assert (window.header.first, window.header.last) == (20, 31)
    assert window.rows.tolist() == log.within(20, 31).rows.tolist()


def test_a_window_beyond_the_end_of_a_run_is_refused():
    with pytest.raises(InputError, match="window of events = clock 500: begins after the last clock, 71"):
        recorded(small_design(), 500, 600)


# The file.


def test_what_is_written_can_be_read(log, tmp_path):
    write_events(tmp_path / "log.jsonl", log)
    again = read_events(tmp_path / "log.jsonl")
    assert again.header == log.header
    assert again.rows.tolist() == log.rows.tolist()
    write_events(tmp_path / "again.jsonl", again)
    assert (tmp_path / "log.jsonl").read_bytes() == (tmp_path / "again.jsonl").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.jsonl", "log.jsonl"]


def test_other_programs_can_read_the_file(log, tmp_path):
    write_events(tmp_path / "log.jsonl", log)
    head, *lines = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert head["format"], head["version"] == ("hwsim events", 1)
    assert head["window"] == [0, log.header.last] and head["events"] == len(lines) == len(log)
    assert head["clocking"] == {"period": 6, "start": 6, "offsets": [0, 0]}
    assert [dict(zip(head["fields"], line, strict=True)) for line in lines[:50]] == [log[i]._asdict() for i in range(50)]


def test_an_empty_log_is_a_log(tmp_path):
    write_events(tmp_path / "log.jsonl", a_log([]))
    again = read_events(tmp_path / "log.jsonl")
    assert len(again) == 0 and again.header == a_log([]).header


def test_a_file_may_have_spaces_and_other_line_ends(log, tmp_path):
    write_events(tmp_path / "log.jsonl", log)
    text = (tmp_path / "log.jsonl").read_text()
    (tmp_path / "log.jsonl").write_bytes(text.replace(",", " ,\t").replace("\n", "\r\n").encode())
    assert first_difference(read_events(tmp_path / "log.jsonl"), log) is None


HEAD = {
    "format": "hwsim events",
    "version": 1,
    "source": "test",
    "configuration": "abc",
    "window": [0, 9],
    "clocking": None,
    "fields": list(EVENT_FIELDS),
    "events": 2,
}
LINES = ['[1,1,"FF","read","bias",0,0,0,0,5,2]', '[2,1,"UP","write","bias",0,0,0,0,-6,2]']


def damaged(head=None, lines=LINES, **changes):
    return "\n".join([json.dumps(HEAD | changes) if head is None else head, *lines]) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line is no JSON object"),
        ("\x00\x01", "first line is no JSON object"),
        ("[" * 100_000, "first line is no JSON object"),
        (damaged("[1]"), "does not say"),
        (damaged('{"a": 1}'), "does not say"),
        (damaged(version=2), "version 2, only version 1"),
        (damaged(fields=["clock"]), "the fields must be clock, junction"),
        (damaged(source=3), "source is no text"),
        (damaged(window=[3, 2]), "window is not two clocks"),
        (damaged(window=[0, 1.5]), "window is not two clocks"),
        (damaged(window=[0, 10**30]), "window is not two clocks"),
        (damaged(events=None), "number of events is missing"),
        (damaged(clocking={"period": 0, "start": 0, "offsets": [0]}), "clocking must have"),
        (damaged(clocking=[]), "clocking must have"),
        (damaged(events=3), "2 events where the header promises 3"),
        (damaged(lines=LINES[:1]), "1 events where the header promises 2"),
        (damaged(lines=[LINES[0], LINES[1][:-4]]), "line 3: is damaged: no JSON array"),
        (damaged(lines=[LINES[0], ""]), "line 3: is damaged: no JSON array"),
        (damaged(lines=[LINES[0], "[" * 100_000]), "line 3: is damaged: no JSON array"),
        (damaged(lines=[LINES[0] + "," + LINES[1]]), "line 2: is damaged: no JSON array"),
        (damaged(lines=["[1,1", LINES[1]]), "line 2: is damaged: no JSON array"),
        (damaged(lines=[LINES[0], "{}"]), "line 3: is damaged: an event is an array of 11 fields"),
        (damaged(lines=[LINES[0], LINES[1][:-3] + "]"]), "line 3: is damaged: an event is an array of 11 fields"),
        (damaged(lines=[LINES[0].replace("FF", "FG")] * 2), "line 2: is damaged: operation must be one of FF, BP, UP, host"),
        (damaged(lines=[LINES[0].replace('"FF"', "[]")] * 2), "line 2: is damaged: operation must be one of"),
        (damaged(lines=[LINES[0].replace("1,1", "1,1.0")] * 2), "line 2: is damaged: junction must be an integer"),
        (damaged(lines=[LINES[0].replace("1,1", "1,true")] * 2), "line 2: is damaged: junction must be an integer"),
        (damaged(lines=[LINES[0].replace("5,2", f"{2**63},2")] * 2), "line 2: is damaged: value must be an integer"),
        (damaged(lines=[LINES[0].replace("5,2", "NaN,2")] * 2), "line 2: is damaged: value must be an integer"),
        (damaged(lines=[LINES[0], LINES[1].replace("-6,2", "-6,-2")]), "sample must be an integer, at least -1"),
        (damaged(window=[0, 2]), "line 3: is damaged: clock 2 lies outside the window 0 .. 1"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_in_one_line(text, message, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(text)
    with pytest.raises(InputError) as e:
        read_events(path)
    assert message in str(e.value) and str(path) in str(e.value)
    assert "\n" not in str(e.value)


def test_what_is_no_text_file_is_refused(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\xff\xfe")
    for name in ("picture.png", "missing.jsonl", "."):
        with pytest.raises(InputError):
            read_events(tmp_path / name)


def test_the_first_damaged_line_is_named_also_deep_in_a_file(log, tmp_path):
    write_events(tmp_path / "log.jsonl", log)
    lines = (tmp_path / "log.jsonl").read_text().splitlines(keepends=True)
    lines[1500] = lines[1500].replace("read", "reed").replace("write", "wrote")
    (tmp_path / "log.jsonl").write_text("".join(lines))
    with pytest.raises(InputError, match="line 1501: is damaged: access must be one of read, write"):
        read_events(tmp_path / "log.jsonl")


# Differences.


def test_equal_logs_do_not_differ(log):
    assert first_difference(log, recorded(small_design())[0]) is None


@pytest.mark.parametrize("field", ["operation", "bank", "index", "address", "lane", "value", "sample"])
def test_a_wrong_field_is_named(field, log):
    at = a_write_of(log, "partial delta")
    e = log[at]
    other = changed(log, at, **{field: 99 if field != "operation" else 0})
    wrong = 99 if field != "operation" else "FF"
    d = first_difference(log, other)
    assert (d.field, d.first, d.second, d.event) == (field, getattr(e, field), wrong, e)
    back = first_difference(other, log)
    assert (back.field, back.first, back.second) == (field, wrong, getattr(e, field))
    assert (back.event.clock, back.event.junction, back.event.memory) == (e.clock, e.junction, e.memory)


def test_differences_read_as_sentences(log):
    at = a_write_of(log, "activation")
    e = log[at]
    head = f"clock {e.clock}, junction {e.junction}, activation memory {e.index}, lane {e.lane}: FF write"
    other = changed(log, at, value=99)
    assert str(first_difference(log, other)) == f"{head}, value {e.value} in the first log, 99 in the second"
    missing = EventLog.of(log.header, np.delete(log.rows, at, axis=0))
    assert str(first_difference(log, missing)) == f"{e}: only in the first log"
    assert str(first_difference(missing, log)) == f"{e}: only in the second log"
    window, other = log.within(0, 9), EventLog(Header("rtl", "f00", 0, 9), log.rows[:0])
    assert str(first_difference(log, window)) == (
        f"window: clocks 0 .. {log.header.last - 1} in the first log, clocks 0 .. 8 in the second"
    )
    assert str(first_difference(other, window)).startswith("configuration: f00 in the first log, ")


def test_an_event_that_comes_late_is_one_difference_in_clock(log):
    at = a_write_of(log, "activation")
    e = log[at]
    late = changed(log, at, clock=e.clock + 2)
    d = first_difference(log, late)
    assert (d.field, d.first, d.second, d.event) == ("clock", e.clock, e.clock + 2, e)
    back = first_difference(late, log)
    assert (back.field, back.first, back.second) == ("clock", e.clock + 2, e.clock)


def test_the_source_and_the_order_of_recording_make_no_difference(log):
    rows = np.random.default_rng(0).permutation(log.rows)
    header = Header("simulation", log.header.configuration, log.header.first, log.header.last)
    assert first_difference(log, EventLog.of(header, rows)) is None


few = st.lists(st.lists(st.integers(0, 1), min_size=11, max_size=11), max_size=6)


@given(few, few, few)
def test_differences_are_found_where_an_obvious_comparison_finds_them(same, ours, theirs):
    a, b = a_log(same + ours), a_log(same + theirs)
    d = first_difference(a, b)
    left, right = (Counter(map(tuple, log.rows.tolist())) for log in (a, b))
    apart = (left - right) + (right - left)
    if not apart:
        assert d is None
        return
    assert min(row[0] for row in apart) == (min(d.first, d.second) if d.field == "clock" else d.event.clock)
    if d.field == "event":
        ours, theirs = (a, b) if d.second is None else (b, a)
        assert list(ours).count(d.event) > list(theirs).count(d.event)


def test_a_weight_row_is_one_memory(log):
    assert set(log.rows[log.rows[:, MEMORY] == WEIGHT][:, INDEX].tolist()) == {0}


@pytest.mark.slow
def test_a_million_events_take_few_calls_each(log, tmp_path):
    n = 1_000_000 // len(log) + 1
    step = np.zeros(len(EVENT_FIELDS), np.int64)
    step[CLOCK] = log.header.last
    header = Header("machine", "abc", 0, n * log.header.last)
    big = EventLog.of(header, np.concatenate([log.rows + i * step for i in range(n)]))
    assert calls(lambda: write_events(tmp_path / "log.jsonl", big)) < 20 * len(big)
    again = []
    assert calls(lambda: again.append(read_events(tmp_path / "log.jsonl"))) < 20 * len(big)
    assert first_difference(big, again[0]) is None
    d = first_difference(big, changed(big, len(big) - 1, value=12345))
    assert (d.field, d.second) == ("value", 12345)
    assert calls(lambda: first_difference(big, again[0])) < 1000
