"""Bytes on a line of one wire: eight data bits, the lowest first, no parity, one stop bit."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

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
