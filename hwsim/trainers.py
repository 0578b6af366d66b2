"""The engines behind one face for the training loop: advance by some samples, judge, save, restore."""

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from hwsim.design import Design
from models.data.dataset import Split
from models.fixed_engine import SATURATION_SIGNALS, Results, Samples
from models.losses import mean_loss
from models.network import Parameters


class Figures(NamedTuple):
    """What came out: ``prediction`` [n], how many were right, and the loss summed over them."""

    prediction: npt.NDArray[np.int32]
    correct: int
    loss: float


class Trainer(Protocol):
    """A network in training."""

    def advance(self, order: npt.NDArray[np.int64], epoch: int) -> Figures:
        """Let the training samples ``order`` enter; the figures are of those that came out."""

    def drain(self) -> Figures:
        """Finish all samples."""

    def judge(self, split: Split) -> tuple[float, float]:
        """Accuracy (0..1) and mean loss with the parameters as they are."""

    @property
    def parameters(self) -> Parameters:
        """As they are."""

    def saturation(self) -> dict[str, list[int]]:
        """Saturation events since the start by signal, one count per junction; empty in floating point."""

    def arrays(self) -> dict[str, np.ndarray]:
        """All state."""

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Continue from :meth:`arrays`."""


class FixedTrainer:
    """The fixed-point reference, in the order of the configuration."""

    def __init__(self, design: Design, train: Split) -> None:
        self._design = design
        self._engine = design.fixed_engine()
        self._samples = self._prepared(train)

    def _prepared(self, split: Split) -> Samples:
        return self._engine.samples(split.integers(self._engine.numbers.input), split.labels)

    def advance(self, order: npt.NDArray[np.int64], epoch: int) -> Figures:
        """One sample a junction cycle."""
        return self._figures(self._engine.run(self._samples, self._design.config.training.kappa(epoch), source=order))

    def drain(self) -> Figures:
        """Bubbles until the pipeline is empty."""
        return self._figures(self._engine.drain())

    def _figures(self, results: Results) -> Figures:
        right = int((results.prediction == results.label).sum())
        return Figures(results.prediction, right, self._loss(results) * len(results))

    def _loss(self, results: Results) -> float:
        net, activation = self._engine.network, self._engine.numbers.activation
        real = activation.real(results.output)
        return mean_loss(real, results.label, net.output_neurons, net.cost, 1 / activation.one)

    def judge(self, split: Split) -> tuple[float, float]:
        """Feedforward only; the pipeline is not disturbed."""
        results = self._engine.infer(self._prepared(split))
        return float((results.prediction == results.label).mean()), self._loss(results)

    @property
    def parameters(self) -> Parameters:
        """Integers."""
        return self._engine.parameters

    def saturation(self) -> dict[str, list[int]]:
        """Counts by signal."""
        return dict(zip(SATURATION_SIGNALS, self._engine.saturation.T.tolist(), strict=True))

    def arrays(self) -> dict[str, np.ndarray]:
        """Parameters, counters and samples in flight."""
        return self._engine.arrays()

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Bit for bit."""
        self._engine.restore(arrays)


class FloatTrainer:
    """The floating-point reference, in mini-batches or single samples."""

    def __init__(self, design: Design, train: Split) -> None:
        self._config = design.config.training
        self._hops = design.config.hops
        self._engine = design.float_engine()
        self._inputs = train.real(self._config.precision)
        self._labels = train.labels

    def _rate(self, epoch: int) -> float | None:
        scheduled = self._config.learning_rate is None and self._config.optimiser != "adam"
        return 2.0 ** -self._config.kappa(epoch) if scheduled else None

    def advance(self, order: npt.NDArray[np.int64], epoch: int) -> Figures:
        """In the pipelined order the pipeline drains at the end of every call."""
        inputs, labels, rate = self._inputs[order], self._labels[order], self._rate(epoch)
        with np.errstate(all="ignore"):  # training that diverges shows in the loss
            if self._config.order == "pipelined":
                trained = self._engine.train_pipelined(inputs, labels, self._hops, rate)
            else:
                trained = self._engine.train(inputs, labels, self._config.batch_size, rate)
        right = int((trained.predictions == labels).sum())
        return Figures(trained.predictions.astype(np.int32), right, trained.loss)

    def drain(self) -> Figures:
        """Nothing is ever left in flight."""
        return Figures(np.zeros(0, np.int32), 0, 0.0)

    def judge(self, split: Split) -> tuple[float, float]:
        """Feedforward only."""
        with np.errstate(all="ignore"):
            return self._engine.evaluate(split.real(self._config.precision), split.labels)

    @property
    def parameters(self) -> Parameters:
        """float64."""
        return self._engine.parameters

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
    return (FixedTrainer if design.config.training.engine == "fixed" else FloatTrainer)(design, train)
