"""The arrays of the clock loop in groups, each a tuple that says what it holds.

In their shapes L is the number of junctions; W, C, N_r and N_l are all edges, weight rows, right and left neurons, those of
one junction after those of another; z is that of the widest junction, T the clocks of the delay lines.
"""

from typing import NamedTuple

import numpy as np

# First the design, which does not change.


class Lanes(NamedTuple):
    """Accesses to left neurons, one per lane at work: of all junctions in order of clocks, or those of one clock.

    Attributes
    ----------
    memory
        uint16 or uint32 [W]: the memory that the left neuron lives in; the types are small for the sake of the cache.
    word
        Likewise: its place in the bank, address * z + memory.
    lane
        Likewise: who accesses it.
    first_visit
        bool [W]: no earlier access of the pass touches the same left neuron.
    """

    memory: np.ndarray
    word: np.ndarray
    lane: np.ndarray
    first_visit: np.ndarray


class Neurons(NamedTuple):
    """What right neurons do in the clocks of a pass; they are counted over all junctions.

    Attributes
    ----------
    segment
        int64 [segments, 3]: right neuron, and the first lane and the last lane + 1 that work for it in a clock; lanes count
        from the first access of the clock.
    begin, end
        int64 [N_r]: right neurons in the order in which their first and their last edge come.
    """

    segment: np.ndarray
    begin: np.ndarray
    end: np.ndarray


class Design(NamedTuple):
    """An accelerator, as the clock loop takes it.

    Attributes
    ----------
    junctions
        int64 [L, JUNCTION_COLUMNS].
    clocks
        int64 [clocks of all passes, 11]: what happens in each.
    lanes, neurons
        The lists that ``clocks`` points into.
    output_neurons
        int64 [classes]: the output neuron of each class.
    tables
        int32 [L, pre-activations, 2]: activation and derivative.
    period, beat
        Clocks of a junction cycle; inputs that the host loads in a clock.
    least_kappa, greatest_kappa
        Learning-rate shifts that are legal.
    """

    junctions: np.ndarray
    clocks: np.ndarray
    lanes: Lanes
    neurons: Neurons
    output_neurons: np.ndarray
    tables: np.ndarray
    period: int
    beat: int
    least_kappa: int
    greatest_kappa: int


class Short(NamedTuple):
    """Room for whole junction cycles of 16-bit integers; there is a vector's room behind every part that is written.

    Attributes
    ----------
    works
        Whether they do; if not, nothing else is of use.
    weight
        int16 [W], while cycles are repeated.
    read
        int16 [3, N_l] activations that each operation has read, by its code.
    stale
        int64 [L]: whether those that UP has read are others than those kept.
    kept, words, left
        As :class:`Passes` has them, int16.
    turning
        int64 [L, 3]: how columns of a bank are turned.
    masks
        int16: of turns, one sweep after the other.
    some
        int32: sums of 32 bits of the neurons of a layer.
    products
        int32 [edges of a junction].
    small
        int16: deltas of a layer, perhaps multiplied.
    """

    works: bool
    weight: np.ndarray
    read: np.ndarray
    stale: np.ndarray
    kept: np.ndarray
    words: np.ndarray
    left: np.ndarray
    turning: np.ndarray
    masks: np.ndarray
    some: np.ndarray
    products: np.ndarray
    small: np.ndarray


class Passes(NamedTuple):
    """The same accelerator as whole junction cycles take it, edge by edge and no longer clock by clock; with room to work.

    Attributes
    ----------
    word
        uint16 or uint32 [W] per edge: the place of its left neuron in a bank, as :class:`Lanes` has it.
    lane
        Likewise [z]: every lane.
    starts, lefts
        int64 [L + 1]: edges and left neurons of junction j are ``starts[j] .. starts[j + 1] - 1``, and so on.
    neuron
        int64 [N_r, 3]: right neurons with their edges, counted from the first one of their junction.
    segment, rows
        int64 [segments, 3], [C + 1]: what lanes of each weight row belong to which right neuron, and the first of each row.
    result_clocks
        Clocks from the beginning of a junction cycle until its result is complete.
    read
        int32 [3, N_l]: activations that each operation has read, by its code.
    kept
        int64 [L, 3]: how many banks are kept spread out, and where the first of a junction is in ``words`` and ``left``.
    words, left
        int32: the left activations of a bank, and those of its edges.
    preactivation
        int64 [N_r]: of the right neurons of a junction.
    short
        :class:`Short`; where that works, ``read``, ``words`` and ``left`` are empty.
    """

    word: np.ndarray
    lane: np.ndarray
    starts: np.ndarray
    lefts: np.ndarray
    neuron: np.ndarray
    segment: np.ndarray
    rows: np.ndarray
    result_clocks: int
    read: np.ndarray
    kept: np.ndarray
    words: np.ndarray
    left: np.ndarray
    preactivation: np.ndarray
    short: Short


# The state: what a machine holds between two clocks.


