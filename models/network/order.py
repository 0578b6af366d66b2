"""The order of training: in which junction cycle a sample is fed forward, propagated back and learned from.

Time is counted in junction cycles; sample n enters in cycle n. Everything follows from three integers, the hops, and all
weights are read as they stood at the start of a cycle (Dey et al., arXiv 1711.01343; the family of schedules is ours).
Junctions and layers are numbered as in the papers: junction i (1..L) joins layer i-1 to layer i.
"""

from dataclasses import dataclass, fields

from models.errors import InputError

NO_SAMPLE = -1
"""In place of a sample's row: none enters in a junction cycle, which makes a bubble."""


@dataclass(frozen=True)
class Hops:
    """How many junction cycles a sample takes from one operation to the next.

    Attributes
    ----------
    forward
        From the feedforward of a junction to that of the next.
    turn
        From the feedforward of the last junction to its backpropagation and update.
    backward
        From the backpropagation of a junction to that of the one before.

    Raises
    ------
    InputError
        If one is no whole number or negative: no sample goes back in time.
    """

    forward: int
    turn: int
    backward: int

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not int or value < 0:
                raise InputError(field.name, value, "must be a whole number of junction cycles, 0 or more", [0])

    def feedforward_lag(self, junction: int) -> int:
        """Junction cycles from the entry of a sample to its feedforward in ``junction``."""
        return self.forward * (junction - 1)

    def backward_lag(self, junction: int, n_junctions: int) -> int:
        """Junction cycles from the entry of a sample to its backpropagation and update in ``junction``."""
        return self.feedforward_lag(n_junctions) + self.turn + self.backward * (n_junctions - junction)

    def staleness(self, junction: int, n_junctions: int) -> int:
        """Updates that the feedforward of a sample misses in ``junction``: those of the samples still on their way."""
        return self.backward_lag(junction, n_junctions) - self.feedforward_lag(junction)

    def drain(self, n_junctions: int) -> int:
        """Further junction cycles after the entry of the last sample until its last update."""
        return self.backward_lag(1, n_junctions)

    def activation_banks(self, layer: int, n_junctions: int) -> int:
        """Samples whose activations of ``layer`` (0..L-1) are alive in one cycle.

        Layer i is written one hop's cycle before junction i+1 reads it first and read last by the update of junction
        i+1. Layer 0 is written by the host in the cycle before the sample enters.
        """
        written = self.feedforward_lag(layer) if layer else -1
        return self.backward_lag(layer + 1, n_junctions) - written + 1

    def delta_banks(self, layer: int, n_junctions: int) -> int:
        """Samples whose (partial) deltas of ``layer`` (1..L) are alive in one cycle."""
        return (self.turn if layer == n_junctions else self.backward) + 1


SEQUENTIAL = Hops(0, 0, 0)
"""Every sample is finished in the cycle it enters: the textbook order, as a member of the family."""

FLUSH = Hops(1, 1, 1)
"""The published pipeline."""

OVERLAP = Hops(1, 2, 2)
"""The pipeline without flush clocks."""
