"""A queue whose words can be taken back as long as nobody has vouched for them."""

from collections import deque
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.blocks.properties import Monitor, implies, modulo
from rtl.blocks.ram import ram_attributes, style


class Store(wiring.Component):
    """Words come out once they are kept, ``latency`` clocks later; those that are dropped were never there.

    Parameters
    ----------
    width
        Bits of a word.
    depth
        Words that the RAM holds; two registers hold more of those that are kept.
    lut_ram_depth
        Greatest depth that goes into LUT RAM.

    Ports
    -----
    w_en : in, 1
        A word comes in, for which there is room.
    w_data : in, width
        The word.
    keep : in, 1
        All words so far are kept, that of this clock among them.
    drop : in, 1
        Words that are not kept yet are forgotten, that of this clock among them.
    room : out, 1
        There is room for a word.
    r_rdy : out, 1
        A word is there; of a register.
    r_data : out, width
        The word; of a register.
    r_en : in, 1
        It is taken, if there is one.

    Attributes
    ----------
    fresh, kept, fetched
        Words in the RAM that are not kept yet, and that are; whether there is one in the RAM's register.
    """

    latency = 3
    """Clocks from the one in which a word is kept to its coming out, if nothing is in front of it."""

    def __init__(self, width: int, depth: int, lut_ram_depth: int) -> None:
        self.width, self.depth, self._style = width, depth, style(depth, 1, lut_ram_depth)
        self.fresh, self.kept = (Signal(range(depth + 1), name=name) for name in ("fresh", "kept"))
        self._used = Signal(range(depth + 1), name="used")  # both
        self.fetched = Signal(name="fetched")
        self._to, self._at, self._begin = (Signal(range(depth), name=name) for name in ("to", "at", "begin"))
        self._read = Signal(width, name="fetched_data")
        super().__init__(
            {
                "w_en": In(1),
                "w_data": In(width),
                "keep": In(1),
                "drop": In(1),
                "room": Out(1),
                "r_rdy": Out(1),
                "r_data": Out(width),
                "r_en": In(1),
            }
        )

    @property
    def level(self) -> Value:
        """Words that are kept and have not been taken."""
        return self.kept + self.fetched + self.r_rdy

    def model(self) -> "StoreModel":
        """The store after reset, to be taken clock by clock."""
        return StoreModel(self.depth)

    def properties(self, p: Monitor) -> None:
        """A word that is kept comes out as it went in, after those in front of it; of those that are dropped, none does."""
        m, depth = p.module, self.depth
        p.assume("room_for_words", "a word comes only if there is room", implies(self.w_en, self.room))
        p.assume("one_verdict", "words are kept or dropped", ~(self.keep & self.drop))
        p.require(
            "used",
            "words in the RAM are counted",
            (self._used == self.fresh + self.kept) & (self._used <= depth) & (self.room == (self._used != depth)),
        )
        p.require(
            "places",
            "words lie in a row from the place to read",
            (self._at < depth)
            & (self._begin < depth)
            & (self._to < depth)
            & modulo(self._at + self.kept, self._begin, depth, 3)
            & modulo(self._begin + self.fresh, self._to, depth, 3),
        )
        p.require(
            "offered",
            "a word that is offered stays until it is taken",
            implies(
                p.past(self.r_rdy & ~self.r_en, "offers"), self.r_rdy & (self.r_data == p.past(self.r_data, "was_offered"))
            ),
        )
        within, kept = Signal(name="store_within"), Signal(name="store_kept")
        ahead = Signal(range(depth + 3), name="store_ahead")
        word = Signal(self.width, name="store_word")
        taken = self.r_en & self.r_rdy
        with m.If(p.mark & self.w_en & ~self.drop):
            m.d.sync += [within.eq(1), kept.eq(self.keep), word.eq(self.w_data)]
            m.d.sync += ahead.eq(self.level + self.fresh - taken)
        with m.Elif(within):
            m.d.sync += [kept.eq(kept | self.keep), ahead.eq(ahead - taken)]
            m.d.sync += within.eq(~((self.drop & ~kept) | (taken & (ahead == 0))))
        p.choose("store_one_mark", "no word is marked while another one is in the store", ~(p.mark & within))
        out = self.fetched + self.r_rdy
        for ram in (ram for ram in p.rams if (ram.depth, ram.width) == (depth, self.width)):
            (to,), (at,) = ram.writes, ram.reads
            p.require("ram", "the RAM is accessed at these places", (to == self._to) & (at == self._at))
            p.require(
                "marked_place",
                "the marked word lies where it was written until it is read",
                implies(
                    within & (ahead >= out),
                    modulo(self._at + ahead - out, ram.marked, depth, 3) & (ram.word == word) & (ram.marked < depth),
                ),
            )
        p.require(
            "marked",
            "the marked word is among those that are kept, or behind them",
            implies(within, Mux(kept, ahead < self.level, (ahead >= self.level) & (ahead < self.level + self.fresh))),
        )
        p.require(
            "marked_fetched",
            "the marked word passes the RAM's register",
            implies(within & self.fetched & (ahead == self.r_rdy), self._read == word),
        )
        p.require(
            "in_order",
            "the marked word comes out when those in front of it have, as it went in",
            implies(within & self.r_rdy & (ahead == 0), kept & (self.r_data == word)),
        )
        p.reach("drops", "words are dropped", self.drop & (self.fresh != 0))

    def elaborate(self, platform: object) -> Module:
        m, depth = Module(), self.depth
        # A word is fetched only after the clock in which it was written.
        ram: Any = Memory(shape=unsigned(self.width), depth=depth, init=[], attrs=ram_attributes(self._style))
        m.submodules.ram = ram
        write = ram.write_port()
        read = ram.read_port(domain="sync")
        to, at, begin = self._to, self._at, self._begin
        fresh, kept, used = self.fresh, self.kept, self._used
        shows = Signal()
        moves = Signal()
        fetches = Signal()
        behind = Signal.like(to)
        come = Signal.like(fresh)
        m.d.comb += [
            shows.eq(~self.r_rdy | self.r_en),
            moves.eq(~self.fetched | shows),
            fetches.eq(moves & (kept != 0)),
            self.room.eq(used != depth),
            write.en.eq(self.w_en),
            write.addr.eq(to),
            write.data.eq(self.w_data),
            read.addr.eq(at),
            read.en.eq(fetches),
            self._read.eq(read.data),
            behind.eq(Mux(self.w_en, Mux(to == depth - 1, 0, to + 1), to)),
            come.eq(fresh + self.w_en),
        ]
        word = Signal.like(self.r_data, name="shown", reset_less=True)
        m.d.comb += self.r_data.eq(word)
        with m.If(shows):
            m.d.sync += [self.r_rdy.eq(self.fetched), word.eq(read.data)]
        with m.If(moves):
            m.d.sync += self.fetched.eq(kept != 0)
        with m.If(fetches):
            m.d.sync += at.eq(Mux(at == depth - 1, 0, at + 1))
        m.d.sync += [
            to.eq(Mux(self.drop, begin, behind)),
            fresh.eq(Mux(self.drop | self.keep, 0, come)),
            kept.eq(kept + Mux(self.keep, come, 0) - fetches),
            used.eq(Mux(self.drop, kept, used + self.w_en) - fetches),
        ]
        with m.If(self.keep):
            m.d.sync += begin.eq(behind)
        return m


class StoreModel:
    """A :class:`Store` as its words: kept, not kept yet, and in two registers."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._kept: deque[Any] = deque()
        self._fresh: list[Any] = []
        self._registers: list[Any] = [None, None]

    @property
    def outputs(self) -> dict[str, Any]:
        """Outputs of the clock to come, which follow from no input."""
        shown = self._registers[1]
        room = len(self._kept) + len(self._fresh) < self._depth
        return {"room": int(room), "r_rdy": int(shown is not None), "r_data": shown}

    def clock(self, *, w_en: int = 0, w_data: Any = None, keep: int = 0, drop: int = 0, r_en: int = 0) -> dict[str, Any]:
        """Outputs of a clock with these inputs; ``None`` is what means nothing."""
        fetched, shown = self._registers
        result = self.outputs
        if shown is None or r_en:
            shown, fetched = fetched, None
        if fetched is None and self._kept:
            fetched = self._kept.popleft()
        self._registers = [fetched, shown]
        self._fresh += [w_data] if w_en else []
        if keep:
            self._kept.extend(self._fresh)
        if keep or drop:
            self._fresh = []
        return result
