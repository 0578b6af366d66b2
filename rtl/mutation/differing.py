"""In which registers a mutant has ever differed from its design: what a simulation of both, side by side, has seen."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from rtl.mutation import aig_kernel
from rtl.mutation.pairing import Pairing

_RUNS, _CLOCKS = 64, 16_000
"""Of the simulation; each run begins elsewhere in the record."""


def seen_apart(pairing: Pairing, mutant: int, given: npt.NDArray[np.uint8], column: Mapping[str, int]) -> frozenset[int]:
    """Numbers of the registers that were not the same in design and mutant in some clock.

    Parameters
    ----------
    given
        [clocks, bits]: what inputs are in a co-simulation.
    column
        Where an input is in that, by name; others are random.
    """
    into, _ = pairing.two_machines(mutant)
    first, n = 1 + len(into.inputs), len(pairing.graph.latches)
    where = np.array([column.get(name, -1) for name in into.inputs])
    at = (np.arange(_CLOCKS)[:, None] + np.arange(_RUNS) * (len(given) // _RUNS)) % len(given)
    played = np.packbits(given[at].swapaxes(1, 2), axis=2, bitorder="little").view("<u8")[:, :, 0]
    gates, next_ = np.array(into.gates, np.int64).reshape(-1, 2), np.array(into.next, np.int64)
    differed = aig_kernel.differing(gates, next_, where, played.astype(np.uint64), first, first + n, n, 1 + mutant)
    return frozenset(np.flatnonzero(differed).tolist())
