"""What ``--json`` puts on standard output: one JSON document for a command, made of what it prints anyway.

docs/json.md describes it. Whoever prints a table, figures or a line prints them once, through
:func:`hwsim.commands.console.console_of`; here they are kept as values, there they are drawn.
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePath
from typing import Any

from hwsim.tables import Table, Told
from models.errors import InputError

VERSION = 1
"""Of the document's shape: raised whenever something that was there goes or means something else."""

OPTION = "--json"


@dataclass
class Document:
    """What one command has told."""

    figures: dict[str, Any] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    error: dict[str, Any] | None = None

    def fail(self, line: str) -> None:
        """What went wrong; the first of several, whose others only say more of it."""
        self.error = self.error or {"line": line, "field": None, "value": None, "rule": None, "nearest": []}

    def refuse(self, error: InputError, field: str, rule: str) -> None:
        """What the line of bad input has, part by part."""
        told = {"field": field, "value": error.value, "rule": rule, "nearest": error.nearest}
        self.error = (self.error or {"line": str(error)}) | told

    def text(self, command: str, code: int) -> str:
        """The document, with a line break at its end."""
        content = {
            "hwsim": VERSION,
            "command": command,
            "exit_code": code,
            "error": self.error,
            "figures": self.figures,
            "tables": [_table(t) for t in self.tables],
            "lines": self.lines,
        }
        return json.dumps(_plain(content), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


_CURRENT: ContextVar[Document | None] = ContextVar("document", default=None)


def current() -> Document | None:
    """The document of the command that runs; ``None`` where it prints for people."""
    return _CURRENT.get()


@contextmanager
def wanted(words: list[str]) -> Iterator[Document | None]:
    """A document if these arguments ask for one: known before they are understood, so that refusing them is told in it."""
    ours = words[: words.index("--")] if "--" in words else words
    asked = OPTION in ours and "--help" not in ours
    token = _CURRENT.set(Document() if asked else None)
    try:
        yield _CURRENT.get()
    finally:
        _CURRENT.reset(token)


def _table(table: Table) -> dict[str, Any]:
    keys = _keys(table)
    heads = zip(keys, table.columns, strict=True)
    return {
        "title": table.title,
        "caption": table.caption,
        "columns": [{"name": k, "heading": c.name, "unit": c.unit or None, "meaning": c.meaning or None} for k, c in heads],
        "rows": [{k: _value(cell) for k, cell in zip(keys, row.cells, strict=True)} for row in table.rows],
    }


def _keys(table: Table) -> list[str]:
    """A name for every column: of columns that share one, the later ones are numbered."""
    seen: dict[str, int] = {}
    result = []
    for column in table.columns:
        key = column.key or "mark"
        seen[key] = seen.get(key, 0) + 1
        result.append(key if seen[key] == 1 else f"{key}_{seen[key]}")
    return result


def _value(cell: str) -> Any:
    return cell.value if isinstance(cell, Told) else cell or None


def _plain(value: Any) -> Any:
    """The value as JSON has it: no NaN or infinity, which become null; integers stay integers."""
    if hasattr(value, "tolist"):  # of NumPy: arrays and scalars
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset | range):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, bool | int):
        return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Enum):
        return _plain(value.value)
    return str(value) if isinstance(value, str | PurePath) else repr(value)
