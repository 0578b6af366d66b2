"""A module of LiteX for a design with a Wishbone: two streams, a bus and an interrupt around the Verilog."""

from rtl.plan.plan import Plan
from rtl.ports.interface_table import interface_base
from rtl.ports.packing import Packet
from rtl.ports.register_map import WIDTH
from rtl.verilog.emission import DESCRIPTION, SOURCE, TOP, Verilog
from rtl.verilog.maps.every import C_HEADER

LITEX = f"litex_{TOP}.py"
CLASS = "Accelerator"

_LED = {
    "clk": "ClockSignal()",
    "rst": "ResetSignal()",
    "interrupt": "self.interrupt",
    **{f"s_axis_t{name}": f"sink.{name}" for name in ("valid", "ready", "data", "last")},
    **{f"m_axis_t{name}": f"source.{name}" for name in ("valid", "ready", "data", "last")},
    **{f"wb_{name}": f"bus.{name}" for name in ("cyc", "stb", "we", "dat_w", "sel", "dat_r", "ack", "err")},
}
"""What LiteX calls the signal at each port; of the bus's address, the upper bits are the region's."""


def region(of: Plan) -> int:
    """Bytes that the bus's region has: all words, rounded up to a power of two."""
    return WIDTH // 8 * 2 * interface_base(of)


def litex_module(emitted: Verilog) -> str:
    """The module, as a file of Python that imports LiteX and Migen, and reads the Verilog that lies beside it."""
    of, ports = emitted.accelerator.plan, emitted.ports
    sample, result = Packet.sample(of), Packet.result(of)
    led = _LED | {"wb_adr": f"bus.adr[:{ports['wb_adr'][1]}]"}
    lines = "".join(f"            {way[0]}_{name}={led[name]},\n" for name, (way, _) in ports.items())
    name = of.config.name
    return f'''"""{name}: the accelerator of {SOURCE} as a module of LiteX.

In a SoC, with this file's directory on Python's path:

    from litex.soc.integration.soc import SoCRegion
    from litex_{TOP} import {CLASS}

    self.accelerator = accelerator = {CLASS}(platform)
    region = SoCRegion(origin=0x9000_0000, size={CLASS}.size, cached=False)
    self.bus.add_slave("accelerator", accelerator.bus, region)
    self.comb += [samples.connect(accelerator.sink), accelerator.source.connect(results)]  # endpoints of a DMA, say
    self.irq.add("accelerator_irq")  # by another name than the module's, which has no EventManager
    self.comb += self.cpu.interrupt[self.irq.locs["accelerator_irq"]].eq(accelerator.interrupt)

The origin must be a multiple of the size, and the region not cached. Registers, memories and packets: {DESCRIPTION} and
{C_HEADER}; causes of the interrupt are enabled and cleared by registers. An access that is refused is answered by err in
place of ack.
"""

from pathlib import Path

from litex.gen import LiteXModule
from litex.soc.interconnect import stream, wishbone
from migen import ClockSignal, Instance, ResetSignal, Signal


class {CLASS}(LiteXModule):
    """{"A network that trains" if of.trains else "A network for inference"}: {"-".join(map(str, of.config.network.layers))}.

    All of it is in the domain sys; rename the domain with ClockDomainsRenamer, and cross to others outside.

    Attributes
    ----------
    bus : wishbone.Interface
        Slave of 32 bits, addressed by words: registers and memories, in {CLASS}.size bytes.
    sink : stream.Endpoint
        Packets of samples: {sample.beats} beats of {sample.beat_bits} bits; last ends each.
    source : stream.Endpoint
        Packets of results: {result.beats} beats of {result.beat_bits} bits; last ends each. first is always clear.
    interrupt : Signal
        High while a cause is set that is enabled.
    """

    size = {region(of):#x}

    def __init__(self, platform):
        self.bus = bus = wishbone.Interface(data_width=32, adr_width=30)
        self.sink = sink = stream.Endpoint([("data", {sample.beat_bits})])
        self.source = source = stream.Endpoint([("data", {result.beat_bits})])
        self.interrupt = Signal()
        platform.add_source(str(Path(__file__).resolve().parent / "{SOURCE}"))
        self.specials += Instance(
            "{emitted.top}",
{lines}        )
'''
