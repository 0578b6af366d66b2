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
from models.fixed import inference, kernel
from models.fixed.checkpoint import KAPPAS, Checkpoint
from models.fixed.inference import Batch
from models.fixed.layout import empty_pipe, net_of, places_of, rows_of, work_of
from models.fixed.ranges import Ranges
from models.network.activations import ACTIVATIONS
from models.network.network import Network
from models.network.order import NO_SAMPLE, Hops
from models.network.parameters import IntegerParameters
from models.numbers import stochastic
from models.numbers.stochastic import Generators
from models.numbers.system import NumberSystem

SATURATION_SIGNALS = ("preactivation", "delta", "weight", "bias")
"""Columns of the saturation counters."""


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
    fast
        False takes plain loops where vectors of 16-bit integers are proved to do: the same integers, for comparison.

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
        *,
        fast: bool = True,
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
        self.network, self.numbers, self.hops = network, numbers, hops
        self._ranges = Ranges.of(network, numbers)
        self._like = np.int32(0) if self._ranges.narrow else np.int64(0)
        self._checkpoint = Checkpoint(network, numbers, hops, self._ranges)
        self._drawing = generators if numbers.stochastic else None
        self._random = np.zeros(0, np.uint32) if self._drawing is None else self._drawing.states.copy()
        self._most_kappa = numbers.most_kappa(len(network.patterns))
        self._lay_out(fast and self._ranges.short)
        self._weights[self._place] = np.concatenate(parameters.weights)
        self._biases = np.concatenate(parameters.biases).astype(np.int32)
        self.saturation = np.zeros((len(network.patterns), len(SATURATION_SIGNALS)), np.int64)
        self.cycle = 0

    def _lay_out(self, short: bool) -> None:
        """Room for all integers; ``short`` ones have 16 bits."""
        self._short = short
        self._net = net_of(self.network, self.numbers, self.hops, self._ranges, self._drawing, short)
        self._place = places_of(rows_of(self.network, short))
        kind = np.int16 if short else np.int32
        self._weights = np.zeros(self._net.left.size, kind)
        self._pipe = empty_pipe(self._net, kind, np.int32 if short else self._like.dtype)
        self._work = work_of(self._net, kind)

    @property
    def parameters(self) -> IntegerParameters:
        """Weights and biases as they stand at the start of the next junction cycle (copies, int32)."""
        weight_ends = np.cumsum([p.n_edges for p in self.network.patterns])[:-1]
        return IntegerParameters(
            [w.astype(np.int32) for w in np.split(self._weights[self._place], weight_ends)],
            [b.copy() for b in np.split(self._biases, self._net.right_start[1:-1])],
        )

    @property
    def random(self) -> dict[str, np.ndarray]:
        """``random_<i>``: the states of the generators of stochastic rounding; nothing without it."""
        return stochastic.named(self._random)

    @property
    def input_dtype(self) -> npt.DTypeLike:
        """Of the inputs of samples: int16 where the format allows it, else int32."""
        short, legal = np.iinfo(np.int16), self.numbers.input
        return np.int16 if short.min <= legal.lowest and legal.highest <= short.max else np.int32

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
        return Samples(np.ascontiguousarray(inputs, self.input_dtype), checked.astype(np.int32))

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
            None if self._short else self._like,
            np.int16(0) if self._short else None,
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
        where = self._net, self._weights, self._biases
        if self._short:
            inference.infer(*where, Batch.of(self._net), samples.inputs, results.prediction, results.output)
        else:
            kernel.infer(*where, self._work, samples.inputs, results.prediction, results.output, self._like)
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
            part = getattr(self._pipe, name)[np.ix_(rows, columns)]
            flight[name] = part.astype(self._like.dtype if name == "partial" else np.int32)
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
        if self._short and not self._checkpoint.fits_vectors(arrays):
            self._lay_out(short=False)
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
        self._pipe.gathered[:, : places.size] = self._pipe.activation[:, places + self._net.left]

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


def _empty_results(n: int, n_outputs: int) -> Results:
    return Results(np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int8), np.zeros((n, n_outputs), np.int32))
