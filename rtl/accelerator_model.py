"""What an accelerator computes, sample by sample and junction cycle by junction cycle, in exact integers."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.network.parameters import IntegerParameters
from rtl.junction_model import Fed, JunctionModel
from rtl.plan.plan import Plan


@dataclass(frozen=True)
class Sample:
    """What the stream of samples carries.

    Attributes
    ----------
    inputs
        N_0 integers of the input format.
    label, kappa, train
        Class, learning-rate shift, and whether to learn from it.
    """

    inputs: Sequence[int]
    label: int
    kappa: int
    train: int


@dataclass(frozen=True)
class Result:
    """What the stream of results carries.

    Attributes
    ----------
    outputs
        N_L integers of the activation format.
    prediction, label, train
        The class that it was taken for; label, and whether it was learned from.
    """

    outputs: list[int]
    prediction: int
    label: int
    train: int


@dataclass
class _UnderWay:
    """A sample in the pipe."""

    sample: Sample
    kappa: int
    train: bool
    left: list[np.ndarray]  # activations by layer
    fed: list[Fed] = field(default_factory=list)  # by junction
    delta: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # of the layer that BP has come to


class AcceleratorModel:
    """The order of an accelerator around the models of its junctions.

    In junction cycle t, junction i feeds forward the sample that entered ``forward_lag`` cycles ago, and propagates back
    and learns from the one of ``backward_lag`` cycles ago, all by the weights from before the cycle. There are no clocks
    here: how long samples and results wait changes nothing that is computed.

    Attributes
    ----------
    junctions
        Their models, with the weights and biases.
    rate
        Learning-rate shift in place of the samples' own, as register RATE gives it; ``None`` if there is none.
    """

    def __init__(self, of: Plan, junctions: Sequence[JunctionModel]) -> None:
        self._of, self.junctions = of, list(junctions)
        self.rate: int | None = None
        lags = [j.backward_lag if of.trains else j.forward_lag for j in of.junctions]
        self._pipe: deque[_UnderWay | None] = deque([None] * (max(lags) + 1), maxlen=max(lags) + 1)

    @property
    def parameters(self) -> IntegerParameters:
        """Weights in the order of edges, and biases, as they stand: int32."""
        weights = [j.weights.ravel().astype(np.int32) for j in self.junctions]
        return IntegerParameters(weights, [j.biases.astype(np.int32) for j in self.junctions])

    @parameters.setter
    def parameters(self, given: IntegerParameters) -> None:
        for j, weights, biases in zip(self.junctions, given.weights, given.biases, strict=True):
            j.weights, j.biases = weights.reshape(j.weights.shape).astype(np.int64), biases.astype(np.int64)

    def run(self, samples: Iterable[Sample]) -> list[Result]:
        """Feed samples one after the other, let the pipe drain; their results, in order."""
        drain = [None] * (len(self._pipe) - 1)
        results = [self.cycle(sample) for sample in (*samples, *drain)]
        return [r for r in results if r is not None]

    def cycle(self, sample: Sample | None) -> Result | None:
        """A junction cycle in which a sample enters, or ``None``; the result that it brings, if any."""
        self._pipe.appendleft(None if sample is None else self._enter(sample))
        result = None
        for i, j in enumerate(self._of.junctions):
            forward = self._pipe[j.forward_lag]
            if forward is not None:
                forward.fed.append(self.junctions[i].feedforward(forward.left[i]))
                forward.left.append(forward.fed[-1].activation)
                result = self._result(forward) if j.is_last else None
            back = self._pipe[j.backward_lag] if self._of.trains else None
            if back is not None and back.train:
                self._learn(i, back)
        return result

    def _enter(self, sample: Sample) -> _UnderWay:
        """A sample whose label or learning-rate shift is illegal is for inference only."""
        least, greatest = self._of.kappas
        kappa = sample.kappa if self.rate is None else self.rate
        legal = least <= kappa <= greatest and 0 <= sample.label < self._of.design.network.classes
        train = bool(sample.train) and (legal or not self._of.trains)
        return _UnderWay(sample, kappa, train, [np.asarray(sample.inputs, np.int64)])

    def _result(self, of: _UnderWay) -> Result:
        prediction = self.junctions[-1].prediction(of.fed[-1])
        return Result(of.left[-1].tolist(), prediction, of.sample.label, int(of.train))

    def _learn(self, i: int, of: _UnderWay) -> None:
        junction, fed = self.junctions[i], of.fed[i]
        last = i == len(self.junctions) - 1
        delta = junction.output_deltas(fed, of.sample.label) if last else junction.deltas(of.delta, fed.derivative)
        partial = junction.learn(of.left[i], delta, of.kappa)
        if partial is not None:
            of.delta = partial
