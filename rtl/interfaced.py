"""The accelerator behind standard interfaces: AXI4-Streams, and AXI4-Lite or Wishbone; or a serial line."""

from functools import cached_property
from typing import Any

from amaranth.hdl import Cat, ClockDomain, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.accelerator import Accelerator
from rtl.accelerator_model import AcceleratorModel
from rtl.blocks.delay import delayed
from rtl.plan.plan import Plan
from rtl.ports.axi_lite import AxiLite, axi_lite_signature
from rtl.ports.axi_stream import ResultSource, SampleSink, axis_signature
from rtl.ports.interface_registers import InterfaceRegisters
from rtl.ports.interface_table import CAUSES
from rtl.ports.parameter_stream import ParameterStream
from rtl.ports.register_map import AddressMap
from rtl.ports.serial_link import SerialLink
from rtl.ports.wishbone import Wishbone, wishbone_signature


class Interfaced(wiring.Component):
    """An :class:`rtl.accelerator.Accelerator`, and around it what speaks ``hardware.interface``.

    With ``hardware.parameter_stream`` the streams carry weights and biases, too (:mod:`rtl.ports.parameter_stream`).

    The accelerator learns from samples in the order in which their packets come, as if nothing were around it.

    Ports
    -----
    aclk : in, 1, if axi and not own
        Clock of everything.
    aresetn : in, 1, if axi and not own
        Synchronous reset, active low.
    s_axis : in, interface axis_signature, if axi or wishbone
        Packets of samples (:mod:`rtl.ports.packing`).
    m_axis : out, interface axis_signature, if axi or wishbone
        Packets of results.
    s_axi : in, interface axi_lite_signature, if axi
        Registers and memories (:func:`rtl.ports.axi_lite.axi_lite_signature`).
    wb : in, interface wishbone_signature, if wishbone
        The same (:func:`rtl.ports.wishbone.wishbone_signature`).
    rx : in, 1, if serial
        The line from a host, 1 while idle, for all of that (:mod:`rtl.ports.serial_link`).
    tx : out, 1, if serial
        The line to the host.
    coming : in, 1, if own
        Beats of samples are on their way to ``s_axis``.
    leaving : in, 1, if own
        Beats of results that have left ``m_axis`` are on their way.
    causes : out, 3, if serial
        Causes of an interrupt, whether they are enabled or not, for lights.
    interrupt : out, 1
        A cause that is enabled (:mod:`rtl.ports.interface_registers`).
    """

    def __init__(self, of: Plan) -> None:
        assert of.config.hardware is not None
        self.plan, self.accelerator = of, Accelerator(of, lends=of.config.hardware.parameter_stream)
        self.sink, self.source = SampleSink(of), ResultSource(of)
        self.registers = InterfaceRegisters(of, self.sink.level.shape().width)
        self.parameters = ParameterStream(of) if of.config.hardware.parameter_stream else None
        self._kind = of.config.hardware.interface
        self.bridge: Any = {"axi": AxiLite, "wishbone": Wishbone, "serial": SerialLink}[self._kind](of)
        beat_bits, address = of.config.hardware.beat_bits, AddressMap.of(of).bits + 1
        streams = {"s_axis": In(axis_signature(beat_bits)), "m_axis": Out(axis_signature(beat_bits))}
        # Where the ports have a clock of their own, this is what lies behind them (:mod:`rtl.crossed`).
        self._own = of.config.hardware.bus_clock == "own"
        clocks = {"coming": In(1), "leaving": In(1)} if self._own else {"aclk": In(1), "aresetn": In(1)}
        ports: dict[str, dict[str, Any]] = {
            "axi": {**clocks, **streams, "s_axi": In(axi_lite_signature(address + 2))},
            "wishbone": {**streams, "wb": In(wishbone_signature(address))},
            "serial": {"rx": In(1, init=1), "tx": Out(1, init=1), "causes": Out(CAUSES)},
        }
        super().__init__({**ports[self._kind], "interrupt": Out(1)})

    @property
    def latency(self) -> int:
        """Clocks from the last beat of a packet to the first of its result, no less; so many if both are of one beat.

        Of a serial line, those of the packets inside.
        """
        enters = self.sink.latency + self.accelerator.loader.arrival + 1  # in the clock behind the one that begins a cycle
        return enters + self.accelerator.latency + self.source.latency

    def model(self) -> AcceleratorModel:
        """What it computes of the samples that are whole and legal: the accelerator's."""
        return self.accelerator.model()

    @cached_property
    def named(self) -> dict[str, Any]:
        """The accelerator's: signals that a user may want to find in the Verilog."""
        return self.accelerator.named

    def elaborate(self, platform: object) -> Module:
        m = Module()
        accelerator, sink, source, registers = self.accelerator, self.sink, self.source, self.registers
        m.submodules.core, m.submodules.sink, m.submodules.source = accelerator, sink, source
        m.submodules.registers, m.submodules.bridge = registers, self.bridge
        if self._kind == "axi":
            if not self._own:
                # The port itself is the clock: one that is assigned would tick later than what comes with it.
                m.domains.sync = domain = ClockDomain()
                domain.clk = self.aclk
                m.d.comb += domain.rst.eq(~self.aresetn)
            connect(m, flipped(self.s_axi), self.bridge.s_axi)
        elif self._kind == "wishbone":
            connect(m, flipped(self.wb), self.bridge.wb)
        if self._kind == "serial":
            m.d.comb += [self.bridge.rx.eq(self.rx), self.tx.eq(self.bridge.tx), self.causes.eq(registers.causes)]
            connect(m, self.bridge.samples, sink.s_axis)
            connect(m, source.m_axis, self.bridge.results)
        elif self.parameters is None:
            connect(m, flipped(self.s_axis), sink.s_axis)
            connect(m, source.m_axis, flipped(self.m_axis))
        else:
            self._share(m, self.parameters)
        connect(m, sink.samples, accelerator.samples)
        connect(m, accelerator.results, source.results)
        connect(m, self.bridge.bus, registers.bus)
        connect(m, registers.inner, accelerator.bus)
        inside, parameters = accelerator.registers, self.parameters
        m.d.comb += [
            registers.misframed.eq(sink.misframed if parameters is None else sink.misframed | parameters.misframed),
            registers.refused.eq(sink.refused if parameters is None else sink.refused | parameters.refused),
            registers.unfit.eq(sink.unfit),
            registers.illegal.eq(inside.illegal_kappa | inside.illegal_label),
            registers.level.eq(sink.level),
            registers.waiting.eq(sink.waiting | self.coming if self._own else sink.waiting),
            registers.result.eq(source.m_axis.tvalid | self.leaving if self._own else source.m_axis.tvalid),
            registers.empty.eq(inside.empty),
            self.interrupt.eq(registers.interrupt),
        ]
        return m

    def _share(self, m: Module, parameters: ParameterStream) -> None:
        """The streams are those of samples and results, unless parameters come or go."""
        accelerator, sink, source, registers = self.accelerator, self.sink, self.source, self.registers
        m.submodules.parameters = parameters
        come, go = parameters.s_axis, parameters.m_axis
        for stream in (sink.s_axis, come):
            m.d.comb += [stream.tdata.eq(self.s_axis.tdata), stream.tlast.eq(self.s_axis.tlast)]
        m.d.comb += [
            come.tvalid.eq(self.s_axis.tvalid),  # it looks at it while it has the stream
            sink.s_axis.tvalid.eq(self.s_axis.tvalid & ~parameters.routes),
            self.s_axis.tready.eq(Mux(parameters.routes, come.tready, sink.s_axis.tready)),
            go.tready.eq(self.m_axis.tready),
            source.m_axis.tready.eq(self.m_axis.tready & ~parameters.sending),
            *(
                getattr(self.m_axis, name).eq(Mux(parameters.sending, getattr(go, name), getattr(source.m_axis, name)))
                for name in ("tvalid", "tdata", "tlast")
            ),
            parameters.load.eq(registers.load),
            parameters.send.eq(registers.send),
            accelerator.lent.eq(parameters.loading | parameters.sending),
        ]
        for j in self.plan.junctions:
            connect(m, getattr(parameters, f"access_{j.number}"), getattr(accelerator, f"access_{j.number}"))
        # What was permitted to begin before it was told to stand begins so many clocks later.
        lately = [accelerator.registers.run]
        for n in range(self.plan.permission + 1):
            lately.append(delayed(m, lately[-1], 1, f"ran_{n}", valid=True))
        rests = accelerator.pacer.standing & ~Cat(*lately).any()
        waits = self.s_axis.tvalid | sink.within | accelerator.queue.words.holds | source.m_axis.tvalid
        m.d.comb += [
            registers.quiet.eq(rests & ~waits),
            *(getattr(registers, name).eq(getattr(parameters, name)) for name in ("loading", "sending", "loaded")),
        ]
