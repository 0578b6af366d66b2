"""A queue between two clocks: what is written at one is read at the other, whatever their ratio and phase."""

from collections import deque
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from rtl.blocks.properties import Monitor, implies
from rtl.blocks.ram import DISTRIBUTED, ram_attributes
from rtl.blocks.registers import free_of_reset
from rtl.blocks.synchroniser import Synchroniser, SynchroniserModel


def gray(x: Value) -> Value:
    """The code in which numbers that follow each other differ in one bit."""
    return x ^ (x >> 1)


def a_turn_ahead(code: Value, bits: int) -> Value:
    """The Gray code of a number half as many further on as the code has numbers: the two highest bits differ."""
    return code ^ Const(3 << (bits - 2), bits)


class Crossing(wiring.Component):
    """A queue whose words come in at one clock and go out at another.

    Each side counts its words, and the other side knows the count through a :class:`Synchroniser`, as a Gray code: caught
    while it changes, it is the one before or the one behind. So a side knows of the other what was true some clocks ago,
    and errs on the safe side: a word may be there that the reader does not know of yet, never the other way round.

    Throughput one word per clock of the slower side, with 8 words or more.

    Parameters
    ----------
    width
        Bits of a word.
    depth
        Words, a power of two, 2 or more; in LUT RAM, which the reader looks into without a clock.
    source, to
        Domains of the two sides. Both must be reset together, so that neither counts before both begin with 0.

    Ports
    -----
    w_en : in, 1
        A word comes in, if there is room.
    w_data : in, width
        The word.
    w_rdy : out, 1
        There is room.
    w_holds : out, 1
        Words are there that have not been taken, as far as the writer knows.
    r_rdy : out, 1
        A word is there; of a register.
    r_data : out, width
        The word; of a register.
    r_en : in, 1
        It is taken, if there is one.
    r_holds : out, 1
        Words are there that have not been taken, as far as the reader knows.
    """

    latency = Synchroniser.latency + 1
    """Clocks of the reader from the edge at which a word came in to the one at which it is there, the first one behind that
    edge included; another one if the change is caught late. Room comes back after two of the writer, or three."""

    def __init__(self, width: int, depth: int, source: str = "write", to: str = "read") -> None:
        assert depth > 1 and not depth & (depth - 1)
        self.width, self.depth, self.source, self.to = width, depth, source, to
        bits = ceil_log2(depth) + 1  # so that full and empty differ
        self._put, self._fetched = Signal(bits, name="put"), Signal(bits, name="fetched")
        self.to_reader, self.to_writer = Synchroniser(bits, source, to), Synchroniser(bits, to, source)
        writer = {"w_en": In(1), "w_data": In(width), "w_rdy": Out(1), "w_holds": Out(1)}
        super().__init__(writer | {"r_rdy": Out(1), "r_data": Out(width), "r_en": In(1), "r_holds": Out(1)})
        free_of_reset(self, "r_data")

    @property
    def written(self) -> Signal:
        """What the reader sees: the Gray code of the words that were written."""
        return self.to_reader.i

    @property
    def taken(self) -> Signal:
        """What the writer sees: the Gray code of the words that were taken."""
        return self.to_writer.i

    def model(self) -> "CrossingModel":
        """The queue after the reset of both sides, to be taken from edge to edge."""
        return CrossingModel(self.depth)

    def elaborate(self, platform: object) -> Module:
        m, put, fetched, written, taken = Module(), self._put, self._fetched, self.written, self.taken
        m.submodules.to_reader, m.submodules.to_writer = to_reader, to_writer = self.to_reader, self.to_writer
        ram: Any = Memory(shape=unsigned(self.width), depth=self.depth, init=[], attrs=ram_attributes(DISTRIBUTED))
        m.submodules.ram = ram
        write = ram.write_port(domain=self.source)
        read = ram.read_port(domain="comb")
        bits = len(put)
        more = Signal(bits)
        moves = Signal()
        some = Signal()
        m.d.comb += [
            self.w_rdy.eq(written != a_turn_ahead(to_writer.o, bits)),
            self.w_holds.eq(written != to_writer.o),
            more.eq(put + 1),
            write.en.eq(self.w_en & self.w_rdy),
            write.addr.eq(put[:-1]),
            write.data.eq(self.w_data),
            some.eq(to_reader.o != gray(fetched)),
            moves.eq(~self.r_rdy | self.r_en),
            read.addr.eq(fetched[:-1]),
            self.r_holds.eq(some | self.r_rdy),
        ]
        with m.If(write.en):
            m.d[self.source] += [put.eq(more), written.eq(gray(more))]
        with m.If(moves):
            m.d[self.to] += [self.r_rdy.eq(some), self.r_data.eq(read.data)]
            with m.If(some):
                m.d[self.to] += fetched.eq(fetched + 1)
        with m.If(self.r_rdy & self.r_en):
            m.d[self.to] += taken.eq(gray(fetched))
        return m

    def properties(self, p: Monitor, w_tick: Value, r_tick: Value) -> None:
        """Order is kept, nothing is lost or comes twice; ``w_tick`` and ``r_tick`` say in which steps the clocks tick."""
        m, bits = p.module, len(self._put)
        puts, takes = w_tick & self.w_en & self.w_rdy, r_tick & self.r_rdy & self.r_en

        def number(code: Value) -> Value:
            """That a Gray code stands for."""
            return Cat(code[k:].xor() for k in range(bits))

        def ahead(later: Value, earlier: Value) -> Value:
            """How many words lie between two counts."""
            return (later - earlier)[:bits]

        gone = (self._fetched - self.r_rdy)[:bits]
        known, freed = self.to_reader, self.to_writer
        for name, code, count in (("written", self.written, self._put), ("taken", self.taken, gone)):
            changed = code ^ p.past(code, f"{name}_was")
            p.require(
                f"{name}_by_one", "a count that the other side sees changes in one bit", (changed & (changed - 1)) == 0
            )
            p.require(f"{name}_counts", "what the other side sees is how many words there were", number(code) == count)
        seen = [number(x) for x in (known.o, known.first)]
        p.require(
            "reader_knows_less",
            "the reader knows of no word that is not there, and forgets none",
            (ahead(self._fetched, gone) <= ahead(seen[0], gone))
            & (ahead(seen[0], gone) <= ahead(seen[1], gone))
            & (ahead(seen[1], gone) <= ahead(self._put, gone)),
        )
        left = [number(x) for x in (freed.o, freed.first)]
        p.require(
            "writer_knows_less",
            "the writer knows of no room that is not there",
            (ahead(self._put, gone) <= ahead(self._put, left[1]))
            & (ahead(self._put, left[1]) <= ahead(self._put, left[0]))
            & (ahead(self._put, left[0]) <= self.depth),
        )
        p.rely()
        within, word, place = Signal(name="within"), Signal(self.width, name="word"), Signal(bits, name="place")
        p.choose("one_mark", "no word is marked while another one is in the queue", ~(p.mark & within))
        with m.If(p.mark & puts):
            m.d.sync += [within.eq(1), word.eq(self.w_data), place.eq(self._put)]
        with m.Elif(within & takes & (place == gone)):
            m.d.sync += within.eq(0)
        for ram in p.rams:
            p.require(
                "marked_place",
                "the marked word lies where it was written until it is read",
                implies(
                    within & (ahead(place, gone) >= ahead(self._fetched, gone)),
                    (ram.marked == place[:-1]) & (ram.word == word),
                ),
            )
        p.require("kept", "the marked word is in the queue until it is taken", implies(within, self._inside(place, gone)))
        out = within & self.r_rdy & (place == gone)
        p.require("in_order", "the marked word comes out in its turn, as it went in", implies(out, self.r_data == word))
        stays = p.past(self.r_rdy & ~(r_tick & self.r_en), "offered")
        stayed = self.r_rdy & (self.r_data == p.past(self.r_data, "offer"))
        p.require("stays", "a word that is offered stays until it is taken", implies(stays, stayed))
        p.require("room_stays", "room does not go away by itself", implies(p.past(self.w_rdy & ~puts, "free"), self.w_rdy))
        p.require("holds", "the sides know of every word", implies(self.r_rdy, self.r_holds & self.w_holds))
        p.reach("full", "all places are taken", ~self.w_rdy & (ahead(self._put, gone) == self.depth))
        p.reach("turns", "a word comes out of a place that was used before", out & (place == self.depth))

    def _inside(self, place: Value, gone: Value) -> Value:
        bits = len(place)
        return (place - gone)[:bits] < Mux(self._put == gone, 0, (self._put - gone)[:bits])


