"""What an accelerator meets in service: inputs that do not come, samples not to be learned from, a blocked output.

Nothing of it may change what is learned from the samples for training that enter. The cycle-level machine and the streams of
the Verilog meet the same at different times: the machine takes whole samples, once a junction cycle, the streams take beats,
in every clock. How each of them draws is its own.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from models.errors import ArgumentError, InputError

_NEARLY_ALL = 0.99  # beyond, hardly anything would pass


class Meaning(NamedTuple):
    """What the number of one disturbance says of one simulation, and the most that it may be."""

    text: str
    most: float = 1


class Place(Enum):
    """Where disturbances are made, and which.

    The machine stands beside its reference, and they are decided once a junction cycle; the streams of the Verilog are those
    of a co-simulation, and they are decided in every clock.

    Attributes
    ----------
    number
        What kind of number tells how much of each.
    meanings
        By disturbance, in the order in which they are told.
    """

    MACHINE = (
        "probability",
        {
            "late": Meaning("probability that no input is ready in a junction cycle", _NEARLY_ALL),
            "inference": Meaning("probability that a sample is for inference only"),
            "blocked": Meaning("probability that the output is blocked after one"),
        },
    )
    STREAMS = (
        "share",
        {
            "idle": Meaning("share of clocks in which no input is offered", _NEARLY_ALL),
            "blocked": Meaning("share of clocks in which no result is taken", _NEARLY_ALL),
            "inference": Meaning("share of samples that are for inference only"),
            "illegal": Meaning("share of training samples with an illegal rate or label: fed forward only"),
        },
    )

    def __init__(self, number: str, meanings: dict[str, Meaning]) -> None:
        self.number, self.meanings = number, meanings

    def __str__(self) -> str:
        return f"the {self.name.lower()}"


MACHINE, STREAMS = Place


@dataclass(frozen=True)
class Disturbances:
    """How much of each disturbance; none by default.

    Attributes
    ----------
    late
        Of the machine: that no input is ready in a junction cycle; 0..0.99.
    inference
        That a sample is for inference only; 0..1.
    blocked
        That the output is blocked: of the machine at the end of a junction cycle, 0..1; of the streams in a clock, 0..0.99.
    idle
        Of the streams: that no beat is offered in a clock; 0..0.99.
    illegal
        Of the streams: that a training sample has an illegal learning-rate shift or label, so that it is fed forward only;
        0..1.
    place
        :data:`MACHINE` or :data:`STREAMS`.

    Raises
    ------
    InputError
        If one lies outside its range, or is none of the place.
    """

    late: float = 0.0
    inference: float = 0.0
    blocked: float = 0.0
    idle: float = 0.0
    illegal: float = 0.0
    place: Place = MACHINE

    def __post_init__(self) -> None:
        for name in ("late", "idle", "inference", "blocked", "illegal"):
            value, meaning = getattr(self, name), self.place.meanings.get(name)
            if meaning is None and value != 0:
                rule = f"is nothing that {self.place} can meet: {', '.join(self.place.meanings)}"
                raise ArgumentError(name, value, rule, [0])
            if meaning is not None and not 0 <= value <= meaning.most:  # also if it is no number
                raise ArgumentError(name, value, f"is a {self.place.number}: must lie in 0..{meaning.most}")

    @property
    def options(self) -> dict[str, float]:
        """The numbers by name, those of the place only."""
        return {name: getattr(self, name) for name in self.place.meanings}

    def check(self, place: Place) -> None:
        """Refuse what is made elsewhere; no disturbance is none anywhere.

        Raises
        ------
        InputError
            If these are disturbances of another place.
        """
        if self.place is not place and any(self.options.values()):
            raise InputError("disturbances", None, f"are of {self.place}, not of {place}")


UNDISTURBED = Disturbances()
