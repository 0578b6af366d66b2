"""What the machine's kernel writes down of its accesses, clock by clock."""

from dataclasses import dataclass, field

import numpy as np

from hwsim.vocabulary import EVENT_FIELDS


@dataclass
class Log:
    """Accesses of a window of clocks, recorded as they happen; rows have the fields of ``EVENT_FIELDS``.

    Attributes
    ----------
    reads
        Whether reads are recorded as well as writes.
    """

    first: int
    last: int
    capacity: int = 1_000_000
    reads: bool = True
    rows: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.rows = np.zeros((self.capacity + 1, len(EVENT_FIELDS)), np.int64)
        self.rows[-1, 1] = not self.reads

    def restart(self, first: int) -> None:
        """Record from another clock on, over what was recorded."""
        self.first, self.rows[-1, 0] = first, 0

    @property
    def events(self) -> np.ndarray:
        """int64 [n, fields] in order of occurrence."""
        return self.rows[: min(int(self.rows[-1, 0]), self.capacity)]

    @property
    def lost(self) -> int:
        """Events beyond the capacity."""
        return max(0, int(self.rows[-1, 0]) - self.capacity)
