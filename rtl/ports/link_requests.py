"""Carries out the requests of a serial link."""

import enum
from typing import Any

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.properties import Monitor, implies
from rtl.plan.plan import Plan
from rtl.ports.axi_stream import axis_signature
from rtl.ports.interface_registers import wide_bus_signature, words
from rtl.ports.link_requests_model import LinkRequestsModel
from rtl.ports.register_map import WIDTH

NAME, VERSION = b"hwsl", 1
"""How a link begins its answer to HELLO."""
PATIENCE = 256
"""Clocks in which a byte is offered, or one is waited for."""
WORD = WIDTH // 8


class Code(enum.Enum):
    """What a request asks for."""

    HELLO = 0
    READ = 1
    WRITE = 2
    EXCHANGE = 3


DONE, REFUSED, NO_REQUEST = 0, 1, 2
"""How a request went."""


class Step(enum.Enum):
    """What :class:`LinkRequests` does."""

    WAIT = 0
    NUMBER = 1
    CODE = 2
    GET = 3
    PUT = 4
    VERSION = 5
    ECHO = 6
    ECHOES = 7
    NEXT = 8
    ADDRESS = 9
    ACCESS = 10
    COUNT = 11
    FLAGS = 12
    SAMPLES = 13
    RESULTS = 14
    FACTS = 15
    END = 16
    REPLY = 17


def _one_of(step: Any, *steps: Step) -> Value:
    return Cat(step == one for one in steps).any()


