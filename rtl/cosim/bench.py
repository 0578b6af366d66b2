"""The test bench, run by cocotb inside the simulator: drives streams and bus by a script, and records what happens.

One Python step per clock: in the middle of a clock everything has settled, so that is where signals are read and where the
inputs for the next edge are set. Addresses and words are read only where a write is enabled.
"""

import json
import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

ENVIRONMENT = "HWSIM_COSIM"
SCRIPT, STREAM, CAPTURE, OUTCOME = "script.json", "stimulus.npz", "capture.npz", "outcome.json"
PATIENCE = 1_000_000
"""Clocks without progress after which the bench gives up."""


class Recorder:
    """Collects the raw bits of one group of write ports."""

    def __init__(self, top: Any, described: dict[str, Any]) -> None:
        handles = {name: _handle(top, path) for name, path in described["signals"].items()}
        self.enable = handles.pop("enable")
        self.bytes = {name: (size + 7) // 8 for name, size in described["bits"].items()}
        self.handles = list(handles.items())
        self.clocks: list[int] = []
        self.raw = {name: bytearray() for name in described["signals"]}

    def step(self, clock: int) -> None:
        """Record the clock if anything is written in it."""
        enabled = _integer(self.enable)
        if not enabled:
            return
        self.clocks.append(clock)
        self.raw["enable"] += enabled.to_bytes(self.bytes["enable"], "little")
        for name, handle in self.handles:
            self.raw[name] += _integer(handle).to_bytes(self.bytes[name], "little")

    def arrays(self, prefix: str) -> dict[str, np.ndarray]:
        """int64 [n] clocks, and uint8 [n, bytes] per signal."""
        result: dict[str, np.ndarray] = {f"{prefix}_clock": np.array(self.clocks, np.int64)}
        for name, raw in self.raw.items():
            result[f"{prefix}_{name}"] = np.frombuffer(bytes(raw), np.uint8).reshape(len(self.clocks), self.bytes[name])
        return result


class Bench:
    """Clock, streams, bus and recorders around the accelerator."""

    def __init__(self, top: Any, script: dict[str, Any], stimulus: Any) -> None:
        self.top, self.clock, self.stimulus = top, -1, stimulus
        self.recorders = [Recorder(top, p) for p in script["probes"]]
        self.advance = _handle(top, script["advance"])
        self.valid, self.ready, self.payload = top.samples__valid, top.samples__ready, top.samples__payload
        self.out_valid, self.out_ready, self.out = top.results__valid, top.results__ready, top.results__payload
        self.last_bit = script["last_bit"]
        self.recording = False
        self.beats, self.position, self.end = stimulus["beats"], 0, 0
        self.idle, self.blocked = stimulus["idle"], stimulus["blocked"]
        self.taken: list[int] = []
        self.left: list[int] = []
        self.results: list[int] = []
        self.advances: list[int] = []
        self.reads: list[tuple[int, int]] = []

    async def step(self) -> None:
        """One clock: look, then set inputs."""
        await self._edge
        self.clock += 1
        if self.recording:
            for recorder in self.recorders:
                recorder.step(self.clock)
            if _integer(self.advance):
                self.advances.append(self.clock)
        offered = self.position < self.end and not self.idle[self.clock % len(self.idle)]
        self.valid.value = offered
        if offered:
            self.payload.value = int.from_bytes(self.beats[self.position].tobytes(), "little")
            if _integer(self.ready):
                self.taken.append(self.clock)
                self.position += 1
        takes = not self.blocked[self.clock % len(self.blocked)]
        self.out_ready.value = takes
        if takes and _integer(self.out_valid):
            beat = _integer(self.out)
            self.results.append(beat)
            if beat >> self.last_bit & 1:
                self.left.append(self.clock)

    async def start(self) -> None:
        """Start the clock and reset."""
        for signal in (self.valid, self.out_ready, self.top.bus__request, self.top.bus__write):
            signal.value = 0
        self.top.rst.value = 1
        Clock(self.top.clk, 10, "ns").start()
        self._edge = FallingEdge(self.top.clk)
        await self.reset()

    async def reset(self) -> None:
        """Hold reset for two clocks; the streams pause, samples that were being sent are gone."""
        keep, self.end = self.end, self.position
        self.top.rst.value = 1
        for _ in range(2):
            await self.step()
        self.top.rst.value = 0
        await self.step()
        self.end = keep

    async def access(self, address: int, data: int | None = None) -> tuple[int, int]:
        """One request on the bus: (word read, error)."""
        bus = self.top
        bus.bus__address.value, bus.bus__write.value = address, data is not None
        bus.bus__write_data.value = (data or 0) & 0xFFFFFFFF
        bus.bus__request.value = 1
        for _ in range(PATIENCE):
            await self.step()
            if _integer(bus.bus__done):
                bus.bus__request.value = 0
                word, error = _integer(bus.bus__read_data), _integer(bus.bus__error)
                await self.step()
                return word, error
        raise TimeoutError(f"no answer to a request at address {address}")

    async def run(self, beats: int, control: int, status: int, empty: int, standing: int) -> None:
        """Send so many more beats, let the pipe drain, and stop."""
        self.recording, self.end = True, self.position + beats
        await self.access(control, 1)
        quiet = 0
        while self.position < self.end and quiet < PATIENCE:
            before = self.position
            await self.step()
            quiet = 0 if self.position > before else quiet + 1
        await self._until(status, empty)
        await self.access(control, 0)
        await self._until(status, standing)
        self.recording = False
        while _integer(self.out_valid):
            await self.step()

    async def _until(self, status: int, bit: int) -> None:
        for _ in range(PATIENCE // 4):
            word, _ = await self.access(status)
            if word >> bit & 1:
                return
        raise TimeoutError(f"bit {bit} of the status never came")


def _handle(top: Any, path: list[str]) -> Any:
    for name in path[1:]:
        top = getattr(top, name)
    return top


def _integer(handle: Any) -> int:
    return handle.value.to_unsigned() if len(handle) > 1 else int(handle.value)


@cocotb.test()
async def drive(top: Any) -> None:
    """Play the script and leave the records."""
    folder = Path(os.environ[ENVIRONMENT])
    script = json.loads((folder / SCRIPT).read_text())
    with np.load(folder / STREAM) as stored:
        stimulus = dict(stored)
    bench = Bench(top, script, stimulus)
    await bench.start()
    marks = []
    for step in script["steps"]:
        what, *arguments = step
        begin = bench.clock
        if what == "write":
            for address, word in zip(stimulus[arguments[0]].tolist(), stimulus[arguments[1]].tolist(), strict=True):
                _, error = await bench.access(address, word)
                assert not error, f"write to {address} refused"
        elif what == "attempt":
            pairs = zip(stimulus[arguments[0]].tolist(), stimulus[arguments[1]].tolist(), strict=True)
            bench.reads += [await bench.access(address, word) for address, word in pairs]
        elif what == "read":
            bench.reads += [await bench.access(address) for address in stimulus[arguments[0]].tolist()]
        elif what == "run":
            await bench.run(*arguments)
        elif what == "abort":
            # Run for some clocks, then reset in the middle of whatever is going on.
            beats, clocks, control = arguments
            bench.end = bench.position + beats
            await bench.access(control, 1)
            for _ in range(clocks):
                await bench.step()
            bench.position = bench.end
            await bench.reset()
            bench.results.clear()
            bench.taken.clear()
            bench.left.clear()
        else:
            raise ValueError(what)
        marks.append((begin, bench.clock))
    arrays: dict[str, np.ndarray] = {}
    for i, recorder in enumerate(bench.recorders):
        arrays |= recorder.arrays(f"probe{i}")
    np.savez(
        folder / CAPTURE,
        taken=np.array(bench.taken, np.int64),
        left=np.array(bench.left, np.int64),
        advances=np.array(bench.advances, np.int64),
        reads=np.array(bench.reads, np.int64).reshape(-1, 2),
        marks=np.array(marks, np.int64),
        **arrays,  # type: ignore[arg-type]
    )
    (folder / OUTCOME).write_text(json.dumps({"results": [f"{r:x}" for r in bench.results], "clocks": bench.clock}))
