"""The timeline of an event log, read back and compared with the events one by one."""

import json
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from hwsim.events.log import EventLog, Header
from hwsim.events.perfetto import write_perfetto
from hwsim.vocabulary import EVENT_FIELDS
from tests.hwsim.events.test_log import recorded, small_design


def written(log, path, design=None):
    write_perfetto(path, log, (design or small_design()).config.numbers.system)
    return json.loads(path.read_text())


@pytest.fixture(scope="module", params=["flush", "overlap"])
def log(request):
    return recorded(small_design(request.param))[0]


@pytest.fixture(scope="module")
def trace(log, tmp_path_factory):
    return written(log, tmp_path_factory.mktemp("perfetto") / "trace.json")


def tracks(trace):
    """Slices by the names of process and track, in the order of the file."""
    process, thread, slices = {}, {}, defaultdict(list)
    for e in trace["traceEvents"]:
        if e["name"] == "process_name":
            process[e["pid"]] = e["args"]["name"]
        elif e["name"] == "thread_name":
            assert e["tid"] not in thread
            thread[e["tid"]] = process[e["pid"]], e["args"]["name"]
        elif e["ph"] == "X":
            slices[thread[e["tid"]]].append(e)
    return slices


def owner(e):
    return f"junction {e.owner}" if e.owner else "host"


def port(e):
    bank = "" if e.memory in ("weight", "bias") else f", bank {e.bank}"
    return owner(e), f"{e.memory}{bank}: {e.access}"


def clocks(slices):
    return [(clock, s["args"]["sample"]) for s in slices for clock in range(s["ts"], s["ts"] + s["dur"])]


def test_every_event_is_complete_and_slices_of_a_track_follow_each_other(trace):
    for e in trace["traceEvents"]:
        assert e["ph"] in "MXC" and e["pid"] > 0 and e["tid"] // 1000 == e["pid"] and isinstance(e["args"], dict)
        assert e["ph"] == "M" or e["ts"] >= 0
    for slices in tracks(trace).values():
        assert all(s["dur"] > 0 for s in slices)
        assert all(a["ts"] + a["dur"] <= b["ts"] for a, b in pairwise(slices))


def test_a_port_shows_the_samples_whose_words_pass_it(log, trace):
    known, words = defaultdict(dict), Counter()
    for e in log:
        known[port(e)][e.clock] = max(known[port(e)].get(e.clock, -1), e.sample)
        words[port(e)] += 1
    shown = {name: slices for name, slices in tracks(trace).items() if ": " in name[1]}
    assert len(known) > 15 and {name: sorted(of.items()) for name, of in known.items()} == {
        name: clocks(slices) for name, slices in shown.items()
    }
    assert words == {name: sum(s["args"]["words"] for s in slices) for name, slices in shown.items()}


def test_operations_show_the_sample_that_they_read_for(log, trace):
    known = defaultdict(dict)
    for e in log:
        if e.operation == "host":
            known["host", "loads inputs"][e.clock] = e.sample
        elif e.access == "read" and e.sample >= 0:
            known[f"junction {e.junction}", e.operation][e.clock] = e.sample
    shown = tracks(trace)
    assert len(known) == 6  # no BP in the first junction
    for name, of in known.items():
        assert sorted(of.items()) == clocks(shown[name])


def test_junction_cycles_are_where_the_log_says(log, trace):
    for junction in (1, 2):
        slices = tracks(trace)[f"junction {junction}", "junction cycle"]
        whole = slices[1:-1]
        assert len(whole) >= 10 and slices[0]["ts"] == 0 and slices[-1]["ts"] + slices[-1]["dur"] == log.header.last
        for s in whole:
            assert s["ts"] == log.header.clocking.begin(s["args"]["cycle"], junction)
            assert s["dur"] == log.header.clocking.period and s["name"] == f"cycle {s['args']['cycle']}"


def counter(trace, process, name):
    pid = next(e["pid"] for e in trace["traceEvents"] if e["name"] == "process_name" and e["args"]["name"] == process)
    return [(e["ts"], e["args"]) for e in trace["traceEvents"] if e["ph"] == "C" and e["pid"] == pid and e["name"] == name]


def test_counters_hold_the_words_of_every_clock(log, trace):
    for process in ("junction 1", "junction 2"):
        now, changes, known = {}, dict(counter(trace, process, "words a clock")), Counter()
        for e in log:
            known[owner(e), e.clock, e.access] += 1
        for clock in range(log.header.last):
            now = changes.get(clock, now)
            assert now == {access: known[process, clock, access] for access in ("read", "write")}


def test_words_at_a_limit_are_counted_up_to_each_clock(tmp_path):
    """Weights of 12 bits: -2048 and 2047 are the limits; what is read does not count, nor do other memories."""
    accesses = [(1, 0, 2047), (1, 0, 2046), (1, 0, -2048), (0, 0, 2047), (1, 2, 2047), (1, 1, 2047), (1, 5, -2048)]
    rows = [[clock, 2, 2, access, memory, 0, 0, 0, 0, value, 0] for clock, (access, memory, value) in enumerate(accesses)]
    trace = written(EventLog.of(Header("test", "abc", 0, 10), np.array(rows, np.int64)), tmp_path / "t.json")
    told = counter(trace, "junction 2", "words written at a limit")
    assert told[0] == (0, {"weight": 1, "bias": 0, "delta": 0}) and told[-1] == (6, {"weight": 2, "bias": 1, "delta": 1})
    assert [at for at, _ in told] == [0, 2, 5, 6]


def test_a_log_of_nothing_and_a_window(log, tmp_path):
    nothing = EventLog.of(Header("test", "abc", 3, 3), np.zeros((0, len(EVENT_FIELDS)), np.int64))
    assert written(nothing, tmp_path / "nothing.json")["traceEvents"] == []
    part = log.within(10, 20)
    slices = [s for of in tracks(written(part, tmp_path / "part.json")).values() for s in of]
    assert min(s["ts"] for s in slices) == 10 and max(s["ts"] + s["dur"] for s in slices) == 20


def test_equal_logs_make_equal_files(log, tmp_path):
    written(log, tmp_path / "a.json")
    written(log.within(0, log.header.last), tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
