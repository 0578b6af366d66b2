"""Frames on a line of bytes: between flags, with byte stuffing as in RFC 1662, and with a CRC-32 at their end."""

from binascii import crc32

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import enum, wiring
from amaranth.lib.crc.catalog import CRC32_ETHERNET
from amaranth.lib.wiring import In, Out

from rtl.blocks.count import error_counter
from rtl.blocks.properties import Monitor, implies

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
        self._escaped, self._crc = Signal(name="escaped"), CRC32_ETHERNET(8).create()
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

    def model(self) -> "FrameReceiverModel":
        """The receiver after reset, to be taken clock by clock."""
        return FrameReceiverModel(self.capacity)

    def properties(self, p: Monitor) -> None:
        """What is told to be a frame is one, and the buffer is left alone while it is in use."""
        count = self._count
        rises = self.closed & ~p.past(self.closed, "was_closed")
        p.assume(
            "closed_by_frame", "the buffer is in use behind a frame alone", implies(rises, p.past(self.frame, "framed"))
        )
        p.require("counted", "bytes are counted as far as they can count", count <= self.capacity + CHECK)
        p.require(
            "kept_out", "what comes while the buffer is in use is spoilt", implies(self.closed, (count == 0) | self._spoilt)
        )
        p.require("left_alone", "nothing is written while the buffer is in use", ~(self.closed & (self.w_en | self.frame)))
        p.require("inside", "what is written is inside the buffer", implies(self.w_en, self.w_address < self.capacity))
        p.require("fits", "a frame has a number, a code and no more than fits", implies(self.frame, self._fits(self.length)))
        crc, flag = self._crc, self.valid & (self.data == FLAG)
        byte = self.valid & ~flag & ((self.data != ESCAPE) | self._escaped)
        p.require(
            "checked",
            "the CRC is that of all bytes since the flag",
            (crc.start == flag) & (crc.valid == byte) & (crc.data == self.data ^ Mux(self._escaped, FLIP, 0)),
        )
        p.require("right_crc", "of a frame the CRC is right", implies(self.frame, crc.match_detected))
        p.reach("comes", "so many bytes come that they may be a frame", (count == LEAST + CHECK) & ~self._spoilt)

    def _fits(self, length: Value) -> Value:
        return (length >= LEAST) & (length <= self.capacity)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.check = crc = self._crc  # a name of its own: it has a port crc
        count, spoilt, some, escaped = self._count, self._spoilt, self._some, self._escaped
        flag = Signal()
        escape = Signal()
        byte = Signal()
        full = Signal()
        drops = Signal()
        m.d.comb += [
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


class FrameReceiverModel:
    """A :class:`FrameReceiver` as what has come since the last flag."""

    def __init__(self, capacity: int) -> None:
        self._capacity, self._dropped = capacity, 0
        self._bytes, self._escaped = b"", False
        self._spoilt, self._some = True, False

    def clock(self, *, valid: int = 0, data: int = 0, broken: int = 0, closed: int = 0) -> dict[str, int | None]:
        """Outputs of a clock with these inputs; ``None`` is what means nothing."""
        told: dict[str, int | None] = {"w_en": 0, "w_address": None, "w_data": None, "frame": 0, "length": None}
        told["dropped"] = self._dropped
        if valid and data == FLAG:
            body, crc = self._bytes[:-CHECK], self._bytes[-CHECK:]
            whole = (
                not self._spoilt and not self._escaped and len(body) >= LEAST and crc32(body).to_bytes(4, "little") == crc
            )
            if whole:
                told |= {"frame": 1, "length": len(body)}
            self._dropped = min(self._dropped + (self._some and not whole), 0xFFFF)
            self._bytes, self._escaped, self._spoilt, self._some = b"", False, False, False
        elif valid:
            self._some = True
            if self._escaped or data != ESCAPE:
                at, byte = len(self._bytes), data ^ FLIP if self._escaped else data
                self._bytes += bytes([byte])
                if at < self._capacity and not self._spoilt and not closed:
                    told |= {"w_en": 1, "w_address": at, "w_data": byte}
                self._escaped = False
            else:
                self._escaped = True
            self._spoilt |= bool(closed) or len(self._bytes) > self._capacity + CHECK
        if broken:
            self._some = self._spoilt = True
        return told


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
        self._settled, self._byte = Signal(2, name="settled"), Signal(8, reset_less=True, name="byte")
        self._crc = CRC32_ETHERNET(8).create()
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

    @property
    def busy(self) -> Value:
        """Whether a frame is under way."""
        return self._state != Sending.NOTHING

    def model(self) -> "FrameSenderModel":
        """The sender after reset, to be taken clock by clock."""
        return FrameSenderModel()

    def properties(self, p: Monitor) -> None:
        """A frame has a right CRC, flags around it and none in it."""
        m, state, at, byte = p.module, self._state, self._at, self._byte
        busy = self.busy
        stuffed = (state == Sending.BODY) | (state == Sending.CHECK)
        p.assume("one_at_a_time", "a frame is asked for when none is under way", implies(self.start, ~busy))
        p.assume(
            "length",
            "it has bytes, no more than fit, and as many until its end",
            implies(
                self.start | busy,
                (self.length != 0)
                & (self.length <= self.capacity)
                & implies(busy, self.length == p.past(self.length, "length_was")),
            ),
        )
        p.require("inside", "what is read is inside the buffer", implies(state == Sending.BODY, at < self.length))
        p.require(
            "known", "there are so many steps", (state <= Sending.CLOSE.value) & (~self._settled[1] | self._settled[0])
        )
        p.require("of_check", "the CRC has four bytes", implies(state == Sending.CHECK, at < CHECK))
        offer = p.past(self.data, "offer")
        p.require(
            "stays",
            "a byte that is offered stays until it is taken",
            implies(p.past(self.valid & ~self.ready, "offered"), self.valid & (self.data == offer)),
        )
        p.require(
            "escaped",
            "a byte is escaped that has to be",
            implies(self._escaped, stuffed & self._settled[1] & ((byte == FLAG) | (byte == ESCAPE))),
        )
        p.require("no_flag", "there is no flag inside a frame", implies(self.valid & stuffed, self.data != FLAG))
        # What a receiver makes of it.
        crc, escaped, taken = self._crc, Signal(name="was_escape"), self.valid & self.ready
        escapes = (self.data == ESCAPE) & ~escaped
        with m.If(taken):
            m.d.sync += escaped.eq(stuffed & escapes)
        p.require("unstuffed", "a receiver undoes the escape", escaped == self._escaped)
        p.require(
            "checked",
            "the CRC is that of all bytes since the flag",
            (crc.start == (state == Sending.OPEN))
            & (crc.valid == ((state == Sending.BODY) & taken & ~escapes))
            & implies(crc.valid, crc.data == self.data ^ Mux(escaped, FLIP, 0)),
        )
        p.require(
            "right_crc",
            "its bytes are sent in turn",
            implies((state == Sending.CHECK) & self._settled[1], byte == crc.crc.word_select(at[:2], 8)),
        )
        p.reach("ends", "a frame ends", self.done)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.check = crc = self._crc  # a name of its own: it has a port crc
        state, at, escaped, settled, byte = self._state, self._at, self._escaped, self._settled, self._byte
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
        m.d.sync += settled.eq(Cat(1, settled[0]))
        with m.If(~settled[1]):
            m.d.sync += byte.eq(Mux(body, self.r_data, crc.crc.word_select(at[:2], 8)))
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


class FrameSenderModel:
    """A :class:`FrameSender` as the bytes of a frame, one of the buffer at a time."""

    def __init__(self) -> None:
        self._body: bytes | None = None  # what has been sent of it
        self._place: int | None = None  # of the byte to be read; from the end of the body on those of the CRC
        self._line: list[int] = []  # what is to be put on the line next
        self._wait, self._last, self._length = 0, 0, 0

    def clock(self, *, start: int = 0, length: int = 0, r_data: int = 0, ready: int = 0) -> dict[str, int | None]:
        """Outputs of a clock with these inputs; ``None`` is what means nothing."""
        told: dict[str, int | None] = {"valid": 0, "data": None, "done": 0, "r_address": None}
        if self._body is None:
            if start:
                self._body, self._place, self._line, self._length = b"", None, [FLAG], length
            return told
        if self._place is not None and self._place < self._length:
            told["r_address"] = self._place
        if not self._line:
            self._wait -= 1
            if self._wait:
                self._last = r_data
                return told
            self._line = self._read()
        told |= {"valid": 1, "data": self._line[0]}
        if ready:
            self._line.pop(0)
            if not self._line:
                told["done"] = int(self._next())
        return told

    def _read(self) -> list[int]:
        """The byte at its place, as it goes on the line."""
        assert self._body is not None and self._place is not None
        behind = self._place - self._length
        if behind < 0:
            self._body += bytes([self._last])
        byte = self._last if behind < 0 else crc32(self._body).to_bytes(CHECK, "little")[behind]
        return [ESCAPE, byte ^ FLIP] if byte in (FLAG, ESCAPE) else [byte]

    def _next(self) -> bool:
        """What follows when all is taken; whether nothing does."""
        if self._place == self._length + CHECK:
            self._body = None
            return True
        self._place, self._wait = 0 if self._place is None else self._place + 1, 3
        if self._place == self._length + CHECK:
            self._line = [FLAG]
        return False
