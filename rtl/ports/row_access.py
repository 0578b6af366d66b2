"""What the bus does to the memories of a junction: words are read with their row, and replaced in it."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal

from rtl.blocks.delay import delayed
from rtl.memories.row import RowMemory


def read_back(m: Module, access: Any, strobe: Signal, weights: RowMemory, biases: RowMemory) -> None:
    """Pick the word that was asked for out of its row."""
    stages = weights.latency
    lane, bias = delayed(m, access.lane, stages, "bus_lane"), delayed(m, access.bias, stages, "bus_bias")
    weight_word = Signal(weights.layout.elem_shape.width)
    bias_word = Signal(biases.layout.elem_shape.width)
    m.d.comb += [
        weight_word.eq(weights.read_data[lane]),
        bias_word.eq(biases.read_data[lane] if biases.layout.length > 1 else biases.read_data[0]),
    ]
    with m.If(delayed(m, strobe, stages, "bus_strobe", valid=True)):
        m.d.sync += access.read_word.eq(Mux(bias, bias_word.as_signed(), weight_word.as_signed()))


def replace(m: Module, access: Any, strobe: Signal, update: Any, before_write: int) -> None:
    """Have UP put a word in the place of one of its results."""
    write = delayed(m, strobe & access.write, before_write, "replace", valid=True)
    bias = delayed(m, access.bias, before_write, "replace_bias")
    m.d.comb += [
        update.replace_weight.eq(write & ~bias),
        update.replace_bias.eq(write & bias),
        update.replace_lane.eq(access.lane),
        update.replace_word.eq(access.word),
    ]


def load(m: Module, access: Any, strobe: Signal, weights: RowMemory, biases: RowMemory) -> None:
    """Without UP, rows are written as they were read, one word replaced."""
    wait = 1 + weights.latency
    write = delayed(m, strobe & access.write, wait, "replace", valid=True)
    bias = delayed(m, access.bias, wait, "replace_bias")
    for memory, enable in ((weights, write & ~bias), (biases, write & bias)):
        words = delayed(m, memory.read_data, 1, "loaded")
        m.d.comb += [memory.write_enable.eq(enable.replicate(memory.rams)), memory.write_data.eq(words)]
        for lane in range(memory.layout.length):
            with m.If(access.lane == lane):
                m.d.comb += memory.write_data[lane].eq(access.word.as_signed())
