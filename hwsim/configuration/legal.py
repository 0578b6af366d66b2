"""What is legal beside a value that is not: the values and names that messages propose, and characters in names."""

import difflib
import math
from collections.abc import Iterable
from unicodedata import category

from pydantic_core import PydanticCustomError


def nearest(value: float, legal: Iterable[int], count: int = 2) -> list[int]:
    """The ``count`` legal values closest to ``value``, in ascending order."""
    return sorted(sorted(legal, key=lambda v: (abs(v - value), v))[:count])


def divisors(n: int) -> list[int]:
    """All divisors of ``n`` in ascending order."""
    small = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})


def close_names(given: str, known: Iterable[str]) -> list[str]:
    """Known names that look like the given one, or all if none does and they are few."""
    names = list(known)
    return difflib.get_close_matches(given, names, n=3, cutoff=0.5) or (names if len(names) <= 8 else [])


def check_visible(text: str) -> str:
    """Refuse characters that are not seen, or that change how others are seen: they make names look like other names."""
    hidden = next((c for c in text if category(c)[0] == "C" or category(c) in ("Zl", "Zp")), None)
    if hidden is not None:
        raise PydanticCustomError("invisible", f"must not contain the invisible character U+{ord(hidden):04X}")
    return text
