"""Weights and biases as packets of the AXI4-Streams: all of them at once, about one word in a clock."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.arithmetic import fits
from rtl.blocks.choose import lookup
from rtl.blocks.delay import delayed
from rtl.blocks.properties import Monitor, implies, one_of
from rtl.blocks.queues import Queue
from rtl.plan.plan import Plan
from rtl.plan.signatures import access_signature
from rtl.ports.axi_stream import axis_signature
from rtl.ports.parameter_order import order, walks
from rtl.ports.parameter_stream_model import ParameterStreamModel
from rtl.ports.register_map import WIDTH
from rtl.ports.row_access import reading, settling

STAGES = 2
"""Clocks from the one in which a word is on its way to the strobe of its access."""


class ParameterStream(wiring.Component):
    """Writes the words of packets into the memories, and sends packets of the memories' words.

    A packet is all words in the order of :func:`rtl.ports.parameter_order.order`, each in 32 bits, the lowest byte first.
    Words are written as they come. From the first one on that its format cannot hold nothing of a packet is written, and
    what is behind the last word is skipped. The packet behind one of any length is taken from its beginning.

    Throughput one word per clock, or one beat where a word takes several; fewer in memories that have fewer rows than
    there are clocks from the read of a row to its write.

    Ports
    -----
    load : in, 1
        Packets that begin on ``s_axis`` are parameters.
    send : in, 1
        All parameters shall be sent; nothing else is going on.
    routes : out, 1
        ``s_axis`` is taken from here: ``load``, or a packet that has begun.
    loading : out, 1
        That, or words are on their way into the memories.
    sending : out, 1
        The packet that was asked for has not been taken to its end.
    loaded : out, 1
        Since ``load`` a packet has ended, and what was to be written is.
    s_axis : in, interface axis_signature
        Packets of parameters.
    m_axis : out, interface axis_signature
        Packets of parameters.
    misframed : out, 1
        A packet was too short or too long.
    refused : out, 1
        A packet of the right length holds a word that does not fit.
    access_<i> : out, interface access_signature
        Weights and biases of junction i; a request may follow another at once.
    """

    latency = STAGES
    """Clocks from a word's last beat to the strobe of its access."""

    def __init__(self, of: Plan) -> None:
        hardware = of.config.hardware
        assert hardware is not None
        self._of, self._bits = of, hardware.beat_bits
        self.walks, self.settles, self.reads = walks(of), settling(of), STAGES + reading(of)
        # As many as there are from asking for a word to counting that it has left, so that no clock is lost.
        most = self.reads + Queue.latency + 1
        self.queue = Queue(max(of.numbers.weight.width, of.numbers.bias.width), most - 2, max(hardware.lut_ram_depth, 2))
        self.under_way = Signal(range(max(most, self.settles) + 1), name="under_way")
        self._at = Signal(range(len(self.walks)), name="at")
        self._row = Signal(range(max(w.rows for w in self.walks)), name="row")
        self._lane = Signal(range(max(w.lanes for w in self.walks)), name="lane")
        self._first, self._asks = Signal(init=1, name="first"), Signal(name="asks")
        self._begun, self._skipping, self._spoilt = (Signal(name=n) for n in ("begun", "skipping", "spoilt"))
        self._part = Signal(range(max(WIDTH, self._bits) // min(WIDTH, self._bits)), name="part")
        self._issues, self._coming = Signal(name="issues"), Signal(name="coming")
        ports: dict[str, Any] = {name: In(1) for name in ("load", "send")}
        ports |= {name: Out(1) for name in ("routes", "loading", "sending", "loaded", "misframed", "refused")}
        ports |= {"s_axis": In(axis_signature(self._bits)), "m_axis": Out(axis_signature(self._bits))}
        ports |= {f"access_{j.number}": Out(access_signature(of, j.number)) for j in of.junctions}
        super().__init__(ports)

    def model(self) -> ParameterStreamModel:
        """The stream after reset, to be taken clock by clock."""
        return ParameterStreamModel(self._of, order(self._of), self.settles, self.reads)

    def properties(self, p: Monitor) -> None:
        """Words are there and apart, what was read finds room, and what is offered stays."""
        m_axis, queue = self.m_axis, self.queue
        busy = self.loading | self.sending
        p.assume("load_begins", "packets are asked for while none is sent", implies(self.load, ~self.sending & ~self.send))
        p.assume("send_begins", "and one is to be sent while nothing else is going on", implies(self.send, ~busy))
        accesses = [getattr(self, f"access_{j.number}") for j in self._of.junctions]
        strobes = Cat(access.strobe for access in accesses)
        one = one_of([strobes == 0, *(strobes == 1 << i for i in range(len(accesses)))])
        p.require("one_access", "one junction is asked", one)
        places = [
            (self._at == i) & (self._row < w.rows - (self._lane >= w.whole if w.short else 0)) & (self._lane < w.lanes)
            for i, w in enumerate(self.walks)
        ]
        p.require("place", "the next word is one that there is", one_of(places))
        for access, j in zip(accesses, self._of.junctions, strict=True):
            there = one_of(
                (access.bias == w.bias) & (access.row < w.rows) & (access.lane < w.lanes)
                for w in self.walks
                if w.junction == j.number
            )
            p.require(f"word_{j.number}", "a word that is accessed exists", implies(access.strobe, there))
        p.require("busy", "memories are accessed while it is known that they are", implies(strobes.any(), busy))
        p.require(
            "lent",
            "words are on their way only while it is known",
            implies(self.under_way.any() | self._issues | self._asks, busy) & implies(self._asks, self.sending),
        )
        p.require("alone", "packets come or go", ~(self.loading & self.sending))
        # What has been asked for: words that are being read, and words that wait.
        asked = [p.past(self._issues & self.sending, f"asked_{n}", n) for n in range(1, self.reads + 1)]
        reads: Any = sum(asked[1:], start=asked[0])
        p.require("room", "what is read finds room", implies(queue.w_en, queue.stored != queue.depth))
        p.require(
            "read_counted",
            "words that are asked for are being read or wait",
            implies(self.sending, self.under_way == reads + queue.level) & (queue.level + reads <= queue.capacity),
        )
        p.require(
            "moves",
            "a word waits in the memory for the registers alone",
            (queue.some == (queue.stored != 0)) & ((queue.stored <= 1) | (queue.fetched & queue.r_rdy)),
        )
        written = [p.past(self._issues & self._coming, f"written_{n}", n) for n in range(1, self.settles)]
        writes: Any = sum(written[1:], start=written[0]) if written else Const(0)
        counted = implies(~self.sending, self.under_way == writes)
        p.require("write_counted", "words that are being written are counted", counted)
        self._apart(p)
        offer = Cat(m_axis.tdata, m_axis.tlast)
        p.require(
            "stays",
            "a beat that is offered stays until it is taken",
            implies(p.past(m_axis.tvalid & ~m_axis.tready, "offered"), m_axis.tvalid & (offer == p.past(offer, "offer"))),
        )
        p.require("sends", "beats are sent only of a packet that was asked for", implies(m_axis.tvalid, self.sending))
        p.reach("ends", "a packet ends", self.misframed | (m_axis.tvalid & m_axis.tready))

    def _apart(self, p: Monitor) -> None:
        """The row that comes next is not one whose write is under way."""
        row, at, met = self._row, self._at, []
        for n in range(1, self.settles):
            issued = p.past(self._issues & self._coming, f"issued_{n}", n)
            same = (p.past(row, f"row_{n}", n) == row) & (p.past(at, f"at_{n}", n) == at)
            met.append(self._issues & self._coming & issued & same)
        p.require("apart", "no row is read while a word of it is written", ~one_of(met) if met else Const(1))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = self.queue
        asks, issues, under_way = self._asks, self._issues, self.under_way
        room = Signal()
        last = Signal()
        ends = Signal()
        word = Signal(WIDTH)
        too_long = self._receive(m, word, room, last, ends)
        m.d.comb += issues.eq(self._coming | (asks & room))
        self._walk(m, room, last, ends)
        judged = self._ask(m, word, ends, too_long)
        leaves = self._send(m)
        # A word counts until its row may be asked for again, or until it has left.
        settled = delayed(m, self._coming, self.settles - 1, "settled", valid=True)
        m.d.sync += under_way.eq(under_way + issues - (settled | leaves))
        with m.If(self.send):
            m.d.sync += [asks.eq(1), self.sending.eq(1)]
        with m.Elif(issues & last):
            m.d.sync += asks.eq(0)
        with m.If(self.m_axis.tvalid & self.m_axis.tready & self.m_axis.tlast):
            m.d.sync += self.sending.eq(0)
        # Of a packet that has ended the last word is being written.
        written = Signal(self.settles)
        m.d.sync += written.eq(Cat(judged, written))
        with m.If(written[-1]):
            m.d.sync += self.loaded.eq(1)
        with m.If(~self.load):
            m.d.sync += self.loaded.eq(0)
        within = self._begun | (self._part.any() & ~self.sending) | judged
        m.d.comb += [self.routes.eq(self.load | within), self.loading.eq(self.routes | written.any())]
        return m

    def _receive(self, m: Module, word: Signal, room: Signal, last: Signal, ends: Signal) -> Value:
        """Words out of beats, or of several; whether a packet that ends has another length than it should."""
        s_axis, bits, part = self.s_axis, self._bits, self._part
        begun, skipping, coming = self._begun, self._skipping, self._coming
        takes = Signal()
        final = Signal()
        complete: Any = Const(1)  # the word, with this beat
        over: Any = Const(1)  # the beat, with this word
        if bits < WIDTH:
            before = Signal(WIDTH - bits, reset_less=True)
            complete = part.all()
            m.d.comb += word.eq(Cat(before, s_axis.tdata))
            with m.If(takes):
                m.d.sync += [before.eq(Cat(before, s_axis.tdata)[bits:]), part.eq(Mux(s_axis.tlast | skipping, 0, part + 1))]
        elif bits == WIDTH:
            m.d.comb += word.eq(s_axis.tdata)
        else:
            over = part.all() | last
            m.d.comb += word.eq(s_axis.tdata.word_select(part, WIDTH))
            with m.If(takes):
                m.d.sync += part.eq(0)
            with m.Elif(coming):
                m.d.sync += part.eq(part + 1)
        m.d.comb += [
            coming.eq(self.routes & s_axis.tvalid & ~skipping & complete & room),
            s_axis.tready.eq(self.routes & (skipping | ~complete | (room & over))),
            takes.eq(s_axis.tvalid & s_axis.tready),
            final.eq(coming & last),
            ends.eq(takes & ~skipping & (s_axis.tlast | final)),
        ]
        with m.If(takes):
            m.d.sync += [begun.eq(~s_axis.tlast), skipping.eq(~s_axis.tlast & (skipping | final))]
        return s_axis.tlast != final

    def _walk(self, m: Module, room: Signal, last: Signal, ends: Signal) -> None:
        """The place of the word that comes next, and whether there is room for it on its way."""
        at, row, lane, first, under_way = self._at, self._row, self._lane, self._first, self.under_way

        def known(values: list[int]) -> Value:
            return lookup(at, values, max(1, max(values).bit_length()))

        short = Cat((at == i) & (lane >= w.whole) for i, w in enumerate(self.walks) if w.short)
        row_ends = Signal()
        lane_ends = Signal()
        walk_ends = Signal()
        apart = [min(w.apart or self.settles, self.settles) for w in self.walks]
        most = Mux(self.sending, self.queue.capacity, known(apart))
        m.d.comb += [
            row_ends.eq(row == known([w.rows - 1 for w in self.walks]) - short.any()),
            lane_ends.eq(lane == known([w.lanes - 1 for w in self.walks])),
            walk_ends.eq(row_ends & lane_ends),
            last.eq(walk_ends & (at == len(self.walks) - 1)),
            # What the packet before has brought is all written.
            room.eq(Mux(first, ~under_way.any(), under_way < most)),
        ]
        with m.If(self._issues):
            m.d.sync += [first.eq(last), row.eq(Mux(row_ends, 0, row + 1))]
            with m.If(row_ends):
                m.d.sync += lane.eq(Mux(lane_ends, 0, lane + 1))
            with m.If(walk_ends):
                m.d.sync += at.eq(Mux(last, 0, at + 1))
        with m.If(ends):
            m.d.sync += [first.eq(1), at.eq(0), row.eq(0), lane.eq(0)]

    def _ask(self, m: Module, word: Signal, ends: Signal, wrong: Value) -> Signal:
        """Accesses to the memories, two clocks later; a clock later a packet that has ended is judged."""
        numbers, spoilt, walks = self._of.numbers, self._spoilt, self.walks
        issued = delayed(m, self._issues, 1, "issued", valid=True)
        writes = delayed(m, self._coming, 1, "writes", valid=True)
        judged = delayed(m, ends, 1, "judged", valid=True)
        misframed = delayed(m, wrong, 1, "wrong")
        at, row, lane, given = (
            delayed(m, x, 1, n) for x, n in ((self._at, "at"), (self._row, "row"), (self._lane, "lane"), (word, "word"))
        )
        bias = lookup(at, [w.bias for w in walks], 1)
        bad = Signal()
        m.d.comb += [
            bad.eq(writes & ~Mux(bias, fits(given, numbers.bias), fits(given, numbers.weight))),
            self.misframed.eq(judged & misframed),
            self.refused.eq(judged & ~misframed & (spoilt | bad)),
        ]
        with m.If(judged):
            m.d.sync += spoilt.eq(0)
        with m.Elif(bad):
            m.d.sync += spoilt.eq(1)
        asks = issued & ~bad & ~(writes & spoilt)
        for j in self._of.junctions:
            access = getattr(self, f"access_{j.number}")
            here = lookup(at, [int(w.junction == j.number) for w in walks], 1)
            m.d.sync += [
                access.strobe.eq(asks & here),
                access.write.eq(writes),
                access.bias.eq(bias),
                access.row.eq(row),
                access.lane.eq(lane),
                access.word.eq(given),
            ]
        return judged

    def _send(self, m: Module) -> Value:
        """Words that were read, into beats; whether one leaves the queue."""
        m_axis, bits, part, queue = self.m_axis, self._bits, self._part, self.queue
        accesses = [getattr(self, f"access_{j.number}") for j in self._of.junctions]
        came = [
            delayed(m, a.strobe & ~a.write, self.reads - STAGES, f"came_{i}", valid=True) for i, a in enumerate(accesses, 1)
        ]
        read: Any = Const(0, queue.width)
        for access, comes in zip(accesses, came, strict=True):
            read = read | Mux(comes, access.read_word, 0)
        tail = Signal()
        whole = Signal(WIDTH)
        m.d.comb += [
            queue.w_en.eq(Cat(*came).any()),
            queue.w_data.eq(read),
            tail.eq(~self._asks & (self.under_way == 1)),
            whole.eq(queue.r_data.as_signed()),
        ]
        if bits <= WIDTH:
            m.d.comb += [
                m_axis.tvalid.eq(queue.r_rdy),
                m_axis.tdata.eq(whole.word_select(part, bits)),
                m_axis.tlast.eq(tail & part.all()),
                queue.r_en.eq(m_axis.tready & part.all()),
            ]
            if bits < WIDTH:
                with m.If(m_axis.tvalid & m_axis.tready):
                    m.d.sync += part.eq(part + 1)
            return queue.r_rdy & queue.r_en
        beat = Signal(bits, reset_less=True)
        full = Signal()
        over = Signal()
        leaves = Signal()
        m.d.comb += [
            queue.r_en.eq(~full | m_axis.tready),
            leaves.eq(queue.r_rdy & queue.r_en),
            m_axis.tvalid.eq(full),
            m_axis.tdata.eq(beat),
            m_axis.tlast.eq(over),
        ]
        with m.If(m_axis.tready):
            m.d.sync += full.eq(0)
        with m.If(leaves):
            m.d.sync += [full.eq(part.all() | tail), over.eq(tail), part.eq(Mux(tail, 0, part + 1))]
            for k in range(bits // WIDTH):
                with m.If(part == k):
                    m.d.sync += beat.word_select(k, WIDTH).eq(whole)
                with m.Elif(part == 0):
                    m.d.sync += beat.word_select(k, WIDTH).eq(0)
        return leaves
