"""Records that other distributions may add to: an installed one names its own under a group of entry points."""

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, NamedTuple, TypeVar

from models.errors import InputError

_Record = TypeVar("_Record")


class _Entry(NamedTuple):
    """Where a record is: at hand, or as ``module:attribute``; whose it is, empty for this project's own."""

    record: object
    reference: str
    distribution: str


class Plugins(Mapping[str, _Record], Generic[_Record]):
    """Records by name: this project's own first, then those of installed distributions. Each is loaded when it is asked for.

    Parameters
    ----------
    group
        Of entry points; the name of an entry point is its record's.
    kind
        The type of all records.
    own
        This project's, at hand or as references ``module:attribute``.

    Raises
    ------
    InputError
        Whenever the records are looked at while a distribution adds one whose name is taken; when one is asked for that
        cannot be loaded, is of another type or calls itself otherwise. The line names the distribution.
    """

    def __init__(self, group: str, kind: type[_Record], own: Mapping[str, _Record | str]) -> None:
        self._group, self._kind, self._own = group, kind, dict(own)
        self._found: dict[tuple[str, ...], dict[str, _Entry]] = {}
        self._loaded: dict[tuple[str, str], _Record] = {}  # by name and reference

    def __getitem__(self, name: str) -> _Record:
        entry = self._entries[name]
        key = (name, entry.reference)
        if key not in self._loaded:
            self._loaded[key] = self._load(name, entry)
        return self._loaded[key]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def module(self, name: str) -> str:
        """The module that a reference names; empty for a record that was at hand."""
        return self._entries[name].reference.partition(":")[0]

    def is_added(self, name: str) -> bool:
        """Whether the record is another distribution's."""
        return bool(self._entries[name].distribution)

    @property
    def _entries(self) -> dict[str, _Entry]:
        """Searched for once, and again when there is another place to search."""
        path = tuple(sys.path)
        if path not in self._found:
            self._found[path] = self._search()
        return self._found[path]

    def _search(self) -> dict[str, _Entry]:
        found = {
            name: _Entry(None, record, "") if isinstance(record, str) else _Entry(record, "", "")
            for name, record in self._own.items()
        }
        for point in entry_points(group=self._group):
            whose = f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unknown distribution"
            entry, other = _Entry(None, point.value, whose), found.get(point.name)
            if other is None:
                found[point.name] = entry
            elif other.reference != entry.reference:  # this project's own may be registered both ways
                raise self._fault(point.name, entry, f"is taken by {other.distribution or 'hwsim itself'}")
        return found

    def _load(self, name: str, entry: _Entry) -> _Record:
        record = entry.record if not entry.reference else self._attribute(name, entry)
        if not isinstance(record, self._kind):
            raise self._fault(name, entry, f"is a {type(record).__name__}, not a {self._kind.__name__}")
        own_name = getattr(record, "name", name)
        if own_name != name:
            raise self._fault(name, entry, f"calls itself {own_name}")
        return record

    def _attribute(self, name: str, entry: _Entry) -> object:
        module, _, attribute = entry.reference.partition(":")
        try:
            return getattr(import_module(module), attribute)
        except Exception as e:
            missing = e.name if isinstance(e, ModuleNotFoundError) else None
            if not entry.distribution and missing is not None and missing.split(".")[0] != module.split(".")[0]:
                rule = "is missing: install hwsim with the extra that brings it"
                raise InputError(f"package {missing}", None, rule) from None
            if not entry.distribution:
                raise
            raise self._fault(name, entry, f"cannot be loaded: {type(e).__name__}: {e}") from None

    def _fault(self, name: str, entry: _Entry, what: str) -> InputError:
        whose = f", which {entry.distribution} adds," if entry.distribution else ""
        return InputError(f"{self._group}: {name}{whose} {what}", None, "remove that distribution, or have it corrected")
