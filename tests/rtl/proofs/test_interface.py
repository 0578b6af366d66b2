"""What the parts of an AXI, Wishbone or serial interface keep is proved, and not of parts that do not."""

import pytest
from amaranth.hdl import Signal

from rtl.blocks.store import Store
from rtl.ports import axi_lite, axi_stream, link_requests, wishbone
from rtl.ports.parameter_stream import ParameterStream
from rtl.proofs import session
from rtl.proofs.prover import Status
from tests.rtl.designs import design

PARTS = ("sample store", "sample gear", "sample sink", "result gear", "result source", "interface registers", "bridge")
DESIGNS = {"axi": ("two_junctions", 32), "wishbone": ("one_junction", 64), "bytes": ("one_junction", 8)}
LINK = ("link receiver", "link transmitter", "link frames", "link sender", "link requests", "bridge")


def proved(of, name, folder, only=None, without=()):
    """What became of each property of a part, or of one and what it relies on; a busy machine is no reason to fail."""
    make = session.components(of)[name]
    bench = session.stated(make)
    assert len(bench.monitor.required) > 3
    wanted = [p for p in session._wanted(name, bench, only) if p.name not in without]
    proofs = session._component(name, make, bench, wanted, folder, 1800)
    return {proof.stated.name: proof.verdict.status for proof in proofs}


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", DESIGNS)
def test_all_that_a_part_states_is_proved(name, part, tmp_path):
    base, beat_bits = DESIGNS[name]
    of = design(base, interface="wishbone" if name == "wishbone" else "axi", beat_bits=beat_bits)
    assert set(proved(of, part, tmp_path / "p").values()) == {Status.PROVED}


@pytest.mark.slow
@pytest.mark.parametrize("part", LINK)
def test_all_that_a_serial_link_states_is_proved(part, tmp_path):
    # That the whole link answers at all takes minutes to prove, and seconds to see: every bench of the serial line does.
    of = design("one_junction", interface="serial", bit_clocks=4, link_bytes=64)
    assert set(proved(of, part, tmp_path / "p", without=("answers",)).values()) == {Status.PROVED}


STREAMS = {"axi": ("two_junctions", 32), "wishbone": ("one_junction", 64), "bytes": ("one_junction", 8)}


@pytest.mark.slow
@pytest.mark.parametrize("name", STREAMS)
def test_all_that_a_stream_of_parameters_states_is_proved(name, tmp_path):
    base, beat_bits = STREAMS[name]
    of = design(base, interface="wishbone" if name == "wishbone" else "axi", beat_bits=beat_bits, parameter_stream=True)
    assert set(proved(of, "parameter stream", tmp_path / "p").values()) == {Status.PROVED}
    if name == "axi":
        for part in ("interface registers", "accelerator"):
            assert set(proved(of, part, tmp_path / part).values()) == {Status.PROVED}, part


def reads_a_row_too_early(patch):
    as_it_was = ParameterStream._walk

    def walk(self, m, room, last, ends):
        as_it_was(self, m, Signal(), last, ends)
        m.d.comb += room.eq(self.under_way < self.queue.capacity)

    patch.setattr(ParameterStream, "_walk", walk)


@pytest.mark.slow
def test_a_row_that_is_read_while_it_is_written_is_refuted(tmp_path, monkeypatch):
    reads_a_row_too_early(monkeypatch)
    of = design("one_row", interface="axi", parameter_stream=True)
    assert proved(of, "parameter stream", tmp_path / "p")["apart"] is Status.FAILED


def goes_on_behind_what_is_dropped(patch):
    as_it_was = Store.elaborate

    def elaborate(self, platform):
        m = as_it_was(self, platform)
        with m.If(self.drop):
            m.d.sync += self._to.eq(self._to)
        return m

    patch.setattr(Store, "elaborate", elaborate)


def answers_without_room(patch):
    patch.setattr(axi_lite._Answers, "free", lambda self, put, taken: 1)


def trailer_without_its_word(patch):
    """Of a packet that is too short, too."""
    as_it_was = axi_stream.SampleSink.elaborate

    def elaborate(self, platform):
        m = as_it_was(self, platform)
        with m.If(self.s_axis.tvalid & self.s_axis.tlast):
            m.d.comb += self.store.keep.eq(1)
        return m

    patch.setattr(axi_stream.SampleSink, "elaborate", elaborate)


def answers_what_was_given_up(patch):
    as_it_was = wishbone.Wishbone.elaborate

    def elaborate(self, platform):
        m = as_it_was(self, platform)
        m.d.sync += self._asked.eq(1)
        return m

    patch.setattr(wishbone.Wishbone, "elaborate", elaborate)


FAULTS = {
    "sample store": (goes_on_behind_what_is_dropped, "places"),
    "bridge": (answers_without_room, "room"),
    "sample sink": (trailer_without_its_word, "at_its_end"),
}


@pytest.mark.slow
@pytest.mark.parametrize("part", FAULTS)
def test_a_fault_is_refuted(part, tmp_path, monkeypatch):
    fault, shows = FAULTS[part]
    fault(monkeypatch)
    assert proved(design("two_junctions", interface="axi"), part, tmp_path / "p", shows)[shows] is Status.FAILED


def carries_out_what_it_has_carried_out(patch):
    as_it_was = link_requests.LinkRequests.elaborate

    def elaborate(self, platform):
        m = as_it_was(self, platform)
        m.d.sync += self._known.eq(0)
        return m

    patch.setattr(link_requests.LinkRequests, "elaborate", elaborate)


@pytest.mark.slow
def test_a_request_that_is_done_twice_is_refuted(tmp_path, monkeypatch):
    carries_out_what_it_has_carried_out(monkeypatch)
    of = design("one_junction", interface="serial", bit_clocks=4, link_bytes=64)
    assert proved(of, "link requests", tmp_path / "p", "once")["once"] is Status.FAILED


@pytest.mark.slow
def test_an_answer_to_nobody_is_refuted(tmp_path, monkeypatch):
    answers_what_was_given_up(monkeypatch)
    status = proved(design("two_junctions", interface="wishbone"), "bridge", tmp_path / "p")
    assert status["wanted"] is not Status.PROVED
