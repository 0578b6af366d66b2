"""The samples in flight between two junction cycles, out of the machine's banks into a checkpoint and back.

The form is the reference engine's (:meth:`models.fixed.engine.FixedEngine.arrays`): one row per junction cycle in which a
sample may have entered and not yet left, oldest first; what no later step reads is 0.
"""

import numpy as np

from hwsim.machine import columns
from hwsim.machine.kernel.groups import Design, State
from hwsim.vocabulary import BUBBLE, TRAINING
from models.network.order import Hops


class Flight:
    """Moves the state of samples in flight between banks and checkpoint rows."""

    def __init__(self, design: Design, state: State, hops: Hops, partial: type[np.signedinteger]) -> None:
        self._junctions, self._s, self._n = design.junctions, state, len(design.junctions)
        self._partial = partial
        self._forward = [hops.feedforward_lag(i) for i in range(1, self._n + 1)]
        self._backward = [hops.backward_lag(i, self._n) for i in range(1, self._n + 1)]
        self._rows = hops.drain(self._n)

    def arrays(self, cycle: int) -> dict[str, np.ndarray]:
        """Rows of the checkpoint, by name in it, at the start of junction cycle ``cycle``."""
        flight = self._empty()
        for row in range(self._rows):
            sample = cycle - self._rows + row
            if sample >= 0:
                self._copy(flight, row, sample, cycle, into_banks=False)
        return {f"flight_{k}": v for k, v in flight.items()}

    def restore(self, cycle: int, arrays: dict[str, np.ndarray]) -> None:
        """Fill the banks and the control pipeline from a checkpoint that has been checked."""
        flight = {name: arrays[f"flight_{name}"] for name in self._empty()}
        self._s.memories.words[:] = -1
        self._s.memories.tags[:] = -1 << columns.COUNT_BITS
        self._s.control.samples[:, columns.KIND] = BUBBLE
        for row in range(self._rows):
            sample = cycle - self._rows + row
            if sample >= 0 and flight["kind"][row]:
                place = sample % len(self._s.control.samples)
                self._s.control.samples[place] = [flight[name][row] for name in ("kind", "label", "kappa")]
                self._copy(flight, row, sample, cycle, into_banks=True)

    def _empty(self) -> dict[str, np.ndarray]:
        rows, right = self._rows, self._junctions[:, columns.N_RIGHT]
        hidden = int(right[:-1].sum())
        return {
            "kind": np.zeros(rows, np.int8),
            "label": np.zeros(rows, np.int32),
            "kappa": np.zeros(rows, np.int32),
            "output_delta": np.zeros((rows, int(right[-1])), np.int32),
            "activation": np.zeros((rows, int(self._junctions[:, columns.N_LEFT].sum())), np.int32),
            "derivative": np.zeros((rows, hidden), np.int32),
            # As wide as the reference keeps it.
            "partial": np.zeros((rows, hidden), self._partial),
        }

    def _copy(self, flight: dict[str, np.ndarray], row: int, sample: int, cycle: int, into_banks: bool) -> None:
        """Copy everything of one sample that is written and will still be read."""
        s, samples, age = self._s.memories, self._s.control.samples, cycle - sample
        control = samples[sample % len(samples)]
        kind = int(control[columns.KIND])
        trains = kind == TRAINING
        leaves = self._backward[0] if trains else self._forward[-1]
        if kind == BUBBLE or age > leaves:
            return

        def bank(j: int, what: str, size: int) -> slice:
            count, words = (int(self._junctions[j, getattr(columns, f"{what}_{k}")]) for k in ("BANKS", "WORDS"))
            return slice(words + sample % count * size, words + (sample % count + 1) * size)

        def move(name: str, at: int, place: slice, size: int) -> None:
            own = flight[name][row, at : at + size]
            if into_banks:
                s.words[place] = (sample << columns.OWNER_BITS) | (own.astype(np.int64) & 0xFFFFFFFF)
            else:
                own[:] = s.words[place].astype(np.int32)

        if not into_banks:
            flight["kind"][row] = kind
            flight["label"][row] = control[columns.LABEL] if age <= self._forward[-1] else 0
            flight["kappa"][row] = control[columns.KAPPA] if trains else 0
        at = 0
        for j in range(self._n):
            written = -1 if j == 0 else self._forward[j - 1]
            read = self._backward[j] if trains else self._forward[j]
            size = int(self._junctions[j, columns.N_LEFT])
            if written < age <= read:
                move("activation", at, bank(j, "LEFT", size), size)
            at += size
        at = 0
        for j in range(self._n - 1):
            size = int(self._junctions[j, columns.N_RIGHT])
            if trains and self._forward[j] < age <= self._backward[j]:
                move("derivative", at, bank(j, "DERIVATIVE", size), size)
            if trains and self._backward[j + 1] < age <= self._backward[j]:
                place, own = bank(j, "DELTA", size), flight["partial"][row, at : at + size]
                if into_banks:
                    s.partial[place] = own
                    s.tags[place] = (sample << columns.COUNT_BITS) + self._junctions[j, columns.NEXT_D_OUT]
                else:
                    own[:] = s.partial[place]
            at += size
        if trains and self._forward[-1] < age <= self._backward[-1]:
            size = int(self._junctions[-1, columns.N_RIGHT])
            move("output_delta", 0, bank(self._n - 1, "DELTA", size), size)
