"""Wishbone B4 classic in front of the accelerator's bus, with the names that LiteX gives its signals."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.properties import Monitor, implies
from rtl.plan.plan import Plan
from rtl.ports.interface_registers import wide_bus_signature, words
from rtl.ports.register_map import WIDTH, AddressMap

_ALL = (1 << WIDTH // 8) - 1


def wishbone_signature(address: int) -> wiring.Signature:
    """A Wishbone of 32 bits, as the manager sees it.

    Ports
    -----
    cyc : out, 1
        A cycle is under way.
    stb : out, 1
        An access of it is there.
    we : out, 1
        It writes.
    adr : out, address
        Word of 32 bits.
    dat_w : out, 32
        Word to write.
    sel : out, 4
        Its bytes that count; of a word that is read, all do.
    dat_r : in, 32
        The word that was read.
    ack : in, 1
        The access is over.
    err : in, 1
        It was refused.
    """
    asks = {"cyc": Out(1), "stb": Out(1), "we": Out(1), "adr": Out(address), "dat_w": Out(WIDTH), "sel": Out(WIDTH // 8)}
    return wiring.Signature(asks | {"dat_r": In(WIDTH), "ack": In(1), "err": In(1)})


class Wishbone(wiring.Component):
    """Turns accesses into requests; one that is given up is carried through, without an answer.

    A write of some of the bytes of a word is refused, one of none does nothing.

    Ports
    -----
    wb : in, interface wishbone_signature
        Accesses.
    bus : out, interface wide_bus_signature
        Requests.
    """

    latency = 1
    """Clocks from an access to its request; an answer comes a clock after the end of that."""

    def __init__(self, of: Plan) -> None:
        self._words, self._bits = words(of), AddressMap.of(of).bits + 1
        self._active, self._own, self._asked = (Signal(name=name) for name in ("active", "own", "asked"))
        super().__init__({"wb": In(wishbone_signature(self._bits)), "bus": Out(wide_bus_signature(of))})

    def model(self) -> "WishboneModel":
        """The bridge after reset, to be taken clock by clock."""
        return WishboneModel(self._words)

    def properties(self, p: Monitor) -> None:
        """An access that is not given up is answered once."""
        wb, bus = self.wb, self.bus
        p.assume("done", "only what was asked for is over", implies(bus.done, bus.request))
        request = Cat(bus.write, bus.address, bus.write_data)
        p.require(
            "held",
            "a request holds until it is over",
            implies(p.past(bus.request & ~bus.done, "requested"), bus.request & (request == p.past(request, "was"))),
        )
        there, stayed = wb.cyc & wb.stb, Signal(name="stayed")
        p.module.d.sync += stayed.eq(there & (stayed | ~self._active))
        answered = wb.ack | wb.err
        p.require("one_answer", "an access is acknowledged or refused, for one clock", ~(wb.ack & wb.err))
        p.require("once", "there is a clock between two answers", implies(p.past(answered, "was_answered"), ~answered))
        p.require(
            "wanted",
            "only an access that was there all the time is answered",
            implies(answered, p.past(self._active & stayed & there, "wanted")),
        )
        p.require("known", "that it was is known", implies(self._active, self._asked == stayed))
        p.reach("given_up", "an access is given up", bus.done & ~self._asked)

    def elaborate(self, platform: object) -> Module:
        m, wb, bus = Module(), self.wb, self.bus
        active, own, asked = self._active, self._own, self._asked
        there = Signal()
        finish = Signal()
        refused = Signal()
        outside = Signal()
        fails = Signal()
        m.d.comb += [
            there.eq(wb.cyc & wb.stb),
            outside.eq(wb.adr >= self._words),
            finish.eq(active & (own | bus.done)),
            fails.eq((own & refused) | (~own & bus.error)),
            bus.request.eq(active & ~own),
        ]
        m.d.sync += [wb.ack.eq(0), wb.err.eq(0)]
        with m.If(~active & there & ~wb.ack & ~wb.err):
            m.d.sync += [
                active.eq(1),
                asked.eq(1),
                own.eq(outside | (wb.we & ~wb.sel.all())),
                refused.eq(outside | wb.sel.any()),
                bus.write.eq(wb.we),
                bus.address.eq(wb.adr),
                bus.write_data.eq(wb.dat_w),
            ]
        with m.If(active & ~there):
            m.d.sync += asked.eq(0)
        with m.If(finish):
            m.d.sync += [
                active.eq(0),
                wb.ack.eq(asked & there & ~fails),
                wb.err.eq(asked & there & fails),
                wb.dat_r.eq(bus.read_data),
            ]
        return m


class WishboneModel:
    """A :class:`Wishbone`, access by access."""

    def __init__(self, words: int) -> None:
        self._words = words
        self._now: dict[str, int] | None = None  # at work; with ``fails`` if the bus is not asked
        self._asked = False
        self._answer: dict[str, int | None] = {"wb_ack": 0, "wb_err": 0, "wb_dat_r": None}

    @property
    def requests(self) -> bool:
        """Whether the bus is asked in the clock to come, which follows from no input."""
        return self._now is not None and "fails" not in self._now

    def clock(self, **inputs: Any) -> dict[str, int | None]:
        """Outputs of a clock with these inputs, ``None`` for what means nothing; interfaces' ports are ``name_port``."""

        def given(name: str) -> int:
            return int(inputs.get(name, 0))

        now = self._now
        bus = now if self.requests else None
        answer, there = self._answer, bool(given("wb_cyc") and given("wb_stb"))
        result = answer | {"bus_request": int(bus is not None)}
        fields = {"bus_write": "write", "bus_address": "address", "bus_write_data": "word"}
        result |= {name: None if bus is None else bus[field] for name, field in fields.items()}
        self._answer = {"wb_ack": 0, "wb_err": 0, "wb_dat_r": None}
        if now is None:
            if there and not answer["wb_ack"] and not answer["wb_err"]:
                self._begin(given)
            return result
        self._asked &= there
        if bus is None or given("bus_done"):
            fails = now["fails"] if bus is None else given("bus_error")
            if self._asked:
                self._answer = {"wb_ack": int(not fails), "wb_err": int(fails)}
                self._answer["wb_dat_r"] = None if bus is None else given("bus_read_data")
            self._now = None
        return result

    def _begin(self, given: Any) -> None:
        self._now = {"write": given("wb_we"), "address": given("wb_adr"), "word": given("wb_dat_w")}
        self._asked = True
        outside, strobes = given("wb_adr") >= self._words, given("wb_sel")
        if outside or (given("wb_we") and strobes != _ALL):
            self._now["fails"] = int(outside or strobes > 0)
