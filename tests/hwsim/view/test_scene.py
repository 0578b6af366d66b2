"""What a page shows is what the log says, and explains what the schedule has worked out for itself."""

import json
import re

import numpy as np
import pytest

from hwsim.view import recording as recordings
from hwsim.view.page import page
from hwsim.view.recording import record
from hwsim.view.scene import scene
from hwsim.vocabulary import ACCESSES, MEMORIES, OPERATIONS
from models.errors import InputError
from tests.hwsim.view.recordings import recorded


@pytest.fixture(scope="module", params=["clash_free", "structured", "structured overlap"])
def recording(request, tmp_path_factory):
    kind, _, schedule = request.param.partition(" ")
    return recorded(tmp_path_factory.mktemp("view"), kind, **{"hardware.schedule": schedule or "flush"})


@pytest.fixture(scope="module")
def clashing(tmp_path_factory):
    return recorded(tmp_path_factory.mktemp("clash"), "structured")


def accesses_of(shown):
    """Every access of a scene as a tuple, by clock."""
    result = []
    for now in shown["clocks"]:
        result.append(set())
        for memory, bank, access, operation, junction, sample, words in now["accesses"]:
            m = shown["memories"][memory]
            for i in range(0, len(words), 4):
                place = (m["owner"], MEMORIES[m["kind"]], bank, *words[i : i + 4])
                result[-1].add((junction, OPERATIONS[operation], ACCESSES[access], *place, sample))
    return result


@pytest.mark.parametrize("junction", [1, 2])
def test_every_access_of_the_log_is_there_and_no_other(recording, junction):
    shown = accesses_of(scene(recording, junction))
    known = [set() for _ in shown]
    total = 0
    for e in recording.log.within(recording.first, recording.last):
        between = e.owner == junction + 1 and e.memory in ("activation", "partial delta")
        if e.junction == junction or e.owner == junction or between:
            index = e.lane if e.memory == "weight" else e.index
            place = (e.owner, e.memory, e.bank, index, e.address, e.lane, e.value)
            known[e.clock - recording.first].add((e.junction, e.operation, e.access, *place, e.sample))
            total += 1
    assert shown == known and total > 200


@pytest.mark.parametrize("junction", [1, 2])
def test_what_a_word_is_said_to_hold_is_what_its_reader_gets(recording, junction):
    """The samples at first and the writes since then explain the sample of every read, bank by bank."""
    shown, explained = scene(recording, junction), 0
    held = [np.array(m["held"]).reshape(m["banks"], m["lanes"], m["depth"]) for m in shown["memories"]]
    for now in shown["clocks"]:
        for wanted in (0, 1):
            for memory, bank, access, _, _, sample, words in now["accesses"]:
                if access != wanted or shown["memories"][memory]["banks"] == 1:
                    continue
                for index, address in zip(words[::4], words[1::4], strict=True):
                    if access:
                        held[memory][bank, index, address] = sample
                    else:
                        assert held[memory][bank, index, address] == sample
                        explained += 1
    assert explained > 100


@pytest.mark.parametrize("junction", [1, 2])
def test_rows_and_stall_clocks_are_those_of_the_schedule(recording, junction):
    """The schedule is worked out from the pattern, the scene from the log alone."""
    machine = recording.design.machine()
    schedule, period = machine.schedule.junctions[junction - 1], machine.timing.period
    offset = machine.timing.junctions[junction - 1].offset
    shown = scene(recording, junction)
    seen = []
    for clock in range(recording.first, recording.first + period):
        now = shown["clocks"][clock - recording.first]
        at = (clock - period - offset) % period
        row = None if now["pass"] is None else shown["passes"][now["pass"]]["row"]
        assert row == (int(schedule.row[at]) if at < schedule.clocks else None)
        seen.append(row is not None and shown["passes"][now["pass"]]["begin"] < clock)
    assert sum(seen) == schedule.stall_clocks == shown["stalls"]


