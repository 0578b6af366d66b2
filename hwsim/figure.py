"""What a figure is, and the registry of all: the only place of their units, meanings and directions.

Each room registers its figures beside the code that measures them. A key is ``room.name``: a name may mean one thing for
every junction and another for the whole accelerator.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Figure(NamedTuple):
    """One figure; ``better`` is ``less``, ``more`` or, where neither is, empty. ``axis`` is what a picture calls it.

    Unit and meaning may have places, such as ``{fraction}``, that are filled in where a value is told.
    """

    unit: str
    meaning: str
    better: str = ""
    axis: str = ""


_REGISTERED: dict[str, Figure] = {}


class Figures(Mapping[str, Figure]):
    """The figures of one room, registered as they are made.

    Parameters
    ----------
    room
        Its name; an earlier one's figures may be given once more, but not with another text.
    figures
        By name, in the order of tables.

    Raises
    ------
    ValueError
        If a key has another text already.

    Examples
    --------
    >>> pumps = Figures("example", {"flow": Figure("l/s", "through the pump"), "age": Figure("{span}", "since {start}")})
    >>> pumps.told("flow", 3)
    {'value': 3, 'unit': 'l/s', 'meaning': 'through the pump'}
    >>> pumps.told("age", 2, span="days", start="May")["unit"]
    'days'
    """

    def __init__(self, room: str, figures: Mapping[str, Figure]) -> None:
        self.room, self._figures = room, dict(figures)
        for name, known in self._figures.items():
            if _REGISTERED.setdefault(f"{room}.{name}", known) != known:
                raise ValueError(f"{room}.{name} is registered already, with another text")

    def __getitem__(self, name: str) -> Figure:
        return self._figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def told(self, name: str, value: Any, **places: Any) -> dict[str, Any]:
        """A figure as files hold it: value, unit and meaning; ``places`` are those of its texts."""
        known = self._figures[name]
        return {"value": value, "unit": known.unit.format(**places), "meaning": known.meaning.format(**places)}

    def all_told(self, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Several figures by name, none of which has places."""
        return {name: self.told(name, value) for name, value in values.items()}


def registered() -> Mapping[str, Figure]:
    """Every figure of the modules that have been imported, by ``room.name``."""
    return MappingProxyType(_REGISTERED)


NETWORK = Figures("network", {"density": Figure("1", "edges over those of the fully connected network", "less", "density")})
"""Of a network that may be sparse."""

FED = Figures(
    "fed",
    {
        "train_accuracy": Figure(
            "1", "share of training samples predicted right as they were fed, last epoch", "more", "training accuracy"
        ),
        "train_loss": Figure("nats or squared error", "mean cost of the same samples", "less"),
    },
)
"""What a network shows while it learns."""

JUDGED = Figures(
    "judged",
    {
        "test_accuracy": Figure("1", "share of test samples predicted right after the last epoch", "more", "test accuracy"),
        "test_loss": Figure("nats or squared error", "mean cost of test samples after the last epoch", "less", "test loss"),
        "validation_accuracy": Figure(
            "1", "share of held-out samples predicted right after the last epoch", "more", "validation accuracy"
        ),
        "validation_loss": Figure("nats or squared error", "mean cost of held-out samples after the last epoch", "less"),
    },
)
"""What any trained network is judged by, on samples that it has not learned from."""
