"""The memory-mapped port: control, counters, weights and biases."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from models.numbers.format import Format
from rtl.blocks.arithmetic import signed_bits
from rtl.blocks.count import error_counter, flag
from rtl.blocks.delay import delayed
from rtl.blocks.properties import Monitor, implies, one_of
from rtl.plan.plan import Plan
from rtl.plan.signatures import access_signature, saturation_layout, tag_layout
from rtl.ports.row_access import picking

WIDTH = 32
CONTROL, STATUS, RATE, SAMPLES, RESULTS, CYCLES, SATURATION = 0, 1, 2, 3, 4, 5, 16
ERRORS, ILLEGAL_KAPPAS, ILLEGAL_LABELS, REFUSED_VALUES = 8, 9, 10, 11
RUN = 0
"""Bit of CONTROL: junction cycles follow each other; cleared, the accelerator stands at the end of one."""
STANDING, EMPTY, ERROR = 0, 1, 2
"""Bits of STATUS: nothing moves; no sample is waiting or under way; a bit of ERRORS is set."""
RATE_FIXED = 8
"""Bit of RATE: its lower bits replace the samples' own learning-rate shift."""
ERROR_BITS = 3
"""Bits of ERRORS: whether each of the three counters behind it has counted; writing a 1 clears bit and counter."""


@dataclass(frozen=True)
class Region:
    """The words of one memory: row r, lane m at ``base`` + (r << lane_bits) + m; the last row may be ``short`` of some."""

    base: int
    rows: int
    lanes: int
    lane_bits: int
    short: int = 0

    @property
    def size(self) -> int:
        """Addresses, a power of two."""
        return 1 << (ceil_log2(self.rows) + self.lane_bits)

    @property
    def words(self) -> int:
        """How many there are."""
        return self.rows * self.lanes - self.short

    def holds(self, row: Any, lane: Any) -> Any:
        """Whether there is such a word."""
        there = (row < self.rows) & (lane < self.lanes)
        return there & ((row != self.rows - 1) | (lane < self.lanes - self.short)) if self.short else there

    def address(self, index: int) -> int:
        """Address of a word by its number in the order of rows and lanes."""
        row, lane = divmod(index, self.lanes)
        return self.base + (row << self.lane_bits) + lane


@dataclass(frozen=True)
class AddressMap:
    """Where everything is, in words of 32 bits."""

    weights: tuple[Region, ...]
    biases: tuple[Region, ...]
    bits: int

    @classmethod
    def of(cls, plan: Plan) -> "AddressMap":
        """Registers first, then a block of equal size for the weights and for the biases of every junction."""
        shapes = [(j.rows, j.z, 0) for j in plan.junctions]
        for j in plan.junctions:
            shapes.append((j.groups, j.results_per_clock, j.groups * j.results_per_clock - j.n_right))
        registers = 1 << ceil_log2(SATURATION + 4 * len(plan.junctions))
        block = max([1 << (ceil_log2(rows) + ceil_log2(lanes)) for rows, lanes, _ in shapes] + [64, registers])
        regions = [
            Region((i + 1) * block, rows, lanes, ceil_log2(lanes), short) for i, (rows, lanes, short) in enumerate(shapes)
        ]
        n = len(plan.junctions)
        return cls(tuple(regions[:n]), tuple(regions[n:]), ceil_log2(block * (len(shapes) + 1)))

    @property
    def block_bits(self) -> int:
        """Bits of an address within a block."""
        return ceil_log2(self.weights[0].base)


def bus_signature(plan: Plan) -> wiring.Signature:
    """One request at a time, as the host sees it.

    Ports
    -----
    request : out, 1
        A request is there; it and what belongs to it hold until ``done``.
    write : out, 1
        It writes.
    address : out, address
        Word of 32 bits (:class:`AddressMap`).
    write_data : out, 32
        What to write.
    done : in, 1
        The request is over, for one clock.
    error : in, 1
        It was refused: no such word, memories while running, or a value that the word cannot hold.
    read_data : in, 32
        The word, sign-extended; comes with ``done``.
    """
    return wiring.Signature(
        {
            "request": Out(1),
            "write": Out(1),
            "address": Out(AddressMap.of(plan).bits),
            "write_data": Out(WIDTH),
            "done": In(1),
            "error": In(1),
            "read_data": In(WIDTH),
        }
    )


