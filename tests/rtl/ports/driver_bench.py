"""The driver at work in a simulator: its calls block a thread of their own, in which time passes only while they wait."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import cocotb
import numpy as np
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiStreamFrame

from hwsim.host import Accelerator, Refused
from tests.rtl.ports.axi_bench import PATIENCE, SEEN, Host

MAP, DATA, TRANSFERS = "registers.json", "data.npz", "transfers.json"


class Simulated:
    """A transport of AXI, driven by other people's models of it."""

    def __init__(self, host: Host) -> None:
        self._host, self.asked = host, list[int]()

    @resume
    async def read(self, addresses: Sequence[int]) -> list[int]:
        words = []
        self.asked += addresses
        for at in addresses:
            word, answer = await self._host.word(at)
            if answer:
                raise Refused(at, False)
            words.append(word)
        return words

    @resume
    async def write(self, addresses: Sequence[int], words: Sequence[int]) -> None:
        self.asked += addresses
        for at, word in zip(addresses, words, strict=True):
            if await self._host.write(at, word.to_bytes(4, "little").hex()):
                raise Refused(at, True)

    @resume
    async def send(self, packet: bytes) -> None:
        await self._host.source.send(AxiStreamFrame(packet))

    @resume
    async def receive(self, patience: float) -> bytes | None:
        sink = self._host.sink
        for _ in range(PATIENCE if patience else 0):
            if not sink.empty():
                break
            await ClockCycles(self._host.dut.aclk, 1)
        return None if sink.empty() else bytes(sink.recv_nowait().tdata)


def work(host: Host, folder: Path) -> list[dict]:
    """Load, then train or predict as told, and read after each."""
    transport, seen = Simulated(host), []
    accelerator = Accelerator(transport, folder / MAP, patience=3600)  # clocks, not seconds, are what counts here
    memories = {at for m in (*accelerator.map.weights, *accelerator.map.biases) for at in m.addresses}
    with np.load(folder / DATA) as data:
        accelerator.load({name: data[name] for name in data.files if name.startswith(("weight", "bias"))})
        for k, kind in enumerate(json.loads((folder / TRANSFERS).read_text())):
            host.entered.clear()
            inputs = data[f"inputs_{k}"]
            told = accelerator.train(inputs, data[f"labels_{k}"], 3) if kind == "train" else accelerator.predict(inputs)
            entered = list(host.entered)
            learned = {name: array.tolist() for name, array in accelerator.read().items()}
            results = {name: array.tolist() for name, array in told._asdict().items()}
            seen.append({"results": results, "entered": entered, "learned": learned, "counters": accelerator.counters()})
            seen[-1]["memories"] = sum(at in memories for at in transport.asked)
            transport.asked.clear()
    return seen


@cocotb.test()
async def drives(dut):
    folder = Path(os.environ["AXI_FOLDER"])
    host = Host(dut)
    await host.begin()
    (folder / SEEN).write_text(json.dumps(await bridge(work)(host, folder)))
