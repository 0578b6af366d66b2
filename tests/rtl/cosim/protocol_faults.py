"""Single faults of streams, pace and port: each breaks one component of the generated design, and no arithmetic."""

from collections.abc import Callable
from typing import Any, NamedTuple

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import stream
from pytest import MonkeyPatch

from rtl import accelerator, junction
from rtl.control.position import BankCounter
from rtl.plan.signatures import access_signature
from rtl.ports import register_map
from rtl.ports.register_map import bus_signature
from rtl.ports.registers import Registers
from rtl.ports.results import ResultQueue
from rtl.ports.samples import SampleLoader, sample_layout
from rtl.processors.update import Update
from tests.rtl.cosim.faults import shown


class ProtocolFault(NamedTuple):
    """What is broken, how, and a regular expression for what the command says."""

    breaks: str
    apply: Callable[[MonkeyPatch], None]
    caught: str


PROTOCOL_FAULTS: dict[str, ProtocolFault] = {}


def fault(caught: str) -> Callable:
    """Registers a function that plants a fault."""

    def register(apply: Callable[[MonkeyPatch], None]) -> Callable:
        PROTOCOL_FAULTS[apply.__name__] = ProtocolFault(apply.__doc__ or "", apply, caught)
        return apply

    return register


def bus_of(change: Callable[[Module, Registers, Any, Any], None]) -> type:
    """Registers whose bus passes through ``change(m, registers, outside, inside)``, which may replace connections."""

    class Broken(Registers):
        def elaborate(self, platform: object) -> Module:
            outside, inside = self.bus, bus_signature(self._of).flip().create()
            self.bus = inside
            m = super().elaborate(platform)
            self.bus = outside
            for name in ("request", "write", "address", "write_data"):
                m.d.comb += getattr(inside, name).eq(getattr(outside, name))
            for name in ("done", "error", "read_data"):
                m.d.comb += getattr(outside, name).eq(getattr(inside, name))
            change(m, self, outside, inside)
            return m

    return Broken


@fault(r"scenario rates, clock \d+, junction \d, UP write to (weight|bias) memory .*: machine -?\d+, Verilog -?\d+")
def ignores_the_samples_kappa(patch):
    """Every sample is learned from at the first learning rate, unless RATE says another."""

    class Deaf(SampleLoader):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            with m.If(~self.rate_fixed):
                m.d.comb += self.entering.shift.eq(self._of.kappas[1] - self._of.kappas[0])
            return m

    patch.setattr(accelerator, "SampleLoader", Deaf)


@fault(r"scenario rates, clock \d+, junction \d, UP write to (weight|bias) memory")
def ignores_rate(patch):
    """RATE replaces nothing."""
    patch.setattr(accelerator, "SampleLoader", shown(SampleLoader, "rate_fixed", lambda m, self, given: Const(0)))


@fault(r"clock \d+, junction \d, host write to weight memory .*: machine -?\d+, Verilog -?\d+")
def drops_bus_writes_to_weights(patch):
    """Writes of weights through the port are acknowledged, and the row is written as it was."""
    patch.setattr(junction, "Update", shown(Update, "replace_weight", lambda m, self, given: Const(0)))


@fault(r"scenario registers, clock \d+, bus.error: machine 1, Verilog 0")
def never_refuses_memories_and_holes(patch):
    """No address and no state of the accelerator is an error."""

    def change(m, self, outside, inside):
        known = [register_map.CONTROL, register_map.RATE, register_map.ERRORS]
        at = sum((outside.address == a for a in known[1:]), start=outside.address == known[0])
        m.d.comb += outside.error.eq(inside.error & at.any())

    patch.setattr(accelerator, "Registers", bus_of(change))


@fault(r"scenario registers, clock \d+, bus.error: machine 1, Verilog 0")
def accepts_illegal_rates_and_writes_to_what_is_read_only(patch):
    """RATE and the counters take whatever is written to them, as far as the host can tell."""

    def change(m, self, outside, inside):
        known = [register_map.RATE, register_map.STATUS, register_map.SAMPLES, register_map.RESULTS, register_map.CYCLES]
        at = sum((outside.address == a for a in known[1:]), start=outside.address == known[0])
        m.d.comb += outside.error.eq(inside.error & ~at.any())

    patch.setattr(accelerator, "Registers", bus_of(change))


