"""The network: patterns, activations, cost and output neurons."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from models.connectivity.pattern import Pattern
from models.errors import InputError

COSTS = ("cross_entropy", "quadratic")


@dataclass(frozen=True, eq=False)
class Network:
    """What is trained, without its parameters.

    Attributes
    ----------
    patterns
        One per junction, from the input on.
    activations
        One name per junction: that of its right layer. ``softmax`` is allowed in the last place (float engine only).
    cost
        ``cross_entropy`` or ``quadratic``.
    output_neurons
        int64 [classes]: the output neuron that stands for each class; all others are padding.

    Raises
    ------
    InputError
        If these do not fit together.
    """

    patterns: tuple[Pattern, ...]
    activations: tuple[str, ...]
    cost: str
    output_neurons: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        for i, (one, behind) in enumerate(pairwise(self.patterns), 1):
            if one.n_right != behind.n_left:
                rule = f"must have as many left neurons as junction {i} has right ones"
                raise InputError(f"patterns[{i}].n_left", behind.n_left, rule, [one.n_right])
        if not self.patterns or len(self.activations) != len(self.patterns):
            rule = f"must have one entry for each of the {len(self.patterns)} junctions, of which there is at least one"
            raise InputError("activations", list(self.activations), rule)
        if self.cost not in COSTS:
            raise InputError("cost", self.cost, "must be known", COSTS)
        self._check_outputs(self.patterns[-1].n_right)

    def _check_outputs(self, n: int) -> None:
        neurons = np.unique(self.output_neurons)  # ascending
        if self.output_neurons.shape != neurons.shape or not neurons.size or neurons[0] < 0 or neurons[-1] >= n:
            rule = f"must be different neurons of 0..{n - 1}, one for each class"
            raise InputError("output_neurons", self.output_neurons.tolist(), rule)

    @property
    def layers(self) -> tuple[int, ...]:
        """N_0 .. N_L."""
        return (self.patterns[0].n_left, *(p.n_right for p in self.patterns))

    @property
    def n_edges(self) -> int:
        """Edges of all junctions."""
        return sum(p.n_edges for p in self.patterns)

    @property
    def classes(self) -> int:
        """Outputs that count."""
        return int(self.output_neurons.size)

    @property
    def density(self) -> float:
        """Edges over those of the fully connected network of the same layers."""
        return self.n_edges / sum(p.n_left * p.n_right for p in self.patterns)
