"""How a network lies in memory for the compiled kernels: its constants, the samples in flight and the buffers.

Rows of weights are padded to the greatest in-degree of their junction with edges from a neuron behind the left layer that is
always 0, so every layer has a place more than it has neurons. Networks of 16-bit integers pad them to whole vectors; those
of their junctions in which enough pairs are joined are full: a row has a place for every left neuron, in natural order,
which needs neither gathering nor scattering, and a mask of the places that are edges.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.connectivity.pattern import Pattern
from models.fixed.packing import WORD_BITS
from models.fixed.ranges import Ranges
from models.fixed.rows import FLOOR, HALF_EVEN, HALF_UP, STOCHASTIC
from models.network.activations import ACTIVATIONS
from models.network.network import Network
from models.network.order import Hops
from models.numbers import stochastic
from models.numbers.format import Rounding
from models.numbers.stochastic import Generators
from models.numbers.system import NumberSystem
from models.vector_code import LANES

GATHER_CHUNK = 1024
"""Edges gathered at a time in packed form: small enough for the scratch to stay in the first-level cache."""

_FULL_FROM = 1 / 2, 1 / 8
"""Densities from which full rows are faster, of the first junction (whose gathering is shared) and of the others."""

_MODES = {
    Rounding.FLOOR: FLOOR,
    Rounding.HALF_UP: HALF_UP,
    Rounding.HALF_EVEN: HALF_EVEN,
    Rounding.STOCHASTIC: STOCHASTIC,
}


class Net(NamedTuple):
    """The network as the kernels see it: everything that training does not change."""

    n_input: int
    widest: int
    ring_mask: int  # the pipeline has this + 1 places, a power of two
    keeps_inputs: bool  # whether inputs are read as activations, too
    input_lanes: int  # inputs packed into one word for gathering
    input_bits: int
    input_lowest: int
    left_size: np.ndarray  # [L] neurons of the left layers
    n_right: np.ndarray  # [L]
    d_in: np.ndarray  # [L] uint64
    left_start: np.ndarray  # [L + 1] places of layers 0..L-1 in a row of activations
    right_start: np.ndarray  # [L + 1] places of layers 1..L in a row of derivatives, and of biases
    partial_start: np.ndarray  # [L + 1] places of the left layers in a row of partial deltas (one unused for layer 0)
    edge_start: np.ndarray  # [L + 1] uint64
    left: np.ndarray  # [padded W] uint32
    full: np.ndarray  # [L] bool: whether rows have a place for every left neuron
    masked: np.ndarray  # [L] bool: whether not all of these places are edges
    mask: np.ndarray  # [padded W] int16: -1 for edges, 0 for other places; none where no row is full
    no_mask: np.ndarray  # [0] int16
    n_rows: np.ndarray  # [L] weight rows of the lanes, by which generators step; these three for stochastic rounding only
    row: np.ndarray  # [padded W] uint32: that of every edge
    rotation: np.ndarray  # [padded W] uint32: of its lane
    output_neurons: np.ndarray
    forward_lag: np.ndarray  # [L] junction cycles
    backward_lag: np.ndarray  # [L]
    value_table: np.ndarray  # [L, 2**width]
    derivative_table: np.ndarray
    activation_one: int
    quadratic: bool
    product_drop: np.ndarray  # [L] bits dropped from weight * activation
    product_mode: int
    part: np.ndarray  # [L] uint64: so many places of a row are summed up in 32 bits
    wide: np.ndarray  # [L] bool: whether sums of whole rows may need more
    bias_drop: int  # negative: bias fraction -> product fraction
    preactivation_drop: int
    preactivation_mode: int
    preactivation_low: int
    preactivation_high: int
    delta_product_drop: int  # bits dropped from weight * delta
    output_delta_drop: int
    delta_drop: int
    delta_mode: int
    delta_low: int
    delta_high: int
    weight_drop: np.ndarray  # [L] bits dropped from activation * delta at learning rate 1
    weight_mode: int
    weight_low: int
    weight_high: int
    short_steps: bool  # whether weight steps may be computed in 16 bits
    narrow_kappa: np.ndarray  # [L] greatest kappa whose weight step fits the narrow accumulator
    bias_step_drop: int
    bias_mode: int
    bias_low: int
    bias_high: int


class Pipe(NamedTuple):
    """Samples in flight; place n & ring_mask belongs to sample n."""

    kind: np.ndarray  # kernel.BUBBLE, INFERENCE or TRAINING
    label: np.ndarray
    kappa: np.ndarray
    activation: np.ndarray  # [ring, layers 0..L-1]
    derivative: np.ndarray  # [ring, layers 1..L]; the last layer's stay unused
    partial: np.ndarray  # [ring, layers 0..L-1]
    output_delta: np.ndarray  # [ring, N_L]
    gathered: np.ndarray  # [ring, padded W] left activation of every edge; follows from activation


class Work(NamedTuple):
    """Buffers of the kernels, which allocate nothing themselves."""

    gathered: np.ndarray
    left: np.ndarray
    sums: np.ndarray  # of products
    wide: np.ndarray  # int64: of products, where that type has too few bits
    pre: np.ndarray
    small: np.ndarray  # int16: deltas, perhaps scaled
    packed: np.ndarray
    scratch: np.ndarray
    rows: np.ndarray  # int64: offsets of samples
    states: np.ndarray  # of a generator, by weight rows


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of weights of one junction among those of all.

    Attributes
    ----------
    pattern
        The edges.
    start, end
        Places of all rows.
    length
        Places of one row.
    full
        Whether a row has a place for every left neuron.
    """

    pattern: Pattern
    start: int
    end: int
    length: int
    full: bool

    @property
    def places(self) -> npt.NDArray[np.int64]:
        """int64 [W]: place of every edge."""
        p = self.pattern
        column = p.left if self.full else np.arange(p.n_edges) - np.repeat(p.row_start[:-1], p.in_degrees)
        return self.start + p.right.astype(np.int64) * self.length + column

    @property
    def left(self) -> npt.NDArray[np.uint32]:
        """Left neuron of every place, that behind the layer where there is none."""
        p = self.pattern
        left = np.full(self.end - self.start, p.n_left, np.uint32)
        if self.full:
            left.reshape(p.n_right, -1)[:, : p.n_left] = np.arange(p.n_left)
        else:
            left[self.places - self.start] = p.left
        return left


