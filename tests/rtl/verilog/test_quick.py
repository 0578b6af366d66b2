"""The quick way from a design to RTLIL gives what Amaranth gives, errors included."""

from contextlib import nullcontext
from importlib import metadata

import pytest
from amaranth.hdl import Array, Cat, ClockSignal, Elaboratable, Module, Mux, ResetSignal, Signal, signed
from amaranth.hdl._ir import DriverConflict, PortDirection
from amaranth.hdl._nir import CombinationalCycle, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.accelerator import Accelerator
from rtl.verilog import netlist, quick
from rtl.verilog.emission import _ports
from rtl.verilog.generate import component
from rtl.verilog.netlist import Netlist
from tests.rtl.designs import design


def rtlil(component, monkeypatch, quick):
    with monkeypatch.context() as patched:
        if not quick:
            patched.setattr(netlist, "quickly", nullcontext)
        return Netlist.of(component, _ports(component), "accelerator").text


@pytest.mark.parametrize("name", ["one_junction", "straddling"])
def test_the_same_text(name, monkeypatch):
    texts = [rtlil(Accelerator(design(name)), monkeypatch, quick) for quick in (True, False)]
    assert texts[0] == texts[1] and len(texts[0]) > 10_000


def test_a_release_that_is_not_known_goes_its_own_way(monkeypatch):
    assert metadata.version("amaranth") in quick.KNOWN  # a new one: try it with these tests, and put it there
    own = Value.__getitem__
    with quick.quickly():
        assert Value.__getitem__ is not own
    monkeypatch.setattr(quick, "KNOWN", ())
    with quick.quickly():
        assert Value.__getitem__ is own
    assert Value.__getitem__ is own


def test_the_same_text_with_two_clocks_and_wide_words(monkeypatch):
    of = design("short_beat", interface="axi", bus_clock="own")
    texts = [rtlil(component(of), monkeypatch, quick) for quick in (True, False)]
    assert texts[0] == texts[1] and "bus_aclk" in texts[0]


class Everything(wiring.Component):
    """What the accelerators have little or nothing of: parts, arrays, signs, fields, clocks as signals, one value twice."""

    def __init__(self):
        super().__init__({"a": In(signed(5)), "b": In(7), "x": Out(12), "y": Out(12), "z": Out(12)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=signed(6), depth=5, init=[-32, 31, 0, -1, 7])
        read = memory.read_port(domain="comb")
        both, field = self.a + self.b, Signal(data.StructLayout({"low": 3, "rows": data.ArrayLayout(2, 3)}), init={"low": 5})
        m.d.comb += [
            read.addr.eq(self.b),
            self.x.eq(-self.a - both * both),
            self.z.eq(Cat(ClockSignal(), ResetSignal(), self.b.bit_select(self.a[:2], 2))),
        ]
        m.d.comb += self.y.bit_select(self.a[:3], 2).eq(Array([both, self.a, read.data])[self.b[:2]])
        m.d.sync += [field.rows[self.b[0]].eq(self.a >> self.b[:2]), field.low.eq(self.a // (self.b | 1))]
        with m.Switch(self.b):
            with m.Case("1-----0", 3):
                m.d.comb += self.y[8:].eq(Mux(self.a == -3, field, self.b.any() & ~self.a.all()))
            with m.Default():
                m.d.comb += self.y.word_select(self.b[:2], 3).eq(self.a % 3)
        return m


def test_the_same_text_whatever_a_component_has(monkeypatch):
    texts = [rtlil(Everything(), monkeypatch, quick) for quick in (True, False)]
    assert texts[0] == texts[1] and all(word in texts[0] for word in ("$shift", "$divfloor", "field_rows_1", "$memrd"))


def elaborated(module, **ports):
    return Netlist.of(module, {name: (signal, PortDirection.Output) for name, signal in ports.items()}, "top")


@pytest.mark.parametrize("far", [1, 5])
def test_a_combinational_cycle_is_named(far):
    m, signals = Module(), [Signal(4, name=f"s{k}") for k in range(far)]
    for k, signal in enumerate(signals):
        m.d.comb += signal.eq(signals[k - 1] + 1)
    with pytest.raises(CombinationalCycle, match="signal s0"):
        elaborated(m, s0=signals[0])


def test_names_that_go_round_are_a_cycle():
    m, a, b, c = Module(), Signal(2), Signal(2), Signal(2)
    m.d.comb += [a.eq(b), b.eq(a), c.eq(a)]
    with pytest.raises(CombinationalCycle, match=r"signal [ab]"):
        elaborated(m, c=c)


@pytest.mark.parametrize("round_", [False, True])
def test_cells_that_go_round_are_a_cycle_only_if_a_bit_does(round_):
    m, a, b = Module(), Signal(4), Signal(4)
    m.d.comb += [a.eq(~Cat(1, b[0], b[1], b[3 if round_ else 2])), b.eq(~a)]
    with pytest.raises(CombinationalCycle) if round_ else nullcontext():
        assert elaborated(m, a=a).text.count("$not") == 2


def test_bits_that_depend_on_lower_bits_of_their_own_vector_are_no_cycle():
    m, a = Module(), Signal(8)
    m.d.comb += [a[k].eq(~a[k - 1]) for k in range(1, 8)]
    assert "~" in elaborated(m, a=a).text or "$not" in elaborated(m, a=a).text


def test_two_drivers_of_a_bit_are_refused():
    a = Signal(4)

    class Late(Elaboratable):
        def elaborate(self, platform):
            late = Module()
            late.d.comb += a[:2].eq(1)
            late.d.sync += a[1:].eq(1)
            return late

    with pytest.raises(DriverConflict):
        elaborated(Late(), a=a)
