"""Reading JSON that somebody else may have written: strict, of limited depth and size, every fault in one line."""

import json
from pathlib import Path
from typing import Any, NoReturn

from models.errors import InputError
from models.files.regular import read_bytes

MOST_BYTES = 1 << 26
"""Of a file of JSON."""
_DEEPEST = 64


def parsed(text: str | bytes) -> Any:
    """The value that a JSON text describes.

    Raises
    ------
    ValueError
        If it is no JSON (which has no NaN and no infinity), is nested more than 64 deep, or is not UTF-8.
    """
    try:
        value = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    # What the parser just manages is too deep for whoever looks at it next.
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return value
    raise ValueError("it is nested too deeply")


def read(path: Path, most: int = MOST_BYTES) -> Any:
    """The value in a file of JSON.

    Raises
    ------
    InputError
        If the file cannot be read, is larger than ``most`` bytes, or holds no sound JSON.
    """
    try:
        return parsed(read_bytes(path, most))
    except InputError:
        raise
    except ValueError as e:
        raise InputError(str(path), None, f"is no sound JSON: {e}") from None


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
