"""The fixed-point reference: training in exact integers, in the order of the pipelined hardware or of the textbook.

Every figure follows from the number system (:mod:`models.numbers.system`) and the hops (:mod:`models.network.order`) alone;
sums are exact, so that no order of summation can matter. The algorithm is that of Dey et al., arXiv 1711.01343 and
1806.01087.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.errors import InputError
from models.fixed import kernel
from models.fixed.checkpoint import KAPPAS, Checkpoint
from models.fixed.ranges import Ranges
from models.network.activations import ACTIVATIONS
from models.network.network import Network
from models.network.order import NO_SAMPLE, Hops
from models.network.parameters import IntegerParameters
from models.numbers import stochastic
from models.numbers.format import Rounding
from models.numbers.stochastic import Generators
from models.numbers.system import NumberSystem

SATURATION_SIGNALS = ("preactivation", "delta", "weight", "bias")
"""Columns of the saturation counters."""

_MODES = {
    Rounding.FLOOR: kernel.FLOOR,
    Rounding.HALF_UP: kernel.HALF_UP,
    Rounding.HALF_EVEN: kernel.HALF_EVEN,
    Rounding.STOCHASTIC: kernel.STOCHASTIC,
}


class _Net(NamedTuple):
    """The network as the kernels see it: everything that training does not change.

    Rows are padded to the greatest in-degree of their junction with edges from a neuron behind the left layer that is always
    0, so every layer has one place more than it has neurons.
    """

    n_input: int
    widest: int
    ring_mask: int  # the pipeline has this + 1 places, a power of two
    input_lanes: int  # inputs packed into one 32-bit word for gathering
    input_bits: int
    input_lowest: int
    n_right: np.ndarray  # [L]
    d_in: np.ndarray  # [L] uint64
    left_start: np.ndarray  # [L + 1] places of layers 0..L-1 in a row of activations
    right_start: np.ndarray  # [L + 1] places of layers 1..L in a row of derivatives, and of biases
    partial_start: np.ndarray  # [L + 1] places of the left layers in a row of partial deltas (one unused for layer 0)
    edge_start: np.ndarray  # [L + 1] uint64
    left: np.ndarray  # [padded W] uint32
    n_rows: (
        np.ndarray
    )  # [L] weight rows of the lanes, by which generators step; like the next two for stochastic rounding only
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
    narrow_kappa: np.ndarray  # [L] greatest kappa whose weight step fits the narrow accumulator
    bias_step_drop: int
    bias_mode: int
    bias_low: int
    bias_high: int


class _Pipe(NamedTuple):
    """Samples in flight; place n & ring_mask belongs to sample n."""

    kind: np.ndarray  # kernel.BUBBLE, INFERENCE or TRAINING
    label: np.ndarray
    kappa: np.ndarray
    activation: np.ndarray  # [ring, layers 0..L-1]
    derivative: np.ndarray  # [ring, layers 1..L]; the last layer's stay unused
    partial: np.ndarray  # [ring, layers 0..L-1]
    output_delta: np.ndarray  # [ring, N_L]
    gathered: np.ndarray  # [ring, padded W] left activation of every edge; follows from activation


class _Work(NamedTuple):
    """Buffers of the kernels, which allocate nothing themselves."""

    gathered: np.ndarray
    left: np.ndarray
    pre: np.ndarray
    packed: np.ndarray
    scratch: np.ndarray
    states: np.ndarray  # of a generator, by weight rows


class Results(NamedTuple):
    """What left the pipeline, in order of entry.

    ``prediction`` [n] classes, ``label`` [n] as given, ``kind`` [n] (1 inference, 2 training), ``output`` [n, N_L]
    activations (int32).
    """

    prediction: npt.NDArray[np.int32]
    label: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int8]
    output: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.prediction.size)


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs [n, N_0] (int16 where the format allows it, else int32) and labels int32 [n], checked by the engine."""

    inputs: np.ndarray
    labels: npt.NDArray[np.int32]


