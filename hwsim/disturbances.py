"""What an accelerator meets in service: inputs that are late, samples for inference only, an output that is blocked."""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim.design import Design
from hwsim.random_streams import Stream
from models.errors import ArgumentError
from models.fixed_engine import BUBBLE

_MOST = {"late": 0.99}  # beyond, hardly anything but bubbles would enter


class Entering(NamedTuple):
    """What enters in an epoch.

    Attributes
    ----------
    source
        int64 [cycles]: the sample that enters in each junction cycle; -1 is a bubble.
    train
        bool [samples]: whether a sample is learned from.
    blocked
        int64 [cycles]: clocks for which the output is blocked at the end of each junction cycle.
    """

    source: npt.NDArray[np.int64]
    train: npt.NDArray[np.bool_]
    blocked: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Disturbances:
    """Probabilities of disturbances, none of which may change what is learned from the training samples that enter.

    Attributes
    ----------
    late
        That no input is ready in a junction cycle; 0..0.99.
    inference
        That a sample is for inference only; 0..1.
    blocked
        That the output is blocked at the end of a junction cycle; 0..1.

    Raises
    ------
    InputError
        If one lies outside its range.
    """

    late: float = 0.0
    inference: float = 0.0
    blocked: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, most = getattr(self, field.name), _MOST.get(field.name, 1)
            if not 0 <= value <= most:  # also if it is no number
                raise ArgumentError(field.name, value, f"is a probability: must lie in 0..{most}")

    def entering(self, design: Design, epoch: int, n: int, longest: int) -> Entering:
        """An epoch of ``n`` samples, blocked for 1..``longest`` clocks at a time; the same in every run of the design.

        Each disturbance has a random stream of its own, so that one does not shift another.
        """
        late, inference, blocked = (design.generator(Stream.DISTURBANCES, epoch, i) for i in range(3))
        bubbles = late.geometric(1 - self.late, n) - 1  # before each sample
        source = np.full(n + bubbles.sum(), BUBBLE, np.int64)
        source[np.arange(n) + np.cumsum(bubbles)] = design.epoch_order(epoch, n)
        train = inference.random(n) >= self.inference
        hit = blocked.random(source.size) < self.blocked
        return Entering(source, train, np.where(hit, blocked.integers(1, longest + 1, source.size), 0))


UNDISTURBED = Disturbances()