class Memories(NamedTuple):
    """The modelled memories: what they hold, which writes are on their way, and who was last at each port.

    Junctions, banks and addresses follow each other; the columns of ``p`` say where each junction's own begin.

    Attributes
    ----------
    weight
        int32 [W], row by row.
    bias
        int64 [N_r].
    words
        int64: activations, derivatives and output deltas, each with the sample it belongs to.
    partial, tags
        int64: partial deltas; of each the sample it belongs to and the contributions so far.
    weight_lands, bias_lands, partial_lands
        int64 [C], [N_r], [partial deltas]: clock in which the last write of a weight row, a bias, a partial delta lands.
    read, written
        int64 [memories of all banks]: the last access of every read and write port.
    """

    weight: np.ndarray
    bias: np.ndarray
    words: np.ndarray
    partial: np.ndarray
    tags: np.ndarray
    weight_lands: np.ndarray
    bias_lands: np.ndarray
    partial_lands: np.ndarray
    read: np.ndarray
    written: np.ndarray


class Registers(NamedTuple):
    """What the processors of a junction hold from one clock to the next, or within a clock.

    Attributes
    ----------
    row, new_row
        int32 [L, z]: the weight row in work, and what it is to become.
    served, new_served
        int32 [z]: the same of the lanes at work, in their order, in a clock that does not serve the whole row.
    left
        int32 [z]: left activations of the lanes at work.
    sums, deltas
        int64 [N_r]: pre-activations under way, and deltas in use.
    random
        uint32 [L]: states of the generators of stochastic rounding.
    landing
        int64 [z]: until when the partial deltas that are read were being written.
    output
        int64 [N_L + 1, 2]: pre-activation and activation of the output neurons; the last row counts them.
    """

    row: np.ndarray
    new_row: np.ndarray
    served: np.ndarray
    new_served: np.ndarray
    left: np.ndarray
    sums: np.ndarray
    deltas: np.ndarray
    random: np.ndarray
    landing: np.ndarray
    output: np.ndarray


class Lines(NamedTuple):
    """Delay lines: what lands, or arrives at the accumulators, in each of the next clocks; clock c stands in slot c mod T.

    Attributes
    ----------
    arrivals
        int64 [L, T, 12]: how much of what arrives, and whose it is.
    queue
        int64 [L, T, results per clock, 4]: pre-activations and biases, each with its right neuron.
    updates
        int32 [L, T, z]: a weight row.
    product
        int64 [L, T, z]: products for the partial deltas.
    sums, tags
        int64 [L, T, z]: partial deltas, with sample and contributions.
    """

    arrivals: np.ndarray
    queue: np.ndarray
    updates: np.ndarray
    product: np.ndarray
    sums: np.ndarray
    tags: np.ndarray


class Control(NamedTuple):
    """What travels with the samples, and where each junction stands.

    Attributes
    ----------
    samples
        int64 [places, 3]: kind, label and learning-rate shift of sample n, at n mod places.
    now
        int64 [L, NOW_COLUMNS].
    illegal
        int64 [2]: training samples with an illegal learning-rate shift, label.
    """

    samples: np.ndarray
    now: np.ndarray
    illegal: np.ndarray


class State(NamedTuple):
    """Everything that a machine holds."""

    memories: Memories
    registers: Registers
    lines: Lines
    control: Control


# One call of the loop.


class Stretch(NamedTuple):
    """The clocks to run, and the periods they belong to: junction cycles of the first junction since the last standstill.

    Attributes
    ----------
    start, end
        First clock, and the one to stop before.
    base, cycle
        The clock in which period 0 begins, and its junction cycle.
    lead, limit
        First period in which junctions work (in one before, only the host loads), and the first in which none does any more.
    first_fed
        The first period that the feed speaks of.
    """

    start: int
    end: int
    base: int
    cycle: int
    lead: int
    limit: int
    first_fed: int


class Watch(NamedTuple):
    """What is noted on the way; it belongs to the caller.

    Attributes
    ----------
    fault
        int64 [12]: number of violations, and the first.
    stop
        Whether the first violation ends the loop.
    saturation
        int64 [L, 4]: how often a signal did not fit.
    counts
        int64 [L, 3, 2]: clocks and edges per junction and operation with a sample.
    log
        int64 [capacity + 1, EVENT_FIELDS]: accesses; the last row counts.
    first, past
        First clock to log and first not to.
    """

    fault: np.ndarray
    stop: bool
    saturation: np.ndarray
    counts: np.ndarray
    log: np.ndarray
    first: int
    past: int


class Here(NamedTuple):
    """Where the loop stands.

    Attributes
    ----------
    clock
        Now.
    traced
        Whether accesses of this clock are logged.
    number
        Of the junction, as in faults and events: 0 is the host.
    j, p
        Its index, and int64 [JUNCTION_COLUMNS]: its row.
    """

    clock: int
    traced: bool
    number: int
    j: int
    p: np.ndarray


class Place(NamedTuple):
    """A word, as faults and events name it; where lanes have one each, only the bank counts."""

    kind: int
    bank: int
    memory: int
    address: int


class Sums(NamedTuple):
    """Partial deltas of a bank, their tags, and when the last write of each lands; or those of the lanes at work."""

    value: np.ndarray
    tag: np.ndarray
    lands: np.ndarray
