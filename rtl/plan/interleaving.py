"""How a layer lies in interleaved memories: banks, lanes and depth."""

from dataclasses import dataclass
from math import gcd


@dataclass(frozen=True)
class Interleaving:
    """Where ``per_clock`` neurons at a time go when neuron j lives in memory j mod ``memories``, address j div ``memories``.

    In clock g the neurons g * per_clock .. g * per_clock + per_clock - 1 are accessed. The first of them lies in memory
    ``offset(phase)``, and phases repeat after ``phases`` clocks.
    """

    neurons: int
    per_clock: int
    memories: int

    @property
    def groups(self) -> int:
        """Clocks until all neurons have been accessed."""
        return -(-self.neurons // self.per_clock)

    @property
    def depth(self) -> int:
        """Words of each memory."""
        return -(-self.neurons // self.memories)

    @property
    def phases(self) -> int:
        """After how many clocks the same memories come again."""
        return self.memories // gcd(self.per_clock, self.memories)

    def offset(self, phase: int) -> int:
        """Memory of the first neuron of a clock."""
        return phase * self.per_clock % self.memories

    def source(self, phase: int, memory: int) -> int | None:
        """Which of the clock's neurons lies in ``memory``, if any."""
        k = (memory - self.offset(phase)) % self.memories
        return k if k < self.per_clock else None

    def wraps(self, phase: int, memory: int) -> bool:
        """Whether the neuron in ``memory`` lies one address above the clock's first neuron."""
        return memory < self.offset(phase)

    def steps(self, phase: int) -> bool:
        """Whether the next clock's first neuron lies one address above this one's."""
        return self.offset(phase) + self.per_clock >= self.memories
