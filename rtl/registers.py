"""The memory-mapped port: control, counters, weights and biases."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from models.fixedpoint import Format
from rtl.plan import Plan
from rtl.signatures import access_signature, saturation_layout, tag_layout

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
    """The words of one memory: row r, lane m at ``base`` + (r << lane_bits) + m."""

    base: int
    rows: int
    lanes: int
    lane_bits: int

    @property
    def size(self) -> int:
        """Addresses, a power of two."""
        return 1 << (ceil_log2(self.rows) + self.lane_bits)

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
        shapes = [(j.rows, j.z) for j in plan.junctions] + [(j.groups, j.results) for j in plan.junctions]
        block = max([1 << (ceil_log2(rows) + ceil_log2(lanes)) for rows, lanes in shapes] + [64])
        regions = [Region((i + 1) * block, rows, lanes, ceil_log2(lanes)) for i, (rows, lanes) in enumerate(shapes)]
        n = len(plan.junctions)
        return cls(tuple(regions[:n]), tuple(regions[n:]), ceil_log2(block * (len(shapes) + 1)))

    @property
    def block_bits(self) -> int:
        """Bits of an address within a block."""
        return ceil_log2(self.weights[0].base)


def bus_signature(plan: Plan) -> wiring.Signature:
    """One request at a time.

    ``address``, ``write`` and ``write_data`` hold from ``request`` until ``done``, which lasts one clock; with it come
    ``read_data``, sign-extended, and ``error`` if the request was refused: no such word, memories while running, or a value
    that the word cannot hold.
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

    Attributes
    ----------
    sample, result, cycle
        To be counted: a sample enters, a result has left, a junction cycle begins.
    illegal_kappa, illegal_label
        To be counted: a sample enters that is not trained on because of its learning-rate shift, its label.
    """

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

    def elaborate(self, platform: object) -> Module:
        m, of, bus = Module(), self._of, self.bus
        n, least, greatest = len(of.junctions), *of.kappas
        run, kappa = Signal(), Signal(range(greatest + 1), init=greatest)
        counters = {}
        for at, event, name in (
            (SAMPLES, self.sample, "samples"),
            (RESULTS, self.result, "results"),
            (CYCLES, self.cycle, "cycles"),
        ):
            counters[at] = total = Signal(WIDTH, name=name)
            m.d.sync += total.eq(total + event)
        if self._counters:
            for i in range(1, n + 1):
                for k in range(4 if of.trains else 1):
                    counters[SATURATION + 4 * (i - 1) + k] = total = Signal(WIDTH, name=f"saturation_{i}_{k}")
                    clipped = Signal(getattr(self, f"saturation_{i}")[k].shape(), name=f"clipped_{i}_{k}")
                    m.d.sync += [clipped.eq(getattr(self, f"saturation_{i}")[k]), total.eq(total + clipped)]
        illegal_kappa, illegal_label, refused, clear = Signal(), Signal(), Signal(), Signal(ERROR_BITS)
        m.d.sync += [illegal_kappa.eq(self.illegal_kappa), illegal_label.eq(self.illegal_label), refused.eq(0), clear.eq(0)]
        errors = {
            ILLEGAL_KAPPAS: error_counter(m, "illegal_kappas", illegal_kappa, clear[0]),
            ILLEGAL_LABELS: error_counter(m, "illegal_labels", illegal_label, clear[1]),
            REFUSED_VALUES: error_counter(m, "refused_values", refused, clear[2]),
        }
        flags = Cat(total.any() for total in errors.values())
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
        wait = Signal(range(self._longest() + 2))
        with m.FSM(name="port"):
            with m.State("idle"):
                m.d.sync += [bus.done.eq(0), bus.error.eq(0)]
                with m.If(bus.request & ~bus.done), m.Switch(block):
                    with m.Case(0):
                        self._register(m, offset, readable, writable, refused)
                    for b, region in enumerate(self.map.weights + self.map.biases, 1):
                        access = getattr(self, f"access_{(b - 1) % n + 1}")
                        row, lane = offset[region.lane_bits :], offset[: region.lane_bits]
                        there = self.standing & ~run & (row < region.rows) & (lane < region.lanes)
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
                                    wait.eq(Mux(bus.write, self._longest(), self._reading())),
                                ]
                                m.next = "memory"
                            with m.Else():
                                m.d.sync += [bus.done.eq(1), bus.error.eq(1)]
                    with m.Default():
                        m.d.sync += [bus.done.eq(1), bus.error.eq(1)]
            with m.State("memory"):
                m.d.sync += wait.eq(wait - 1)
                m.d.sync += [getattr(self, f"access_{i}").strobe.eq(0) for i in range(1, n + 1)]
                with m.If(wait == 0):
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
        return hardware.latency.memory_read + 2

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


def fits(word: Value, to: Format) -> Value:
    """Whether a word of the port is a number of the format, extended by its sign (by zeros, if it has none)."""
    above = word[to.width - 1 :] if to.signed else word[to.width :]
    return ~above.any() | (above.all() if to.signed else 0)


def error_counter(m: Module, name: str, event: Value, clear: Value) -> Signal:
    """A counter that stays at its greatest value; what happens in the clock in which it is cleared counts."""
    total = Signal(WIDTH, name=name)
    with m.If(clear):
        m.d.sync += total.eq(event)
    with m.Elif(event & ~total.all()):
        m.d.sync += total.eq(total + 1)
    return total
