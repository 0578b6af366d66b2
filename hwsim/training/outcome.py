"""What a training run tells: figures of its epochs, its progress, what it has come to."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from hwsim.design import Design
from hwsim.training.engines import Predicted
from models.network.parameters import Parameters


@dataclass
class Epoch:
    """Figures of one epoch; accuracies are shares (0..1), losses means per sample.

    ``train_*`` are running figures: every sample as the network stood when it was fed forward. Samples still in the
    pipeline at the end of an epoch count in the next.
    """

    epoch: int
    samples: int = 0
    correct: int = 0
    loss_sum: float = 0.0
    validation_accuracy: float | None = None
    validation_loss: float | None = None
    test_accuracy: float | None = None
    test_loss: float | None = None
    saturation: dict[str, list[int]] = field(default_factory=dict)

    @property
    def train_accuracy(self) -> float:
        """Running accuracy."""
        return self.correct / max(self.samples, 1)

    @property
    def train_loss(self) -> float:
        """Running mean loss."""
        return self.loss_sum / max(self.samples, 1)

    def add(self, figures: Predicted) -> None:
        """Count samples that came out."""
        self.samples += len(figures.prediction)
        self.correct += figures.correct
        self.loss_sum += figures.loss


@dataclass
class TrainingProgress:
    """What a watcher is told: where the run is, and the figures so far."""

    epoch: int
    done: int
    total: int
    current: Epoch
    finished_epoch: bool


Watcher = Callable[[TrainingProgress], None]


@dataclass
class Outcome:
    """What a run has come to.

    Attributes
    ----------
    design
        What was trained.
    history
        Figures of every epoch finished.
    finished
        Whether all epochs are done.
    seconds
        Of training in this call, evaluation not counted.
    samples
        Training samples fed in this call.
    parameters
        Weights [W_i] and biases [N_i] as they are: int32 of the fixed-point engines, float64 of the float engine.
    random
        ``random_<i>``: states of the generators of stochastic rounding as they are (uint32); empty without it.

    Examples
    --------
    >>> from hwsim import load
    >>> from hwsim.training.run import train
    >>> outcome = train(Design(load("sim_configs/demo.yaml", {"training.epochs": 1, "training.samples": 100})))
    >>> [epoch.samples for epoch in outcome.history], outcome.finished
    ([100], True)
    >>> [weights.shape for weights in outcome.parameters.weights], outcome.parameters.biases[1].dtype
    ([(4096,), (1024,)], dtype('int32'))
    """

    design: Design
    history: list[Epoch]
    finished: bool
    seconds: float
    samples: int
    parameters: Parameters
    random: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def samples_per_second(self) -> float:
        """Training samples per second of this call, without evaluation."""
        return self.samples / self.seconds if self.seconds else 0.0
