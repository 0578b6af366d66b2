"""The memory-mapped port: control, counters, weights and biases."""

from collections.abc import Collection
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from rtl.blocks.arithmetic import fits
from rtl.blocks.choose import choose, lookup
from rtl.blocks.count import error_counter, flag
from rtl.blocks.delay import delayed
from rtl.blocks.properties import Monitor, implies, one_of
from rtl.plan.plan import Plan
from rtl.plan.signatures import access_signature, saturation_layout, stays, tag_layout
from rtl.ports.register_map import (
    CONTROL,
    CYCLES,
    ERROR_BITS,
    ERRORS,
    ILLEGAL_KAPPAS,
    ILLEGAL_LABELS,
    NO_BUBBLES,
    RATE,
    RATE_FIXED,
    REFUSED_VALUES,
    RESULTS,
    RUN,
    SAMPLES,
    STATUS,
    AddressMap,
    bus_signature,
)
from rtl.ports.register_table import WIDTH, clipped_kinds, facts_at, registers, saturation_at
from rtl.ports.registers_model import RegistersModel
from rtl.ports.row_access import picking


class Registers(wiring.Component):
    """Serves the bus.

    Latency: four clocks for a register; for a word of a memory as long as it takes to read, replace and write its row.

    Ports
    -----
    bus : in, interface bus_signature
        Requests.
    run : out, 1
        Junction cycles may follow each other.
    no_bubbles : out, 1
        They may only if a sample is there to be loaded.
    rate : out, shift
        Greatest learning-rate shift less the one of RATE.
    rate_fixed : out, 1
        Whether it replaces the samples' own.
    standing : in, 1
        Nothing moves.
    empty : in, 1
        No sample is waiting or under way.
    sample : in, 1
        A sample enters, to be counted.
    result : in, 1
        A result has left, to be counted.
    cycle : in, 1
        A junction cycle begins, to be counted.
    illegal_kappa : in, 1
        A sample enters that is not trained on because of its learning-rate shift, to be counted.
    illegal_label : in, 1
        A sample enters that is not trained on because of its label, to be counted.
    access_<i> : out, interface access_signature
        Weights and biases of junction i.
    saturation_<i> : in, saturation_<i>
        Numbers that junction i clipped in this clock.
    """

    latency = 3
    """Clocks from the request of a register to ``done``."""
    counts: list[Signal]
    """The counters, once elaborated."""

    def __init__(self, of: Plan) -> None:
        self._of, self.map = of, AddressMap.of(of)
        # Where a request is: in its first clock within, in its second, or with a memory.
        self._caught, self._looked, self._busy = (Signal(name=name) for name in ("caught", "looked", "busy"))
        n = len(of.junctions)
        ports = {
            "bus": In(bus_signature(of)),
            "run": Out(1),
            "no_bubbles": Out(1),
            "rate": Out(tag_layout(of)["shift"].shape),
            "rate_fixed": Out(1),
            "standing": In(1),
            "empty": In(1),
            "sample": In(1),
            "result": In(1),
            "cycle": In(1),
            "illegal_kappa": In(1),
            "illegal_label": In(1),
        }
        for i in range(1, n + 1):
            ports[f"access_{i}"] = Out(access_signature(of, i))
            ports[f"saturation_{i}"] = In(saturation_layout(of.junctions[i - 1]))
        super().__init__(ports)

    def model(self) -> "RegistersModel":
        """The registers after reset, to be taken clock by clock."""
        return RegistersModel(self._of, self.map, self._reading(), self._longest())

    def properties(self, p: Monitor) -> None:
        """Every request is answered in time, and the memories are at work for it only while nothing else is."""
        bus, m, of = self.bus, p.module, self._of
        fields = (bus.write, bus.address, bus.write_data)
        held = [field == p.past(field, f"asked_{i}") for i, field in enumerate(fields)]
        asked = p.past(bus.request & ~bus.done, "asked")
        p.assume(
            "held", "a request and what belongs to it hold until it is over", implies(asked, bus.request & Cat(*held).all())
        )
        longest = max(self._longest(), self._reading()) + 2 + self.latency
        waiting = Signal(range(longest + 2), name="waiting")
        m.d.sync += waiting.eq(Mux(bus.request & ~bus.done, Mux(waiting > longest, waiting, waiting + 1), 0))
        p.require("answered", f"a request is over within {longest} clocks", waiting <= longest)
        p.require("done_once", "it is over for one clock", implies(bus.done, ~p.past(bus.done, "was_done") & asked))
        p.require("error_with_done", "an error comes with the end of a request", implies(bus.error, bus.done))
        stages = [self._caught, self._looked, self._busy]
        p.require(
            "one_stage",
            "a request is in one stage at a time, and lasts until it has left it",
            one_of([Cat(*stages) == 0, *(Cat(*stages) == 1 << i for i in range(3))]) & implies(Cat(*stages).any(), asked),
        )
        accesses = [getattr(self, f"access_{j.number}") for j in of.junctions]
        strobes = Cat(access.strobe for access in accesses)
        at_work = Signal(name="at_work")
        with m.If(strobes.any()):
            m.d.sync += at_work.eq(~bus.done)
        with m.Elif(bus.done):
            m.d.sync += at_work.eq(0)
        p.require(
            "strobe_once", "an access is asked for in one clock", implies(p.past(strobes.any(), "strobed"), ~strobes.any())
        )
        p.require(
            "one_access", "of one junction", one_of([strobes == 0, *(strobes == 1 << i for i in range(len(accesses)))])
        )
        p.require(
            "memories_at_rest",
            "memories are accessed only after a clock in which the accelerator stood and was not to go on",
            implies(strobes.any(), p.past(self.standing & ~self.run, "at_rest")),
        )
        p.require(
            "told_before",
            "a request finds what an earlier one has set: whether it is to go on has not just changed",
            implies(self._looked, self.run == p.past(self.run, "ran")),
        )
        p.require(
            "long_at_rest",
            "nor was it to go on in the clock before that",
            implies(strobes.any(), ~p.past(self.run, "ran_before", 2)),
        )
        p.require("no_run", "it is not told to go on until the access is over", implies(strobes.any() | at_work, ~self.run))
        for j, access in zip(of.junctions, accesses, strict=True):
            rows = Mux(access.bias, j.groups, j.rows)
            lanes = Mux(access.bias, j.results_per_clock, j.z)
            p.require(
                f"word_{j.number}",
                "the word that is accessed exists",
                implies(access.strobe, (access.row < rows) & (access.lane < lanes)),
            )
            p.require(f"stays_{j.number}", "and stays for a clock", stays(p, access))
        p.reach("refused", "a request is refused", bus.done & bus.error)
        p.reach("word_written", "a word is written", at_work & bus.done & bus.write & ~bus.error)

    def elaborate(self, platform: object) -> Module:
        m, of, n = Module(), self._of, len(self._of.junctions)
        greatest = of.kappas[1]
        run = Signal()
        kappa = Signal(range(greatest + 1), init=greatest)
        counters, happens = {}, ((SAMPLES, self.sample), (RESULTS, self.result), (CYCLES, self.cycle))
        for (at, event), name in zip(happens, ("samples", "results", "cycles"), strict=True):
            counters[at] = total = Signal(WIDTH, name=name)
            m.d.sync += total.eq(total + delayed(m, event, 1, f"{name}_event", valid=True))
        for i in range(1, n + 1):
            for k in range(clipped_kinds(of)):
                counters[saturation_at(i, k)] = total = Signal(WIDTH, name=f"saturation_{i}_{k}")
                clipped = Signal(getattr(self, f"saturation_{i}")[k].shape(), name=f"clipped_{i}_{k}")
                m.d.sync += [clipped.eq(getattr(self, f"saturation_{i}")[k]), total.eq(total + clipped)]
        illegal_kappa = Signal()
        illegal_label = Signal()
        refused = Signal()
        clear = Signal(ERROR_BITS)
        m.d.sync += [illegal_kappa.eq(self.illegal_kappa), illegal_label.eq(self.illegal_label), refused.eq(0), clear.eq(0)]
        errors = {
            ILLEGAL_KAPPAS: error_counter(m, "illegal_kappas", illegal_kappa, clear[0]),
            ILLEGAL_LABELS: error_counter(m, "illegal_labels", illegal_label, clear[1]),
            REFUSED_VALUES: error_counter(m, "refused_values", refused, clear[2]),
        }
        self.counts = [*counters.values(), *errors.values()]
        constants = {register.address: Const(register.reset, WIDTH) for register in registers(of) if register.constant}
        facts = {at: word for at, word in constants.items() if at >= facts_at(n)}
        flags = Cat(flag(m, e, c) for e, c in zip((illegal_kappa, illegal_label, refused), clear, strict=True))
        readable = {
            CONTROL: run | self.no_bubbles << NO_BUBBLES,
            STATUS: Cat(self.standing, self.empty, flags.any()),
            RATE: kappa | self.rate_fixed << RATE_FIXED,
            ERRORS: flags,
            **counters,
            **errors,
            **{at: word for at, word in constants.items() if at < facts_at(n)},
        }
        self._serve(m, readable, facts, run, kappa, clear, refused)
        m.d.comb += [self.run.eq(run), self.rate.eq(greatest - kappa)]
        return m

    def _serve(
        self,
        m: Module,
        readable: dict[int, Any],
        facts: dict[int, Value],
        run: Signal,
        kappa: Signal,
        clear: Signal,
        refused: Signal,
    ) -> None:
        """A request passes two registers: what it is about is looked up in the first clock, and done in the second."""
        of, bus = self._of, self.bus
        n, (least, greatest) = len(of.junctions), of.kappas
        address, word, write = (
            delayed(m, x, 1, name) for x, name in ((bus.address, "at"), (bus.write_data, "word"), (bus.write, "write"))
        )
        busy, caught, looked = self._busy, self._caught, self._looked
        m.d.sync += [caught.eq(bus.request & ~bus.done & ~caught & ~looked & ~busy), looked.eq(caught)]

        offset, block = address[: self.map.block_bits], address[self.map.block_bits :]
        given = word[:RATE_FIXED]
        rate_is = (given >= least) & (given <= greatest) & ~word[RATE_FIXED + 1 :].any()
        writable = {  # what is legal, and what follows from it
            CONTROL: (~word[NO_BUBBLES + 1 :].any(), [run.eq(word[RUN]), self.no_bubbles.eq(word[NO_BUBBLES])]),
            RATE: (rate_is, [kappa.eq(given), self.rate_fixed.eq(word[RATE_FIXED])]),
            ERRORS: (~word[ERROR_BITS:].any(), [clear.eq(word)]),
        }
        found = Signal(WIDTH)
        fact = Signal(WIDTH)
        is_fact = Signal()
        known = Signal()
        judged = Signal()
        sets = Signal(len(writable))
        there = Signal(n)
        bias = Signal()
        exists = Signal()
        fitting = Signal()
        here = [(block == 0) & (offset == at) for at in writable]
        words = [
            (block == b) & region.holds(*region.split(offset))
            for b, region in enumerate(self.map.weights + self.map.biases, 1)
        ]
        m.d.sync += [
            known.eq((block == 0) & _among(offset, {*readable, *facts})),
            judged.eq(Cat(*here).any()),
            sets.eq(Cat(at & fine for at, (fine, _) in zip(here, writable.values(), strict=True))),
            there.eq(Cat(*words[:n]) | Cat(*words[n:])),
            bias.eq(block > n),
            exists.eq(Cat(*words).any()),
            fitting.eq(~write | Mux(block <= n, fits(word, of.numbers.weight), fits(word, of.numbers.bias))),
        ]
        # Facts lie side by side: their lowest bits tell them apart, which makes each of their bits one table.
        bits = ceil_log2(len(facts))
        by_place = {at % (1 << bits): word for at, word in facts.items()}
        m.d.sync += [
            found.eq(choose(offset[: ceil_log2(max(readable) + 1)], _dense(readable))),
            fact.eq(choose(offset[:bits], [by_place.get(i, Const(0, WIDTH)) for i in range(1 << bits)])),
            is_fact.eq(_among(offset, facts)),
        ]

        rests = Signal()
        reaches = Signal()
        m.d.comb += [
            rests.eq(looked & self.standing & ~run & exists),
            reaches.eq(rests & fitting),
        ]
        waiting = Signal(range(max(self._longest(), self._reading()) + 1))
        m.d.sync += [bus.done.eq(looked & ~reaches), bus.error.eq(looked & ~reaches & (~known | (write & ~sets.any())))]
        for i, (_, effect) in enumerate(writable.values()):
            with m.If(looked & write & sets[i]):
                m.d.sync += effect
        with m.If(looked & known):
            m.d.sync += bus.read_data.eq(Mux(is_fact, fact, found))
        with m.If(looked & write):
            m.d.sync += refused.eq((judged & ~sets.any()) | (rests & ~fitting))
        for i, (weights, biases) in enumerate(zip(self.map.weights, self.map.biases, strict=True)):
            access = getattr(self, f"access_{i + 1}")
            (row, lane), (group, slot) = weights.split(offset), biases.split(offset)
            m.d.sync += access.strobe.eq(reaches & there[i])
            # What means nothing without its strobe need not wait for it.
            with m.If(looked):
                m.d.sync += [
                    access.write.eq(write),
                    access.bias.eq(bias),
                    access.row.eq(Mux(bias, group, row)),
                    access.lane.eq(Mux(bias, slot, lane)),
                    access.word.eq(word),
                ]
        with m.If(reaches):
            m.d.sync += [busy.eq(1), waiting.eq(Mux(write, self._longest(), self._reading()))]
        with m.If(busy):
            m.d.sync += waiting.eq(waiting - 1)
            with m.If(waiting == 0):
                m.d.sync += [busy.eq(0), bus.done.eq(1)]
                for i in range(n):
                    with m.If(there[i]):
                        m.d.sync += bus.read_data.eq(getattr(self, f"access_{i + 1}").read_word.as_signed())

    def _longest(self) -> int:
        """Clocks until the slowest access is over."""
        hardware = self._of.config.hardware
        assert hardware is not None
        return max(j.timing.update for j in self._of.junctions) + hardware.latency.memory_read + 3

    def _reading(self) -> int:
        """Clocks until a word has been read."""
        hardware = self._of.config.hardware
        assert hardware is not None
        return hardware.latency.memory_read + 3 + picking(self._of.lanes)


def _among(offset: Value, addresses: Collection[int]) -> Value:
    """Whether there is such an address: a table of the lower bits, which costs less than as many comparisons."""
    bits = ceil_log2(max(addresses) + 1)
    return (offset[bits:] == 0) & lookup(offset[:bits], [int(at in addresses) for at in range(1 << bits)], 1)


def _dense(registers: dict[int, Any]) -> list[Value]:
    """The words at all addresses, 0 where there is none."""
    zero, there = Const(0, WIDTH), {at: Value.cast(value) for at, value in registers.items()}
    return [Cat(there.get(at, zero), zero)[:WIDTH] for at in range(max(registers) + 1)]
