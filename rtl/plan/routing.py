"""Which lanes of a weight row belong to which right neurons, where rows may end in the middle of a neuron."""

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd


@dataclass(frozen=True)
class Routing:
    """The right neurons of weight rows: row r holds the edges r z .. r z + z - 1, and neuron j the edges from j d_in on.

    A row's neurons follow each other; the lanes of each are a *segment*. All but the first begin in the row, all but the
    last end in it. In which lanes segments lie repeats after ``phases`` rows. Neuron j has *slot* j mod ``slots``: where its
    bias, delta and activation are from the row in which it ends, or begins, on.

    Where z is a multiple of d_in, or divides it, all rows are alike and there is one phase.

    Attributes
    ----------
    slots
        q, right neurons that can end in a row.
    """

    z: int
    d_in: int
    slots: int
    phases: int

    @property
    def leaves(self) -> int:
        """Lanes that one neuron can have in a row."""
        return min(self.z, self.d_in)

    @property
    def segments(self) -> int:
        """Neurons that can share a row."""
        return max(self.last(phase) for phase in range(self.phases)) + 1

    @property
    def carries(self) -> bool:
        """Whether a neuron can go on in the next row."""
        return self.z % self.d_in != 0

    def first(self, phase: int) -> int:
        """The neuron of the first lane, counted from phase 0 on."""
        return phase * self.z // self.d_in

    def offset(self, phase: int) -> int:
        """Edges of it that lie in earlier rows."""
        return phase * self.z % self.d_in

    def segment(self, phase: int, lane: int) -> int:
        """Segment of a lane."""
        return (self.offset(phase) + lane) // self.d_in

    def last(self, phase: int) -> int:
        """Segment of the last lane."""
        return self.segment(phase, self.z - 1)

    def lanes(self, segment: int, leaf: int) -> list[int | None]:
        """By phase, the lane of a segment that is ``leaf`` modulo their number: none where the segment is shorter."""
        result: list[int | None] = []
        for phase in range(self.phases):
            own = [m for m in range(leaf, self.z, self.leaves) if self.segment(phase, m) == segment]
            result.append(own[0] if own else None)
        return result

    def slot(self, phase: int, segment: int) -> int:
        """Slot of a segment's neuron."""
        return (self.first(phase) + segment) % self.slots

    def segment_of_slot(self, phase: int, slot: int) -> int:
        """The inverse, for segments that end."""
        return (slot - self.first(phase)) % self.slots

    def ended(self, phase: int) -> range:
        """Neurons whose last edge is in the row."""
        return range(self.first(phase), self.first(phase + 1))

    def begun(self, phase: int) -> range:
        """Neurons whose first edge is in the row."""
        first, past = -(-phase * self.z // self.d_in), -(-(phase + 1) * self.z // self.d_in)
        return range(first, past)

    def ends(self, slot: int) -> list[int]:
        """By phase, whether the neuron of a slot ends."""
        return self._within(slot, self.ended)

    def begins(self, slot: int) -> list[int]:
        """By phase, whether the neuron of a slot begins."""
        return self._within(slot, self.begun)

    def _within(self, slot: int, neurons: Callable[[int], range]) -> list[int]:
        return [int(any(n % self.slots == slot for n in neurons(phase))) for phase in range(self.phases)]


def phases(z: int, d_in: int, rows: int, repeat: int) -> int:
    """Rows after which lanes belong to neurons as before, and those to places that repeat after ``repeat`` neurons."""
    if z % d_in == 0 or d_in % z == 0:
        return 1
    common = gcd(z, d_in)
    part, neurons = d_in // common, z // common
    return min(rows, part * (repeat // gcd(repeat, neurons)))
