"""The quick way from a design to RTLIL gives what Amaranth gives, errors included."""

from contextlib import nullcontext

import pytest
from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.hdl._ir import DriverConflict, PortDirection
from amaranth.hdl._nir import CombinationalCycle

from rtl.accelerator import Accelerator
from rtl.verilog import netlist
from rtl.verilog.emission import _ports
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


def elaborated(module, **ports):
    return Netlist.of(module, {name: (signal, PortDirection.Output) for name, signal in ports.items()}, "top")


@pytest.mark.parametrize("far", [1, 5])
def test_a_combinational_cycle_is_named(far):
    m, signals = Module(), [Signal(4, name=f"s{k}") for k in range(far)]
    for k, signal in enumerate(signals):
        m.d.comb += signal.eq(signals[k - 1] + 1)
    with pytest.raises(CombinationalCycle, match="signal s0"):
        elaborated(m, s0=signals[0])


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