class FixedEngine:
    """A network in training; :meth:`run` advances it by whole junction cycles.

    Parameters
    ----------
    network, numbers, hops
        What is computed and in which order.
    parameters
        Initial weights and biases (copied).
    generators
        Of stochastic rounding (copied); needed with it alone.

    Attributes
    ----------
    network, numbers, hops
        What is computed and in which order.
    saturation
        int64 [L, 4]: events per junction and :data:`SATURATION_SIGNALS` since the start.
    cycle
        The next junction cycle.
    """

    def __init__(
        self,
        network: Network,
        numbers: NumberSystem,
        parameters: IntegerParameters,
        hops: Hops,
        generators: Generators | None = None,
    ) -> None:
        for name in network.activations:
            if name not in ACTIVATIONS:
                raise InputError("network.activation", name, "needs the float engine; fixed point has", ACTIVATIONS)
        if network.cost == "cross_entropy" and network.activations[-1] != "sigmoid":
            raise InputError("network.cost", "cross_entropy", "in fixed point needs a sigmoid output layer", ["quadratic"])
        checked = IntegerParameters.of_this_kind(parameters)
        checked.check_shapes(network)
        checked.check_ranges(numbers)
        if numbers.stochastic and generators is None:
            raise InputError("generators", None, "are missing: stochastic rounding takes its bits from them")
        drawing = generators if numbers.stochastic else None
        self.network, self.numbers, self.hops = network, numbers, hops
        self._ranges = Ranges.of(network, numbers)
        self._like = np.int32(0) if self._ranges.narrow else np.int64(0)
        self._checkpoint = Checkpoint(network, numbers, hops, self._ranges)
        self._net = _net(network, numbers, hops, self._ranges, drawing)
        self._place = _edge_places(network)
        self._weights = np.zeros(self._net.left.size, np.int32)
        self._weights[self._place] = np.concatenate(parameters.weights)
        self._biases = np.concatenate(parameters.biases).astype(np.int32)
        self._random = np.zeros(0, np.uint32) if drawing is None else drawing.states.copy()
        self._most_kappa = numbers.most_kappa(len(network.patterns))
        self._pipe = self._empty_pipe()
        net = self._net
        self._work = _Work(
            gathered=np.zeros(net.left.size, np.int32),
            left=np.zeros(net.widest + 1, np.int32),
            pre=np.zeros(net.widest, np.int32),
            packed=np.zeros(net.n_input + 1, np.uint32),
            scratch=np.zeros(kernel.GATHER_CHUNK, np.uint32),
            states=np.zeros(net.n_rows.max(initial=0), np.uint32),
        )
        self.saturation = np.zeros((len(network.patterns), len(SATURATION_SIGNALS)), np.int64)
        self.cycle = 0

    def _empty_pipe(self) -> _Pipe:
        net, ring = self._net, self._net.ring_mask + 1
        return _Pipe(
            kind=np.zeros(ring, np.int8),
            label=np.zeros(ring, np.int32),
            kappa=np.zeros(ring, np.int32),
            activation=np.zeros((ring, net.left_start[-1]), np.int32),
            derivative=np.zeros((ring, net.right_start[-1]), np.int32),
            partial=np.zeros((ring, net.partial_start[-1]), self._like.dtype),
            output_delta=np.zeros((ring, self.network.layers[-1]), np.int32),
            gathered=np.zeros((ring, net.left.size), np.int32),
        )

    @property
    def parameters(self) -> IntegerParameters:
        """Weights and biases as they stand at the start of the next junction cycle (copies, int32)."""
        weight_ends = np.cumsum([p.n_edges for p in self.network.patterns])[:-1]
        return IntegerParameters(
            [w.copy() for w in np.split(self._weights[self._place], weight_ends)],
            [b.copy() for b in np.split(self._biases, self._net.right_start[1:-1])],
        )

    @property
    def random(self) -> dict[str, np.ndarray]:
        """``random_<i>``: the states of the generators of stochastic rounding; nothing without it."""
        return stochastic.named(self._random)

    def samples(self, inputs: np.ndarray, labels: npt.ArrayLike) -> "Samples":
        """Samples that this engine accepts, checked once.

        Parameters
        ----------
        inputs
            Integers [n, N_0] in the input format.
        labels
            Class of each sample, [n].
        """
        legal, n_inputs = self.numbers.input, self.network.layers[0]
        checked = np.asarray(labels)
        if inputs.ndim != 2 or inputs.shape[1] != n_inputs or checked.shape != inputs.shape[:1]:
            rule = f"inputs and labels must have shapes (n, {n_inputs}) and (n,)"
            raise InputError("samples", f"{inputs.shape}, {checked.shape}", rule)
        if inputs.size and (inputs.min() < legal.lowest or inputs.max() > legal.highest):
            rule = f"must lie in {legal.lowest}..{legal.highest} (format {legal})"
            raise InputError("inputs", f"{inputs.min()}..{inputs.max()}", rule)
        if checked.size and not (0 <= checked.min() and checked.max() < self.network.classes):
            rule = f"must lie in 0..{self.network.classes - 1}"
            raise InputError("labels", f"{checked.min()}..{checked.max()}", rule)
        fits = np.iinfo(np.int16).min <= legal.lowest and legal.highest <= np.iinfo(np.int16).max
        return Samples(np.ascontiguousarray(inputs, np.int16 if fits else np.int32), checked.astype(np.int32))

    def run(
        self,
        samples: "Samples",
        kappa: npt.ArrayLike,
        train: npt.ArrayLike = True,
        source: npt.ArrayLike | None = None,
    ) -> Results:
        """Let samples enter, one a junction cycle.

        Parameters
        ----------
        samples
            Made by :meth:`samples`.
        kappa
            Learning-rate shift of each entry (scalar or one per cycle): the rate is 2**-kappa.
        train
            Whether each entry is learned from (scalar or one per cycle); if not, it is only fed forward.
        source
            Row of ``samples`` entering in each cycle, ``NO_SAMPLE`` for none; all rows in order when left out.

        Returns
        -------
        Results
            Of the samples whose output appeared in these cycles, which are not those that entered.
        """
        n = len(samples.labels)
        entering = np.arange(n, dtype=np.int64) if source is None else np.asarray(source, dtype=np.int64)
        # Copies, since a broadcast array is read-only and the kernel would be compiled once more for that type.
        kappas = np.broadcast_to(np.asarray(kappa, np.int32), entering.size).copy()
        trains = np.broadcast_to(np.asarray(train, np.bool_), entering.size).copy()
        if kappas.size and kappas.min() < 0:
            raise InputError("kappa", int(kappas.min()), "must not be negative")
        if self._most_kappa is not None and kappas[trains].max(initial=0) > self._most_kappa:
            rule = f"must not exceed {self._most_kappa}: stochastic rounding has {stochastic.MOST_DROP} bits at most"
            raise InputError("kappa", int(kappas[trains].max()), rule, [self._most_kappa])
        if entering.size and not (entering.min() >= NO_SAMPLE and entering.max() < n):
            raise InputError("source", f"{entering.min()}..{entering.max()}", f"must lie in {NO_SAMPLE}..{n - 1}")
        results = _empty_results(entering.size, self.network.layers[-1])
        filled = kernel.run(
            self._net,
            self._weights,
            self._biases,
            self._random,
            self._pipe,
            self._work,
            self.cycle,
            entering,
            samples.inputs,
            samples.labels,
            kappas,
            trains,
            results,
            self.saturation,
            self._like,
        )
        self.cycle += entering.size
        return Results(results.prediction[:filled], results.label[:filled], results.kind[:filled], results.output[:filled])

    def drain(self) -> Results:
        """Bubbles until no sample is in flight."""
        none = self.samples(np.zeros((0, self.network.layers[0]), np.int32), np.zeros(0, np.int32))
        return self.run(none, 0, source=np.full(self.hops.drain(len(self.network.patterns)), NO_SAMPLE))

    def infer(self, samples: "Samples") -> Results:
        """Outputs with the weights as they are; the pipeline is not touched."""
        results = _empty_results(len(samples.labels), self.network.layers[-1])
        results.kind[:] = kernel.INFERENCE
        results.label[:] = samples.labels
        kernel.infer(
            self._net,
            self._weights,
            self._biases,
            self._work,
            samples.inputs,
            results.prediction,
            results.output,
            self._like,
        )
        return results

    def arrays(self) -> dict[str, np.ndarray]:
        """All state, for a checkpoint: parameters, generators, counters and the samples in flight.

        ``flight_*`` arrays have one row per junction cycle that a sample may have entered in and not yet left, oldest first:
        ``flight_kind`` (0 bubble, 1 inference, 2 training), ``flight_label``, ``flight_kappa``; ``flight_activation``
        (layers 0..L-1 side by side), ``flight_derivative`` (layers 1..L-1), ``flight_partial`` (layers 1..L-1) and
        ``flight_output_delta``. What no later step reads is 0, so that equal states are equal arrays.
        """
        rows = self._flight_rows()
        alive = self._checkpoint.alive(self._pipe.kind[rows], self.cycle)
        flight = {name: getattr(self._pipe, name)[rows] for name in ("kind", "label", "kappa", "output_delta")}
        for name, columns in self._flight_columns().items():
            flight[name] = getattr(self._pipe, name)[np.ix_(rows, columns)]
        for name, array in flight.items():
            array[~alive[name]] = 0
        counters = {"cycle": np.array(self.cycle), "saturation": self.saturation.copy()}
        return self.parameters.arrays() | self.random | counters | {f"flight_{k}": v for k, v in flight.items()}

    def restore(self, arrays: dict[str, np.ndarray], kappas: tuple[int, int] = KAPPAS) -> None:
        """Continue from :meth:`arrays`, bit for bit.

        Parameters
        ----------
        arrays
            Of an engine or machine of the same design.
        kappas
            Least and greatest learning-rate shift that samples in flight can have.

        Raises
        ------
        InputError
            If one of them is not what an engine of this design could have written; then nothing has changed.
        """
        self._checkpoint.check(arrays, kappas)
        n = len(self.network.patterns)
        self._weights[self._place] = np.concatenate([arrays[f"weight_{i}"] for i in range(1, n + 1)])
        self._biases[:] = np.concatenate([arrays[f"bias_{i}"] for i in range(1, n + 1)])
        self._random[:] = stochastic.states_of(arrays, self._random.size)
        self.saturation[:] = arrays["saturation"]
        self.cycle = int(arrays["cycle"])
        rows = self._flight_rows()
        for name in ("kind", "label", "kappa", "output_delta"):
            getattr(self._pipe, name)[rows] = arrays[f"flight_{name}"]
        for name, columns in self._flight_columns().items():
            getattr(self._pipe, name)[np.ix_(rows, columns)] = arrays[f"flight_{name}"]
        places = np.repeat(self._net.left_start[:-1], self._net.d_in.astype(np.int64) * self._net.n_right)
        self._pipe.gathered[:] = self._pipe.activation[:, places + self._net.left]

    def _flight_rows(self) -> npt.NDArray[np.int64]:
        entered = np.arange(self.cycle - self.hops.drain(len(self.network.patterns)), self.cycle)
        return entered & self._net.ring_mask

    def _flight_columns(self) -> dict[str, npt.NDArray[np.int64]]:
        """The places of real neurons in the rows of the pipeline, without the paddings."""
        layers, net = self.network.layers, self._net
        hidden = range(1, len(layers) - 1)
        return {
            "activation": _columns([(net.left_start[i], layers[i]) for i in range(len(layers) - 1)]),
            "derivative": _columns([(net.right_start[i - 1], layers[i]) for i in hidden]),
            "partial": _columns([(net.partial_start[i], layers[i]) for i in hidden]),
        }


