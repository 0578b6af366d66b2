"""Words of the accelerator that all its models share: operations, memories, accesses, and what enters."""

from dataclasses import dataclass
from enum import StrEnum


class MemoryKind(StrEnum):
    """What a memory holds, in the order of its codes in :mod:`hwsim.machine.columns`; its text is the plural."""

    WEIGHTS = "weights"
    BIASES = "biases"
    ACTIVATIONS = "activations"
    DERIVATIVES = "derivatives"
    PARTIAL_DELTAS = "partial deltas"
    DELTAS = "deltas"

    @property
    def word(self) -> str:
        """The name of a single one, as event logs have it."""
        return "bias" if self is MemoryKind.BIASES else self.value.removesuffix("s")

    @property
    def identifier(self) -> str:
        """For names of figures."""
        return self.value.replace(" ", "_")

    @property
    def code(self) -> int:
        """What arrays have in its place."""
        return list(MemoryKind).index(self)


@dataclass(frozen=True)
class MemoryKey:
    """One memory of an accelerator, all its banks and lanes.

    Attributes
    ----------
    number
        i of junction i for weights, from 1; of layer i for all others, from 0.
    """

    kind: MemoryKind
    number: int

    @property
    def owner(self) -> str:
        """Whose it is, for people."""
        return f"{'junction' if self.kind is MemoryKind.WEIGHTS else 'layer'} {self.number}"

    def __str__(self) -> str:
        return f"{self.kind} of {self.owner}"


# Operations, memories, faults and accesses, as they appear in faults, counters and events.
FF, BP, UP, HOST = range(4)
OPERATIONS = ("FF", "BP", "UP", "host")
WEIGHT, BIAS, ACTIVATION, DERIVATIVE, PARTIAL, DELTA = range(6)
MEMORIES = tuple(kind.word for kind in MemoryKind)

READ, WRITE = range(2)
ACCESSES = ("read", "write")

EVENT_FIELDS = ("clock", "junction", "operation", "access", "memory", "bank", "index", "address", "lane", "value", "sample")

BUBBLE, INFERENCE, TRAINING = range(3)
"""What a place of the control pipeline holds."""
