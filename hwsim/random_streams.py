"""Every random number of hwsim and what it is for: each purpose has a stream of its own.

So changing how much one purpose draws leaves all others alone. The keys are part of what a seed means: a new one for another
purpose changes nothing, another one for a known purpose changes every design.
"""

from enum import Enum, unique

import numpy as np


@unique
class Stream(Enum):
    """Purposes of random draws; each value begins a spawn key of NumPy's ``SeedSequence``, the draw's numbers end it."""

    CONNECTIVITY = (0,)
    """Of a design: junction, from 0."""
    INITIAL = (1,)
    """Initial parameters."""
    SHUFFLE = (2,)
    """Order of the training samples: epoch."""
    DISTURBANCES = (3,)
    """Late, inference-only and blocked: epoch, which of the three."""
    ROUNDING = (4,)
    """States of the generators of stochastic rounding."""
    SEARCH_DRAWS = (8, 0)
    """Patterns from which a search for better ones starts: number of the draw, junction from 0."""
    SEARCH_MOVES = (8, 1)
    """Changes that a search tries: number of the start."""
    ADAPTATION = (9,)
    """Whose samples a design adapts to, and which others it has learned from: number of the group left out, with 1
    behind it another order of samples that come in their own."""
    KERNELS = (16,)
    """Initial parameters of a convolutional front end."""
    DROPOUT = (17,)
    """What a front end drops: updates made so far."""
    COSIM_INFERENCE = (24,)
    """Which samples of a co-simulation are for inference only."""
    COSIM_ILLEGAL = (25,)
    """Which samples of a co-simulation are illegal, and how."""
    COSIM_PAUSES = (26,)
    """Clocks in which the streams of a co-simulation pause: number of the script."""
    MUTATION = (27,)
    """Faults of the hardware, samples and parameters that shall show them: number of the stimulus, which of the four."""
    COSIM_SCENARIOS = (28,)
    """Samples, parameters and pauses of the scenarios of a co-simulation: number of the scenario."""
    TEST_BENCH = (29,)
    """Samples of the test bench that is written beside the Verilog."""
    BENCHMARK = (32,)
    """Samples whose training is timed."""
    SELFTEST_DESIGN = (40, 0)
    """Of the self test, not of a design: a random design and what it meets: its number."""
    SELFTEST_SAMPLES = (40, 1)
    """What such a design is fed: parameters, inputs (three), labels, shifts, what is illegal of them."""


def generator(seed: int, stream: Stream, *index: int) -> np.random.Generator:
    """The random numbers of one purpose.

    Parameters
    ----------
    seed
        Of the design.
    stream, index
        The purpose, and which of its streams; see :class:`Stream`.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(*stream.value, *index)))


def of_axis(seed: int, axis: int, draw: int) -> np.random.Generator:
    """The random numbers of one axis of a study and one of its draws, so that one more of either shifts no other.

    A study is no design: its seed is not theirs, and the three numbers are entropy here, no spawn key.
    """
    return np.random.default_rng([seed, axis, draw])