def test_a_clash_names_the_memory_its_lanes_and_their_turns(clashing):
    schedule = clashing.design.machine().schedule.junctions[0]
    shown = scene(clashing, 1)
    period = clashing.log.header.clocking.period
    passes = [p for p in shown["passes"] if clashing.first <= p["begin"] < clashing.first + period]
    assert [p["row"] for p in passes] == list(range(schedule.rows)) and any(p["clashes"] for p in passes)
    for p in passes:
        mine = schedule.row[schedule.clock] == p["row"]
        known = {}
        for clock, lane, memory, address in zip(
            *(getattr(schedule, n)[mine].tolist() for n in ("clock", "lane", "memory", "address")), strict=True
        ):
            known.setdefault(memory, []).append([clock - schedule.clock[mine][0] + p["begin"], lane, address])
        assert {c["memory"]: c["served"] for c in p["clashes"]} == {m: s for m, s in known.items() if len(s) > 1}


def test_a_clash_free_pattern_has_none(tmp_path):
    shown = scene(recorded(tmp_path), 1)
    assert shown["stalls"] == 0 and not any(p["clashes"] for p in shown["passes"])
    assert all(p["end"] == p["begin"] + 1 for p in shown["passes"])


def test_a_page_needs_nothing_else(tmp_path):
    text = page(recorded(tmp_path))
    data = re.search(r'<script type="application/json" id="recording">(.*?)</script>', text, re.DOTALL)[1]
    assert json.loads(data)["layers"] == [16, 8, 4] and "<" not in data and text.count("<script") == 2
    assert not re.search(r"""(?:src|href)=["'](?!data:)|@import|url\((?!#)""", text)
    assert text.count("http") == text.count("http://www.w3.org/2000/svg") + text.count("http-equiv")


def test_what_does_not_fit_is_cut_or_refused_with_what_would(tmp_path, monkeypatch):
    whole = recorded(tmp_path)
    period = whole.log.header.clocking.period
    assert whole.last - whole.first == 2 * period and not whole.shortened
    for most, clocks, shortened in ((700, period, False), (200, None, True)):
        monkeypatch.setattr(recordings, "MOST_EVENTS", most)
        part = recorded(tmp_path)
        played = part.last - part.first
        assert part.shortened == shortened and (played == clocks if clocks else 0 < played < period)
    with pytest.raises(InputError, match=r"a page holds 200: fewer clocks, or a single junction; nearest: 60:\d+") as told:
        recorded(tmp_path, clocks=(60, 100))
    recorded(tmp_path, clocks=tuple(map(int, str(told.value).split()[-1].split(":"))))
    monkeypatch.setattr(recordings, "MOST_EVENTS", 3)
    with pytest.raises(InputError, match=r"hardware\.z.*accesses in a clock"):
        recorded(tmp_path)


def test_clocks_and_junctions_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(InputError, match="must end by 1500, with the last of 150 samples"):
        recorded(tmp_path, clocks=(0, 10**6))
    with pytest.raises(InputError, match="ascending order; nearest: 0:10"):
        recorded(tmp_path, clocks=(7, 7))
    with pytest.raises(InputError, match="does not exist; nearest: 1, 2"):
        recorded(tmp_path, junctions=(3,))
    assert recorded(tmp_path, clocks=(0, 5)).log.header.first == 0


def test_a_log_that_begins_before_anything_is_loaded_has_empty_banks(tmp_path):
    shown = scene(recorded(tmp_path, clocks=(0, 30)), 1)
    assert {s for m in shown["memories"] for bank in m["held"] for s in bank} == {-1}
    assert shown["clocks"][0]["pass"] is None and shown["clocks"][0]["accesses"]


def test_the_same_design_records_the_same_page(tmp_path):
    first = recorded(tmp_path)
    again = record(first.design, first.design.dataset().train)
    assert page(first) == page(again)
