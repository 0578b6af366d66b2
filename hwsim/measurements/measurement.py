"""What a measurement is: its figures, what it needs, and the function that measures one point of a study."""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from hwsim.design import Design
from hwsim.figure import Figure
from models.files.shared import SharedArrays

_Made = TypeVar("_Made")


class Need(StrEnum):
    """What a measurement cannot do without."""

    DATA = "data"
    TORCH = "torch"
    HARDWARE = "hardware"


class Shelf:
    """What the points of one process share: of every kind of value those that were asked for last.

    Parameters
    ----------
    shared
        Where processes that work together keep what is large, if there are others.
    """

    def __init__(self, shared: SharedArrays | None = None) -> None:
        self._shared = shared
        self._kinds: defaultdict[str, OrderedDict[Hashable, Any]] = defaultdict(OrderedDict)

    def kept(self, kind: str, key: Hashable, most: int, make: Callable[[], _Made]) -> _Made:
        """The value of a key, made if it is not there; the least recently used of more than ``most`` make room."""
        values = self._kinds[kind]
        if key not in values:
            values[key] = make()
            while len(values) > most:
                values.popitem(last=False)
        values.move_to_end(key)
        made: _Made = values[key]
        return made

    def shared(self, kind: str, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """A value made of large arrays, from whichever process has made it first."""
        return make() if self._shared is None else self._shared.value(f"{kind} {key!r}", make)


@dataclass
class Spent:
    """Seconds and samples of training loops, and seconds of the evaluation of held-out samples."""

    seconds: float = 0.0
    samples: int = 0
    evaluation: float = 0.0


@dataclass(frozen=True, eq=False)
class Subject:
    """What is measured, and with what.

    Attributes
    ----------
    settings
        What the study says about the measurement.
    shelf
        For what takes long to make and other points need, too.
    spent
        Told by a measurement that trains.
    """

    design: Design
    data_dir: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    shelf: Shelf = field(default_factory=Shelf)
    spent: Spent = field(default_factory=Spent)


def _nothing(_settings: Mapping[str, Any]) -> list[str]:
    return []


@dataclass(frozen=True, eq=False)
class Measurement:
    """One thing that a study can measure at a point.

    Attributes
    ----------
    name
        In ``measure`` of a study; a column of a table is called ``name.figure``.
    figures
        By name, in the order of tables.
    measure
        Figures of a subject, real numbers; not all have to be there, and no other may be.
    needs
        What it cannot do without; points that do not fit their data set are none where that is needed.
    once
        Whether it is made for the first seed only: it takes minutes and hardly depends on what is drawn.
    engine
        That a point is trained on, if it is.
    depends
        From the settings: whatever results depend on beside the configuration, the data set and the source that the
        record's module imports, such as versions of tools or the content of files. Raises
        :class:`~models.errors.InputError` where something is missing, before anything is measured.
    """

    name: str
    figures: Mapping[str, Figure]
    measure: Callable[[Subject], Mapping[str, int | float]]
    needs: frozenset[Need] = frozenset()
    once: bool = False
    engine: str | None = None
    depends: Callable[[Mapping[str, Any]], list[str]] = _nothing
