"""The registers of what stands around the accelerator: packets that were dropped, samples that wait, an interrupt."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.choose import choose
from rtl.blocks.count import error_counter, flag
from rtl.blocks.properties import Monitor, implies
from rtl.plan.plan import Plan
from rtl.ports.interface_table import CAUSES, DRAINED, ERROR, OFFSETS, interface_base
from rtl.ports.register_map import EMPTY, STATUS, WIDTH, AddressMap, bus_signature
from rtl.ports.register_table import Access, Register

REACTION = 2
"""Clocks after which the accelerator knows of a sample that has been passed on to it."""


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
    return interface_base(of) + len(OFFSETS)


class InterfaceRegisters(wiring.Component):
    """Serves requests for the registers here, and passes all others on to the accelerator.

    The bit EMPTY of the accelerator's STATUS is cleared on its way while a sample waits in front of it.

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
    """

    latency = 1
    """Clocks from a request for a register here to ``done``."""

    def __init__(self, of: Plan, levels: int) -> None:
        self._bits = AddressMap.of(of).bits
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
            }
        )

    def model(self) -> "InterfaceRegistersModel":
        """The registers after reset, to be taken clock by clock."""
        return InterfaceRegistersModel(self._bits)

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
        clear = Signal(len(OFFSETS))
        enable = Signal(CAUSES)
        failed = Signal()
        happened = self.misframed | self.refused | self.unfit | self.illegal | failed
        error = flag(m, happened, clear[5] & word[ERROR])
        events = (self.misframed, self.refused, self.unfit)
        names = [register.name.lower() for register in OFFSETS]
        counts = [error_counter(m, names[i], event, clear[i]) for i, event in enumerate(events)]
        values: list[Any] = [*counts, self.level, enable, self.causes]
        is_at = [offset == register.address for register in OFFSETS]
        legal = [_legal(register, word) for register in OFFSETS]
        which = offset[: (len(OFFSETS) - 1).bit_length()]
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


def _legal(register: Register, word: Value) -> Value:
    """Whether a word may be written to a register."""
    return (word & ~Const(_takes(register), WIDTH)) == 0 if register.writable else Const(0)


def _takes(register: Register) -> int:
    """Bits that may be 1 in a word that is written."""
    return sum(f.mask for f in register.fields if f.access in (Access.READ_WRITE, Access.ONE_TO_CLEAR))


_MODELLED = {"MISFRAMED": 0, "REFUSED": 0, "UNFIT": 0, "INTERRUPT_ENABLE": (1 << CAUSES) - 1, "INTERRUPT_STATUS": 1 << ERROR}
"""Bits that may be 1 in a word that is written, of the registers that can be."""


class InterfaceRegistersModel:
    """The :class:`InterfaceRegisters`, clock by clock."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._counts, self._enable, self._error = [0, 0, 0], 0, 0
        self._done, self._found, self._bad, self._drained = 0, 0, 0, 1
        self._passed = [0] * REACTION

    def clock(self, **inputs: Any) -> dict[str, int | None]:
        """Outputs of a clock with these inputs, ``None`` for what means nothing; interfaces' ports are ``name_port``."""

        def given(name: str) -> int:
            return int(inputs.get(name, 0))

        ours, offset = divmod(given("bus_address"), 1 << self._bits)
        request, write, word = given("bus_request"), given("bus_write"), given("bus_write_data")
        waits = given("waiting") or any(self._passed)
        causes = given("result") | self._drained << DRAINED | self._error << ERROR
        done = self._done or given("inner_done")
        error = self._bad if ours else given("inner_error")
        read = given("inner_read_data")
        if offset == STATUS and waits:
            read &= ~(1 << EMPTY)
        result: dict[str, int | None] = {
            "inner_request": int(request and not ours),
            "inner_write": write,
            "inner_address": offset,
            "inner_write_data": word,
            "bus_done": int(done),
            "bus_error": int(done and error),
            "bus_read_data": (self._found if ours else read) if done and not error else None,
            "causes": causes,
            "interrupt": int(causes & self._enable != 0),
        }
        takes = request and ours and not self._done
        values = [*self._counts, given("level"), self._enable, causes]
        register = OFFSETS[offset] if offset < len(OFFSETS) else None
        legal = register is not None and register.name in _MODELLED and not word & ~_MODELLED[register.name]
        self._found = values[offset] if register is not None else 0
        self._bad = int(register is None or bool(write and not legal))
        cleared = offset if takes and write and legal else None
        events = [given(name) for name in ("misframed", "refused", "unfit")]
        for i, event in enumerate(events):
            kept = 0 if cleared == i else self._counts[i]
            self._counts[i] = min(kept + event, (1 << WIDTH) - 1)
        if cleared == 4:
            self._enable = word
        happened = any(events) or given("illegal") or (done and error)
        if happened or (cleared == 5 and word >> ERROR & 1):
            self._error = int(bool(happened))
        self._drained = int(not waits and given("empty"))
        self._passed = [given("waiting"), *self._passed[:-1]]
        self._done = int(bool(takes))
        return result
