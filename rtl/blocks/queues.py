"""The queue that streams are built from, as fast as a block memory can be: its model, and what is to be proved of it."""

from collections import deque
from typing import Any, NamedTuple

from amaranth.hdl import Cat, Module, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.blocks.properties import Monitor, implies, modulo
from rtl.blocks.ram import ram_attributes, style


class Queue(wiring.Component):
    """A queue whose words come out of a register, behind a RAM with a register of its own: no path begins in the RAM.

    One word per clock, of which the first comes out ``latency`` clocks after it came in. Block memories take both registers
    in.

    Parameters
    ----------
    width
        Bits of a word.
    depth
        Words that the RAM holds; the registers hold two more.
    lut_ram_depth
        Greatest depth that goes into LUT RAM.

    Ports
    -----
    w_en : in, 1
        A word comes in; the writer counts that there is room.
    w_data : in, width
        The word.
    r_rdy : out, 1
        A word is there; of a register.
    r_data : out, width
        The word; of a register.
    r_en : in, 1
        It is taken, if there is one.

    Attributes
    ----------
    stored, some
        Words in the RAM; whether there are any.
    fetched, fetched_data
        Whether there is a word in the RAM's register; the word.
    """

    latency = 3
    """Clocks from a word's coming in to its coming out, if nothing is in front of it."""

    def __init__(self, width: int, depth: int, lut_ram_depth: int) -> None:
        self.width, self.depth, self._style = width, depth, style(depth, 1, lut_ram_depth)
        self.stored, self.some = Signal(range(depth + 1), name="stored"), Signal(name="some")
        self.fetched = Signal(name="fetched")
        self.fetched_data = Signal(width, name="fetched_data")
        super().__init__(
            {
                "w_en": In(1),
                "w_data": In(width),
                "r_rdy": Out(1),
                "r_data": Out(width),
                "r_en": In(1),
            }
        )

    @property
    def capacity(self) -> int:
        """Words that it holds."""
        return self.depth + 2

    @property
    def holds(self) -> Value:
        """Whether there are words in the queue."""
        return self.some | self.fetched | self.r_rdy

    @property
    def level(self) -> Value:
        """Words in the queue."""
        return self.stored + self.fetched + self.r_rdy

    def model(self) -> "QueueModel":
        """The queue after reset, to be taken clock by clock."""
        return QueueModel()

    def elaborate(self, platform: object) -> Module:
        m, depth = Module(), self.depth
        # A word is fetched only after the clock in which it was written.
        ram: Any = Memory(shape=unsigned(self.width), depth=depth, init=[], attrs=ram_attributes(self._style))
        m.submodules.ram = ram
        write = ram.write_port()
        read = ram.read_port(domain="sync")
        shows = Signal()
        moves = Signal()
        fetches = Signal()
        only = Signal()
        to = Signal(range(depth))
        at = Signal(range(depth))
        m.d.comb += [
            shows.eq(~self.r_rdy | self.r_en),
            moves.eq(~self.fetched | shows),
            fetches.eq(moves & self.some),
            only.eq(self.stored == 1),
            write.en.eq(self.w_en),
            write.addr.eq(to),
            write.data.eq(self.w_data),
            read.addr.eq(at),
            read.en.eq(fetches),
            self.fetched_data.eq(read.data),
        ]
        kept = Signal.like(self.r_data, name="shown", reset_less=True)
        m.d.comb += self.r_data.eq(kept)
        with m.If(shows):
            m.d.sync += [self.r_rdy.eq(self.fetched), kept.eq(read.data)]
        with m.If(moves):
            m.d.sync += self.fetched.eq(self.some)
        for place, steps in ((to, self.w_en), (at, fetches)):
            with m.If(steps):
                m.d.sync += place.eq(place + 1)
                with m.If(place == depth - 1):
                    m.d.sync += place.eq(0)
        # One adder, of 1 or of -1; what follows from the words in the RAM is known before they change.
        step = Cat(self.w_en ^ fetches, (fetches & ~self.w_en).replicate(len(self.stored) - 1))
        m.d.sync += [
            self.stored.eq(self.stored + step),
            self.some.eq(self.w_en | (self.some & ~(fetches & only))),
        ]
        return m


