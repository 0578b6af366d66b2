"""The engines behind one face for the training loop: advance by some samples, judge, save, restore."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from hwsim.design import Design
from hwsim.machine import streams
from models.data import dataset
from models.data.dataset import Split
from models.fixed import engine
from models.fixed.engine import SATURATION_SIGNALS
from models.floating.engine import EVALUATION_BATCH
from models.network.losses import LevelLoss, mean_loss
from models.network.parameters import IntegerParameters, Parameters, RealParameters


class Predicted(NamedTuple):
    """What came out: ``prediction`` [n], how many were right, and the loss summed over them."""

    prediction: npt.NDArray[np.int32]
    correct: int
    loss: float


class Trainer(Protocol):
    """A network in training."""

    def __init__(self, design: Design, train: Split) -> None: ...

    def advance(self, order: npt.NDArray[np.int64], epoch: int) -> Predicted:
        """Let the training samples ``order`` enter; the figures are of those that came out."""

    def drain(self) -> Predicted:
        """Finish all samples."""

    def judge(self, split: Split) -> tuple[float, float]:
        """Accuracy (0..1) and mean loss with the parameters as they are."""

    @property
    def parameters(self) -> Parameters:
        """As they are."""

    @property
    def random(self) -> dict[str, np.ndarray]:
        """States of the generators of stochastic rounding, ``random_<i>``; empty without it."""

    def saturation(self) -> dict[str, list[int]]:
        """Saturation events since the start by signal, one count per junction; empty in floating point."""

    def arrays(self) -> dict[str, np.ndarray]:
        """All state."""

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Continue from :meth:`arrays`; what could not come from there is refused, and changes nothing."""


class _Integers:
    """What the engines that compute in integers share: how their outputs become figures."""

    def __init__(self, design: Design) -> None:
        self._design = design
        activation, cost = design.config.numbers.system.activation, design.config.network.cost
        self._level_loss = LevelLoss(activation, cost) if activation.width <= LevelLoss.MOST_BITS else None

    def _figures(self, results: engine.Results | streams.Results) -> Predicted:
        right = int((results.prediction == results.label).sum())
        return Predicted(results.prediction, right, self._loss(results) * len(results))

    def _loss(self, results: engine.Results | streams.Results) -> float:
        net, activation = self._design.network, self._design.config.numbers.system.activation
        if self._level_loss is not None:
            return self._level_loss.mean(results.output, results.label, net.output_neurons)
        real = activation.real(results.output)
        return mean_loss(real, results.label, net.output_neurons, net.cost, 1 / activation.one)

    def _kappas(self) -> tuple[int, int]:
        """Least and greatest learning-rate shift of the samples that training feeds."""
        scheduled = [kappa for _, kappa in self._design.config.training.rate_shift]
        return min(scheduled), max(scheduled)

    def _judged(self, results: engine.Results | streams.Results) -> tuple[float, float]:
        return float((results.prediction == results.label).mean()), self._loss(results)

    def _integers(self, split: Split) -> np.ndarray:
        return split.integers(self._design.config.numbers.system.input)


