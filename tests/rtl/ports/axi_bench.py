"""A host with other people's models of AXI: plays the steps in a file and writes down what has come of each."""

import json
import logging
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

SCRIPT, SEEN = "script.json", "seen.json"
PATIENCE = 20_000
"""Clocks after which something will not come any more."""


class Host:
    """Drives the ports, and watches which junction cycles a sample enters in."""

    CLOCK, RESET, LOW = "aclk", "aresetn", True
    """Names of clock and reset, and whether that is active low."""

    def __init__(self, dut):
        for name in ("bench", "bench.s_axis", "bench.m_axis", "bench.s_axi"):
            logging.getLogger(f"cocotb.{name}").setLevel(logging.WARNING)
        self.dut, self.entered, self.clocks, self.begins = dut, [], 0, []
        self.last, self.within, self.passed, self.beats = 0, False, [], 0
        self.clock, self.in_reset = getattr(dut, self.CLOCK), getattr(dut, self.RESET)
        reset = {"reset": self.in_reset, "reset_active_level": not self.LOW}
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), self.clock, **reset)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), self.clock, **reset)
        self.bus = self.master(reset)

    def master(self, reset):
        return AxiLiteMaster(AxiLiteBus.from_prefix(self.dut, "s_axi"), self.clock, **reset)

    async def begin(self):
        self.in_reset.value = int(not self.LOW)
        cocotb.start_soon(Clock(self.clock, 10, "ns").start())
        await ClockCycles(self.clock, 4)
        self.in_reset.value = int(self.LOW)
        cocotb.start_soon(self.watch())
        await ClockCycles(self.clock, 4)

    async def watch(self):
        while True:
            await RisingEdge(self.clock)
            self.clocks += 1
            if self.dut.cycle.value == 1:
                self.entered.append(int(self.dut.sample.value))
                if self.entered[-1]:
                    self.begins.append(self.clocks)
            if self.dut.s_axis_tvalid.value == 1 and self.dut.s_axis_tready.value == 1:
                self.beats += 1
                if self.dut.s_axis_tlast.value == 1:
                    self.last = self.clocks
            if self.dut.m_axis_tvalid.value == 1:
                if not self.within:
                    self.passed.append(self.clocks - self.last)
                self.within = not (self.dut.m_axis_tready.value == 1 and self.dut.m_axis_tlast.value == 1)

    async def word(self, at):
        answer = await self.bus.read(at, 4)
        return int.from_bytes(answer.data, "little"), int(answer.resp)

    async def play(self, step):
        kind, *rest = step
        return await getattr(self, kind)(*rest)

    async def read(self, at):
        return await self.word(at)

    async def write(self, at, data):
        return int((await self.bus.write(at, bytes.fromhex(data))).resp)

    async def nothing(self, at, word):
        """A write none of whose bytes counts: its address, then its word some clocks later."""
        of = self.bus.write_if
        await of.aw_channel.send(of.aw_channel._transaction_obj(awaddr=at))
        await ClockCycles(self.clock, 5)
        await of.w_channel.send(of.w_channel._transaction_obj(wdata=word, wstrb=0))
        return int((await of.b_channel.recv()).bresp)

    async def many(self, at, words):
        """Reads and writes of a register, all asked for at once; clocks that they took."""
        began = self.clocks
        writes = [cocotb.start_soon(self.bus.write(at, bytes.fromhex(word))) for word in words]
        reads = [cocotb.start_soon(self.bus.read(at, 4)) for _ in words]
        answers = [int((await task).resp) for task in (*writes, *reads)]
        return answers, self.clocks - began

    async def until(self, at, bit):
        for _ in range(PATIENCE):
            word, resp = await self.word(at)
            assert resp == 0
            if word >> bit & 1:
                return
        raise TimeoutError(f"bit {bit} of {at:#x} never came")

    async def streams(self, idle, blocked):
        """How often who sends and who takes pause."""
        rng = random.Random(7)

        def pauses(share):
            while True:
                yield rng.random() < share

        for end, share in ((self.source, idle), (self.sink, blocked)):
            if share:
                end.set_pause_generator(pauses(share))
            else:
                end.clear_pause_generator()
                end.pause = False

    async def feed(self, packets):
        for packet in packets:
            await self.source.send(AxiStreamFrame(bytes.fromhex(packet)))

    async def sent(self):
        await self.source.wait()

    async def part(self, packet, beats):
        """The first beats of a packet, no fewer than so many; the others stay."""
        taken = self.beats
        await self.source.send(AxiStreamFrame(bytes.fromhex(packet)))
        for _ in range(PATIENCE):
            if self.beats >= taken + beats:
                break
            await RisingEdge(self.clock)
        self.source.pause = True
        await ClockCycles(self.clock, 30)
        return self.beats - taken

    async def rest(self):
        """What has stayed."""
        self.source.pause = False
        await self.source.wait()

    async def reset(self):
        """Of design and models, which forget all that has not been sent or taken."""
        self.in_reset.value = int(not self.LOW)
        await ClockCycles(self.clock, 2)
        self.source.clear()
        self.source.pause = False
        await ClockCycles(self.clock, 2)
        self.in_reset.value = int(self.LOW)
        await ClockCycles(self.clock, 4)
        self.sink.clear()

    async def taking(self, packet):
        """Whether results are taken."""
        self.sink.pause = not packet

    async def comes(self):
        """Clocks until the next packet of results, and its bytes."""
        began = self.clocks
        while self.sink.empty():
            await ClockCycles(self.clock, 1)
            assert self.clocks < began + PATIENCE
        return self.clocks - began, bytes(self.sink.recv_nowait().tdata).hex()

    async def paused(self, clocks):
        await ClockCycles(self.clock, clocks)

    async def interrupt(self):
        return int(self.dut.interrupt.value)

    async def results(self):
        """All that have come since."""
        frames = []
        while not self.sink.empty():
            frames.append(bytes(self.sink.recv_nowait().tdata).hex())
        return frames

    async def entries(self):
        """Whether a sample entered in each of the junction cycles since, and clocks of those in which one did."""
        entered, begins = self.entered, self.begins
        self.entered, self.begins = [], []
        return entered, begins

    async def latencies(self):
        """Clocks from the last beat of a packet to the first beat of the next result."""
        return self.passed


async def played(host):
    """Play the script in the folder, and write down there what was seen."""
    folder = Path(os.environ["AXI_FOLDER"])
    await host.begin()
    seen = [await host.play(step) for step in json.loads((folder / SCRIPT).read_text())]
    (folder / SEEN).write_text(json.dumps(seen))


@cocotb.test()
async def plays_the_script(dut):
    await played(Host(dut))
