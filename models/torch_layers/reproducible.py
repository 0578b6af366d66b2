"""Doing the same sums in the same order every time."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def reproducible(threads: int, seed: int | None = None) -> Iterator[None]:
    """Compute with so many threads and deterministic algorithms only; all settings come back at the end.

    The number of threads decides how sums are shared out, and so their rounding.

    Parameters
    ----------
    threads
        Of one operation.
    seed
        Of what PyTorch draws inside, that is dropout.
    """
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory
    try:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        # Meant for finding reads of unwritten memory; it costs a pass over every result.
        torch.utils.deterministic.fill_uninitialized_memory = False
        with torch.random.fork_rng(devices=[]):
            if seed is not None:
                torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        torch.utils.deterministic.fill_uninitialized_memory = filled