class FixedTrainer(_Integers):
    """The fixed-point reference, in the order of the configuration."""

    def __init__(self, design: Design, train: Split) -> None:
        super().__init__(design)
        self._engine = design.fixed_engine()
        self._train = train
        self._judged_before: list[tuple[Split, engine.Samples]] = []
        none = self._prepared(train[:0])
        self._samples = self._prepared(train) if is_held(train) else None
        # Compile now, with nothing to do, so that the first samples are as fast as the last.
        self._engine.run(none, 0)
        self._engine.infer(none)

    def _prepared(self, split: Split) -> engine.Samples:
        return self._engine.samples(split.integers(self._engine.numbers.input, self._engine.input_dtype), split.labels)

    def _kept(self, split: Split) -> engine.Samples:
        """Samples that are judged after every epoch are made once."""
        found = next((made for known, made in self._judged_before if known is split), None)
        if found is None:
            found = self._prepared(split)
            self._judged_before = [*self._judged_before[-1:], (split, found)]  # of validation and test
        return found

    def advance(self, order: npt.NDArray[np.int64], epoch: int) -> Predicted:
        """One sample a junction cycle."""
        kappa = self._design.config.training.kappa(epoch)
        if self._samples is not None:
            return self._figures(self._engine.run(self._samples, kappa, source=order))
        return self._figures(_joined(self._engine.run(self._prepared(p), kappa) for p in self._train[order].parts()))

    def drain(self) -> Predicted:
        """Bubbles until the pipeline is empty."""
        return self._figures(self._engine.drain())

    def judge(self, split: Split) -> tuple[float, float]:
        """Feedforward only; the pipeline is not disturbed."""
        if is_held(split):
            return self._judged(self._engine.infer(self._kept(split)))
        results = (self._engine.infer(self._prepared(p)) for p in split.parts())
        if len(split) * self._engine.network.layers[-1] <= dataset.PART:
            return self._judged(_joined(results))
        # What no memory holds is summed up part by part, in another order of summation.
        figures = [self._figures(r) for r in results]
        return sum(f.correct for f in figures) / len(split), sum(f.loss for f in figures) / len(split)

    @property
    def parameters(self) -> IntegerParameters:
        """Integers."""
        return self._engine.parameters

    @property
    def random(self) -> dict[str, np.ndarray]:
        """States of the generators."""
        return self._engine.random

    def saturation(self) -> dict[str, list[int]]:
        """Counts by signal."""
        return dict(zip(SATURATION_SIGNALS, self._engine.saturation.T.tolist(), strict=True))

    def arrays(self) -> dict[str, np.ndarray]:
        """Parameters, counters and samples in flight."""
        return self._engine.arrays()

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Bit for bit."""
        self._engine.restore(arrays, self._kappas())


def is_held(split: Split) -> bool:
    """Whether the inputs of samples are made at once and kept; otherwise in parts, whenever they are needed."""
    return split.held and len(split) * split.features <= dataset.MOST_HELD


def _joined(results: Iterable[engine.Results]) -> engine.Results:
    return engine.Results(*map(np.concatenate, zip(*results, strict=True)))


class CycleTrainer(_Integers):
    """The cycle-level machine; it comes to the end of a junction cycle after every call, so that its state can be saved."""

    def __init__(self, design: Design, train: Split) -> None:
        super().__init__(design)
        self._machine = design.machine()
        self._train = train
        self._inputs = self._integers(train) if is_held(train) else None
        self._machine.warm_up()

    def advance(self, order: npt.NDArray[np.int64], epoch: int) -> Predicted:
        """One sample a junction cycle."""
        inputs, labels = self._inputs, self._train.labels
        if inputs is None:
            inputs, labels, order = self._integers(self._train[order]), labels[order], np.arange(order.size)
        samples = self._machine.samples(inputs, labels, self._design.config.training.kappa(epoch))
        return self._figures(streams.joined(self._machine.feed(samples, order), self._machine.settle()))

    def drain(self) -> Predicted:
        """Bubbles until the pipeline is empty."""
        return self._figures(self._machine.drain())

    def judge(self, split: Split) -> tuple[float, float]:
        """The same weights in a second machine, fed with inference-only samples."""
        judge = self._design.machine(self._machine.parameters)
        fed = judge.feed(judge.samples(self._integers(split), split.labels, 0, train=False))
        return self._judged(streams.joined(fed, judge.drain()))

    @property
    def clock(self) -> int:
        """Clocks simulated so far, evaluation not counted, waiting for weights from external memory included."""
        return self._machine.elapsed

    @property
    def parameters(self) -> IntegerParameters:
        """Integers."""
        return self._machine.parameters

    @property
    def random(self) -> dict[str, np.ndarray]:
        """States of the generators."""
        return self._machine.random

    def saturation(self) -> dict[str, list[int]]:
        """Counts by signal."""
        return dict(zip(SATURATION_SIGNALS, self._machine.saturation.T.tolist(), strict=True))

    def arrays(self) -> dict[str, np.ndarray]:
        """Memories, counters and samples in flight, in the reference's form."""
        return self._machine.arrays()

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Bit for bit."""
        self._machine.restore(arrays, self._kappas())


class FloatTrainer:
    """The floating-point reference, in mini-batches or single samples."""

    def __init__(self, design: Design, train: Split) -> None:
        self._config = design.config.training
        self._hops = design.config.hops
        self._engine = design.float_engine()
        self._train = train
        self._inputs = train.real(self._config.precision) if is_held(train) else None

    def _rate(self, epoch: int) -> float | None:
        scheduled = self._config.learning_rate is None and self._config.optimiser != "adam"
        return 2.0 ** -self._config.kappa(epoch) if scheduled else None

    def advance(self, order: npt.NDArray[np.int64], epoch: int) -> Predicted:
        """In the pipelined order the pipeline drains at the end of every call."""
        if self._inputs is not None:
            return self._learned(self._inputs[order], self._train.labels[order], epoch)
        pipelined = self._config.order == "pipelined"
        some = [self._train[order]] if pipelined else self._train[order].parts(multiple=self._config.batch_size)
        learned = [self._learned(p.real(self._config.precision), p.labels, epoch) for p in some]
        predictions = np.concatenate([p.prediction for p in learned])
        return Predicted(predictions, sum(p.correct for p in learned), sum(p.loss for p in learned))

    def _learned(self, inputs: np.ndarray, labels: npt.NDArray[np.int64], epoch: int) -> Predicted:
        rate = self._rate(epoch)
        with np.errstate(all="ignore"):  # training that diverges shows in the loss
            if self._config.order == "pipelined":
                trained = self._engine.train_pipelined(inputs, labels, self._hops, rate)
            else:
                trained = self._engine.train(inputs, labels, self._config.batch_size, rate)
        right = int((trained.predictions == labels).sum())
        return Predicted(trained.predictions.astype(np.int32), right, trained.loss)

    def drain(self) -> Predicted:
        """Nothing is ever left in flight."""
        return Predicted(np.zeros(0, np.int32), 0, 0.0)

    def judge(self, split: Split) -> tuple[float, float]:
        """Feedforward only."""
        some = [split] if is_held(split) else split.parts(multiple=EVALUATION_BATCH)
        with np.errstate(all="ignore"):
            found = [(len(p), *self._engine.evaluate(p.real(self._config.precision), p.labels)) for p in some]
        if len(found) == 1:
            return found[0][1:]
        right, loss = (sum(n * each[k] for n, *each in found) for k in range(2))
        return round(right) / len(split), loss / len(split)

    @property
    def parameters(self) -> RealParameters:
        """float64."""
        return self._engine.parameters

    @property
    def random(self) -> dict[str, np.ndarray]:
        """Floating point is not rounded by it."""
        return {}

    def saturation(self) -> dict[str, list[int]]:
        """Floating point does not saturate."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """Parameters and optimiser state."""
        return self._engine.arrays()

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Bit for bit."""
        self._engine.restore(arrays)


def trainer(design: Design, train: Split) -> Trainer:
    """The engine that the configuration asks for."""
    engines: dict[str, type[Trainer]] = {"fixed": FixedTrainer, "cycle": CycleTrainer, "float": FloatTrainer}
    return engines[design.config.training.engine](design, train)
