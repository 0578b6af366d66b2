"""A host with other people's models of Wishbone and of streams: plays the same steps, and what only this bus has."""

import random

import cocotb
from cocotb.triggers import RisingEdge, Timer
from cocotbext.wishbone.driver import WBOp, WishboneMaster

from tests.rtl.ports.axi_bench import PATIENCE, Host, played

ACKED, ERRED = 1, 2
"""What the model calls the two answers."""
OKAY, ERR = 0, 2
NAMES = {name: name for name in ("cyc", "stb", "we", "adr", "ack")} | {"datwr": "dat_w", "datrd": "dat_r"}


class WishboneHost(Host):
    """Counts, too, answers that nobody waits for."""

    CLOCK, RESET, LOW = "clk", "rst", False

    def __init__(self, dut):
        super().__init__(dut)
        self.rng, self.longest, self.unasked = random.Random(7), 0, 0

    def master(self, _):
        return WishboneMaster(self.dut, "wb", self.clock, timeout=PATIENCE, signals_dict=NAMES)

    async def begin(self):
        await super().begin()
        cocotb.start_soon(self.listen())

    async def listen(self):
        """An answer in the clock behind the last of an access is a register's, which could not know that it was that."""
        wb, there = self.bus.bus, [False, False]
        while True:
            await RisingEdge(self.clock)
            there = [wb.cyc.value == 1 and wb.stb.value == 1, there[0]]
            self.unasked += not any(there) and (wb.ack.value == 1 or wb.err.value == 1)

    def access(self, at, data=None, **more):
        """An access by its byte address, after some clocks of a cycle without one; a write of some bytes of a word."""
        first, size = at % 4, 4 if data is None else len(data)
        word = None if data is None else int.from_bytes(data, "little") << 8 * first
        more = {"sel": (1 << size) - 1 << first, "idle": self.rng.randint(0, self.longest)} | more
        return WBOp(adr=at // 4, dat=word, **more)

    async def cycle(self, *accesses):
        """Words and answers of accesses in one cycle, which is held in between."""
        told = await self.bus.send_cycle(list(accesses))
        assert len(told) == len(accesses), "each is answered once"
        answers = [{ACKED: OKAY, ERRED: ERR}[answer.ack] for answer in told]
        reads = [access.dat is None and answer == OKAY for access, answer in zip(accesses, answers, strict=True)]
        return [(int(r.datrd) if read else 0, a) for r, read, a in zip(told, reads, answers, strict=True)]

    async def word(self, at):
        ((word, answer),) = await self.cycle(self.access(at))
        return word, answer

    async def write(self, at, data):
        ((_, answer),) = await self.cycle(self.access(at, bytes.fromhex(data)))
        return answer

    async def nothing(self, at, word):
        ((_, answer),) = await self.cycle(self.access(at, word.to_bytes(4, "little"), sel=0))
        return answer

    async def many(self, at, words):
        """Writes of a register, each with a read behind it, in one cycle without a gap; clocks that they took."""
        pairs = [(self.access(at, bytes.fromhex(word), idle=0), self.access(at, idle=0)) for word in words]
        began = self.clocks
        told = await self.cycle(*(access for pair in pairs for access in pair))
        return [(answer, word) for word, answer in told], self.clocks - began

    async def gaps(self, longest):
        """Before each access there are up to so many clocks of its cycle without a strobe."""
        self.longest = longest

    async def abandoned(self, at, data, clocks):
        """An access that is given up after so many clocks, if it has not been answered by then; whether it has."""
        try:
            await self.cycle(self.access(at, None if data is None else bytes.fromhex(data), acktimeout=clocks))
            return True
        except AssertionError as e:
            assert "waiting for acknowledge" in str(e)
        self.bus.bus.cyc.value = self.bus.bus.stb.value = 0
        self.bus.busy = False
        self.bus.busy_event.set()
        await RisingEdge(self.clock)
        return False

    async def strays(self):
        return self.unasked


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def plays_the_script_by_wishbone(dut):
    # What the model sets before the first event of a simulation never reaches gates under Icarus 11.
    await Timer(1, "ns")
    await played(WishboneHost(dut))
