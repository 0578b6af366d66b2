"""The waveform of an event log, read back with an independent reader."""

import numpy as np
import pytest
import pywellen

from hwsim.events.log import EventLog, Header
from hwsim.events.waveform import TOP, write_vcd
from hwsim.vocabulary import EVENT_FIELDS
from tests.hwsim.events.test_log import recorded, small_design


class Waveform:
    """A file's signals by name, values as the integers they stand for."""

    def __init__(self, path):
        self.file = pywellen.Waveform(str(path))
        self.variables = {v.full_name: v for v in self.file.all_vars()}
        self.signals = {name: v.signal for name, v in self.variables.items()}

    def at(self, name, clock):
        variable, value = self.variables[f"{TOP}.{name}"], self.signals[f"{TOP}.{name}"].value_at(clock)
        if not isinstance(value, int):
            return None
        signed = variable.var_type == "Integer" and value >> (variable.bitwidth - 1)
        return value - (1 << variable.bitwidth) if signed else value


@pytest.fixture(scope="module", params=["flush", "overlap"])
def log(request):
    return recorded(small_design(request.param))[0]


@pytest.fixture(scope="module")
def waveform(log, tmp_path_factory):
    path = tmp_path_factory.mktemp("vcd") / "trace.vcd"
    write_vcd(path, log)
    return Waveform(path)


def port_of(e):
    return f"junction{e.owner}.{e.memory.replace(' ', '_')}.bank{e.bank}.memory{e.index}"


def test_every_event_can_be_read_from_the_waveform(log, waveform):
    for e in log:
        port = port_of(e)
        assert waveform.at(f"{port}.{e.access}_enable", e.clock) == 1
        assert waveform.at(f"{port}.{e.access}_address", e.clock) == e.address
        if e.memory == "weight":
            assert waveform.at(f"{port}.lane{e.lane}.{e.access}_data", e.clock) == e.value
        else:
            assert waveform.at(f"{port}.{e.access}_lane", e.clock) == e.lane
            assert waveform.at(f"{port}.{e.access}_data", e.clock) == e.value


def test_ports_are_enabled_in_the_clocks_of_events_only(log, waveform):
    accessed = {(f"{TOP}.{port_of(e)}.{e.access}_enable", e.clock) for e in log}
    enables = [name for name in waveform.variables if name.endswith("_enable")]
    assert {name for name, _ in accessed} == set(enables)
    for name in enables:
        for clock in range(log.header.first, log.header.last):
            assert waveform.signals[name].value_at(clock) == int((name, clock) in accessed)


def test_control_tells_what_each_operation_works_on(log, waveform):
    at = {(e.junction, e.operation, e.clock): e.sample for e in log if e.access == "read" and e.sample >= 0}
    assert {operation for _, operation, _ in at} == {"FF", "BP", "UP"}
    for junction, operation in {key[:2] for key in at}:
        for clock in range(log.header.first, log.header.last):
            active = waveform.at(f"junction{junction}.control.{operation}_active", clock)
            assert active == ((junction, operation, clock) in at)
            if active:
                assert waveform.at(f"junction{junction}.control.{operation}_sample", clock) == at[junction, operation, clock]


def test_control_tells_the_junction_cycle(log, waveform):
    clocking = log.header.clocking
    for junction in (1, 2):
        begin = clocking.begin(2, junction)
        seen = [waveform.at(f"junction{junction}.control.cycle", c) for c in (begin - 1, begin, begin + clocking.period)]
        assert seen == [1, 2, 3]
    assert waveform.at("junction1.control.cycle", 0) == -1  # in which the host loads the first sample


def test_names_follow_one_pattern(waveform):
    assert f"{TOP}.junction1.activation.bank0.memory3.read_address" in waveform.variables
    assert f"{TOP}.junction2.partial_delta.bank1.memory0.write_data" in waveform.variables
    assert f"{TOP}.junction1.weight.bank0.memory0.lane7.read_data" in waveform.variables


def test_only_memories_of_the_log_have_signals(tmp_path):
    log, _ = recorded(small_design(), 0, 2)  # in which the host loads one sample
    write_vcd(tmp_path / "trace.vcd", log)
    scopes = {name.rpartition(".")[0] for name in Waveform(tmp_path / "trace.vcd").variables}
    assert scopes == {f"{TOP}.{port_of(e)}" for e in log} | {f"{TOP}.junction{i}.control" for i in (1, 2)}


def test_equal_logs_make_equal_files(log, tmp_path):
    write_vcd(tmp_path / "a.vcd", log)
    shuffled = EventLog.of(log.header, np.random.default_rng(0).permutation(log.rows))
    write_vcd(tmp_path / "b.vcd", shuffled)
    assert (tmp_path / "a.vcd").read_bytes() == (tmp_path / "b.vcd").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.vcd", "b.vcd"]


def test_a_window_in_the_middle_keeps_its_clocks(tmp_path):
    log, _ = recorded(small_design(), 30, 40)
    write_vcd(tmp_path / "trace.vcd", log)
    waveform = Waveform(tmp_path / "trace.vcd")
    for e in log:
        assert waveform.at(f"{port_of(e)}.{e.access}_address", e.clock) == e.address


@pytest.mark.parametrize("first", [0, 7])
def test_an_empty_log_makes_a_file(first, tmp_path):
    header = Header("a recorder\n$end of a strange name", "abc", first, first)
    write_vcd(tmp_path / "trace.vcd", EventLog(header, np.zeros((0, len(EVENT_FIELDS)), np.int64)))
    assert Waveform(tmp_path / "trace.vcd").variables == {}


def test_large_integers_keep_all_their_bits(tmp_path):
    rows = np.zeros((3, len(EVENT_FIELDS)), np.int64)
    rows[:, EVENT_FIELDS.index("clock")] = 0, 1, 2
    rows[:, EVENT_FIELDS.index("value")] = -(2**45), 2**62, -1
    write_vcd(tmp_path / "trace.vcd", EventLog(Header("test", "abc", 0, 3), rows))
    waveform = Waveform(tmp_path / "trace.vcd")
    data = "junction0.weight.bank0.memory0.lane0.read_data"
    assert [waveform.at(data, clock) for clock in range(3)] == [-(2**45), 2**62, -1]
