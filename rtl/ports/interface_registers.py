"""The registers of what stands around the accelerator: packets that were dropped, samples that wait, an interrupt."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.choose import choose
from rtl.blocks.count import error_counter, flag
from rtl.blocks.properties import Monitor, implies
from rtl.plan.plan import Plan
from rtl.ports.interface_registers_model import InterfaceRegistersModel
from rtl.ports.interface_table import CAUSES, ERROR, LOAD, OFFSETS, PARAMETERS, SEND, interface_base, offsets
from rtl.ports.register_map import CONTROL, EMPTY, RUN, STATUS, WIDTH, AddressMap, bus_signature
from rtl.ports.register_table import Access, Register

REACTION = 2
"""Clocks after which the accelerator knows of a sample that has been passed on to it."""
PARAMETERS_IN = "loading", "sending", "loaded", "quiet"
"""What is known of the stream of parameters."""


def wide_bus_signature(of: Plan) -> wiring.Signature:
    """The accelerator's bus, with the registers here behind its words: one more bit of address.

    Ports
    -----
    request : out, 1
        A request is there; it and what belongs to it hold until ``done``.
    write : out, 1
        It writes.
    address : out, address + 1
        Word of 32 bits.
    write_data : out, 32
        What to write.
    done : in, 1
        The request is over, for one clock.
    error : in, 1
        It was refused.
    read_data : in, 32
        The word; comes with ``done``.
    """
    members = dict(bus_signature(of).members)
    return wiring.Signature(members | {"address": Out(AddressMap.of(of).bits + 1)})


def words(of: Plan) -> int:
    """Words from address 0 on in which all registers and memories are."""
    return interface_base(of) + len(offsets(of))


class InterfaceRegisters(wiring.Component):
    """Serves requests for the registers here, and passes all others on to the accelerator.

    The bit EMPTY of the accelerator's STATUS is cleared on its way while a sample waits in front of it.

    Where there is a stream of parameters, it has the memories while ``load`` is set and until it is neither loading nor
    sending: requests for them are refused as long, and so is what would have the accelerator run.

    Ports
    -----
    bus : in, interface wide_bus_signature
        Requests.
    inner : out, interface bus_signature
        Those for the accelerator.
    misframed : in, 1
        A packet of a wrong length is dropped.
    refused : in, 1
        A packet with a wrong word is dropped.
    unfit : in, 1
        A training sample is fed forward only.
    illegal : in, 1
        The accelerator found a sample illegal.
    level : in, level
        Whole samples that wait.
    waiting : in, 1
        There are such, or part of one.
    result : in, 1
        A result waits.
    empty : in, 1
        The accelerator knows of no sample.
    causes : out, 3
        Causes of an interrupt, whether they are enabled or not.
    interrupt : out, 1
        A cause that is enabled.
    loading : in, 1, if streams
        Parameters come, or may come.
    sending : in, 1, if streams
        Parameters go.
    loaded : in, 1, if streams
        A packet of them has been written.
    quiet : in, 1, if streams
        The accelerator stands and is not to run, and neither stream has anything in it.
    load : out, 1, if streams
        Packets of samples that begin are parameters.
    send : out, 1, if streams
        Parameters shall be sent.
    """

    latency = 1
    """Clocks from a request for a register here to ``done``."""

    def __init__(self, of: Plan, levels: int) -> None:
        self._bits, self._block_bits = AddressMap.of(of).bits, AddressMap.of(of).block_bits
        self._registers = offsets(of)
        self._streams = PARAMETERS in self._registers
        more = {name: In(1) for name in PARAMETERS_IN} | {"load": Out(1), "send": Out(1)}
        super().__init__(
            {
                "bus": In(wide_bus_signature(of)),
                "inner": Out(bus_signature(of)),
                "misframed": In(1),
                "refused": In(1),
                "unfit": In(1),
                "illegal": In(1),
                "level": In(levels),
                "waiting": In(1),
                "result": In(1),
                "empty": In(1),
                "causes": Out(CAUSES),
                "interrupt": Out(1),
                **(more if self._streams else {}),
            }
        )

    def model(self) -> "InterfaceRegistersModel":
        """The registers after reset, to be taken clock by clock."""
        return InterfaceRegistersModel(self._bits, self._block_bits if self._streams else None)

    def properties(self, p: Monitor) -> None:
        """Requests are over once, and what the accelerator is asked holds."""
        bus, inner = self.bus, self.inner
        fields = Cat(bus.write, bus.address, bus.write_data)
        asked = p.past(bus.request & ~bus.done, "asked")
        p.assume("held", "a request holds until it is over", implies(asked, bus.request & (fields == p.past(fields, "was"))))
        inner_asked = p.past(inner.request & ~inner.done, "inner_asked")
        p.assume("inner_done", "the accelerator answers what it was asked before", implies(inner.done, inner_asked))
        passed = Cat(inner.write, inner.address, inner.write_data)
        p.require(
            "inner_held",
            "what the accelerator is asked holds until it is over",
            implies(inner_asked, inner.request & (passed == p.past(passed, "inner_was"))),
        )
        p.require("done_once", "a request is over after a clock in which it was not", implies(bus.done, asked))
        p.require("error_with_done", "an error comes with the end of a request", implies(bus.error, bus.done))
        if self._streams:
            lent = self.load | self.send | self.loading | self.sending
            begins = inner_asked | ~inner.request
            runs = inner.write & (inner.address == CONTROL) & inner.write_data[RUN]
            memory = inner.address[self._block_bits :] != 0
            p.require("kept_out", "no memory is asked for that the stream has", implies(lent & ~begins, ~memory & ~runs))
            was_free = p.past(self.quiet & ~self.loading & ~self.sending & ~self.waiting & self.empty, "was_free")
            starts = self.send | (self.load & ~p.past(self.load, "loads"))
            p.require(
                "starts",
                "parameters come or go when nothing else does",
                implies(starts, was_free & ~(self.load & self.send)),
            )
        p.reach("register", "a register here is written", bus.done & bus.write & ~inner.done & ~bus.error)

    def elaborate(self, platform: object) -> Module:
        m, bus, inner = Module(), self.bus, self.inner
        offset, ours = bus.address[: self._bits], bus.address[self._bits]
        word = bus.write_data
        # A sample that has been passed on is known to the accelerator some clocks later.
        passed = Signal(REACTION)
        drained = Signal(init=1)
        waits = self.waiting | passed.any()
        m.d.sync += [passed.eq(Cat(self.waiting, passed)), drained.eq(~waits & self.empty)]

        done = Signal()
        found = Signal(WIDTH)
        bad = Signal()
        takes = Signal()
        clear = Signal(len(self._registers))
        enable = Signal(CAUSES)
        failed = Signal()
        happened = self.misframed | self.refused | self.unfit | self.illegal | failed
        error = flag(m, happened, clear[5] & word[ERROR])
        events = (self.misframed, self.refused, self.unfit)
        names = [register.name.lower() for register in OFFSETS]
        counts = [error_counter(m, names[i], event, clear[i]) for i, event in enumerate(events)]
        values: list[Any] = [*counts, self.level, enable, self.causes]
        is_at = [offset == register.address for register in self._registers]
        legal = [_legal(register, word) for register in self._registers]
        which = offset[: (len(self._registers) - 1).bit_length()]
        if self._streams:
            values.append(Cat(self.loading, self.sending, self.loaded))
            legal[PARAMETERS.address] &= self._may(word, waits)
            is_at = [ours & at for at in is_at]
            ours |= self._barred(m, offset, done)
            written = clear[PARAMETERS.address]
            m.d.sync += self.send.eq(written & word[SEND])
            with m.If(written):
                m.d.sync += self.load.eq(word[LOAD])
        m.d.comb += [
            takes.eq(bus.request & ours & ~done),
            inner.request.eq(bus.request & ~ours),
            inner.write.eq(bus.write),
            inner.address.eq(offset),
            inner.write_data.eq(word),
            bus.done.eq(done | inner.done),
            bus.error.eq(bus.done & Mux(ours, bad, inner.error)),
            bus.read_data.eq(inner.read_data),
            failed.eq(bus.done & bus.error),
            self.causes.eq(Cat(self.result, drained, error)),
            self.interrupt.eq((self.causes & enable).any()),
        ]
        with m.If(offset == STATUS):
            m.d.comb += bus.read_data[EMPTY].eq(inner.read_data[EMPTY] & ~waits)
        with m.If(ours):
            m.d.comb += bus.read_data.eq(found)
        with m.If(takes & bus.write):
            m.d.comb += clear.eq(Cat(at & fine for at, fine in zip(is_at, legal, strict=True)))
            with m.If(clear[4]):
                m.d.sync += enable.eq(word)
        full = [Cat(Value.cast(value), Const(0, WIDTH))[:WIDTH] for value in values]
        full += full[:1] * ((1 << len(which)) - len(full))  # where there is none
        m.d.sync += [
            done.eq(takes),
            found.eq(choose(which, full)),
            bad.eq(~Cat(at & (fine | ~bus.write) for at, fine in zip(is_at, legal, strict=True)).any()),
        ]
        return m

    def _may(self, word: Value, waits: Value) -> Value:
        """Whether this may be written to PARAMETERS now."""
        free = self.quiet & self.empty & ~waits & ~self.load & ~self.loading & ~self.sending & ~self.send
        return Mux(word[SEND], free & ~word[LOAD], ~word[LOAD] | self.load | free)

    def _barred(self, m: Module, offset: Value, done: Signal) -> Value:
        """Whether what is asked for is refused as long as parameters come or go; in its last clock, whether it was."""
        bus, inner = self.bus, self.inner
        barred = Signal()
        passing = Signal()
        refused = Signal()
        lent = self.load | self.send | self.loading | self.sending
        runs = bus.write & (offset == CONTROL) & bus.write_data[RUN]
        m.d.comb += barred.eq(lent & ~passing & ~bus.address[self._bits] & (offset[self._block_bits :].any() | runs))
        m.d.sync += [passing.eq(inner.request & ~inner.done), refused.eq(barred & bus.request & ~done)]
        return Mux(done, refused, barred)


def _legal(register: Register, word: Value) -> Value:
    """Whether a word may be written to a register."""
    return (word & ~Const(_takes(register), WIDTH)) == 0 if register.writable else Const(0)


def _takes(register: Register) -> int:
    """Bits that may be 1 in a word that is written."""
    return sum(f.mask for f in register.fields if f.access in (Access.READ_WRITE, Access.ONE_TO_CLEAR))
