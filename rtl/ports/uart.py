"""Bytes on a line of one wire: eight data bits, the lowest first, no parity, one stop bit."""

from collections import deque

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.properties import Monitor, implies

BITS = 10
"""Of a byte on the line: a start bit, its own, a stop bit."""


class UartReceiver(wiring.Component):
    """Takes bytes off a line that may change at any time.

    The line passes two registers. A byte begins where it falls, and a bit is what the line is in its middle, where a start
    bit that was only a disturbance is found out, too. After the middle of a stop bit the next byte can begin, so that the
    other end's clock may be faster. A line that stays 0, be it for a byte without a stop bit or for longer, is one broken
    byte.

    Parameters
    ----------
    bit_clocks
        Clocks that a bit lasts, 4 or more.

    Ports
    -----
    rx : in, 1
        The line, 1 while idle.
    valid : out, 1
        A byte has come, for one clock.
    data : out, 8
        The byte.
    broken : out, 1
        A byte without a stop bit has come, for one clock.
    """

    def __init__(self, bit_clocks: int) -> None:
        self.bit_clocks = bit_clocks
        self._first, self._line, self._was = (Signal(init=1, name=name) for name in ("first", "line", "was"))
        self._busy, self._timer = Signal(name="busy"), Signal(range(bit_clocks), name="timer")
        self._place = Signal(range(BITS), name="place")
        super().__init__({"rx": In(1), "valid": Out(1), "data": Out(8), "broken": Out(1)})

    @property
    def latency(self) -> int:
        """Clocks from the line's fall to ``valid``."""
        return 2 + self.half + (BITS - 1) * self.bit_clocks + 1

    @property
    def half(self) -> int:
        """Clocks from the fall to the middle of the start bit, as seen behind two registers."""
        return (self.bit_clocks - 1) // 2

    def model(self) -> "UartReceiverModel":
        """The receiver after reset, to be taken clock by clock."""
        return UartReceiverModel(self.bit_clocks, self.half)

    def properties(self, p: Monitor) -> None:
        """Bytes come one at a time, and not faster than a line has bits for them."""
        busy, timer, place = self._busy, self._timer, self._place
        comes, least = self.valid | self.broken, self.half + (BITS - 1) * self.bit_clocks
        passed = p.since(comes, "passed", least)
        before = Mux(place == 0, self.half, self.bit_clocks) - 1 - timer  # clocks of the bit
        for k in range(1, BITS):
            before = Mux(place == k, before + self.half + (k - 1) * self.bit_clocks, before)
        p.require("one_verdict", "a byte is whole or broken", ~(self.valid & self.broken))
        p.require("idle", "a byte is complete when it is told", implies(comes, ~busy))
        p.require(
            "in_time",
            "the middle of a bit is as far from the fall of the line as it should be",
            implies(
                busy,
                (place < BITS) & (timer < Mux(place == 0, self.half, self.bit_clocks)) & (passed >= before.as_unsigned()),
            ),
        )
        p.require("apart", f"two bytes are {least} clocks or more apart", implies(comes, p.past(passed, "before") == least))
        p.reach("breaks", "a byte has no stop bit", self.broken)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        busy, timer, place = self._busy, self._timer, self._place
        # Nothing may come between the two registers.
        self._first.attrs["ASYNC_REG"] = self._line.attrs["ASYNC_REG"] = "TRUE"
        middle = Signal()
        shift = Signal(8, reset_less=True)
        m.d.comb += [middle.eq(busy & (timer == 0)), self.data.eq(shift)]
        m.d.sync += [
            self._first.eq(self.rx),
            self._line.eq(self._first),
            self._was.eq(self._line),
            self.valid.eq(middle & (place == BITS - 1) & self._line),
            self.broken.eq(middle & (place == BITS - 1) & ~self._line),
        ]
        with m.If(~busy):
            m.d.sync += [busy.eq(self._was & ~self._line), timer.eq(self.half - 1), place.eq(0)]
        with m.Elif(~middle):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(self.bit_clocks - 1), place.eq(place + 1)]
            with m.If(place == 0):
                m.d.sync += busy.eq(~self._line)
            with m.Elif(place == BITS - 1):
                m.d.sync += busy.eq(0)
            with m.Else():
                m.d.sync += shift.eq(Cat(shift[1:], self._line))
        return m


