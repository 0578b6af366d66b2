"""What enters in an epoch of the cycle-level machine and of its reference, drawn from the disturbances."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim.design import Design
from hwsim.random_streams import Stream
from hwsim.simulation.disturbances import Disturbances
from models.network.order import NO_SAMPLE


class Entering(NamedTuple):
    """What enters in an epoch.

    Attributes
    ----------
    source
        int64 [cycles]: the sample that enters in each junction cycle; ``NO_SAMPLE`` makes a bubble.
    train
        bool [samples]: whether a sample is learned from.
    blocked
        int64 [cycles]: clocks for which the output is blocked at the end of each junction cycle.
    """

    source: npt.NDArray[np.int64]
    train: npt.NDArray[np.bool_]
    blocked: npt.NDArray[np.int64]


def entering(disturbances: Disturbances, design: Design, epoch: int, n: int, longest: int) -> Entering:
    """An epoch of ``n`` samples, blocked for 1..``longest`` clocks at a time; the same in every run of the design.

    Each disturbance has a random stream of its own, so that one does not shift another.
    """
    late, inference, blocked = (design.generator(Stream.DISTURBANCES, epoch, i) for i in range(3))
    bubbles = late.geometric(1 - disturbances.late, n) - 1  # before each sample
    source = np.full(n + bubbles.sum(), NO_SAMPLE, np.int64)
    source[np.arange(n) + np.cumsum(bubbles)] = design.epoch_order(epoch, n)
    train = inference.random(n) >= disturbances.inference
    hit = blocked.random(source.size) < disturbances.blocked
    return Entering(source, train, np.where(hit, blocked.integers(1, longest + 1, source.size), 0))
