"""Fixed-point formats, narrowing and saturation on plain NumPy integers.

A number is an integer; its value is ``integer / 2**fraction``. Sums and products are exact; bits are dropped only by
:func:`narrow` and range only by :func:`saturate`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import InputError

MOST_BITS = 32
"""Of an integer that is kept: engines and files hold int32."""

IntArray = npt.NDArray[np.signedinteger[Any]]


class Rounding(StrEnum):
    """What :func:`narrow` does with the bits it drops."""

    FLOOR = "floor"  # arithmetic shift, towards minus infinity
    HALF_UP = "half_up"  # to nearest, ties towards plus infinity
    HALF_EVEN = "half_even"  # to nearest, ties to the even integer
    STOCHASTIC = "stochastic"  # up with a probability of what is dropped, by bits that are given


NEAREST = (Rounding.FLOOR, Rounding.HALF_UP, Rounding.HALF_EVEN)
"""What needs no random bits: the same number is always narrowed alike."""


@dataclass(frozen=True)
class Format:
    """A two's complement (or unsigned) format of ``width`` bits, ``fraction`` of them behind the binary point.

    Raises
    ------
    InputError
        If there are no bits or more than an int32 holds, or if more are behind the binary point than there are.
    """

    width: int
    fraction: int
    signed: bool = True

    def __post_init__(self) -> None:
        for name in ("width", "fraction"):
            if type(value := getattr(self, name)) is not int:
                raise InputError(name, value, "must be a whole number")
        if type(self.signed) is not bool:
            raise InputError("signed", self.signed, "must be true or false")
        most = MOST_BITS if self.signed else MOST_BITS - 1
        if not 1 <= self.width <= most:
            raise InputError("width", self.width, f"must lie in 1..{most}", [min(max(self.width, 1), most)])
        if self.fraction < 0:
            raise InputError("fraction", self.fraction, "must not be negative", [0])
        if self.fraction > self.width:
            raise InputError("fraction", self.fraction, f"must not exceed the width {self.width}", [self.width])

    @property
    def lowest(self) -> int:
        """The least representable integer."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """The greatest representable integer."""
        return (1 << (self.width - 1)) - 1 if self.signed else (1 << self.width) - 1

    @property
    def one(self) -> int:
        """The integer that stands for 1.0; it may lie outside the format."""
        return 1 << self.fraction

    @property
    def magnitude(self) -> int:
        """The greatest absolute value of a representable integer."""
        return max(-self.lowest, self.highest)

    def quantise(self, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Nearest representable integers of real ``values`` (ties upwards), saturated to the format."""
        clipped = np.clip(np.asarray(values, dtype=np.float64), self.lowest / self.one, self.highest / self.one)
        scaled = clipped * self.one
        below = np.floor(scaled)
        # Comparing the remainder is exact; adding 1/2 first would round the greatest double below 1/2 up to 1.
        return (below + (scaled - below >= 0.5)).astype(np.int64)

    def real(self, integers: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The real values of ``integers``."""
        return np.asarray(integers, dtype=np.float64) / self.one

    def __str__(self) -> str:
        return f"{'s' if self.signed else 'u'}{self.width}.{self.fraction}"


def narrow(x: npt.ArrayLike, drop: int, rounding: Rounding, random: npt.ArrayLike | None = None) -> npt.NDArray[np.int64]:
    """Drop ``drop`` fraction bits of integers ``x``; a negative ``drop`` appends zero bits, which is exact.

    Intermediate sums need one bit more than ``x``: ``|x|`` must stay below 2**62. ``random`` is what stochastic rounding
    adds before it drops bits, 0 .. 2**drop - 1 for each of ``x``.
    """
    wide = np.asarray(x, dtype=np.int64)
    if drop <= 0:
        return wide << -drop
    if rounding is Rounding.STOCHASTIC:
        assert random is not None, "stochastic rounding needs random bits"
        return (wide + np.asarray(random, np.int64)) >> drop
    half = 1 << (drop - 1)
    if rounding is Rounding.FLOOR:
        return wide >> drop
    if rounding is Rounding.HALF_UP:
        return (wide + half) >> drop
    kept_odd = (wide >> drop) & 1
    return (wide + (half - 1) + kept_odd) >> drop


def saturate(x: npt.ArrayLike, to: Format) -> npt.NDArray[np.int64]:
    """Clip integers ``x`` to the range of format ``to``."""
    return np.clip(np.asarray(x, dtype=np.int64), to.lowest, to.highest)
