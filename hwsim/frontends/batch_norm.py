"""Batch normalisation as it stands after training: one scale and one shift for every neuron, folded into a linear layer.

y = γ (x − μ) / √(σ² + ε) + β is y = s x + t with s = γ / √(σ² + ε) and t = β − s μ. Behind a layer, s (W x + b) + t has the
weights s W by right neuron and the biases s b + t; in front of one, W (s x + t) + b has the weights W s by left neuron and
the biases b + W t. Neither makes or removes an edge.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwsim.frontends.names import field
from models.errors import InputError

Module = dict[str, np.ndarray]
"""Arrays of one module by the values of :data:`hwsim.frontends.state_dict.PARTS`: float64, masks bool."""

EPSILON = 1e-5
"""ε: PyTorch's default, which a file of tensors does not tell."""


@dataclass(frozen=True, eq=False)
class BatchNorm:
    """``scale`` s and ``shift`` t of every neuron, float64 [n], under the ``name`` that the file gives."""

    name: str
    scale: np.ndarray
    shift: np.ndarray

    def behind(self, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights [n, n_left] and biases [n] of the layer before it, with itself in them."""
        return weight * self.scale[:, None], bias * self.scale + self.shift

    def before(self, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights [n_right, n] and biases [n_right] of the layer behind it, with itself in them."""
        return weight * self.scale, bias + weight @ self.shift


def batch_norm(path: Path, name: str, parts: Module, epsilon: float = EPSILON) -> BatchNorm:
    """From its arrays in a file; without ``weight`` and ``bias``, γ is 1 and β is 0.

    Raises
    ------
    InputError
        If one is missing or of another shape, or a variance is negative.
    """
    place = field(path, name)
    for part, key in (("mean", "running_mean"), ("variance", "running_var")):
        if part not in parts:
            raise InputError(place, None, f"is batch normalisation without {key}, and cannot be folded into weights")
    shape = parts["mean"].shape
    for part, array in parts.items():
        if part not in ("mean", "variance", "weight", "bias", "batches"):
            raise InputError(place, None, f"is batch normalisation with a {part}")
        if part != "batches" and (array.shape != shape or array.ndim != 1):
            rule = "is batch normalisation whose tensors must all have the shape [neurons]"
            raise InputError(place, list(array.shape), rule)
    if (parts["variance"] < 0).any():
        raise InputError(f"{place}.running_var", float(parts["variance"].min()), "must not be negative", [0.0])
    scale = parts.get("weight", np.ones(shape)) / np.sqrt(parts["variance"] + epsilon)
    return BatchNorm(name, scale, parts.get("bias", np.zeros(shape)) - scale * parts["mean"])