@fault(r"clock \d+, bus.read_data of register CYCLES: machine \d+, Verilog 0")
def counts_no_cycles(patch):
    """CYCLES stays at 0."""
    patch.setattr(accelerator, "Registers", shown(Registers, "cycle", lambda m, self, given: Const(0)))


@fault(r"scenario data, clock \d+, samples.ready: machine 1, Verilog 0")
def takes_a_beat_every_other_clock(patch):
    """samples.ready is set in every other clock at most."""

    class Throttled(SampleLoader):
        def elaborate(self, platform):
            given, seen = self.samples, stream.Signature(sample_layout(self._of)).flip().create()
            self.samples = seen
            m = super().elaborate(platform)
            self.samples = given
            open_ = Signal()
            m.d.sync += open_.eq(~open_)
            m.d.comb += [
                seen.payload.eq(given.payload),
                seen.valid.eq(given.valid & open_),
                given.ready.eq(seen.ready & open_),
            ]
            return m

    patch.setattr(accelerator, "SampleLoader", Throttled)


@fault(r"scenario data, clock \d+, bus.read_data of register STATUS: machine \d, Verilog \d")
def empty_before_learning_is_over(patch):
    """STATUS says that nothing is under way as soon as the results are computed, before BP and UP have drained."""
    as_it_was = accelerator.Accelerator._occupancy

    def occupancy(self, m):
        as_it_was(self, m)
        entered = Signal(1 + self.plan.junctions[-1].forward_lag)
        with m.If(self.pacer.advance):
            m.d.sync += entered.eq((entered << 1) | self.loader.entering.valid)
        empty = Signal(init=1)
        m.d.sync += empty.eq(~entered.any() & ~self.loader.entering.valid & ~self.loader.waiting)
        m.d.comb += self.registers.empty.eq(empty)

    patch.setattr(accelerator.Accelerator, "_occupancy", occupancy)


@fault(r"scenario data, clock \d+, junction \d, UP write to weight memory .*: machine no write")
def writes_what_it_reads(patch):
    """Every access of the bus to a memory writes."""

    class Eager(junction.Junction):
        def elaborate(self, platform):
            given, seen = self.access, access_signature(self._of, self._j.number).create()
            self.access = seen
            m = super().elaborate(platform)
            self.access = given
            for name in ("strobe", "bias", "row", "lane", "word"):
                m.d.comb += getattr(seen, name).eq(getattr(given, name))
            m.d.comb += [seen.write.eq(1), given.read_word.eq(seen.read_word)]
            return m

    patch.setattr(accelerator, "Junction", Eager)


@fault(r"scenario (data|late|blocked|late_and_blocked), clock \d+, label of result \d+")
def payload_changes_while_it_waits(patch):
    """The label that is offered is that of the sample that is computed just now."""

    class Unsteady(ResultQueue):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            label = self.results.payload.label
            with m.If(self.results.payload.last & ~self.results.ready):
                m.d.comb += label.eq(self.tag.label)
            return m

    patch.setattr(accelerator, "ResultQueue", Unsteady)


@fault(r"scenario data, clock \d+, advance: machine 1, Verilog 0 \(deadlock: advance does not come in \d+ clocks\)")
def keeps_the_room_of_results(patch):
    """Room for a result is never given back: after some samples nothing moves any more."""

    class Full(ResultQueue):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            held = Signal(range(self.capacity + 1))
            m.d.sync += held.eq(held + (self.reserve & self.due))
            m.d.comb += self.room.eq(held != self.capacity)
            return m

    patch.setattr(accelerator, "ResultQueue", Full)


@fault(r"scenario \w+, clock \d+, junction \d, \w+ write to \w+ memory")
def reset_forgets_the_banks(patch):
    """Bank counters go on from where they were when reset comes."""

    class Stubborn(BankCounter):
        def elaborate(self, platform):
            m = Module()
            now = Signal(range(self._banks), init=(-2 - self._lag) % self._banks, reset_less=True)
            m.d.comb += self.bank.eq(now)
            with m.If(self.advance):
                m.d.sync += now.eq((now + 1) % self._banks)
            return m

    patch.setattr(junction, "BankCounter", Stubborn)
