"""The memory-mapped port as its users see it: which word is where, what its bits mean, and the signals of a request."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hwsim.vocabulary import MemoryKey, MemoryKind
from models.numbers.format import Format
from rtl.plan.plan import Plan
from rtl.ports import register_table
from rtl.ports.register_table import at, bit, register_words

WIDTH, SATURATION = register_table.WIDTH, register_table.SATURATION

CONTROL, STATUS, RATE = at("CONTROL"), at("STATUS"), at("RATE")
SAMPLES, RESULTS, CYCLES = at("SAMPLES"), at("RESULTS"), at("CYCLES")
ERRORS, ILLEGAL_KAPPAS, ILLEGAL_LABELS = at("ERRORS"), at("ILLEGAL_KAPPAS"), at("ILLEGAL_LABELS")
REFUSED_VALUES = at("REFUSED_VALUES")
MAGIC, VERSION, HASH, BUILD = at("MAGIC"), at("VERSION"), at("HASH"), at("BUILD")
RUN = bit("CONTROL", "RUN")
"""Bit of CONTROL: junction cycles follow each other; cleared, the accelerator stands at the end of one."""
NO_BUBBLES = bit("CONTROL", "NO_BUBBLES")
"""Bit of CONTROL: a junction cycle begins only if a sample is there to be loaded."""
STANDING, EMPTY, ERROR = bit("STATUS", "STANDING"), bit("STATUS", "EMPTY"), bit("STATUS", "ERROR")
"""Bits of STATUS: nothing moves; no sample is waiting or under way; a bit of ERRORS is set."""
RATE_FIXED = bit("RATE", "FIXED")
"""Bit of RATE: its lower bits replace the samples' own learning-rate shift."""
ERROR_BITS = 1 + bit("ERRORS", "VALUES")
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

    def split(self, offset: Value) -> tuple[Value, Value]:
        """Row and lane of an address less ``base``."""
        return offset[self.lane_bits :], offset[: self.lane_bits]

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
        registers = 1 << ceil_log2(register_words(len(plan.junctions)))
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


@dataclass(frozen=True)
class Memory:
    """The words of one memory as the bus sees them: of ``format``, extended to 32 bits by their sign if they have one."""

    name: str
    region: Region
    format: Format
    meaning: str

    @property
    def byte(self) -> int:
        """Address of its first word, counted in bytes."""
        return WIDTH // 8 * self.region.base


def memories(plan: Plan) -> tuple[Memory, ...]:
    """The memories of a design, in ascending order of their addresses."""
    where, numbers = AddressMap.of(plan), plan.numbers
    weights = [
        Memory(
            f"WEIGHTS_{i}",
            region,
            numbers.weight,
            f"{MemoryKey(MemoryKind.WEIGHTS, i)}, a row being edges that are read at once",
        )
        for i, region in enumerate(where.weights, 1)
    ]
    biases = [
        Memory(f"BIASES_{i}", region, numbers.bias, f"{MemoryKey(MemoryKind.BIASES, i)}, neuron by neuron")
        for i, region in enumerate(where.biases, 1)
    ]
    return (*weights, *biases)


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