class QueueModel:
    """A :class:`Queue`: words wait in a RAM, and pass two registers."""

    def __init__(self) -> None:
        self._words: deque[Any] = deque()
        self._registers: list[Any] = [None, None]  # the one behind the RAM last

    def __len__(self) -> int:
        """Words in the queue."""
        return len(self._words) + sum(word is not None for word in self._registers)

    @property
    def head(self) -> Any:
        """The oldest word, ``None`` if none has reached the last register."""
        return self._registers[1]

    def clock(self, taken: bool, *written: Any) -> None:
        """End of a clock in which the head was taken, or not, and at most one word was written."""
        registers = self._registers
        if registers[1] is None or taken:
            registers[1], registers[0] = registers[0], None
        if registers[0] is None:
            registers[0] = self._words.popleft() if self._words else None
        self._words.extend(written)


class Marked(NamedTuple):
    """A word, any one, on its way through a queue.

    Attributes
    ----------
    within
        It is in the queue.
    ahead
        Words in front of it.
    word
        What it is.
    lost
        A word has come for which there was no room.
    """

    within: Signal
    ahead: Signal
    word: Signal
    lost: Signal


def queue_properties(p: Monitor, name: str, queue: Queue) -> Marked:
    """A word, any one, comes out of the queue as it went in, after those that were in front of it and before all others.

    It does as long as no word has been lost: that none is has to be shown of who writes.
    """
    m = p.module
    put, taken = queue.w_en, queue.r_en & queue.r_rdy
    within, word = Signal(name=f"{name}_within"), Signal(queue.width, name=f"{name}_word")
    ahead, lost = Signal(range(queue.depth + 2 + 1), name=f"{name}_ahead"), Signal(name=f"{name}_lost")

    def require(what: str, statement: str, condition: Any) -> None:
        p.require(f"{name}_{what}", statement, implies(~lost, condition))

    with m.If(put & (queue.stored == queue.depth)):
        m.d.sync += lost.eq(1)
    with m.If(p.mark & put):
        m.d.sync += [within.eq(1), word.eq(queue.w_data), ahead.eq(queue.level - taken)]
    with m.Elif(within & taken):
        m.d.sync += [within.eq(ahead != 0), ahead.eq(ahead - 1)]
    p.choose(f"{name}_one_mark", "no word is marked while another one is in the queue", ~(p.mark & within))
    out = queue.fetched + queue.r_rdy
    for ram in (ram for ram in p.rams if (ram.depth, ram.width) == (queue.depth, queue.width)):
        (to,), (at,) = ram.writes, ram.reads
        require(
            "places",
            "words lie from the place to read up to the place to write",
            (to < queue.depth)
            & (at < queue.depth)
            & (queue.stored <= queue.depth)
            & modulo(at + queue.stored, to, queue.depth),
        )
        behind = ahead - out
        require(
            "marked_place",
            "the marked word lies where it was written until it is read",
            implies(
                within & (ahead >= out),
                (ram.marked < queue.depth) & modulo(at + behind, ram.marked, queue.depth) & (ram.word == word),
            ),
        )
    require(
        "room",
        "there is a word in the memory unless it is empty, and never one too many",
        (queue.some == (queue.stored != 0)) & (queue.stored <= queue.depth),
    )
    require(
        "moves",
        "a word waits in the memory for the registers alone",
        (queue.stored <= 1) | (queue.fetched & queue.r_rdy),
    )
    require(
        "fetched",
        "the marked word passes the memory's register",
        implies(within & queue.fetched & (ahead == queue.r_rdy), queue.fetched_data == word),
    )
    require("kept", "the marked word is in the queue until it is taken", implies(within, ahead < queue.level))
    require(
        "in_order",
        "the marked word comes out when those in front of it have, as it went in",
        implies(within & queue.r_rdy & (ahead == 0), queue.r_data == word),
    )
    return Marked(within, ahead, word, lost)