class Registers(wiring.Component):
    """Serves the bus.

    Latency: two clocks for a register; for a word of a memory as long as it takes to read, replace and write its row.

    Ports
    -----
    bus : in, interface bus_signature
        Requests.
    run : out, 1
        Junction cycles may follow each other.
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

    latency = 1
    """Clocks from the request of a register to ``done``."""
    counts: list[Signal]
    """The counters, once elaborated."""

    def __init__(self, of: Plan) -> None:
        self._of, self.map = of, AddressMap.of(of)
        self._counters = bool(of.config.hardware and of.config.hardware.counters)
        n = len(of.junctions)
        ports = {
            "bus": In(bus_signature(of)),
            "run": Out(1),
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
        return RegistersModel(self._of, self.map, self._counters, self._reading(), self._longest())

    def properties(self, p: Monitor) -> None:
        """Every request is answered in time, and the memories are at work for it only while nothing else is."""
        bus, m, of = self.bus, p.module, self._of
        fields = (bus.write, bus.address, bus.write_data)
        held = [field == p.past(field, f"asked_{i}") for i, field in enumerate(fields)]
        asked = p.past(bus.request & ~bus.done, "asked")
        p.assume(
            "held", "a request and what belongs to it hold until it is over", implies(asked, bus.request & Cat(*held).all())
        )
        longest = max(self._longest(), self._reading()) + 3
        waiting = Signal(range(longest + 2), name="waiting")
        m.d.sync += waiting.eq(Mux(bus.request & ~bus.done, Mux(waiting > longest, waiting, waiting + 1), 0))
        p.require("answered", f"a request is over within {longest} clocks", waiting <= longest)
        p.require("done_once", "it is over for one clock", implies(bus.done, ~p.past(bus.done, "was_done") & asked))
        p.require("error_with_done", "an error comes with the end of a request", implies(bus.error, bus.done))
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
        p.require("no_run", "it is not told to go on until the access is over", implies(strobes.any() | at_work, ~self.run))
        for j, access in zip(of.junctions, accesses, strict=True):
            rows = Mux(access.bias, j.groups, j.rows)
            lanes = Mux(access.bias, j.results_per_clock, j.z)
            p.require(
                f"word_{j.number}",
                "the word that is accessed exists",
                implies(access.strobe, (access.row < rows) & (access.lane < lanes)),
            )
        p.reach("refused", "a request is refused", bus.done & bus.error)
        p.reach("word_written", "a word is written", at_work & bus.done & bus.write & ~bus.error)

    def elaborate(self, platform: object) -> Module:
        m, of, bus = Module(), self._of, self.bus
        n, least, greatest = len(of.junctions), *of.kappas
        run = Signal()
        kappa = Signal(range(greatest + 1), init=greatest)
        counters, happens = {}, ((SAMPLES, self.sample), (RESULTS, self.result), (CYCLES, self.cycle))
        for (at, event), name in zip(happens, ("samples", "results", "cycles"), strict=True):
            counters[at] = total = Signal(WIDTH, name=name)
            m.d.sync += total.eq(total + delayed(m, event, 1, f"{name}_event", valid=True))
        if self._counters:
            for i in range(1, n + 1):
                for k in range(4 if of.trains else 1):
                    counters[SATURATION + 4 * (i - 1) + k] = total = Signal(WIDTH, name=f"saturation_{i}_{k}")
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
        flags = Cat(flag(m, e, c) for e, c in zip((illegal_kappa, illegal_label, refused), clear, strict=True))
        readable = {
            CONTROL: run,
            STATUS: Cat(self.standing, self.empty, flags.any()),
            RATE: kappa | self.rate_fixed << RATE_FIXED,
            ERRORS: flags,
            **counters,
            **errors,
        }
        word = bus.write_data
        asked = word[:RATE_FIXED]
        rate_is = (asked >= least) & (asked <= greatest) & ~word[RATE_FIXED + 1 :].any()
        writable = {  # what is legal, and what follows from it
            CONTROL: (~word[RUN + 1 :].any(), [run.eq(word[RUN])]),
            RATE: (rate_is, [kappa.eq(asked), self.rate_fixed.eq(word[RATE_FIXED])]),
            ERRORS: (~word[ERROR_BITS:].any(), [clear.eq(word)]),
        }
        m.d.comb += [self.run.eq(run), self.rate.eq(greatest - kappa)]

        offset = bus.address[: self.map.block_bits]
        block = bus.address[self.map.block_bits :]
        waiting = Signal(range(max(self._longest(), self._reading()) + 1))
        with m.FSM(name="port"):
            with m.State("idle"):
                m.d.sync += [bus.done.eq(0), bus.error.eq(0)]
                with m.If(bus.request & ~bus.done), m.Switch(block):
                    with m.Case(0):
                        self._register(m, offset, readable, writable, refused)
                    for b, region in enumerate(self.map.weights + self.map.biases, 1):
                        access = getattr(self, f"access_{(b - 1) % n + 1}")
                        row, lane = offset[region.lane_bits :], offset[: region.lane_bits]
                        there = self.standing & ~run & region.holds(row, lane)
                        legal = fits(word, of.numbers.weight if b <= n else of.numbers.bias)
                        with m.Case(b):
                            with m.If(there & bus.write & ~legal):
                                m.d.sync += [bus.done.eq(1), bus.error.eq(1), refused.eq(1)]
                            with m.Elif(there):
                                m.d.sync += [
                                    access.strobe.eq(1),
                                    access.write.eq(bus.write),
                                    access.bias.eq(int(b > n)),
                                    access.row.eq(row),
                                    access.lane.eq(lane),
                                    access.word.eq(bus.write_data),
                                    waiting.eq(Mux(bus.write, self._longest(), self._reading())),
                                ]
                                m.next = "memory"
                            with m.Else():
                                m.d.sync += [bus.done.eq(1), bus.error.eq(1)]
                    with m.Default():
                        m.d.sync += [bus.done.eq(1), bus.error.eq(1)]
            with m.State("memory"):
                m.d.sync += waiting.eq(waiting - 1)
                m.d.sync += [getattr(self, f"access_{i}").strobe.eq(0) for i in range(1, n + 1)]
                with m.If(waiting == 0):
                    m.d.sync += bus.done.eq(1)
                    m.next = "idle"
                    with m.Switch(block):
                        for b in range(1, 2 * n + 1):
                            with m.Case(b):
                                m.d.sync += bus.read_data.eq(
                                    getattr(self, f"access_{(b - 1) % n + 1}").read_word.as_signed()
                                )
        return m

    def _longest(self) -> int:
        """Clocks until the slowest access is over."""
        hardware = self._of.config.hardware
        assert hardware is not None
        return max(j.timing.update for j in self._of.junctions) + hardware.latency.memory_read + 2

    def _reading(self) -> int:
        """Clocks until a word has been read."""
        hardware = self._of.config.hardware
        assert hardware is not None
        return hardware.latency.memory_read + 1 + picking(self._of.lanes)

    def _register(self, m: Module, offset: Signal, readable: dict, writable: dict, refused: Signal) -> None:
        bus = self.bus
        m.d.sync += bus.done.eq(1)
        with m.Switch(offset):
            for at, value in readable.items():
                with m.Case(at):
                    m.d.sync += bus.read_data.eq(value)
                    if at in writable:
                        legal, effect = writable[at]
                        with m.If(bus.write & legal):
                            m.d.sync += effect
                        with m.Elif(bus.write):
                            m.d.sync += [bus.error.eq(1), refused.eq(1)]
                    else:
                        m.d.sync += bus.error.eq(bus.write)
            with m.Default():
                m.d.sync += bus.error.eq(1)


class RegistersModel:
    """The :class:`Registers` clock by clock, one request after the other.

    Parameters
    ----------
    of, where
        The accelerator, and where its words are.
    counters
        Whether what is clipped is counted.
    reading, writing
        Clocks that a word of a memory takes.
    """

    def __init__(self, of: Plan, where: AddressMap, counters: bool, reading: int, writing: int) -> None:
        self._of, self._map, self._reading, self._writing = of, where, reading, writing
        self._run, self._kappa, self._fixed = 0, of.kappas[1], 0
        kinds = range((4 if of.trains else 1) if counters else 0)
        self._clipped = {SATURATION + 4 * (j.number - 1) + k: 0 for j in of.junctions for k in kinds}
        self._errors = {ILLEGAL_KAPPAS: 0, ILLEGAL_LABELS: 0, REFUSED_VALUES: 0}
        self._events, self._progress = dict.fromkeys(self._errors, 0), list[tuple[int, int]]()  # of the clock before
        self._clear = 0
        self._counts = {SAMPLES: 0, RESULTS: 0, CYCLES: 0} | dict.fromkeys(self._clipped, 0)
        self._answer = {"bus_done": 0, "bus_error": 0, "bus_read_data": 0}
        self._access = {
            f"access_{j.number}_{field}": 0
            for j in of.junctions
            for field in ("strobe", "write", "bias", "row", "lane", "word")
        }
        self._width = max(of.numbers.weight.width, of.numbers.bias.width)
        self._left: int | None = None  # clocks until the word of a memory has been read or written
        self._refused = 0

    def clock(self, **inputs: Any) -> dict[str, int]:
        """Outputs of a clock with these inputs; interfaces' ports are named ``interface_port``."""
        given = dict.fromkeys(("bus_request", "bus_write", "bus_address", "bus_write_data"), 0) | inputs
        control = {"run": self._run, "rate": self._of.kappas[1] - self._kappa, "rate_fixed": self._fixed}
        result = self._answer | control | self._access
        readable = self._readable(given)
        clear, self._clear, self._refused = self._clear, 0, 0
        if self._left is not None:
            self._wait(given)
        else:
            asked = bool(given["bus_request"]) and not self._answer["bus_done"]
            self._answer |= {"bus_done": 0, "bus_error": 0}
            if asked:
                self._serve(given, readable)
        self._count(given, clear)
        return result

    def _readable(self, given: dict[str, Any]) -> dict[int, int]:
        flags = sum(int(count > 0) << i for i, count in enumerate(self._errors.values()))
        status = given.get("standing", 0) | given.get("empty", 0) << EMPTY | int(flags > 0) << ERROR
        rate = self._kappa | self._fixed << RATE_FIXED
        registers = {CONTROL: self._run, STATUS: status, RATE: rate, ERRORS: flags}
        return registers | self._counts | self._errors

    def _serve(self, given: dict[str, Any], readable: dict[int, int]) -> None:
        """A request: the answer to it, or the access that it leads to."""
        block, offset = divmod(given["bus_address"], 1 << self._map.block_bits)
        self._answer["bus_done"] = 1
        if block == 0:
            self._answer["bus_read_data"] = readable.get(offset, self._answer["bus_read_data"])
            self._answer["bus_error"] = int(offset not in readable)
            if given["bus_write"] and offset in readable:
                self._write(offset, given["bus_write_data"])
            return
        regions, n = self._map.weights + self._map.biases, len(self._of.junctions)
        self._answer["bus_error"] = 1
        if block > 2 * n:
            return
        region, numbers = regions[block - 1], self._of.numbers
        row, lane = divmod(offset, 1 << region.lane_bits)
        if not given.get("standing", 0) or self._run or not region.holds(row, lane):
            return
        word, fmt = given["bus_write_data"], numbers.weight if block <= n else numbers.bias
        number = signed_bits(word, Shape(WIDTH, fmt.signed))
        if given["bus_write"] and not fmt.lowest <= number <= fmt.highest:
            self._refused = 1
            return
        self._answer |= {"bus_done": 0, "bus_error": 0}
        fields = {"strobe": 1, "write": given["bus_write"], "bias": int(block > n), "row": row, "lane": lane}
        fields["word"] = word % (1 << self._width)
        self._access |= {f"access_{(block - 1) % n + 1}_{field}": int(x) for field, x in fields.items()}
        self._left = self._writing if given["bus_write"] else self._reading

    def _write(self, at: int, word: int) -> None:
        """A register is written, if it is one of those that can be and the word is legal."""
        least, greatest = self._of.kappas
        kappa, fixed = word % (1 << RATE_FIXED), word >> RATE_FIXED
        if at == CONTROL and word in (0, 1 << RUN):
            self._run = word
        elif at == RATE and fixed <= 1 and least <= kappa <= greatest:
            self._kappa, self._fixed = kappa, fixed
        elif at == ERRORS and word < 1 << ERROR_BITS:
            self._clear = word
        else:
            self._answer["bus_error"] = 1
            self._refused = int(at in (CONTROL, RATE, ERRORS))

    def _wait(self, given: dict[str, Any]) -> None:
        """A memory is at work for the bus."""
        self._access |= {name: 0 for name in self._access if name.endswith("_strobe")}
        if self._left:
            self._left -= 1
            return
        junction = (given["bus_address"] // (1 << self._map.block_bits) - 1) % len(self._of.junctions) + 1
        word = signed_bits(given.get(f"access_{junction}_read_word", 0), signed(self._width))
        self._answer |= {"bus_done": 1, "bus_read_data": word % (1 << WIDTH)}
        self._left = None

    def _count(self, given: dict[str, Any], clear: int) -> None:
        """What happens in a clock is counted in the clock after it."""
        for at, event in self._progress:
            self._counts[at] = (self._counts[at] + event) % (1 << WIDTH)
        self._progress = [(at, given.get(n, 0)) for at, n in ((SAMPLES, "sample"), (RESULTS, "result"), (CYCLES, "cycle"))]
        for at, clipped in self._clipped.items():
            self._counts[at] = (self._counts[at] + clipped) % (1 << WIDTH)
            junction, kind = divmod(at - SATURATION, 4)
            self._clipped[at] = given.get(f"saturation_{junction + 1}", [0] * 4)[kind]
        for i, at in enumerate(self._errors):
            before = 0 if clear >> i & 1 else self._errors[at]
            self._errors[at] = min(before + self._events[at], (1 << WIDTH) - 1)
        happened = (given.get("illegal_kappa", 0), given.get("illegal_label", 0), self._refused)
        self._events = dict(zip(self._events, happened, strict=True))


def fits(word: Value, to: Format) -> Value:
    """Whether a word of the port is a number of the format, extended by its sign (by zeros, if it has none)."""
    above = word[to.width - 1 :] if to.signed else word[to.width :]
    return ~above.any() | (above.all() if to.signed else 0)
