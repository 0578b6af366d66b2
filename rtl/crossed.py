"""The accelerator behind AXI ports that run at a clock of their own."""

from functools import cached_property
from typing import Any

from amaranth.hdl import Cat, ClockDomain, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from rtl.accelerator import Accelerator
from rtl.accelerator_model import AcceleratorModel
from rtl.blocks.crossing import Crossing
from rtl.blocks.joint_reset import JointReset
from rtl.blocks.synchroniser import Synchroniser
from rtl.interfaced import Interfaced
from rtl.plan.plan import Plan
from rtl.ports.axi_lite import axi_lite_signature
from rtl.ports.axi_stream import axis_signature
from rtl.ports.register_map import AddressMap

BUS, CORE = "bus", "sync"
"""The domains in which words cross."""
_BUS_ALWAYS, _CORE_ALWAYS = "bus_always", "core_always"
"""The same clocks, without the resets that are made there."""
BEATS, ACCESSES = 16, 4
"""Words of the queues for beats, which are to pass one per clock, and for accesses, of which one is served at a time."""

CHANNELS: dict[str, tuple[str, str, tuple[str, ...], int]] = {
    "s_axis": ("s_axis", "t", ("data", "last"), BEATS),
    "aw": ("s_axi", "aw", ("addr",), ACCESSES),
    "w": ("s_axi", "w", ("data", "strb"), ACCESSES),
    "ar": ("s_axi", "ar", ("addr",), ACCESSES),
    "m_axis": ("m_axis", "t", ("data", "last"), BEATS),
    "b": ("s_axi", "b", ("resp",), ACCESSES),
    "r": ("s_axi", "r", ("data", "resp"), ACCESSES),
}
"""By the name of the queue: port, what the names of its signals begin with, which of them cross, and words."""
_OUTWARDS = "m_axis", "b", "r"


def _payload(port: Any, begin: str, fields: tuple[str, ...]) -> Value:
    """What of a channel crosses."""
    return Cat(getattr(port, begin + field) for field in fields)


def crossing(of: Plan, name: str, source: str, to: str) -> Crossing:
    """The queue of a channel between two domains."""
    port, begin, fields, depth = CHANNELS[name]
    signature = axi_lite_signature(AddressMap.of(of).bits + 3) if port == "s_axi" else axis_signature(_beat_bits(of))
    return Crossing(len(_payload(signature.create(), begin, fields)), depth, source, to)


def _beat_bits(of: Plan) -> int:
    assert of.config.hardware is not None
    return of.config.hardware.beat_bits


class Crossed(wiring.Component):
    """An :class:`rtl.interfaced.Interfaced` whose ports run at a clock of their own, whatever its ratio and phase.

    Each channel passes a :class:`rtl.blocks.crossing.Crossing`. What is behind them is what it is without. Throughput one
    beat per clock of the slower clock.

    Ports
    -----
    aclk : in, 1
        Clock of the accelerator.
    aresetn : in, 1
        Asks for a reset of everything, synchronous to ``aclk``, active low.
    bus_aclk : in, 1
        Clock of all ports below.
    bus_aresetn : in, 1
        Asks for a reset of everything, synchronous to ``bus_aclk``, active low.
    s_axis : in, interface axis_signature
        Packets of samples.
    m_axis : out, interface axis_signature
        Packets of results.
    s_axi : in, interface axi_lite_signature
        Registers and memories.
    interrupt : out, 1
        A cause that is enabled.
    """

    latency = Crossing.latency
    """Clocks of the receiving side that each of the two ways adds: of the accelerator to what goes in, of the bus to what
    comes out; up to one less, as the edges lie, and one more if a change is caught late."""

    def __init__(self, of: Plan) -> None:
        self.plan, self.inside, self.reset = of, Interfaced(of), JointReset(_BUS_ALWAYS, _CORE_ALWAYS)
        self.raised = Synchroniser(1, CORE, BUS)
        ways = {name: (CORE, BUS) if name in _OUTWARDS else (BUS, CORE) for name in CHANNELS}
        self.crossings = {name: crossing(of, name, *way) for name, way in ways.items()}
        ports: dict[str, Any] = {clock: In(1) for clock in ("aclk", "aresetn", "bus_aclk", "bus_aresetn")}
        super().__init__(ports | {name: self.inside.signature.members[name] for name in (*_INTERFACES, "interrupt")})

    @property
    def accelerator(self) -> Accelerator:
        """The accelerator inside."""
        return self.inside.accelerator

    def model(self) -> AcceleratorModel:
        """What it computes of the samples that are whole and legal: the accelerator's."""
        return self.inside.model()

    @cached_property
    def named(self) -> dict[str, Any]:
        """The accelerator's: signals that a user may want to find in the Verilog."""
        return self.inside.named

    def elaborate(self, platform: object) -> Module:
        m, inside, reset = Module(), self.inside, self.reset
        bus, core = ClockDomain(BUS), ClockDomain(CORE)
        always = ClockDomain(_BUS_ALWAYS, reset_less=True), ClockDomain(_CORE_ALWAYS, reset_less=True)
        # The ports themselves are the clocks: one that is assigned would tick later than what comes with it.
        bus.clk = always[0].clk = self.bus_aclk
        core.clk = always[1].clk = self.aclk
        m.domains += [bus, core, *always]
        m.submodules.reset, m.submodules.interfaced, m.submodules.raised = reset, inside, self.raised
        m.d.comb += [
            reset.bus_reset.eq(~self.bus_aresetn),
            reset.core_reset.eq(~self.aresetn),
            bus.rst.eq(reset.bus_held),
            core.rst.eq(reset.core_held),
        ]
        opened = Signal()
        m.d.comb += opened.eq(~reset.closed)
        for name, (port, begin, fields, _) in CHANNELS.items():
            queue = m.submodules[name] = self.crossings[name]
            outer, inner = (getattr(of, port) for of in (self, inside))
            given, taker = (inner, outer) if name in _OUTWARDS else (outer, inner)
            into, out_of = (opened, 1) if given is outer else (1, opened)
            m.d.comb += [
                queue.w_en.eq(getattr(given, f"{begin}valid") & into),
                queue.w_data.eq(_payload(given, begin, fields)),
                getattr(given, f"{begin}ready").eq(queue.w_rdy & into),
                getattr(taker, f"{begin}valid").eq(queue.r_rdy & out_of),
                _payload(taker, begin, fields).eq(queue.r_data),
                queue.r_en.eq(getattr(taker, f"{begin}ready") & out_of),
            ]
        # What is under way between the clocks counts as what stands in front of the accelerator, or behind it.
        m.d[CORE] += self.raised.i.eq(inside.interrupt)
        m.d.comb += [
            inside.coming.eq(self.crossings["s_axis"].r_holds),
            inside.leaving.eq(self.crossings["m_axis"].w_holds),
            self.interrupt.eq(self.raised.o),
        ]
        return m


_INTERFACES = "s_axis", "m_axis", "s_axi"
