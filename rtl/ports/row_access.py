"""What the bus does to the memories of a junction: words are read with their row, and replaced in it."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.utils import ceil_log2

from rtl.blocks.choose import choose
from rtl.blocks.delay import delayed
from rtl.control.sequencer import Sequencer
from rtl.memories.row import RowMemory

PICKED = 8
"""Lanes of which a clock picks one: wider rows take several clocks."""


def picking(lanes: int) -> int:
    """Clocks that it takes to pick one of so many words."""
    return 1 if lanes <= PICKED else 1 + picking(-(-lanes // PICKED))


def address(m: Module, sequencer: Sequencer, access: Any) -> dict[str, Signal]:
    """Which row is read, whose it is, and its phase: those of the pass, or, a clock after its strobe, the bus'."""
    result = {}
    # All of the bus' words are of one group.
    for name, there in {"row": access.row, "group": access.row, "phase": Const(0)}.items():
        result[name] = at = Signal.like(getattr(sequencer, name), name=f"{name}_read", reset_less=True)
        m.d.sync += at.eq(Mux(access.strobe, there, getattr(sequencer, f"next_{name}")))
    return result


def read_back(m: Module, access: Any, strobe: Signal, rows: Sequence[Any], stages: int, clocks: int) -> None:
    """Pick the word that was asked for out of its row of weights or biases, ``stages`` clocks later, in so many clocks."""
    lane = delayed(m, access.lane, stages, "bus_lane")
    bias = delayed(m, access.bias, stages + clocks - 1, "bus_bias")
    weight_word, bias_word = (
        _picked(m, row, lane, clocks, name).as_signed() for row, name in zip(rows, ("weight", "bias"), strict=True)
    )
    with m.If(delayed(m, strobe, stages + clocks - 1, "bus_strobe", valid=True)):
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


def replace(m: Module, access: Any, strobe: Signal, update: Any, before_write: int) -> None:
    """Have UP put a word in the place of one of its results."""
    told = before_write - update.early
    write = delayed(m, strobe & access.write, told, "replace", valid=True)
    bias = delayed(m, access.bias, told, "replace_bias")
    m.d.comb += [
        update.replace_weight.eq(write & ~bias),
        update.replace_bias.eq(write & bias),
        update.replace_lane.eq(access.lane),
        update.replace_word.eq(access.word),
    ]


def load(
    m: Module, access: Any, strobe: Signal, weights: RowMemory, biases: RowMemory, rows: Sequence[Any], wait: int
) -> None:
    """Without UP, rows are written as they were read, ``wait`` clocks after their strobe, one word replaced."""
    write = delayed(m, strobe & access.write, wait, "replace", valid=True)
    bias = delayed(m, access.bias, wait, "replace_bias")
    for memory, enable, words in ((weights, write & ~bias, rows[0]), (biases, write & bias, rows[1])):
        m.d.comb += [memory.write_enable.eq(enable.replicate(memory.rams)), memory.write_data.eq(words)]
        for lane in range(memory.layout.length):
            with m.If(access.lane == lane):
                m.d.comb += memory.write_data[lane].eq(access.word.as_signed())