class CrossingModel:
    """A :class:`Crossing` as words in a row, and how many of them each side knows of; changes are never caught late."""

    def __init__(self, depth: int) -> None:
        self._depth, self._words = depth, deque[int]()
        self._put = self._fetched = self._gone = 0
        self._out: int | None = None
        self._known, self._freed = SynchroniserModel(), SynchroniserModel()

    def clock(
        self, *, w_tick: int = 0, r_tick: int = 0, w_en: int = 0, w_data: int = 0, r_en: int = 0
    ) -> dict[str, int | None]:
        """Outputs with these inputs, ``None`` for what means nothing; then edges of the clocks that tick, at one time."""
        room, there, some = self._put - self._freed.o < self._depth, self._out is not None, self._known.o > self._fetched
        result: dict[str, int | None] = {"w_rdy": int(room), "w_holds": int(self._put > self._freed.o)}
        result |= {"r_rdy": int(there), "r_data": self._out, "r_holds": int(there or some)}
        put, gone = self._put, self._gone
        if r_tick:
            self._known.edge(put)
            if there and r_en:
                self._gone, self._out = gone + 1, None
            if some and self._out is None:
                self._out = self._words.popleft()
                self._fetched += 1
        if w_tick:
            self._freed.edge(gone)
            if w_en and room:
                self._words.append(w_data)
                self._put = put + 1
        return result
