"""A host at the pins of a design with a serial line, in Amaranth's simulator, where everything is counted in clocks."""

from collections.abc import Callable
from typing import Any

from rtl.accelerator_model import Sample
from rtl.interfaced import Interfaced
from rtl.plan.plan import Plan
from rtl.ports.packing import RESULT_FACTS, Packet
from rtl.ports.register_map import CONTROL, EMPTY, STATUS, AddressMap
from tests.rtl.driving import simulate
from tests.rtl.ports.packets import facts
from tests.rtl.ports.serial_line import EXCHANGE, HELLO, READ, WRITE, framed, frames, words


class Silence(Exception):
    """No reply has come."""


class SerialHost:
    """Speaks frames on ``rx`` and hears them on ``tx``; ``pace`` is how much longer its bits are than the design's."""

    def __init__(self, of: Plan, pace: float = 1.0) -> None:
        assert of.config.hardware is not None
        self.of, self.top, self.pace = of, Interfaced(of), pace
        self.bit, self.capacity = of.config.hardware.bit_clocks, of.config.hardware.link_bytes
        self.map, self.packet, self.result = AddressMap.of(of), Packet.sample(of), Packet.result(of)
        self.model = self.top.model()
        self.number, self.line = 0, bytearray()
        self.ctx: Any = None

    def run(self, script: Callable) -> None:
        """Plays a script, an asynchronous function of the host."""

        async def bench(ctx: Any) -> None:
            self.ctx = ctx
            await ctx.tick().repeat(3)
            await script(self)

        simulate(self.top, bench, background=[self._listen])

    async def _listen(self, ctx: Any) -> None:
        """Bytes that come, each bit seen in its middle."""
        while True:
            await ctx.negedge(self.top.tx)
            await ctx.tick().repeat(self.bit // 2 + 1)
            assert ctx.get(self.top.tx) == 0
            byte = 0
            for k in range(8):
                await ctx.tick().repeat(self.bit)
                byte |= ctx.get(self.top.tx) << k
            await ctx.tick().repeat(self.bit)
            assert ctx.get(self.top.tx) == 1
            self.line.append(byte)

    async def clocks(self, n: int) -> None:
        if n:
            await self.ctx.tick().repeat(n)

    async def level(self, value: int, bits: float) -> None:
        """The line so long at a level."""
        self.ctx.set(self.top.rx, value)
        await self.clocks(round(bits * self.bit))

    async def put(self, line: bytes, stop: int = 1) -> None:
        """Bytes on the line; every edge is where it belongs, rounded to a clock."""
        for byte in line:
            edges = [0, *(round(k * self.bit * self.pace) for k in range(1, 11))]
            for bit, begin, end in zip([0, *(byte >> k & 1 for k in range(8)), stop], edges[:-1], edges[1:], strict=True):
                self.ctx.set(self.top.rx, bit)
                await self.clocks(end - begin)
        self.ctx.set(self.top.rx, 1)

    async def reply(self, patience: int = 6000) -> bytes:
        """The next frame; :class:`Silence` if none comes in so many clocks."""
        for _ in range(patience // 20):
            if self.line.count(0x7E) > 1:
                break
            await self.clocks(20)
        else:
            assert not self.line or patience < 2000, self.line
            raise Silence
        (body,) = frames(bytes(self.line))
        self.line.clear()
        return body

    async def ask(self, code: int, payload: bytes = b"", expect: int = 0) -> bytes:
        """A new request; the payload of its reply."""
        self.number = (self.number + 1) & 0xFF
        await self.put(framed(bytes([self.number, code]) + payload))
        body = await self.reply(50 * 10 * self.bit + 12 * self.bit * self.capacity)
        assert body[0] == self.number and body[1] == expect, (body.hex(), expect)
        return body[2:]

    async def hello(self) -> int:
        """Frames that were dropped since reset."""
        told = await self.ask(HELLO, b"}~} ")
        assert told[:7] == b"hwsl\1" + self.capacity.to_bytes(2, "little") and told[9:] == b"}~} ", told
        return int.from_bytes(told[7:9], "little")

    async def read(self, *addresses: int) -> list[int]:
        """Words at addresses that count words; as many frames as it takes."""
        result, most = [], (self.capacity - 2) // 4
        for k in range(0, len(addresses), most):
            told = await self.ask(READ, words(*(4 * at for at in addresses[k : k + most])))
            result += [int.from_bytes(told[i : i + 4], "little") for i in range(0, len(told), 4)]
        return result

    async def write(self, *pairs: tuple[int, int]) -> None:
        most = (self.capacity - 2) // 8
        for k in range(0, len(pairs), most):
            part = pairs[k : k + most]
            told = await self.ask(WRITE, words(*(x for at, word in part for x in (4 * at, word))))
            assert told == len(part).to_bytes(2, "little")

    async def exchange(self, data: bytes, last: bool) -> tuple[int, int, bytes]:
        """How many bytes were taken, what is known of those that came, and those."""
        told = await self.ask(EXCHANGE, bytes([last]) + data)
        return int.from_bytes(told[:2], "little"), told[2], told[3:]

    async def one_by_one(self, samples: list[Sample]) -> list[tuple[Any, ...]]:
        """Results of samples, each of which is alone in the accelerator."""
        results = []
        for sample in samples:
            packet = self.pack(sample)
            most = self.capacity - 3
            come = b""
            for k in range(0, len(packet), most):
                part = packet[k : k + most]
                taken, known, more = await self.exchange(part, k + most >= len(packet))
                assert taken == len(part)
                come += more
            ended = bool(known & 1)
            while not ended:
                _, known, more = await self.exchange(b"", False)
                come += more
                ended = bool(known & 1)
            assert known == 1 and len(come) == self.result.size
            numbers, word = self.result.unpack(come)
            told = RESULT_FACTS.from_bits(word)
            results.append((numbers, told.prediction, told.label, told.train))
            while not (await self.read(STATUS))[0] >> EMPTY & 1:
                pass
        return results

    def modelled(self, samples: list[Sample]) -> list[tuple[Any, ...]]:
        """The same of the model: so many bubbles that nothing is left."""
        results = []
        for sample in samples:
            come = [self.model.cycle(sample), *(self.model.cycle(None) for _ in range(3 * len(self.of.junctions) + 3))]
            results += [(r.outputs, r.prediction, r.label, r.train) for r in come if r is not None]
        return results

    def pack(self, sample: Sample) -> bytes:
        known = facts(label=sample.label, kappa=sample.kappa, train=sample.train)
        return self.packet.pack(sample.inputs, known)

    async def stop(self) -> None:
        await self.write((CONTROL, 0))
        while not (await self.read(STATUS))[0] & 1:
            pass

    @property
    def addresses(self) -> list[int]:
        """Of all weights, then of all biases."""
        return [r.address(k) for r in (*self.map.weights, *self.map.biases) for k in range(r.words)]


def signed(values: list[int]) -> list[int]:
    return [value - (1 << 32) if value >> 31 else value for value in values]
