"""The host of a small accelerator: requests on the bus, and samples in the background."""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from models.network.parameters import IntegerParameters
from rtl.accelerator import Accelerator
from rtl.plan.plan import Plan
from rtl.ports.register_map import CONTROL, EMPTY, STANDING, STATUS, AddressMap
from tests.rtl.driving import integers, plain, simulate

PATIENCE = 3000
"""Clocks after which something will not come any more."""


class Host:
    """Drives an accelerator; what it does is a coroutine given to :meth:`play`.

    Attributes
    ----------
    results, advances
        Beats that came out; how many junction cycles began.
    """

    def __init__(self, of: Plan) -> None:
        self.plan, self.map, self.accelerator = of, AddressMap.of(of), Accelerator(of)
        self.beats: deque[dict[str, Any]] = deque()
        self.results: list[dict[str, Any]] = []
        self.advances = 0

    def play(self, scenario: Callable) -> None:
        async def main(ctx: Any) -> None:
            self.ctx = ctx
            await scenario(self)

        simulate(self.accelerator, main, background=[self._streams])

    async def _streams(self, ctx: Any) -> None:
        samples, results = self.accelerator.samples, self.accelerator.results
        ctx.set(results.ready, 1)
        while True:
            ctx.set(samples.valid, bool(self.beats))
            if self.beats:
                ctx.set(samples.payload, self.beats[0])
            taken = bool(self.beats) and ctx.get(samples.ready)
            if ctx.get(results.valid):
                self.results.append(plain(ctx.get(results.payload)))
            self.advances += ctx.get(self.accelerator.pacer.advance)
            await ctx.tick()
            if taken:
                self.beats.popleft()

    async def access(self, address: int, word: int | None = None) -> tuple[int, int, int]:
        """One request: the word read, whether it was refused, and clocks until it was done."""
        bus, ctx = self.accelerator.bus, self.ctx
        ctx.set(bus.address, address)
        ctx.set(bus.write, word is not None)
        ctx.set(bus.write_data, (word or 0) & 0xFFFFFFFF)
        ctx.set(bus.request, 1)
        for clocks in range(PATIENCE):
            if ctx.get(bus.done):
                answer = ctx.get(bus.read_data), ctx.get(bus.error), clocks
                ctx.set(bus.request, 0)
                await ctx.tick()
                assert not ctx.get(bus.done)
                return answer
            await ctx.tick()
        raise TimeoutError(f"no answer to a request at address {address}")

    async def refused(self, address: int, word: int | None = None) -> bool:
        _, error, _ = await self.access(address, word)
        return bool(error)

    async def read(self, address: int) -> int:
        """A word, as a signed number."""
        word, error, _ = await self.access(address)
        assert not error, address
        return word - (1 << 32) if word >> 31 else word

    async def write(self, address: int, word: int) -> None:
        assert not await self.refused(address, word), address

    async def load(self, parameters: IntegerParameters) -> None:
        for address, word in zip(self.addresses(), words_of(parameters), strict=True):
            await self.write(address, word)

    async def read_parameters(self) -> list[int]:
        return [await self.read(address) for address in self.addresses()]

    def addresses(self) -> list[int]:
        """Of all weights, then all biases, in the order of the junctions."""
        sizes = [j.pattern.n_edges for j in self.plan.junctions] + [j.n_right for j in self.plan.junctions]
        regions = [*self.map.weights, *self.map.biases]
        return [r.address(k) for r, n in zip(regions, sizes, strict=True) for k in range(n)]

    async def train(self, samples: list[dict[str, Any]]) -> None:
        """Feed samples, let the pipe drain, stop."""
        for sample in samples:
            self.beats.extend(beats_of(self.plan, sample))
        while len(self.beats) and self.ctx.get(self.accelerator.samples.ready):
            await self.ctx.tick()
        await self.write(CONTROL, 1)
        await self.until(STATUS, EMPTY)
        await self.write(CONTROL, 0)
        await self.until(STATUS, STANDING)

    async def until(self, address: int, bit: int) -> None:
        for _ in range(PATIENCE // 3):
            if await self.read(address) >> bit & 1:
                return
        raise TimeoutError(f"bit {bit} at address {address} never came")


def words_of(parameters: IntegerParameters) -> list[int]:
    return [int(x) for array in (*parameters.weights, *parameters.biases) for x in array]


def random_samples(of: Plan, n: int, rng: np.random.Generator, **fixed: Any) -> list[dict[str, Any]]:
    """Samples with any inputs, labels, learning-rate shifts; some are for inference only."""
    least, greatest = of.kappas
    return [
        {
            "inputs": integers(rng, of.junctions[0].left, of.inputs.neurons).tolist(),
            "label": int(rng.integers(of.config.classes)),
            "kappa": int(rng.integers(least, greatest + 1)),
            "train": int(rng.random() < 0.8),
        }
        | fixed
        for _ in range(n)
    ]


def beats_of(of: Plan, sample: dict[str, Any]) -> list[dict[str, Any]]:
    """The beats of a sample; its facts are the same in all of them."""
    padded = sample["inputs"] + [0] * (-len(sample["inputs"]) % of.beat)
    facts = {k: sample[k] for k in ("label", "kappa", "train")}
    return [{"inputs": padded[k : k + of.beat]} | facts for k in range(0, len(padded), of.beat)]


def random_parameters(of: Plan, rng: np.random.Generator) -> IntegerParameters:
    """Any integers of the formats: much is clipped."""
    n = of.numbers
    weights = [integers(rng, n.weight, j.pattern.n_edges).astype(np.int32) for j in of.junctions]
    return IntegerParameters(weights, [integers(rng, n.bias, j.n_right).astype(np.int32) for j in of.junctions])