def rows_of(network: Network, short: bool) -> list[Rows]:
    """The rows of every junction; ``short`` integers have 16 bits."""
    rows: list[Rows] = []
    for j, p in enumerate(network.patterns):
        full = short and p.density >= _FULL_FROM[min(j, 1)] and not p.has_repeated_edge()
        length = _up(p.n_left if full else int(p.in_degrees.max()), LANES if short else 1)
        start = rows[-1].end if rows else 0
        rows.append(Rows(p, start, start + p.n_right * length, length, full))
    return rows


def places_of(rows: list[Rows]) -> npt.NDArray[np.int64]:
    """Place of every edge, in edge order, junction after junction."""
    return np.concatenate([r.places for r in rows])


def _up(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _starts(sizes: list[int]) -> npt.NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)


def _mask(rows: list[Rows]) -> npt.NDArray[np.int16]:
    mask = np.zeros(rows[-1].end if any(r.full for r in rows) else 0, np.int16)
    if mask.size:
        mask[places_of(rows)] = -1
    return mask


def _rows_and_rotations(rows: list[Rows], generators: Generators | None) -> tuple[np.ndarray, ...]:
    """Weight rows of every junction [L]; row and rotation of every padded edge, of which those that are none have any."""
    row, rotation = np.zeros((2, rows[-1].end if generators else 0), np.uint32)
    if generators is None:
        return np.zeros(0, np.int64), row, rotation
    edges = [np.arange(r.pattern.n_edges) for r in rows]
    place = places_of(rows)
    row[place] = np.concatenate([e // z for e, z in zip(edges, generators.z, strict=True)])
    rotation[place] = np.concatenate([stochastic.rotations(e % z) for e, z in zip(edges, generators.z, strict=True)])
    return np.array([-(-e.size // z) for e, z in zip(edges, generators.z, strict=True)], np.int64), row, rotation


def net_of(
    network: Network, numbers: NumberSystem, hops: Hops, ranges: Ranges, generators: Generators | None, short: bool
) -> Net:
    """The constants of a network; ``short`` integers have 16 bits."""
    layers, n = network.layers, len(network.patterns)
    rows = rows_of(network, short)
    n_rows, row, rotation = _rows_and_rotations(rows, generators)
    bits = numbers.input.width
    if short:
        bits = 8 if bits <= 8 else 16
    lanes = max(1, (WORD_BITS if short else 32) // bits)
    room = [max(size + 1, _up(size, LANES)) if short else size + 1 for size in layers[:-1]]
    tables = [
        ACTIVATIONS[a].tables(numbers.preactivation, numbers.activation, numbers.derivative) for a in network.activations
    ]
    f_p, f_s, f_a = numbers.product_fraction, numbers.preactivation.fraction, numbers.activation.fraction
    f_d, f_delta = numbers.derivative.fraction, numbers.delta.fraction
    quadratic = network.cost == "quadratic"
    mode = {step: _MODES[r] for step, r in numbers.rounding.items()}
    return Net(
        n_input=layers[0],
        widest=max(layers),
        ring_mask=(1 << (hops.drain(n) + lanes - 1).bit_length()) - 1,
        keeps_inputs=lanes == 1 or rows[0].full,
        input_lanes=lanes,
        input_bits=bits,
        input_lowest=numbers.input.lowest,
        left_size=np.array(layers[:-1], np.int64),
        n_right=np.array(layers[1:], np.int64),
        d_in=np.array([r.length for r in rows], np.uint64),
        left_start=_starts(room),
        right_start=_starts(list(layers[1:])),
        partial_start=_starts([1, *room[1:]]),
        edge_start=_starts([r.end - r.start for r in rows]).astype(np.uint64),
        left=np.concatenate([r.left for r in rows]),
        full=np.array([r.full for r in rows]),
        masked=np.array([r.full and r.pattern.density < 1 for r in rows]),
        mask=_mask(rows),
        no_mask=np.zeros(0, np.int16),
        n_rows=n_rows,
        row=row,
        rotation=rotation,
        output_neurons=network.output_neurons.astype(np.int64),
        forward_lag=np.array([hops.feedforward_lag(i) for i in range(1, n + 1)], np.int64),
        backward_lag=np.array([hops.backward_lag(i, n) for i in range(1, n + 1)], np.int64),
        value_table=np.array([value for value, _ in tables], np.int32),
        derivative_table=np.array([derivative for _, derivative in tables], np.int32),
        activation_one=numbers.activation.one,
        quadratic=quadratic,
        product_drop=np.array(
            [numbers.weight.fraction + numbers.left_activation(j).fraction - f_p for j in range(n)], np.int64
        ),
        product_mode=mode["product"],
        part=np.array([_part(r, most) for r, most in zip(rows, ranges.part, strict=True)], np.uint64),
        wide=np.array(ranges.wide, np.bool_),
        bias_drop=numbers.bias.fraction - f_p,
        preactivation_drop=f_p - f_s,
        preactivation_mode=mode["preactivation"],
        preactivation_low=numbers.preactivation.lowest,
        preactivation_high=numbers.preactivation.highest,
        delta_product_drop=numbers.weight.fraction + f_delta - f_p,
        output_delta_drop=f_a - f_delta + (f_d if quadratic else 0),
        delta_drop=f_p + f_d - f_delta,
        delta_mode=mode["delta"],
        delta_low=numbers.delta.lowest,
        delta_high=numbers.delta.highest,
        weight_drop=np.array([numbers.weight_drop(j) for j in range(n)], np.int64),
        weight_mode=mode["weight_step"],
        weight_low=numbers.weight.lowest,
        weight_high=numbers.weight.highest,
        short_steps=short and ranges.short_steps,
        narrow_kappa=np.array(ranges.narrow_kappa, np.int64),
        bias_step_drop=f_delta - numbers.bias.fraction,
        bias_mode=mode["bias_step"],
        bias_low=numbers.bias.lowest,
        bias_high=numbers.bias.highest,
    )


def _part(rows: Rows, most: int) -> int:
    """Places of a row that :attr:`Net.part` allows, whole vectors."""
    edges = int(rows.pattern.in_degrees.max())
    return rows.length if most >= edges else most // LANES * LANES


def empty_pipe(net: Net, kind: npt.DTypeLike, partial: npt.DTypeLike) -> Pipe:
    """No sample in flight; ``kind`` is the type of activations, ``partial`` that of partial deltas."""
    ring = net.ring_mask + 1
    return Pipe(
        kind=np.zeros(ring, np.int8),
        label=np.zeros(ring, np.int32),
        kappa=np.zeros(ring, np.int32),
        activation=np.zeros((ring, net.left_start[-1]), kind),
        derivative=np.zeros((ring, net.right_start[-1]), np.int32),
        partial=np.zeros((ring, net.partial_start[-1]), partial),
        output_delta=np.zeros((ring, net.n_right[-1]), np.int32),
        gathered=spaced(ring, net.left.size, kind),
    )


def spaced(rows: int, columns: int, kind: npt.DTypeLike) -> np.ndarray:
    """Zeros; the same column of several rows lies at different places of the cache."""
    line = 64 // np.dtype(kind).itemsize
    return np.zeros((rows, (_up(columns, line) // line | 1) * line), kind)


def work_of(net: Net, kind: npt.DTypeLike) -> Work:
    """Buffers for activations of type ``kind``."""
    short = np.dtype(kind).itemsize == 2
    word = np.uint64 if short else np.uint32
    return Work(
        gathered=np.zeros(net.left.size, kind),
        left=np.zeros(net.widest + 1, kind),
        sums=np.zeros(net.widest, np.int32 if short else np.int64),
        wide=np.zeros(net.widest if short else 0, np.int64),
        pre=np.zeros(net.widest, np.int32),
        small=np.zeros(net.widest, np.int16),
        packed=np.full(net.n_input + 1, _zeros(net) if short else 0, word),
        scratch=np.zeros(GATHER_CHUNK, word),
        rows=np.zeros(LANES, np.int64),
        states=np.zeros(net.n_rows.max(initial=0), np.uint32),
    )


def _zeros(net: Net) -> int:
    """A word of inputs that are all 0."""
    return sum((-net.input_lowest & ((1 << net.input_bits) - 1)) << lane * net.input_bits for lane in range(net.input_lanes))
