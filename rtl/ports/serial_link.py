"""The accelerator's end of a serial link: requests come in on one wire, replies go out on another."""

from typing import Any

from amaranth.hdl import Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.blocks.ram import ram_attributes, style
from rtl.plan.plan import Plan
from rtl.ports.axi_stream import axis_signature
from rtl.ports.framing import FrameReceiver, FrameSender
from rtl.ports.interface_registers import wide_bus_signature
from rtl.ports.link_requests import LinkRequests
from rtl.ports.uart import UartReceiver, UartTransmitter


class SerialLink(wiring.Component):
    """Answers frames, each with a frame; what a request asks for is done once.

    Ports
    -----
    rx : in, 1
        The line from the host, 1 while idle; it may change at any time.
    tx : out, 1
        The line to the host.
    bus : out, interface wide_bus_signature
        Requests for registers and memories.
    samples : out, interface axis_signature
        Bytes of samples.
    results : in, interface axis_signature
        Bytes of results.
    """

    def __init__(self, of: Plan) -> None:
        hardware = of.config.hardware
        assert hardware is not None
        self._of, self.capacity = of, hardware.link_bytes
        self._style = style(self.capacity, 1, hardware.lut_ram_depth)
        self.receiver, self.transmitter = UartReceiver(hardware.bit_clocks), UartTransmitter(hardware.bit_clocks)
        self.frames, self.sender, self.requests = FrameReceiver(self.capacity), FrameSender(self.capacity), LinkRequests(of)
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "bus": Out(wide_bus_signature(of)),
                "samples": Out(axis_signature(8)),
                "results": In(axis_signature(8)),
            }
        )

    @property
    def latency(self) -> int:
        """Clocks from the last flag of a request to its reply's first, no less: those of the shortest."""
        return self.receiver.latency + LinkRequests.latency + FrameSender.latency + UartTransmitter.latency

    def elaborate(self, platform: object) -> Module:
        m = Module()
        receiver, transmitter, frames, sender = self.receiver, self.transmitter, self.frames, self.sender
        requests = self.requests
        m.submodules.receiver, m.submodules.transmitter = receiver, transmitter
        m.submodules.frames, m.submodules.sender, m.submodules.requests = frames, sender, requests
        for name, writer, reader in (("request", frames, requests), ("reply", requests, sender)):
            ram: Any = Memory(shape=unsigned(8), depth=self.capacity, init=[], attrs=ram_attributes(self._style))
            m.submodules[f"{name}_buffer"] = ram
            write, read = ram.write_port(), ram.read_port(domain="sync")
            m.d.comb += [
                write.en.eq(writer.w_en),
                write.addr.eq(writer.w_address),
                write.data.eq(writer.w_data),
                read.addr.eq(reader.r_address),
                reader.r_data.eq(read.data),
            ]
        m.d.comb += [
            receiver.rx.eq(self.rx),
            frames.valid.eq(receiver.valid),
            frames.data.eq(receiver.data),
            frames.broken.eq(receiver.broken),
            frames.closed.eq(requests.busy),
            requests.frame.eq(frames.frame),
            requests.length.eq(frames.length),
            requests.dropped.eq(frames.dropped),
            requests.sent.eq(sender.done),
            sender.start.eq(requests.reply),
            sender.length.eq(requests.reply_length),
            transmitter.valid.eq(sender.valid),
            transmitter.data.eq(sender.data),
            sender.ready.eq(transmitter.ready),
            self.tx.eq(transmitter.tx),
        ]
        connect(m, requests.bus, flipped(self.bus))
        connect(m, requests.samples, flipped(self.samples))
        connect(m, flipped(self.results), requests.results)
        return m
