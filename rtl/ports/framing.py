"""Frames on a line of bytes: between flags, with byte stuffing as in RFC 1662, and with a CRC-32 at their end."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.crc.catalog import CRC32_ETHERNET
from amaranth.lib.wiring import In, Out

from rtl.blocks.count import error_counter

FLAG, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
"""What frames stand between; what comes before a byte that is one of the two; and what such a byte is changed by."""
CHECK, LEAST = 4, 2
"""Bytes of the CRC; least number of bytes before it."""


class FrameReceiver(wiring.Component):
    """Takes frames out of bytes, into a buffer that somebody else has, and says which are whole.

    A frame is dropped that is too short or too long, whose CRC is wrong, in which a byte was broken or the line was in the
    way of what is done with an earlier one; the next one begins with the next flag. Nothing between two flags is nothing.

    Parameters
    ----------
    capacity
        Bytes of a frame that the buffer holds, without the CRC.

    Ports
    -----
    valid : in, 1
        A byte has come.
    data : in, 8
        The byte.
    broken : in, 1
        Something has come that is no byte.
    closed : in, 1
        The buffer is in use: what comes is dropped. Begins after ``frame`` only.
    w_en : out, 1
        A byte goes into the buffer.
    w_address : out, bits(capacity)
        Where to.
    w_data : out, 8
        The byte.
    frame : out, 1
        A frame is whole, in the clock of the flag behind it.
    length : out, bits(capacity + 1)
        Its bytes, without the CRC.
    dropped : out, 16
        Frames that were dropped; it stays at 65,535.
    """

    latency = 0
    """Clocks from the flag behind a frame to ``frame``."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._count = Signal(range(capacity + CHECK + 1), name="count")
        # What comes before the first flag is no frame.
        self._spoilt, self._some = Signal(init=1, name="spoilt"), Signal(name="some")
        self._escaped, self._matches = Signal(name="escaped"), Signal(name="matches")
        super().__init__(
            {
                "valid": In(1),
                "data": In(8),
                "broken": In(1),
                "closed": In(1),
                "w_en": Out(1),
                "w_address": Out(range(capacity)),
                "w_data": Out(8),
                "frame": Out(1),
                "length": Out(range(capacity + 1)),
                "dropped": Out(16),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = CRC32_ETHERNET(8).create()
        count, spoilt, some, escaped = self._count, self._spoilt, self._some, self._escaped
        flag = Signal()
        escape = Signal()
        byte = Signal()
        full = Signal()
        drops = Signal()
        m.d.comb += [
            self._matches.eq(crc.match_detected),
            flag.eq(self.valid & (self.data == FLAG)),
            escape.eq(self.valid & (self.data == ESCAPE) & ~escaped),
            byte.eq(self.valid & ~flag & ~escape),
            full.eq(count == self.capacity + CHECK),
            self.w_en.eq(byte & ~self.closed & ~spoilt & (count < self.capacity)),
            self.w_address.eq(count),
            self.w_data.eq(self.data ^ Mux(escaped, FLIP, 0)),
            self.frame.eq(flag & ~spoilt & ~escaped & (count >= LEAST + CHECK) & crc.match_detected),
            self.length.eq(count - CHECK),
            drops.eq(flag & some & ~self.frame),
            crc.start.eq(flag),
            crc.data.eq(self.w_data),
            crc.valid.eq(byte),
        ]
        m.d.comb += self.dropped.eq(error_counter(m, "dropped", drops, Const(0), 16))
        with m.If(flag):
            m.d.sync += [count.eq(0), spoilt.eq(0), some.eq(0), escaped.eq(0)]
        with m.Elif(self.valid):
            m.d.sync += [some.eq(1), escaped.eq(escape), spoilt.eq(spoilt | self.closed | (byte & full))]
            with m.If(byte & ~full):
                m.d.sync += count.eq(count + 1)
        with m.If(self.broken):
            m.d.sync += [some.eq(1), spoilt.eq(1)]
        return m


class Sending(enum.Enum):
    """What a :class:`FrameSender` has to send next."""

    NOTHING = 0
    OPEN = 1
    BODY = 2
    CHECK = 3
    CLOSE = 4


class FrameSender(wiring.Component):
    """Sends what is in a buffer as a frame.

    Parameters
    ----------
    capacity
        Bytes of the buffer.

    Ports
    -----
    start : in, 1
        A frame is to be sent, and none is under way.
    length : in, bits(capacity + 1)
        Its bytes, without the CRC, 1 or more; it holds until the end.
    r_address : out, bits(capacity)
        Which byte of the buffer to read.
    r_data : in, 8
        That byte, a clock later.
    valid : out, 1
        A byte for the line is there.
    ready : in, 1
        It is taken.
    data : out, 8
        The byte.
    done : out, 1
        It is the last one, and is taken.
    """

    latency = 1
    """Clocks from ``start`` to the flag."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._state = Signal(Sending, name="state")
        self._at, self._escaped = Signal(range(capacity), name="at"), Signal(name="escaped")
        self._settled = Signal(2, name="settled")
        super().__init__(
            {
                "start": In(1),
                "length": In(range(capacity + 1)),
                "r_address": Out(range(capacity)),
                "r_data": In(8),
                "valid": Out(1),
                "ready": In(1),
                "data": Out(8),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = CRC32_ETHERNET(8).create()
        state, at, escaped, settled = self._state, self._at, self._escaped, self._settled
        byte = Signal(8, reset_less=True)
        body = Signal()
        stuffed = Signal()
        taken = Signal()
        special = Signal()
        flag = Signal()
        m.d.comb += [
            flag.eq((state == Sending.OPEN) | (state == Sending.CLOSE)),
            body.eq(state == Sending.BODY),
            stuffed.eq(body | (state == Sending.CHECK)),
            special.eq((byte == FLAG) | (byte == ESCAPE)),
            self.valid.eq(flag | (stuffed & settled[1])),
            self.data.eq(Mux(flag, FLAG, Mux(special & ~escaped, ESCAPE, byte ^ Mux(escaped, FLIP, 0)))),
            taken.eq(stuffed & settled[1] & self.ready & (escaped | ~special)),
            self.done.eq((state == Sending.CLOSE) & self.ready),
            self.r_address.eq(at),
            crc.start.eq(state == Sending.OPEN),
            crc.data.eq(byte),
            crc.valid.eq(taken & body),
        ]
        # A byte is there two clocks after its place: behind the buffer, and behind a register.
        m.d.sync += [byte.eq(Mux(body, self.r_data, crc.crc.word_select(at[:2], 8))), settled.eq(Cat(1, settled[0]))]
        with m.If(stuffed & settled[1] & self.ready):
            m.d.sync += escaped.eq(special & ~escaped)
        with m.If(taken):
            m.d.sync += [at.eq(at + 1), settled.eq(0)]
        with m.Switch(state):
            with m.Case(Sending.NOTHING), m.If(self.start):
                m.d.sync += state.eq(Sending.OPEN)
            with m.Case(Sending.OPEN):
                m.d.sync += [at.eq(0), settled.eq(0)]
                with m.If(self.ready):
                    m.d.sync += state.eq(Sending.BODY)
            with m.Case(Sending.BODY), m.If(taken & (at + 1 == self.length)):
                m.d.sync += [state.eq(Sending.CHECK), at.eq(0)]
            with m.Case(Sending.CHECK), m.If(taken & (at == CHECK - 1)):
                m.d.sync += state.eq(Sending.CLOSE)
            with m.Case(Sending.CLOSE), m.If(self.ready):
                m.d.sync += state.eq(Sending.NOTHING)
        return m
