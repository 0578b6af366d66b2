"""The timeline as Perfetto takes it in: by the rules of its importer of JSON, and into its own schema.

Its trace processor is a program that the package ``perfetto`` downloads when it is first used, and so cannot run here. The
rules of its importer (``json_trace_tokenizer``, ``json_trace_parser``) are applied to the file instead; what comes out is
put into the messages of its schema, which have limits of their own.
"""

import json
import re

import pytest

from hwsim.events.perfetto import write_perfetto
from hwsim.vocabulary import OPERATIONS
from tests.hwsim.events.test_log import recorded, small_design

protobuf = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")

NS = 1000
"""Nanoseconds of a microsecond, which is the unit of the file, and here a clock."""


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    log = recorded(small_design())[0]
    path = tmp_path_factory.mktemp("perfetto") / "trace.perfetto.json"
    write_perfetto(path, log, small_design().config.numbers.system)
    return log, path


class Imported:
    """What the importer makes of a file: names, slices and counters; everything that it would drop raises."""

    def __init__(self, text):
        # It looks at keys one by one and gives up at one that it does not know; escapes it knows are few.
        assert text[0] == "{" and re.findall(r'^\{"(\w+)"|,"(traceEvents)":\[', text) != []
        content = json.loads(text)
        assert [*content] == ["otherData", "traceEvents"] and isinstance(content["otherData"], dict)
        assert "\\u" not in text and "displayTimeUnit" not in text
        self.processes, self.threads, self.of, self.slices, self.counters = {}, {}, {}, [], {}
        for event in content["traceEvents"]:
            getattr(self, {"M": "name", "X": "slice", "C": "counter"}[event["ph"]])(event)

    def name(self, event):
        """A name is a non-empty text; the thread is known by its number alone, so that one name may not replace another."""
        if event["name"].endswith("_sort_index"):
            return
        names, key = (self.processes, "pid") if event["name"] == "process_name" else (self.threads, "tid")
        assert event["args"]["name"] and event[key] not in names
        names[event[key]] = event["args"]["name"]
        if key == "tid":
            self.of[event["tid"]] = event["pid"]

    def slice(self, event):
        """A slice needs a time, a duration and a thread, and may not end after one that it begins in."""
        assert {"ts", "dur", "pid", "tid", "name"} <= set(event) and self.of[event["tid"]] == event["pid"]
        self.slices.append((event["ts"] * NS, event["dur"] * NS, event["tid"], event["name"], event["args"]))

    def counter(self, event):
        """Every argument is a number and a counter of its process, named after event and argument."""
        assert isinstance(event["args"], dict)
        for argument, value in event["args"].items():
            assert isinstance(value, int | float)
            points = self.counters.setdefault((event["pid"], f"{event['name']} {argument}"), [])
            assert not points or points[-1][0] < event["ts"] * NS
            points.append((event["ts"] * NS, value))


def test_the_importer_drops_nothing_and_has_a_track_for_everything(trace):
    log, path = trace
    found = Imported(path.read_text())
    assert set(found.processes.values()) == {"host", "junction 1", "junction 2"}
    tracks = {(found.processes[found.of[tid]], name) for tid, name in found.threads.items()}
    assert {
        (f"junction {e.junction}", e.operation) for e in log if e.junction and e.sample >= 0 and e.access == "read"
    } <= tracks
    ports = {t for t in tracks if ": " in t[1]}
    owners = {(e.owner, e.memory, e.access, e.bank if e.memory not in ("weight", "bias") else 0) for e in log}
    assert len(ports) == len(owners) and {("junction 2", "delta, bank 0: write"), ("junction 1", "weight: read")} <= ports
    counters = {(found.processes[pid], name) for pid, name in found.counters}
    for junction in ("junction 1", "junction 2"):
        assert {(junction, f"words a clock {a}") for a in ("read", "write")} <= counters
        assert {(junction, f"words written at a limit {m}") for m in ("weight", "bias")} <= counters


def test_slices_of_a_thread_do_not_overlap_and_time_is_the_clock(trace):
    log, path = trace
    found, ends, busy = Imported(path.read_text()), {}, {}
    for begin, duration, tid, name, _ in sorted(found.slices, key=lambda s: (s[2], s[0])):
        assert begin >= ends.get(tid, 0) and duration > 0
        ends[tid] = begin + duration
        if found.threads[tid] in OPERATIONS[:3] and name.startswith("sample"):
            clocks = range(begin // NS, (begin + duration) // NS)
            place = (int(found.processes[found.of[tid]][-1]), found.threads[tid])
            busy.setdefault(place, {}).update(dict.fromkeys(clocks, int(name.split()[1])))
    known = {}
    for e in log:
        if e.junction and e.access == "read" and e.sample >= 0:
            known.setdefault((e.junction, e.operation), {})[e.clock] = e.sample
    assert busy == known and len(known) == 5


def test_everything_fits_into_perfettos_schema(trace):
    """Its messages check types and ranges; written and read, they say the same."""
    found, message = Imported(trace[1].read_text()), protobuf.Trace()
    rows = []

    def packet(ns=None):
        added = message.packet.add()
        added.trusted_packet_sequence_id = 1
        if ns is not None:
            added.timestamp = ns
        return added

    for pid, name in found.processes.items():
        descriptor = packet().track_descriptor
        descriptor.uuid, descriptor.process.pid, descriptor.process.process_name = pid, pid, name
    for tid, name in found.threads.items():
        descriptor = packet().track_descriptor
        descriptor.uuid, descriptor.thread.pid, descriptor.thread.tid = tid, found.of[tid], tid
        descriptor.thread.thread_name = name
    for begin, duration, tid, name, args in found.slices:
        first = packet(begin).track_event
        first.type, first.track_uuid, first.name = protobuf.TrackEvent.TYPE_SLICE_BEGIN, tid, name
        for key, value in args.items():
            note = first.debug_annotations.add()
            note.name, note.int_value = key, value
        last = packet(begin + duration).track_event
        last.type, last.track_uuid = protobuf.TrackEvent.TYPE_SLICE_END, tid
    for number, ((pid, name), points) in enumerate(found.counters.items(), 10**6):
        descriptor = packet().track_descriptor
        descriptor.uuid, descriptor.parent_uuid, descriptor.name = number, pid, name
        descriptor.counter.SetInParent()
        for ns, value in points:
            event = packet(ns).track_event
            event.type, event.track_uuid, event.counter_value = protobuf.TrackEvent.TYPE_COUNTER, number, value
    again = protobuf.Trace.FromString(message.SerializeToString())
    for p in again.packet:
        if p.track_event.type == protobuf.TrackEvent.TYPE_SLICE_BEGIN:
            args = {note.name: note.int_value for note in p.track_event.debug_annotations}
            rows.append((p.timestamp, p.track_event.track_uuid, p.track_event.name, args))
    assert rows == [(begin, tid, name, args) for begin, _, tid, name, args in found.slices] and len(rows) > 100