class UartReceiverModel:
    """A :class:`UartReceiver` as what the line was, and since when a byte has been coming."""

    def __init__(self, bit_clocks: int, half: int) -> None:
        self._middles = [half + k * bit_clocks for k in range(BITS)]
        self._line = deque([1, 1, 1])  # as it was, the oldest first
        self._since: int | None = None
        self._bits: list[int] = []
        self._told: dict[str, int | None] = {"valid": 0, "broken": 0, "data": None}

    def clock(self, *, rx: int = 0) -> dict[str, int | None]:
        """Outputs of a clock with this input; ``None`` is what means nothing."""
        told, (was, line, _) = self._told, self._line
        self._told = {"valid": 0, "broken": 0, "data": None}
        self._line.append(rx)
        self._line.popleft()
        if self._since is None:
            self._since, self._bits = (1, []) if was and not line else (None, [])
            return told
        if self._since in self._middles:
            self._bits.append(line)
        self._since += 1
        if self._bits[:1] == [1]:
            self._since = None
        elif len(self._bits) == BITS:
            self._since = None
            whole = self._bits[-1]
            byte = sum(bit << k for k, bit in enumerate(self._bits[1:-1]))
            self._told = {"valid": whole, "broken": 1 - whole, "data": byte if whole else None}
        return told


class UartTransmitter(wiring.Component):
    """Puts bytes on a line.

    Parameters
    ----------
    bit_clocks
        Clocks that a bit lasts.

    Ports
    -----
    valid : in, 1
        A byte is there.
    ready : out, 1
        It is taken.
    data : in, 8
        The byte.
    tx : out, 1
        The line, 1 while idle; of a register.
    """

    latency = 1
    """Clocks from a byte's being taken to its start bit."""

    def __init__(self, bit_clocks: int) -> None:
        self.bit_clocks = bit_clocks
        self._bits, self._left = Signal(BITS, init=(1 << BITS) - 1, name="bits"), Signal(range(BITS + 1), name="left")
        self._timer = Signal(range(bit_clocks), name="timer")
        super().__init__({"valid": In(1), "ready": Out(1), "data": In(8), "tx": Out(1, init=1)})

    def model(self) -> "UartTransmitterModel":
        """The transmitter after reset, to be taken clock by clock."""
        return UartTransmitterModel(self.bit_clocks)

    def properties(self, p: Monitor) -> None:
        """A bit stays for as long as it should, and the line is 1 before and behind a byte."""
        bits, left, timer = self._bits, self._left, self._timer
        p.require("counted", "bits are counted", (left <= BITS) & (timer < self.bit_clocks))
        p.require("begins", "a byte begins with 0", implies(left == BITS, ~self.tx))
        p.require("ends", "behind the last bit there are ones", Cat((left > k + 1) | bits[k] for k in range(BITS)).all())
        p.require("rests", "a line on which nothing is sent is 1", implies(self.ready, self.tx))
        p.require(
            "stays",
            "the line changes when a bit is over or a byte is taken",
            implies(p.past((timer != 0) & ~self.ready, "holds"), self.tx == p.past(self.tx, "was")),
        )
        p.reach("sends", "a byte is sent", (left == 1) & (timer == 0))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, left, timer = self._bits, self._left, self._timer
        m.d.comb += [self.tx.eq(bits[0]), self.ready.eq(left == 0)]
        with m.If(self.ready):
            m.d.sync += timer.eq(self.bit_clocks - 1)
            with m.If(self.valid):
                m.d.sync += [bits.eq(Cat(Const(0, 1), self.data, Const(1, 1))), left.eq(BITS)]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(self.bit_clocks - 1), bits.eq(Cat(bits[1:], 1)), left.eq(left - 1)]
        return m


class UartTransmitterModel:
    """A :class:`UartTransmitter` as what the line will be."""

    def __init__(self, bit_clocks: int) -> None:
        self._bit_clocks, self._line = bit_clocks, deque[int]()

    @property
    def ready(self) -> int:
        """Whether a byte would be taken, which follows from no input."""
        return int(not self._line)

    def clock(self, *, valid: int = 0, data: int = 0) -> dict[str, int | None]:
        """Outputs of a clock with these inputs."""
        ready = self.ready
        told: dict[str, int | None] = {"ready": ready, "tx": 1 if ready else self._line.popleft()}
        if valid and ready:
            for bit in (0, *(data >> k & 1 for k in range(8)), 1):
                self._line.extend([bit] * self._bit_clocks)
        return told