class LinkRequests(wiring.Component):
    """Takes a request out of one buffer, carries it out and puts the reply into another one.

    A request with the number of the last one is not carried out again, unless it is HELLO: the reply is still there.

    Ports
    -----
    frame : in, 1
        A request is there; only while not ``busy``.
    length : in, bits(capacity + 1)
        Its bytes, 2 or more; comes with ``frame``.
    dropped : in, 16
        Frames that were dropped.
    busy : out, 1
        A request is being carried out, or its reply sent.
    r_address : out, bits(capacity)
        Which byte of the request to read.
    r_data : in, 8
        That byte, a clock later.
    w_en : out, 1
        A byte of the reply is written, the last one while ``reply`` is told; of a register, as are its place and the byte.
    w_address : out, bits(capacity)
        Where to.
    w_data : out, 8
        The byte.
    reply : out, 1
        The reply is there, for one clock.
    reply_length : out, bits(capacity + 1)
        Its bytes; holds until the next request.
    sent : in, 1
        The reply is sent.
    bus : out, interface wide_bus_signature
        Requests for registers and memories.
    samples : out, interface axis_signature
        Bytes of samples; a byte that is not taken for long is withdrawn.
    results : in, interface axis_signature
        Bytes of results.
    """

    latency = 8
    """Clocks from ``frame`` to ``reply``, of a request that was carried out before."""

    def __init__(self, of: Plan) -> None:
        assert of.config.hardware is not None
        self._words, self.capacity = words(of), of.config.hardware.link_bytes
        self._step, self._after = Signal(Step, name="step"), Signal(Step, name="after")
        self._number, self._known, self._same = Signal(8, name="number"), Signal(name="known"), Signal(name="same")
        self._code, self._status = Signal(Code, name="code"), Signal(2, name="status")
        self._at, self._left = Signal(range(self.capacity + 1), name="at"), Signal(2, init=WORD - 1, name="left")
        self._end, self._settled = Signal(range(self.capacity + 1), name="end"), Signal(2, name="settled")
        self._byte = Signal(8, reset_less=True, name="byte")
        self._done = Signal(range(self.capacity), name="done")
        self._timer = Signal(range(PATIENCE), name="timer")
        self._ends_packet, self._offers, self._last = (Signal(name=name) for name in ("ends_packet", "offers", "last"))
        self._asks = Signal(name="asks")
        bits = range(self.capacity)
        super().__init__(
            {
                "frame": In(1),
                "length": In(range(self.capacity + 1)),
                "dropped": In(16),
                "busy": Out(1),
                "r_address": Out(bits),
                "r_data": In(8),
                "w_en": Out(1),
                "w_address": Out(bits),
                "w_data": Out(8),
                "reply": Out(1),
                "reply_length": Out(range(self.capacity + 1)),
                "sent": In(1),
                "bus": Out(wide_bus_signature(of)),
                "samples": Out(axis_signature(8)),
                "results": In(axis_signature(8)),
            }
        )

    @property
    def waits(self) -> Value:
        """Whether a reply is there that is to be sent."""
        return self._step == Step.REPLY

    @property
    def unsent(self) -> Value:
        """Whether it will still be in the next clock."""
        return self.waits & ~self.sent

    def model(self) -> LinkRequestsModel:
        """It after reset, to be taken clock by clock."""
        return LinkRequestsModel(self._words, self.capacity)

    def properties(self, p: Monitor) -> None:
        """Nothing is done twice, all that is written is inside the buffer, and every step comes to its end."""
        bus, step, at, put = self.bus, self._step, self._at, self.reply_length
        timer, at_work = self._timer, ~_one_of(step, Step.WAIT, Step.ACCESS, Step.REPLY)
        p.assume("at_rest", "a frame comes when none is at work", implies(self.frame, step == Step.WAIT))
        p.assume("size", "a frame fits", implies(self.frame, (self.length >= 2) & (self.length <= self.capacity)))
        p.assume("done", "only what was asked for is over", implies(bus.done, bus.request))
        unsent = p.past(self.unsent, "unsent")
        p.assume("sent", "only a reply that is there is sent", implies(self.sent, unsent & self.waits))
        asked = Cat(bus.write, bus.address, bus.write_data)
        p.require(
            "held",
            "a request holds until it is over",
            implies(p.past(bus.request & ~bus.done, "asked"), bus.request & (asked == p.past(asked, "was"))),
        )
        self._of_samples(p)
        self._of_repeats(p)
        self._of_buffers(p)
        changes = Cat(step, at, put) != p.past(Cat(step, at, put), "before")
        stands = p.since(~at_work | changes, "stands", PATIENCE + 4)
        fetched = self._settled[0] + self._settled[1]
        p.require(
            "goes_on",
            "unless a frame, an access or the end of a reply is waited for, something changes before long",
            implies(
                at_work & ~changes,
                stands
                < Mux(
                    step == Step.RESULTS,
                    timer + 1,
                    Mux(
                        step == Step.SAMPLES,
                        fetched + timer + 1,
                        Mux(_one_of(step, Step.NUMBER, Step.CODE, Step.GET, Step.FLAGS), fetched + 1, 1),
                    ),
                ),
            ),
        )
        replied = p.past(step, "step_was") == Step.REPLY
        p.require(
            "reply_at_last", "nothing ends without its reply", implies(p.past(self.busy, "was_busy"), self.busy | replied)
        )
        p.reach(
            "repeats", "a request is repeated that writes", (step == Step.REPLY) & self._same & (self._code == Code.WRITE)
        )

    def _of_samples(self, p: Monitor) -> None:
        """Bytes of samples stay until they are taken, or for long."""
        m, samples, step, settled = p.module, self.samples, self._step, self._settled
        offered, waits = Signal(range(PATIENCE + 1), name="offered"), samples.tvalid & ~samples.tready
        m.d.sync += offered.eq(Mux(waits, offered + 1, 0))
        offer = Cat(samples.tdata, samples.tlast)
        p.require(
            "stays",
            f"a byte that is offered stays until it is taken, or for {PATIENCE} clocks",
            implies(
                p.past(waits, "not_taken"),
                (offered == PATIENCE) & ~samples.tvalid | samples.tvalid & (offer == p.past(offer, "offer")),
            ),
        )
        p.require(
            "patience",
            "the clocks in which a byte is offered are counted",
            implies(
                (step == Step.FLAGS) | (step == Step.SAMPLES),
                self._timer == Mux((step == Step.SAMPLES) & settled[1], offered, 0),
            )
            | (step == Step.SAMPLES) & (self._at == self._end),
        )
        p.require("settles", "a byte comes in two clocks", ~settled[1] | settled[0])
        rests = step == Step.SAMPLES
        p.require(
            "offers",
            "a byte is offered as soon as it is there",
            samples.tvalid == (rests & settled[1] & (self._at != self._end)),
        )
        p.require(
            "last",
            "the last one of the request ends a packet if that was asked for",
            implies(rests & settled[0], samples.tlast == (self._ends_packet & (self._at + 1 == self._end))),
        )

    def _of_repeats(self, p: Monitor) -> None:
        """What was carried out is not carried out again."""
        m, step, there = p.module, self._step, self._settled[1]
        known, last, repeats = Signal(name="any_before"), Signal(8, name="last"), Signal(name="repeats")
        number = Signal(8, name="number_now")
        with m.If((step == Step.NUMBER) & there):
            m.d.sync += number.eq(self._byte)
        with m.If((step == Step.CODE) & there):
            m.d.sync += [repeats.eq(known & (number == last) & (self._byte != 0)), known.eq(1), last.eq(number)]
        with m.If(step == Step.WAIT):
            m.d.sync += repeats.eq(0)
        does = self.bus.request | self.samples.tvalid | self.results.tready | self.w_en
        p.require("once", "a request with the number of the last one is not carried out", implies(repeats, ~does))
        p.require("at_reply", "its reply is sent", implies(repeats, _one_of(step, Step.WAIT, Step.REPLY)))
        p.require(
            "remembered",
            "the last number is known",
            (known == self._known)
            & implies((step != Step.NUMBER) & (step != Step.WAIT) & known, self._number == number)
            & implies((step != Step.CODE) & known, last == self._number)
            & implies(step == Step.CODE, (number == self._number) & (self._same == (known & (last == number)))),
        )

    def _of_buffers(self, p: Monitor) -> None:
        """Where a request is read and its reply written, step by step."""
        step, after, code, at, put, left = self._step, self._after, self._code, self._at, self.reply_length, self._left
        rest, more = self._end - at, left + 1
        busy = step != Step.WAIT
        p.require("inside", "what is written is inside the buffer", implies(self.w_en, self.w_address < self.capacity))
        p.require(
            "length",
            "a request and its reply are as long as they can be",
            implies(busy, (self._end >= 2) & (self._end <= self.capacity) & (at <= self._end))
            & implies(self._known, (put >= 2) & (put <= self.capacity)),
        )
        p.require("steps", "there are so many steps", (step <= Step.REPLY.value) & (after <= Step.END.value))
        hello, read, write, exchange = (code == one for one in Code)
        gets, puts = step == Step.GET, step == Step.PUT
        whole = Mux(write, rest[:3] == 0, rest[:2] == 0)
        half = Mux(write, rest[:3] == 4, rest[:2] == 0)
        reads = [
            ("known", ~_one_of(step, Step.WAIT, Step.NUMBER, Step.CODE), self._known),
            ("number", step == Step.NUMBER, at == 0),
            ("code", step == Step.CODE, at == 1),
            ("hello_is_next", _one_of(step, Step.NUMBER, Step.CODE), after == Step.VERSION),
            ("asks", C(1), self.bus.request == (step == Step.ACCESS)),
            ("counts_in_words", ~gets & ~puts, left == WORD - 1),
            ("accesses", _one_of(step, Step.NEXT, Step.ADDRESS, Step.ACCESS), read | write),
            ("next", step == Step.NEXT, whole),
            ("address", step == Step.ADDRESS, half),
            ("access", step == Step.ACCESS, whole),
            ("counts", step == Step.COUNT, write | exchange),
            ("exchanges", _one_of(step, Step.FLAGS, Step.SAMPLES, Step.RESULTS, Step.FACTS), exchange),
            ("flags", step == Step.FLAGS, (at == 2) & (rest != 0)),
            ("hello", _one_of(step, Step.VERSION, Step.ECHO), hello & (at == 2) & (rest == WORD)),
            ("echoes", step == Step.ECHOES, hello),
            (
                "gets",
                gets,
                (rest >= more)
                & Mux(
                    after == Step.ADDRESS,
                    Mux(write, (rest - more)[:3] == 4, read & ((rest - more)[:2] == 0)),
                    Mux(after == Step.ACCESS, write & ((rest - more)[:3] == 0), hello & (after == Step.ECHOES)),
                ),
            ),
        ]
        read_to = Mux(gets, at + more, Mux(puts, at + WORD - more, Mux(step == Step.NEXT, at + WORD, at)))
        begins = put + Mux(puts, more, 0)
        writes = [
            (
                "puts_of_hello",
                puts & hello,
                Mux(after == Step.VERSION, begins == 6, Mux(after == Step.ECHO, begins == 11, begins == 15)),
            ),
            ("puts_for_hello", puts & hello, _one_of(after, Step.VERSION, Step.ECHO, Step.END)),
            ("puts_first", puts & hello & (after != Step.END), (at == 2) & (rest == WORD)),
            ("puts_words", puts & read, (after == Step.NEXT) & (rest[:2] == 0)),
            ("puts_count", puts & write, (after == Step.END) & (begins == 4)),
            ("puts_taken", puts & exchange, (after == Step.RESULTS) & (begins == 5)),
            ("version", step == Step.VERSION, put == 6),
            ("echo", _one_of(step, Step.ECHO, Step.ECHOES) | gets & hello, put == 11),
            ("words", read & (gets | puts | _one_of(step, Step.NEXT, Step.ADDRESS, Step.ACCESS)), put + WORD == read_to),
            ("nothing_yet", write & (gets | _one_of(step, Step.NEXT, Step.ADDRESS, Step.ACCESS, Step.COUNT)), put == 2),
            ("no_results_yet", exchange & _one_of(step, Step.FLAGS, Step.SAMPLES, Step.COUNT), put == 2),
            ("results", _one_of(step, Step.RESULTS, Step.FACTS), put >= 5),
        ]
        for name, when, holds in (*reads, *writes):
            p.require(
                f"place_{name}",
                "where a step is in both buffers",
                implies(when, holds),
            )

    def elaborate(self, platform: object) -> Module:
        m, bus, samples, results = Module(), self.bus, self.samples, self.results
        step, at, left, settled, put = self._step, self._at, self._left, self._settled, self.reply_length
        byte = self._byte
        word = Signal(WIDTH, reset_less=True)
        ends_packet = self._ends_packet
        ended = Signal()
        ends = Signal()
        there = Signal()
        take = Signal()
        write = Signal()
        late = Signal()
        full = Signal()
        stores = Signal()
        place = Signal.like(self.w_address)
        stored = Signal.like(self.w_data)
        m.d.comb += [
            self.busy.eq(step != Step.WAIT),
            ends.eq(at == self._end),
            there.eq(settled[1]),
            late.eq(self._timer == PATIENCE - 1),
            full.eq(put == self.capacity),
            self.r_address.eq(at),
            place.eq(put),
            stored.eq(word[:8]),
            write.eq(self._code == Code.WRITE),
            bus.request.eq(self._asks),
            bus.write.eq(write),
            bus.write_data.eq(word),
            samples.tvalid.eq(self._offers),
            samples.tdata.eq(byte),
            samples.tlast.eq(self._last),
            results.tready.eq((step == Step.RESULTS) & ~full),
        ]
        # Who takes samples has much to do with them: all that is told is of registers, made ready while a byte settles.
        m.d.sync += [self._offers.eq(0), self._last.eq(ends_packet & (at + 1 == self._end))]
        # The last byte of a reply is written while `reply` is told; nobody reads it before the flag in front of it is sent.
        m.d.sync += [self.w_en.eq(stores), self.w_address.eq(place), self.w_data.eq(stored)]
        # A byte is there two clocks after its place: behind the buffer, and behind a register.
        m.d.sync += settled.eq(Cat(1, settled[0]))
        with m.If(~settled[1]):
            m.d.sync += byte.eq(self.r_data)
        with m.If(take):
            m.d.sync += [at.eq(at + 1), settled.eq(0)]
        refuse = [self._status.eq(REFUSED), step.eq(Mux(write, Step.COUNT, Step.END))]
        with m.Switch(step):
            with m.Case(Step.WAIT):
                m.d.sync += [at.eq(0), settled.eq(0), self._end.eq(self.length)]
                m.d.sync += [word.eq(int.from_bytes(NAME, "little")), self._after.eq(Step.VERSION)]  # for HELLO
                with m.If(self.frame):
                    m.d.sync += step.eq(Step.NUMBER)
            with m.Case(Step.NUMBER):
                m.d.sync += self._same.eq(self._known & (byte == self._number))
                with m.If(there):
                    m.d.comb += take.eq(1)
                    m.d.sync += [self._number.eq(byte), step.eq(Step.CODE)]
            with m.Case(Step.CODE), m.If(there):
                m.d.comb += take.eq(1)
                with m.If(self._same & (byte != Code.HELLO.value)):
                    m.d.sync += step.eq(Step.REPLY)
                with m.Else():
                    m.d.comb += [stores.eq(1), place.eq(0), stored.eq(self._number)]
                    m.d.sync += [self._known.eq(1), self._code.eq(byte[:2]), self._done.eq(0), self._timer.eq(0)]
                    m.d.sync += [put.eq(2), self._status.eq(DONE), ended.eq(0)]
                    self._begin(m, byte)
            with m.Case(Step.GET), m.If(there):
                m.d.comb += take.eq(1)
                m.d.sync += [word.eq(Cat(word[8:], byte)), left.eq(left - 1)]
                with m.If(left == 0):
                    m.d.sync += [step.eq(self._after), self._asks.eq(self._after == Step.ACCESS)]
            with m.Case(Step.PUT):
                m.d.comb += stores.eq(1)
                m.d.sync += [put.eq(put + 1), word.eq(word[8:]), left.eq(left - 1)]
                with m.If(left == 0):
                    m.d.sync += step.eq(self._after)
            with m.Case(Step.VERSION):
                m.d.comb += [stores.eq(1), stored.eq(VERSION)]
                m.d.sync += [put.eq(put + 1), word.eq(Cat(C(self.capacity, 16), self.dropped))]
                m.d.sync += [step.eq(Step.PUT), self._after.eq(Step.ECHO)]
            with m.Case(Step.ECHO):
                m.d.sync += [step.eq(Step.GET), self._after.eq(Step.ECHOES)]
            with m.Case(Step.ECHOES):
                m.d.sync += [step.eq(Step.PUT), self._after.eq(Step.END)]
            with m.Case(Step.NEXT):
                m.d.sync += [step.eq(Step.GET), self._after.eq(Step.ADDRESS)]
                with m.If(ends):
                    m.d.sync += step.eq(Mux(write, Step.COUNT, Step.END))
            with m.Case(Step.ADDRESS):
                m.d.sync += [bus.address.eq(word[2:]), self._after.eq(Step.ACCESS)]
                m.d.sync += [step.eq(Mux(write, Step.GET, Step.ACCESS)), self._asks.eq(~write)]
                with m.If(word[:2].any() | (word[2:] >= self._words)):
                    m.d.sync += [*refuse, self._asks.eq(0)]
            with m.Case(Step.ACCESS), m.If(bus.done):
                m.d.sync += [self._asks.eq(0), self._after.eq(Step.NEXT), step.eq(Mux(write, Step.NEXT, Step.PUT))]
                m.d.sync += [word.eq(bus.read_data), self._done.eq(self._done + 1)]
                with m.If(bus.error):
                    m.d.sync += [self._done.eq(self._done), *refuse]
            with m.Case(Step.COUNT):
                # The place of what is known of the results is left out.
                m.d.sync += [word.eq(self._done), left.eq(Mux(write, 1, 2)), step.eq(Step.PUT)]
                m.d.sync += self._after.eq(Mux(write, Step.END, Step.RESULTS))
            with m.Case(Step.FLAGS), m.If(there):
                m.d.comb += take.eq(1)
                m.d.sync += [ends_packet.eq(byte[0]), step.eq(Step.SAMPLES)]
            with m.Case(Step.SAMPLES):
                with m.If(ends):
                    m.d.sync += step.eq(Step.COUNT)
                with m.Else():
                    m.d.sync += self._offers.eq(settled[0])
                with m.If(self._offers):
                    m.d.sync += self._timer.eq(self._timer + 1)
                    with m.If(samples.tready):
                        m.d.comb += take.eq(1)
                        m.d.sync += [self._timer.eq(0), self._done.eq(self._done + 1), self._offers.eq(0)]
                    with m.Elif(late):
                        m.d.sync += [step.eq(Step.COUNT), self._offers.eq(0)]
            with m.Case(Step.RESULTS):
                m.d.comb += [stores.eq(results.tvalid & ~full), stored.eq(results.tdata)]
                m.d.sync += self._timer.eq(self._timer + 1)
                with m.If(results.tvalid & ~full):
                    m.d.sync += [put.eq(put + 1), self._timer.eq(0), ended.eq(results.tlast)]
                    with m.If(results.tlast):
                        m.d.sync += step.eq(Step.FACTS)
                with m.Elif(full | late):
                    m.d.sync += step.eq(Step.FACTS)
            with m.Case(Step.FACTS):
                m.d.comb += [stores.eq(1), place.eq(2 + 2), stored.eq(Cat(ended, results.tvalid))]
                m.d.sync += step.eq(Step.END)
            with m.Case(Step.END):
                m.d.comb += [stores.eq(1), place.eq(1), stored.eq(self._status)]
                m.d.sync += step.eq(Step.REPLY)
            with m.Case(Step.REPLY), m.If(self.sent):
                m.d.sync += step.eq(Step.WAIT)
        was = Signal()
        m.d.sync += was.eq(step == Step.REPLY)
        m.d.comb += self.reply.eq((step == Step.REPLY) & ~was)
        # Where none waits at first, none is waited for.
        with m.If((step == Step.PUT) & (self._after == Step.RESULTS)):
            m.d.sync += self._timer.eq(PATIENCE - 1)
        return m

    def _begin(self, m: Module, code: Value) -> None:
        """The first step of a request that is to be carried out, which depends on its length, too."""
        step, end = self._step, self._end
        m.d.sync += [step.eq(Step.END), self._status.eq(NO_REQUEST)]

        def legal(to: Step) -> None:
            m.d.sync += [step.eq(to), self._status.eq(DONE)]

        with m.Switch(code):
            with m.Case(Code.HELLO.value), m.If(end == 2 + WORD):
                legal(Step.PUT)
            with m.Case(Code.READ.value), m.If(end[:2] == 2):
                legal(Step.NEXT)
            with m.Case(Code.WRITE.value), m.If(end[:3] == 2):
                legal(Step.NEXT)
            with m.Case(Code.EXCHANGE.value), m.If(end != 2):
                legal(Step.FLAGS)