def _columns(ranges: list[tuple[int, int]]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.arange(start, start + size) for start, size in ranges] or [np.zeros(0, np.int64)])


def _edge_places(network: Network) -> npt.NDArray[np.int64]:
    """Place of every edge among the padded rows, in edge order, junction after junction."""
    places, start = [], 0
    for p in network.patterns:
        d = int(p.in_degrees.max())
        column = np.arange(p.n_edges) - np.repeat(p.row_start[:-1], p.in_degrees)
        places.append(start + p.right.astype(np.int64) * d + column)
        start += d * p.n_right
    return np.concatenate(places)


def _empty_results(n: int, n_outputs: int) -> Results:
    return Results(np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int8), np.zeros((n, n_outputs), np.int32))


def _starts(sizes: list[int]) -> npt.NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)


def _rows_and_rotations(network: Network, generators: Generators | None, padded: int) -> tuple[np.ndarray, ...]:
    """Weight rows of every junction [L]; row and rotation of every padded edge, of which those that are none have any."""
    row, rotation = np.zeros((2, padded if generators else 0), np.uint32)
    if generators is None:
        return np.zeros(0, np.int64), row, rotation
    edges = [np.arange(p.n_edges) for p in network.patterns]
    place = _edge_places(network)
    row[place] = np.concatenate([e // z for e, z in zip(edges, generators.z, strict=True)])
    rotation[place] = np.concatenate([stochastic.rotations(e % z) for e, z in zip(edges, generators.z, strict=True)])
    return np.array([-(-e.size // z) for e, z in zip(edges, generators.z, strict=True)], np.int64), row, rotation


def _net(network: Network, numbers: NumberSystem, hops: Hops, ranges: Ranges, generators: Generators | None) -> _Net:
    patterns, layers = network.patterns, network.layers
    n = len(patterns)
    d_in = [int(p.in_degrees.max()) for p in patterns]
    left = np.repeat([p.n_left for p in patterns], [d * p.n_right for d, p in zip(d_in, patterns, strict=True)])
    left = left.astype(np.uint32)
    left[_edge_places(network)] = np.concatenate([p.left for p in patterns])
    n_rows, row, rotation = _rows_and_rotations(network, generators, left.size)
    lanes = max(1, 32 // numbers.input.width)
    tables = [
        ACTIVATIONS[a].tables(numbers.preactivation, numbers.activation, numbers.derivative) for a in network.activations
    ]
    f_p, f_s, f_a = numbers.product_fraction, numbers.preactivation.fraction, numbers.activation.fraction
    f_d, f_delta = numbers.derivative.fraction, numbers.delta.fraction
    quadratic = network.cost == "quadratic"
    mode = {step: _MODES[r] for step, r in numbers.rounding.items()}
    return _Net(
        n_input=layers[0],
        widest=max(layers),
        ring_mask=(1 << (hops.drain(n) + lanes - 1).bit_length()) - 1,
        input_lanes=lanes,
        input_bits=numbers.input.width,
        input_lowest=numbers.input.lowest,
        n_right=np.array(layers[1:], np.int64),
        d_in=np.array(d_in, np.uint64),
        left_start=_starts([size + 1 for size in layers[:-1]]),
        right_start=_starts(list(layers[1:])),
        partial_start=_starts([1] + [size + 1 for size in layers[1:-1]]),
        edge_start=_starts([d * p.n_right for d, p in zip(d_in, patterns, strict=True)]).astype(np.uint64),
        left=left,
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
        narrow_kappa=np.array(ranges.narrow_kappa, np.int64),
        bias_step_drop=f_delta - numbers.bias.fraction,
        bias_mode=mode["bias_step"],
        bias_low=numbers.bias.lowest,
        bias_high=numbers.bias.highest,
    )
