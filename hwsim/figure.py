"""What a figure is: unit, meaning, and which direction is better."""

from typing import NamedTuple


class Figure(NamedTuple):
    """One figure; ``better`` is ``less``, ``more`` or, where neither is, empty. ``axis`` is what a picture calls it."""

    unit: str
    meaning: str
    better: str = ""
    axis: str = ""
