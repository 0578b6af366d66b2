"""How a layer lies in interleaved memories: banks, lanes and depth."""

from dataclasses import dataclass
from functools import cached_property
from math import gcd
from typing import NamedTuple


class Step(NamedTuple):
    """Neurons of a clock.

    Attributes
    ----------
    first
        The neuron at which the walk stands.
    neurons
        Those that are accessed, at most one more ahead.
    next
        Where the walk stands in the next clock.
    """

    first: int
    neurons: range
    next: int


@dataclass(frozen=True)
class Interleaving:
    """Where up to ``per_clock`` neurons at a time go when neuron j lives in memory j mod ``memories``, address j div that.

    They come in slots, neuron j in slot j mod ``per_clock``; ``per_clock`` neurons with the same j div that are a *group*.
    Without a ``walk``, a clock's neurons are a group. The first neuron of a clock lies in memory ``offset(phase)``, and
    phases repeat after ``phases`` clocks.

    Attributes
    ----------
    walk
        The clocks by phase, where they hold other numbers of neurons.
    """

    neurons: int
    per_clock: int
    memories: int
    walk: tuple[Step, ...] = ()

    @property
    def groups(self) -> int:
        """Groups of neurons."""
        return -(-self.neurons // self.per_clock)

    @cached_property
    def clocks(self) -> int:
        """Clocks until all neurons have been accessed: without a walk, one for each group."""
        clocks = done = 0
        while done < self.neurons:
            step = self._steps[clocks % self.phases]
            clocks, done = clocks + 1, done + step.next - step.first
        return clocks

    @cached_property
    def walked(self) -> tuple[tuple[int, int, range], ...]:
        """By clock: the first neuron, the phase, and the neurons that are accessed."""
        result, done = [], 0
        for clock in range(self.clocks):
            phase = clock % self.phases
            step = self._steps[phase]
            on = done - step.first
            result.append((done, phase, range(step.neurons.start + on, min(step.neurons.stop + on, self.neurons))))
            done += step.next - step.first
        return tuple(result)

    @property
    def depth(self) -> int:
        """Words of each memory."""
        return -(-self.neurons // self.memories)

    @cached_property
    def _steps(self) -> tuple[Step, ...]:
        if self.walk:
            return self.walk
        n = self.per_clock
        firsts = range(0, n * (self.memories // gcd(n, self.memories)), n)
        return tuple(Step(first, range(first, first + n), first + n) for first in firsts)

    @property
    def phases(self) -> int:
        """After how many clocks the same memories come again."""
        return len(self._steps)

    def offset(self, phase: int) -> int:
        """Memory of the first neuron of a clock."""
        return self._steps[phase].first % self.memories

    def memory(self, phase: int, slot: int) -> int:
        """Memory of the neuron in a slot; where there is none, any."""
        step = self._steps[phase]
        found = [n for n in step.neurons if n % self.per_clock == slot]
        return (found[0] if found else step.first + (slot - step.first) % self.per_clock) % self.memories

    def source(self, phase: int, memory: int) -> int | None:
        """The slot of the clock's neuron that lies in ``memory``, if there is one."""
        neuron = self._neuron(phase, memory)
        return None if neuron is None else neuron % self.per_clock

    def wraps(self, phase: int, memory: int) -> bool:
        """Whether the neuron in ``memory`` lies one address above the clock's first neuron."""
        neuron, first = self._neuron(phase, memory), self._steps[phase].first
        return neuron is not None and neuron // self.memories > first // self.memories

    def leads(self, phase: int, slot: int) -> bool:
        """Whether the neuron in a slot is of the group behind the clock's first neuron's."""
        step = self._steps[phase]
        return any(n // self.per_clock > step.first // self.per_clock for n in step.neurons if n % self.per_clock == slot)

    def steps(self, phase: int) -> bool:
        """Whether the next clock's first neuron lies one address above this one's."""
        step = self._steps[phase]
        return step.next // self.memories > step.first // self.memories

    def passes(self, phase: int) -> bool:
        """Whether the next clock's first neuron is of the next group."""
        step = self._steps[phase]
        return step.next // self.per_clock > step.first // self.per_clock

    def _neuron(self, phase: int, memory: int) -> int | None:
        return next((n for n in self._steps[phase].neurons if n % self.memories == memory), None)
