"""What the bus does to the memories of a junction: words are read with their row, and replaced in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.utils import ceil_log2

from rtl.blocks.choose import choose
from rtl.blocks.delay import delayed
from rtl.control.sequencer import Sequencer
from rtl.memories.row import RowMemory
from rtl.plan.plan import Plan

PICKED = 8
"""Lanes of which a clock picks one: wider rows take several clocks."""


def picking(lanes: int) -> int:
    """Clocks that it takes to pick one of so many words."""
    return 1 if lanes <= PICKED else 1 + picking(-(-lanes // PICKED))


def reading(of: Plan) -> int:
    """Clocks from the strobe of a read to the first one in which its word is there."""
    return 1 + _kept(of) + picking(of.lanes)


def settling(of: Plan) -> int:
    """Clocks from the strobe of a write to the first one in which the same row may be asked for again, in any junction."""
    return 1 + (max(j.timing.update for j in of.junctions) if of.trains else _kept(of))


def _kept(of: Plan) -> int:
    """Clocks from the address of a row to its register for the bus: there is one where memories have registers as well."""
    hardware = of.config.hardware
    assert hardware is not None
    return hardware.latency.memory_read + int(hardware.latency.memory_read > 1)


@dataclass(frozen=True)
class Asked:
    """What the bus asks for, in the clock in which the row is read.

    Attributes
    ----------
    follows
        Another request may follow in the next clock; otherwise what belongs to one holds until it is over.
    """

    strobe: Signal
    write: Any
    bias: Any
    lane: Any
    word: Any
    follows: bool

    def late(self, m: Module, field: str, clocks: int) -> Any:
        """Lane or word so many clocks later."""
        value = getattr(self, field)
        return delayed(m, value, clocks, f"replace_{field}") if self.follows else value


def asked(m: Module, of: Plan, access: Any) -> Asked:
    """What is asked for; with a stream of parameters, in every clock anew."""
    hardware = of.config.hardware
    assert hardware is not None
    strobe = delayed(m, access.strobe, 1, "strobe", valid=True)
    names, follows = ("write", "bias", "lane", "word"), hardware.parameter_stream
    fields = {n: delayed(m, getattr(access, n), 1, f"asked_{n}") if follows else getattr(access, n) for n in names}
    return Asked(strobe=strobe, follows=follows, **fields)


def address(m: Module, sequencer: Sequencer, access: Any) -> dict[str, Signal]:
    """Which row is read, whose it is, and its phase: those of the pass, or, a clock after its strobe, the bus'."""
    result = {}
    # All of the bus' words are of one group.
    for name, there in {"row": access.row, "group": access.row, "phase": Const(0)}.items():
        result[name] = at = Signal.like(getattr(sequencer, name), name=f"{name}_read", reset_less=True)
        m.d.sync += at.eq(Mux(access.strobe, there, getattr(sequencer, f"next_{name}")))
    return result


def read_back(m: Module, access: Any, bus: Asked, rows: Sequence[Any], stages: int, clocks: int) -> None:
    """Pick the word that was asked for out of its row of weights or biases, ``stages`` clocks later, in so many clocks."""
    lane = delayed(m, bus.lane, stages, "bus_lane")
    bias = delayed(m, bus.bias, stages + clocks - 1, "bus_bias")
    weight_word, bias_word = (
        _picked(m, row, lane, clocks, name).as_signed() for row, name in zip(rows, ("weight", "bias"), strict=True)
    )
    with m.If(delayed(m, bus.strobe, stages + clocks - 1, "bus_strobe", valid=True)):
        m.d.sync += access.read_word.eq(Mux(bias, bias_word, weight_word))


def _picked(m: Module, row: Any, lane: Value, clocks: int, name: str) -> Value:
    """One of the words of a row, in the last of so many clocks."""
    words = [Value.cast(row[i]) for i in range(row.shape().length)]
    for k in range(1, clocks):
        groups = [words[i : i + PICKED] for i in range(0, len(words), PICKED)]
        words = [delayed(m, choose(lane[:_BITS], g), 1, f"picked_{name}_{k}_{i}") for i, g in enumerate(groups)]
        lane = delayed(m, lane[_BITS:], 1, f"{name}_lane_{k}")
    result = Signal(len(words[0]), name=f"{name}_word")
    m.d.comb += result.eq(choose(lane, words))
    return result


_BITS = ceil_log2(PICKED)


def replace(m: Module, bus: Asked, update: Any, before_write: int) -> None:
    """Have UP put a word in the place of one of its results."""
    told = before_write - update.early
    write = delayed(m, bus.strobe & bus.write, told, "replace", valid=True)
    bias = delayed(m, bus.bias, told, "replace_bias")
    m.d.comb += [
        update.replace_weight.eq(write & ~bias),
        update.replace_bias.eq(write & bias),
        update.replace_lane.eq(bus.late(m, "lane", told)),
        update.replace_word.eq(bus.late(m, "word", before_write)),
    ]


def load(m: Module, bus: Asked, weights: RowMemory, biases: RowMemory, rows: Sequence[Any], wait: int) -> None:
    """Without UP, rows are written as they were read, ``wait`` clocks after their strobe, one word replaced."""
    write = delayed(m, bus.strobe & bus.write, wait, "replace", valid=True)
    bias = delayed(m, bus.bias, wait, "replace_bias")
    at, word = bus.late(m, "lane", wait), bus.late(m, "word", wait)
    for memory, enable, words in ((weights, write & ~bias, rows[0]), (biases, write & bias, rows[1])):
        m.d.comb += [memory.write_enable.eq(enable.replicate(memory.rams)), memory.write_data.eq(words)]
        for lane in range(memory.layout.length):
            with m.If(at == lane):
                m.d.comb += memory.write_data[lane].eq(word.as_signed())
