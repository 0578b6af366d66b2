"""The accelerator's end of a serial link: requests come in on one wire, replies go out on another."""

from typing import Any

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.blocks.properties import Monitor, implies
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

    def model(self) -> "SerialLinkModel":
        """The link after reset, to be taken clock by clock."""
        return SerialLinkModel(self)

    def properties(self, p: Monitor) -> None:
        """What its parts take for granted of each other is so."""
        requests, sender = self.requests, self.sender
        p.assume("done", "only what was asked for is over", implies(self.bus.done, self.bus.request))
        p.surround("frames", self.frames, lemmas=_kept(self.frames))
        p.surround("requests", requests, proved=("done",), lemmas=_kept(requests))
        p.surround("sender", sender, lemmas=_kept(sender))
        unsent = p.past(requests.unsent, "unsent")
        p.require("in_step", "a frame is sent while a request waits for that", implies(sender.busy, requests.waits & unsent))
        p.require("settled", "a reply does not change while it is sent", implies(sender.busy, ~requests.w_en))
        p.reach("answers", "a frame is being sent", sender.busy)

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


def _kept(part: Any) -> list[str]:
    """Names of all that a part keeps."""
    known = Monitor(Module(), Signal())
    part.properties(known)
    return [p.name for p in known.required if not p.reached]


class SerialLinkModel:
    """A :class:`SerialLink` as the models of its parts, and two buffers."""

    def __init__(self, of: SerialLink) -> None:
        self._receiver, self._transmitter = of.receiver.model(), of.transmitter.model()
        self._frames, self._sender, self._requests = of.frames.model(), of.sender.model(), of.requests.model()
        self._request, self._reply = bytearray(of.capacity), bytearray(of.capacity)
        self._read = {"requests": 0, "sender": 0}  # what comes out of the buffers in this clock
        self._length = 0

    @property
    def requests(self) -> Any:
        """Of the part that carries requests out."""
        return self._requests

    def clock(self, **inputs: int) -> dict[str, int | None]:
        """Outputs of a clock with these inputs, ``None`` for what means nothing; interfaces' ports are ``name_port``."""
        come = self._receiver.clock(rx=inputs.pop("rx", 0))
        reply, busy = self._requests.reply, self._requests.busy
        frame = self._frames.clock(valid=come["valid"] or 0, data=come["data"] or 0, broken=come["broken"] or 0, closed=busy)
        sent = self._sender.clock(
            start=reply, length=self._length, r_data=self._read["sender"], ready=self._transmitter.ready
        )
        told = self._requests.clock(
            frame=frame["frame"] or 0,
            length=frame["length"] or 0,
            dropped=frame["dropped"] or 0,
            r_data=self._read["requests"],
            sent=sent["done"] or 0,
            **inputs,
        )
        line = self._transmitter.clock(valid=sent["valid"] or 0, data=sent["data"] or 0)
        for name, buffer, reader, writer in (("requests", self._request, told, frame), ("sender", self._reply, sent, told)):
            at = reader["r_address"]
            self._read[name] = buffer[at] if at is not None else 0
            if writer["w_en"]:
                buffer[writer["w_address"] or 0] = writer["w_data"] or 0
        self._length = self._requests.length
        names = [name for name in told if name.startswith(("bus_", "samples_", "results_"))]
        return {"tx": line["tx"]} | {name: told[name] for name in names}
