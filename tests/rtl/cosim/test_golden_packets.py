"""The plain test bench of designs with standard ports passes, and fails where the interface is wrong."""

import re

import pytest

from rtl.cosim import golden, golden_packets
from rtl.ports import axi_stream
from rtl.ports.packing import Packet
from rtl.ports.parameter_stream import ParameterStream
from rtl.verilog.emission import Verilog
from rtl.verilog.generate import component
from tests.rtl import toolchain
from tests.rtl.cosim.test_golden import icarus
from tests.rtl.designs import design, shortened

FAST = ("two_junctions", "axi", 32)
DESIGNS = [FAST, ("two_junctions", "wishbone", 64), ("mixed_formats", "axi", 8), ("short_beat", "wishbone", 16)]
DESIGNS += [("inference", "axi", 16), ("three_junctions", "wishbone", 512), ("overlap", "axi", 64)]
DESIGNS += [("straddling_groups", "axi", 128), ("one_row", "wishbone", 32)]


def delivered(name, interface, beat_bits, folder):
    return toolchain.delivered(Verilog.of(component(shortened(name, interface=interface, beat_bits=beat_bits))), folder)


STREAMS = [
    ("two_junctions", "axi", 32, "shared"),
    ("short_beat", "axi", 64, "own"),
    ("inference", "wishbone", 128, "shared"),
]


@pytest.mark.parametrize("given", [FAST, *(pytest.param(d, marks=pytest.mark.slow) for d in DESIGNS[1:])], ids=str)
def test_every_design_passes(given, tmp_path):
    name, interface, beat_bits = given
    told = icarus(delivered(*given, tmp_path / "d"))
    of = shortened(name, interface=interface, beat_bits=beat_bits)
    words = sum(j.pattern.n_edges + j.n_right for j in of.junctions) + 2
    beats = golden.SAMPLES * Packet.result(of).beats
    assert f"PASS: {beats} beats of results and {words} words as the model has them\n" in told and "FAIL" not in told


@pytest.mark.parametrize("given", [STREAMS[0], *(pytest.param(d, marks=pytest.mark.slow) for d in STREAMS[1:])], ids=str)
def test_parameters_are_loaded_before_and_sent_behind(given, tmp_path):
    name, interface, beat_bits, bus_clock = given
    of = shortened(name, interface=interface, beat_bits=beat_bits, parameter_stream=True, bus_clock=bus_clock)
    told = icarus(toolchain.delivered(Verilog.of(component(of)), tmp_path / "d"))
    words = sum(j.pattern.n_edges + j.n_right for j in of.junctions) + 2
    beats = golden.SAMPLES * Packet.result(of).beats
    assert f"PASS: {beats} beats of results and {words} words as the model has them\n" in told and "FAIL" not in told


def swaps_two_words(self, m, *given):
    """Of a packet that is sent, one is that of another row."""
    judged = asks(self, m, *given)
    m.d.sync += self.access_1.row.eq(0)
    return judged


asks = ParameterStream._ask


def test_a_word_of_another_row_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(ParameterStream, "_ask", swaps_two_words)
    of = design("two_junctions", interface="axi", parameter_stream=True)
    told = icarus(toolchain.delivered(Verilog.of(component(of)), tmp_path / "d"))
    assert "FAIL: " in told and "PASS" not in told


def test_packets_longer_than_junction_cycles_come_one_by_one():
    assert golden_packets.apart(design("mixed_formats", interface="axi", beat_bits=8))
    assert not golden_packets.apart(design("mixed_formats", interface="axi", beat_bits=128))


def test_a_wrong_trailer_fails(tmp_path, monkeypatch):
    as_it_was = axi_stream.ResultSource.elaborate

    def elaborate(self, platform):
        m = as_it_was(self, platform)
        m.d.comb += self.m_axis.tlast.eq(1)
        return m

    monkeypatch.setattr(axi_stream.ResultSource, "elaborate", elaborate)
    told = icarus(delivered(*FAST, tmp_path / "d"))
    assert re.search(r"^beat 0 of the results is", told, re.MULTILINE) and "FAIL: " in told and "PASS" not in told
