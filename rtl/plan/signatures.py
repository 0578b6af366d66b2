"""What passes between components: samples on their way, words for a layer's memories, and requests of the bus."""

from typing import Any

from amaranth.hdl import Cat, Mux, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from rtl.blocks.arithmetic import shape_of
from rtl.blocks.choose import lookup
from rtl.blocks.properties import Monitor, implies
from rtl.plan.interleaving import Interleaving
from rtl.plan.plan import JunctionPlan, Plan
from rtl.plan.widths import partial_shape


def tag_layout(of: Plan) -> data.StructLayout:
    """A sample without its inputs; ``shift`` is K - kappa, the greatest learning-rate shift less the sample's."""
    least, greatest = of.kappas
    return data.StructLayout(
        {
            "valid": unsigned(1),
            "train": unsigned(1),
            "label": unsigned(of.config.label_bits),
            "shift": unsigned(ceil_log2(greatest - least + 1)),
        }
    )


def saturation_layout(j: JunctionPlan) -> data.ArrayLayout:
    """Numbers clipped in a clock: pre-activations, deltas, weights, biases."""
    return data.ArrayLayout(unsigned(max(j.z, j.results_per_clock).bit_length()), 4)


class ActivationWrite(wiring.Signature):
    """Neurons of a clock on their way into the interleaved memories of a layer.

    Ports
    -----
    valid : out, 1
        Neurons are there.
    enable : out, memories
        Which memories they go into.
    bank : out, bits(banks)
        Bank of their sample.
    base : out, bits(depth)
        Address of the first of them.
    phase : out, bits(phases)
        Where they lie (:class:`rtl.plan.interleaving.Interleaving`).
    data : out, per_clock * word
        Their activations, by slot.
    """

    def __init__(self, of: Interleaving, word: object, banks: int) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "enable": Out(of.memories),
                "bank": Out(range(banks)),
                "base": Out(range(of.depth)),
                "phase": Out(range(of.phases)),
                "data": Out(data.ArrayLayout(word, of.per_clock)),
            }
        )


def in_place(writes: Any, of: Interleaving, banks: int) -> Value:
    """Whether neurons on their way, if there are any, are a clock's of the layer, and their bank one of the banks."""
    return ~writes.valid | (Cat(*clocks_of(of, writes.base, writes.phase, writes.enable)).any() & (writes.bank < banks))


def clocks_of(of: Interleaving, base: Value, phase: Value, enable: Value) -> list[Value]:
    """For every clock of the walk over a layer, whether neurons on their way are that clock's."""
    return [
        (base == first // of.memories) & (phase == at) & (enable == sum(1 << n % of.memories for n in neurons))
        for first, at, neurons in of.walked
    ]


def enables(of: Interleaving, valid: Value, short: Value, phase: Value) -> Value:
    """The memories that a clock's neurons go into, of which, ``short``, there are only as many as the last clock has."""
    cut, result = of.neurons % of.per_clock or of.per_clock, []
    for memory in range(of.memories):
        sources = [of.source(p, memory) for p in range(of.phases)]
        whole = lookup(phase, [int(k is not None) for k in sources], 1)
        left = lookup(phase, [int(k is not None and k < cut) for k in sources], 1)
        result.append(valid & Mux(short, left, whole))
    return Cat(*result)


class PartialRead(wiring.Signature):
    """Finished partial deltas of a clock's neurons; the data follow the address after the memory's latency.

    Ports
    -----
    bank : out, bits(banks)
        Bank of the sample.
    base : out, bits(depth)
        Address of the first of them.
    phase : out, bits(phases)
        Where they lie (:class:`rtl.plan.interleaving.Interleaving`).
    data : in, per_clock * word
        Their partial deltas, by slot.
    """

    def __init__(self, of: Interleaving, word: object, banks: int) -> None:
        super().__init__(
            {
                "bank": Out(range(banks)),
                "base": Out(range(of.depth)),
                "phase": Out(range(of.phases)),
                "data": In(data.ArrayLayout(word, of.per_clock)),
            }
        )


class Access(wiring.Signature):
    """A request of the bus to one junction, while nothing else goes on in it.

    ``read_word`` holds the word ``3 + memory_read`` clocks after ``strobe``; a written word can be read as soon as the
    update latency has passed. With a stream of parameters one request may follow another in the next clock, and what is
    said here to hold need not; the row of a word that is being written may only be asked for once that is over
    (:func:`rtl.ports.row_access.settling`).

    Ports
    -----
    strobe : out, 1
        A request is there, for one clock.
    write : out, 1
        It writes.
    bias : out, 1
        It is about a bias, otherwise a weight.
    row : out, bits(rows)
        Row of weights, or group of biases; holds until the request is over.
    lane : out, bits(lanes)
        Which word of it; holds.
    word : out, word
        What to write; holds.
    read_word : in, word
        What was read.
    """

    def __init__(self, rows: int, lanes: int, word: int) -> None:
        super().__init__(
            {
                "strobe": Out(1),
                "write": Out(1),
                "bias": Out(1),
                "row": Out(range(rows)),
                "lane": Out(range(lanes)),
                "word": Out(word),
                "read_word": In(word),
            }
        )


def stays(p: Monitor, access: Any) -> Value:
    """Whether what is asked for in the clock before is still there."""
    fields = (access.write, access.bias, access.row, access.lane, access.word)
    held = [field == p.past(field, f"{access.strobe.name}_{i}") for i, field in enumerate(fields)]
    return implies(p.past(access.strobe, f"{access.strobe.name}_before"), Cat(*held).all())


def access_signature(of: Plan, number: int) -> Access:
    """The requests that junction ``number`` understands."""
    j = of.junctions[number - 1]
    return Access(max(j.rows, j.groups), j.z, max(of.numbers.weight.width, of.numbers.bias.width))


def results_signature(of: Plan, number: int) -> ActivationWrite:
    """The results of junction ``number``."""
    j = of.junctions[number - 1]
    return ActivationWrite(j.right, shape_of(of.numbers.activation), j.next_banks)


def inputs_signature(of: Plan) -> ActivationWrite:
    """What the host writes into layer 0."""
    first = of.junctions[0]
    return ActivationWrite(of.inputs, shape_of(first.left), first.left_banks)


def partial_signature(of: Plan, number: int) -> PartialRead:
    """What junction ``number`` reads of its right layer's partial deltas."""
    j = of.junctions[number - 1]
    return PartialRead(j.fresh, partial_shape(of, of.junctions[number]), j.delta_banks)
