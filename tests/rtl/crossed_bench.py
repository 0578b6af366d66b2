"""A host at the bus's clock of a design with two clocks, whose periods a script changes while they run."""

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge, Timer
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamSink, AxiStreamSource

from tests.rtl.ports.axi_bench import SCRIPT, SEEN, Host


class CrossedHost(Host):
    """Drives the ports at their clock; junction cycles are seen at the accelerator's."""

    def __init__(self, dut):
        self.dut, self.entered, self.begins, self.clocks, self.raised = dut, [], [], 0, 0
        self.periods, self.jitter, self.rng = {"bus_aclk": 10_000, "aclk": 10_000}, 0.0, random.Random(1)
        reset = {"reset": dut.bus_aresetn, "reset_active_level": False}
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.bus_aclk, **reset)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.bus_aclk, **reset)
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.bus_aclk, **reset)
        for model in (self.source, self.sink, self.bus.write_if, self.bus.read_if):
            model.log.disabled = True

    async def begin(self):
        self.dut.aresetn.value = self.dut.bus_aresetn.value = 1  # no reset: all is as it is at power-up
        for name in self.periods:
            cocotb.start_soon(self.tick(name))
        cocotb.start_soon(self.watch())
        await ClockCycles(self.dut.bus_aclk, 30)

    async def tick(self, name):
        clock = getattr(self.dut, name)
        while True:
            for level in (0, 1):
                clock.value = level
                half = self.periods[name] / 2
                await Timer(round(half * (1 + self.jitter * self.rng.uniform(-1, 1))), "ps")

    async def watch(self):
        while True:
            await RisingEdge(self.dut.aclk)
            self.clocks += 1
            if self.dut.cycle.value == 1:
                self.entered.append(int(self.dut.sample.value))

    async def clocked(self, bus, core, phase, jitter):
        """From now on the clocks have these periods, in ps; they run apart by ``phase`` from where they are."""
        self.periods = {"bus_aclk": bus, "aclk": core + phase}
        await RisingEdge(self.dut.aclk)
        self.periods["aclk"], self.jitter = core, jitter

    async def reset(self, name, clocks):
        """Pull a reset for so many of its clocks, in the middle of what is under way; who is at the bus is reset, too."""
        clock = self.dut.bus_aclk if name == "bus_aresetn" else self.dut.aclk
        await RisingEdge(clock)
        getattr(self.dut, name).value = 0
        for model in (self.source, self.sink):
            model.assert_reset(True)
        await ClockCycles(clock, clocks)
        getattr(self.dut, name).value = 1
        for _ in range(60):
            await RisingEdge(self.dut.aclk)
            await RisingEdge(self.dut.bus_aclk)
        for model in (self.source, self.sink):
            model.clear()
            model.assert_reset(False)
        self.entered = []

    async def begun(self, beats):
        """Until so many beats of what is fed have gone in."""
        while beats:
            await RisingEdge(self.dut.bus_aclk)
            beats -= int(self.dut.s_axis_tvalid.value == 1 and self.dut.s_axis_tready.value == 1)

    async def nothing_comes(self, clocks):
        """Whether the ports stay quiet."""
        seen = 0
        for _ in range(clocks):
            await RisingEdge(self.dut.bus_aclk)
            seen |= any(int(getattr(self.dut, name).value) for name in ("m_axis_tvalid", "s_axi_bvalid", "s_axi_rvalid"))
        return seen

    async def paused(self, clocks):
        await ClockCycles(self.dut.bus_aclk, clocks)

    async def until_interrupt(self, level):
        """Clocks of the bus until the interrupt is at this level."""
        for waited in range(20_000):
            if int(self.dut.interrupt.value) == level:
                return waited
            await RisingEdge(self.dut.bus_aclk)
        raise TimeoutError("the interrupt never came")


@cocotb.test()
async def plays_the_script(dut):
    folder = Path(os.environ["AXI_FOLDER"])
    host = CrossedHost(dut)
    await host.begin()
    seen = [await host.play(step) for step in json.loads((folder / SCRIPT).read_text())]
    (folder / SEEN).write_text(json.dumps(seen))
