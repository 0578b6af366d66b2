"""All trained numbers of a PyTorch module in one vector, so that this project's optimisers update them."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from models.floating import kernels
from models.floating.optimisers import Optimiser, OptimiserState


class FlatParameters:
    """The parameters of a module and their gradients as two vectors, and the optimiser that updates them.

    The module's parameters become views, so PyTorch and NumPy see the same memory. One update rule then serves both
    frameworks, and what must be kept for an exact continuation are plain arrays.

    Parameters
    ----------
    module
        Its parameters, all of one floating type, are taken over.
    penalised
        Those of them that the L2 penalty concerns.
    optimiser
        The update rule.
    l2
        λ of the penalty λ Σ w² (gradient 2 λ w).
    scales
        At how many times the rate each of the penalised parameters learns; default: at the rate itself.

    Attributes
    ----------
    values, gradient
        The vectors, the penalised parameters first.
    """

    def __init__(
        self,
        module: nn.Module,
        penalised: Sequence[nn.Parameter],
        optimiser: Optimiser,
        l2: float = 0.0,
        scales: Sequence[float] = (),
    ) -> None:
        first = {id(p) for p in penalised}
        parameters = [*penalised, *(p for p in module.parameters() if id(p) not in first)]
        size = sum(p.numel() for p in parameters)
        values = torch.zeros(size, dtype=parameters[0].dtype)
        gradient = torch.zeros_like(values)
        at = 0
        for p in parameters:
            own = torch.as_strided(values, p.shape, p.stride(), at)
            own.copy_(p.detach())
            p.data = own
            p.grad = torch.as_strided(gradient, p.shape, p.stride(), at)
            at += p.numel()
        self.values: np.ndarray = values.numpy()
        self.gradient: np.ndarray = gradient.numpy()
        self._penalised, self._l2 = sum(p.numel() for p in penalised), l2
        self._state = OptimiserState(
            optimiser, size, self.values.dtype, [(p.numel(), s) for p, s in zip(penalised, scales, strict=bool(scales))]
        )

    @property
    def updates(self) -> int:
        """Updates made so far."""
        return self._state.iterations

    def clear(self) -> None:
        """Forget the gradient; PyTorch adds to it."""
        self.gradient.fill(0)

    def step(self, rate: float | None = None) -> None:
        """Update with the gradient as it stands; ``rate`` in place of the optimiser's own."""
        if self._l2:
            kernels.add_penalty(2 * self._l2, self.values[: self._penalised], self.gradient[: self._penalised])
        self._state.step(self.values, self.gradient, rate)

    def arrays(self) -> dict[str, np.ndarray]:
        """Copies of the optimiser's memory, see :meth:`models.floating.optimisers.OptimiserState.arrays`."""
        return self._state.arrays()

    def checked(self, arrays: dict[str, np.ndarray], field: str) -> None:
        """Refuse what :meth:`restore` would."""
        self._state.checked(arrays, field)

    def restore(self, arrays: dict[str, np.ndarray], field: str) -> None:
        """Take over what :meth:`arrays` gave."""
        self._state.restore(arrays, field)
