"""AXI4-Lite in front of the accelerator's bus."""

from collections import deque
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.properties import Monitor, implies
from rtl.plan.plan import Plan
from rtl.ports.interface_registers import wide_bus_signature, words
from rtl.ports.register_map import WIDTH, AddressMap

OKAY, SLVERR, DECERR = 0, 2, 3
"""Answers: done; refused; there is nothing at such an address."""
_ALL = (1 << WIDTH // 8) - 1


def axi_lite_signature(address: int) -> wiring.Signature:
    """An AXI4-Lite of 32 bits, as the manager sees it.

    Ports
    -----
    awaddr : out, address
        Byte to write.
    awprot : out, 3
        Nothing depends on it.
    awvalid : out, 1
        The address of a write is there.
    awready : in, 1
        It is taken.
    wdata : out, 32
        Word to write.
    wstrb : out, 4
        Its bytes that count.
    wvalid : out, 1
        The word is there.
    wready : in, 1
        It is taken.
    bresp : in, 2
        What became of the write.
    bvalid : in, 1
        That is known.
    bready : out, 1
        It is taken.
    araddr : out, address
        Byte to read.
    arprot : out, 3
        Nothing depends on it.
    arvalid : out, 1
        The address of a read is there.
    arready : in, 1
        It is taken.
    rdata : in, 32
        The word that was read.
    rresp : in, 2
        What became of the read.
    rvalid : in, 1
        That is known.
    rready : out, 1
        It is taken.
    """
    write = {"awaddr": Out(address), "awprot": Out(3), "awvalid": Out(1), "awready": In(1)}
    write |= {"wdata": Out(WIDTH), "wstrb": Out(WIDTH // 8), "wvalid": Out(1), "wready": In(1)}
    write |= {"bresp": In(2), "bvalid": In(1), "bready": Out(1)}
    read = {"araddr": Out(address), "arprot": Out(3), "arvalid": Out(1), "arready": In(1)}
    return wiring.Signature(write | read | {"rdata": In(WIDTH), "rresp": In(2), "rvalid": In(1), "rready": Out(1)})


class AxiLite(wiring.Component):
    """Turns accesses into requests, one at a time, reads and writes in turn where both are there.

    A word's address is its byte's divided by 4. A write of some of the bytes of a word is refused, one of none does
    nothing. Every answer is the last one's that was accepted of its kind, and a read waits for no answer of a write.

    Ports
    -----
    s_axi : in, interface axi_lite_signature
        Accesses.
    bus : out, interface wide_bus_signature
        Requests.
    """

    latency = 2
    """Clocks from an access, its word with it, to its request; an answer comes a clock after the end of that."""

    def __init__(self, of: Plan) -> None:
        self._words, self._bits = words(of), AddressMap.of(of).bits + 1
        self._active, self._own = Signal(name="active"), Signal(name="own")
        self._aw, self._w, self._ar = (Signal(name=f"{name}_held") for name in ("aw", "w", "ar"))
        # Answers that wait: the one that is offered, and one behind it.
        self._b, self._r = _Answers("b", 2), _Answers("r", 2 + WIDTH)
        super().__init__({"s_axi": In(axi_lite_signature(self._bits + 2)), "bus": Out(wide_bus_signature(of))})

    def model(self) -> "AxiLiteModel":
        """The bridge after reset, to be taken clock by clock."""
        return AxiLiteModel(self._words)

    def properties(self, p: Monitor) -> None:
        """Every access is answered once, and nothing that is offered changes until it is taken."""
        m, s, bus = p.module, self.s_axi, self.bus
        p.assume("done", "only what was asked for is over", implies(bus.done, bus.request))
        request = Cat(bus.write, bus.address, bus.write_data)
        p.require(
            "held",
            "a request holds until it is over",
            implies(p.past(bus.request & ~bus.done, "asked"), bus.request & (request == p.past(request, "was"))),
        )
        for name, valid, ready, payload in (
            ("b", s.bvalid, s.bready, s.bresp),
            ("r", s.rvalid, s.rready, Cat(s.rresp, s.rdata)),
        ):
            p.require(
                f"{name}_stays",
                "an answer that is offered stays until it is taken",
                implies(p.past(valid & ~ready, f"{name}_offered"), valid & (payload == p.past(payload, f"{name}_offer"))),
            )
        owed = {name: Signal(2 + 1, name=f"{name}_owed") for name in ("aw", "w", "ar")}
        leaves = {"aw": s.bvalid & s.bready, "w": s.bvalid & s.bready, "ar": s.rvalid & s.rready}
        takes = {name: getattr(s, f"{name}valid") & getattr(s, f"{name}ready") for name in owed}
        for name, n in owed.items():
            m.d.sync += n.eq(n + takes[name] - leaves[name])
        writes = self._active & bus.write
        for name, held, answers in (("aw", self._aw, self._b), ("w", self._w, self._b), ("ar", self._ar, self._r)):
            at_work = writes if name != "ar" else self._active & ~bus.write
            p.require(
                f"{name}_answered_once",
                "what was taken is held, at work or answered",
                owed[name] == held + at_work + answers.level,
            )
        p.require(
            "room", "there is room for the answer that comes", self._b.room(writes) & self._r.room(self._active & ~bus.write)
        )
        p.reach("both", "a read and a write wait for each other", self._aw & self._w & self._ar)

    def elaborate(self, platform: object) -> Module:
        m, s, bus = Module(), self.s_axi, self.bus
        active, own = self._active, self._own
        aw, w, ar = self._aw, self._w, self._ar
        aw_at = Signal.like(s.awaddr, reset_less=True)
        ar_at = Signal.like(s.araddr, reset_less=True)
        word = Signal(WIDTH, reset_less=True)
        strobes = Signal(WIDTH // 8, reset_less=True)
        finish = Signal()
        begins = Signal()
        writes = Signal()
        reads_next = Signal()
        may_write = Signal()
        may_read = Signal()
        answer = Signal(2)
        own_answer = Signal(2)
        m.d.comb += [s.awready.eq(~aw), s.wready.eq(~w), s.arready.eq(~ar)]
        for held, valid, here, into in (
            (aw, s.awvalid, s.awaddr, aw_at),
            (w, s.wvalid, Cat(s.wdata, s.wstrb), Cat(word, strobes)),
            (ar, s.arvalid, s.araddr, ar_at),
        ):
            with m.If(~held):
                m.d.sync += [held.eq(valid), into.eq(here)]

        at = Mux(writes, aw_at, ar_at)[2:]
        outside = at >= self._words
        partial = writes & ~strobes.all()
        m.d.comb += [
            finish.eq(active & (own | bus.done)),
            may_write.eq(aw & w & self._b.free(finish & bus.write, s.bready)),
            may_read.eq(ar & self._r.free(finish & ~bus.write, s.rready)),
            writes.eq(may_write & ~(may_read & reads_next)),
            begins.eq((~active | finish) & (may_write | may_read)),
            bus.request.eq(active & ~own),
            answer.eq(Mux(own, own_answer, Mux(bus.error, SLVERR, OKAY))),
        ]
        with m.If(finish):
            m.d.sync += active.eq(0)
        with m.If(begins):
            m.d.sync += [
                active.eq(1),
                own.eq(outside | partial),
                own_answer.eq(Mux(outside, DECERR, Mux(strobes.any(), SLVERR, OKAY))),
                bus.write.eq(writes),
                bus.address.eq(at),
                bus.write_data.eq(word),
                reads_next.eq(writes),
            ]
            with m.If(writes):
                m.d.sync += [aw.eq(0), w.eq(0)]
            with m.Else():
                m.d.sync += ar.eq(0)
        self._b.elaborate(m, finish & bus.write, answer, s.bready)
        self._r.elaborate(m, finish & ~bus.write, Cat(answer, Mux(own, 0, bus.read_data)), s.rready)
        m.d.comb += [
            s.bvalid.eq(self._b.some),
            s.bresp.eq(self._b.first),
            s.rvalid.eq(self._r.some),
            Cat(s.rresp, s.rdata).eq(self._r.first),
        ]
        return m


class _Answers:
    """Room for two answers, so that the next access can begin before one has been taken."""

    def __init__(self, name: str, width: int) -> None:
        self.some, self.more = Signal(name=f"{name}_some"), Signal(name=f"{name}_more")
        self.first, self._second = Signal(width, name=f"{name}_first"), Signal(width, name=f"{name}_second")

    @property
    def level(self) -> Value:
        """How many wait."""
        return self.some + self.more

    def room(self, coming: Value) -> Value:
        """Whether there is room for the one that is coming, if any."""
        return (self.some | ~self.more) & ~(coming & self.more)

    def free(self, put: Value, taken: Value) -> Value:
        """Whether there will be room for one more, after this clock."""
        return ~self.some | taken & ~(self.more & put) | ~self.more & ~put

    def elaborate(self, m: Module, put: Value, answer: Value, taken: Value) -> None:
        """One comes, one is taken."""
        leaves = self.some & taken
        with m.If(leaves | ~self.some):
            m.d.sync += [self.first.eq(Mux(self.more, self._second, answer)), self.some.eq(self.more | put)]
            m.d.sync += self.more.eq(self.more & put)
        with m.Elif(put):
            m.d.sync += self.more.eq(1)
        with m.If(put):
            m.d.sync += self._second.eq(answer)


class AxiLiteModel:
    """An :class:`AxiLite`, access by access."""

    def __init__(self, words: int) -> None:
        self._words = words
        self._aw: int | None = None
        self._w: tuple[int, int] | None = None
        self._ar: int | None = None
        self._now: dict[str, int] | None = None  # at work; with an ``answer`` if the bus is not asked
        self._reads_next = False
        self._b, self._r = deque[int](), deque[tuple[int, int]]()

    @property
    def requests(self) -> bool:
        """Whether the bus is asked in the clock to come, which follows from no input."""
        return self._now is not None and "answer" not in self._now

    def clock(self, **inputs: Any) -> dict[str, int | None]:
        """Outputs of a clock with these inputs, ``None`` for what means nothing; interfaces' ports are ``name_port``."""

        def given(name: str) -> int:
            return int(inputs.get(name, 0))

        now, bus = self._now, self._now if self.requests else None
        result: dict[str, int | None] = {
            "s_axi_awready": int(self._aw is None),
            "s_axi_wready": int(self._w is None),
            "s_axi_arready": int(self._ar is None),
            "s_axi_bvalid": int(len(self._b) > 0),
            "s_axi_bresp": self._b[0] if self._b else None,
            "s_axi_rvalid": int(len(self._r) > 0),
            "s_axi_rresp": self._r[0][0] if self._r else None,
            "s_axi_rdata": self._r[0][1] if self._r else None,
            "bus_request": int(bus is not None),
            "bus_write": None if bus is None else bus["write"],
            "bus_address": None if bus is None else bus["address"],
            "bus_write_data": bus["word"] if bus and bus["write"] else None,
        }
        if self._b and given("s_axi_bready"):
            self._b.popleft()
        if self._r and given("s_axi_rready"):
            self._r.popleft()
        if now is not None and (bus is None or given("bus_done")):
            answer = now["answer"] if bus is None else SLVERR if given("bus_error") else OKAY
            if now["write"]:
                self._b.append(answer)
            else:
                self._r.append((answer, 0 if bus is None else given("bus_read_data")))
            self._now = None
        taken = self._taken(given)
        if self._now is None:
            self._begin()
        for name, value in taken.items():
            setattr(self, name, value)
        return result

    def _taken(self, given: Any) -> dict[str, Any]:
        """What the bridge holds of the manager's from the next clock on."""
        result: dict[str, Any] = {}
        if self._aw is None and given("s_axi_awvalid"):
            result["_aw"] = given("s_axi_awaddr") // 4
        if self._w is None and given("s_axi_wvalid"):
            result["_w"] = given("s_axi_wdata"), given("s_axi_wstrb")
        if self._ar is None and given("s_axi_arvalid"):
            result["_ar"] = given("s_axi_araddr") // 4
        return result

    def _begin(self) -> None:
        """The next access, if there is one and room for its answer."""
        may_write = self._aw is not None and self._w is not None and len(self._b) < 2
        may_read = self._ar is not None and len(self._r) < 2
        if may_write and not (may_read and self._reads_next):
            assert self._aw is not None and self._w is not None
            word, strobes = self._w
            self._now = {"write": 1, "address": self._aw, "word": word}
            if strobes != _ALL:
                self._now["answer"] = SLVERR if strobes else OKAY
            self._aw = self._w = None
            self._reads_next = True
        elif may_read:
            assert self._ar is not None
            self._now = {"write": 0, "address": self._ar}
            self._ar, self._reads_next = None, False
        if self._now is not None and self._now["address"] >= self._words:
            self._now["answer"] = DECERR
