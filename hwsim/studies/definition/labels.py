"""How tables and pictures of a study call the values of its axes."""

from typing import Any

IDLE = "-"
"""Label of an axis whose condition does not hold."""


def label_of(value: Any) -> str:
    """A value as tables and pictures show it."""
    if isinstance(value, (list, tuple)):
        return "-".join(map(label_of, value))
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return f"{value:.4g}" if isinstance(value, float) else str(value)
