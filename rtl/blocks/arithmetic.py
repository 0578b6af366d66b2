"""Narrowing and saturation (docs/architecture.md §3) as expressions, and as a component with a model."""

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from models.numbers import format
from models.numbers.format import Format, Rounding


def shape_of(fmt: Format) -> Shape:
    """The shape of a word of a format."""
    return signed(fmt.width) if fmt.signed else unsigned(fmt.width)


def signed_bits(word: int, shape: Shape) -> int:
    """The number that the lowest bits of an integer are in a shape."""
    word &= (1 << shape.width) - 1
    return word - (1 << shape.width) if shape.signed and word >> (shape.width - 1) else word


def narrow(x: Any, drop: int, rounding: Rounding) -> Value:
    """Drop ``drop`` fraction bits; a negative number appends zeros. The result is as wide as it must be.

    Rounding half up adds one to what is left when all bits but one are dropped, which is an incrementer of the short word
    rather than an adder of the long one.
    """
    x = Value.cast(x)
    if drop <= 0:
        return x.shift_left(-drop)
    if rounding is Rounding.FLOOR:
        return x.shift_right(drop)
    if drop > len(x):
        return Const(0, signed(1))  # less than half of what is left
    if rounding is Rounding.HALF_UP:
        return (x.shift_right(drop - 1) + 1).shift_right(1)
    return x.shift_right(drop) + _up(x, drop, rounding)


def _up(x: Value, drop: int, rounding: Rounding) -> Value:
    """Whether rounding, to the nearest, makes what is left of a number one more."""
    half = x[drop - 1]
    return half if rounding is Rounding.HALF_UP else half & (x[: drop - 1].any() | x.shift_right(drop)[0])


def saturate(x: Any, to: Format, fits: bool = False) -> tuple[Value, Value]:
    """Clip to a format: the word, and whether it was clipped. Nothing needs to be, where it is known that x ``fits``."""
    x = Value.cast(x)
    wide = x if x.shape().signed else Cat(x, Const(0, 1)).as_signed()
    if fits:
        word = wide[: to.width]
        return word.as_signed() if to.signed else word, Const(0)
    if not to.signed:
        high, low = wide > to.highest, wide < 0
        return Mux(high, to.highest, Mux(low, 0, wide))[: to.width], high | low
    if len(wide) <= to.width:
        return wide, Const(0)
    # What is above the sign bit of the result must repeat it.
    fits = _equal(wide[to.width - 1 :])
    negative = wide[-1]
    limit = Cat((~negative).replicate(to.width - 1), negative)
    return Mux(fits, wide[: to.width], limit).as_signed(), ~fits


def _equal(bits: Value) -> Value:
    """Whether bits are all the same: each is as the next one, which takes fewer tables in a row than to ask for either."""
    return ~(bits[1:] ^ bits[:-1]).any()


def narrow_into(x: Any, drop: int, rounding: Rounding, to: Format, fits: bool = False) -> tuple[Value, Value]:
    """Narrow, then clip to a format: the word, and whether it was clipped.

    What is left of x decides on clipping while it is rounded, and the incrementer is as short as the result. Rounding can
    only add one: to the greatest number, whose sign turns, or to the one below the least, which then need not be clipped.
    """
    x = Value.cast(x)
    if not 0 < drop < len(x) or rounding is Rounding.FLOOR or not (x.shape().signed and to.signed):
        return saturate(narrow(x, drop, rounding), to, fits)
    kept, up = x.shift_right(drop), _up(x, drop, rounding)
    if fits or len(kept) < to.width:
        return (kept + up).as_signed()[: to.width].as_signed(), Const(0)
    beyond, negative = kept[to.width :], kept[-1]
    # A bit more than the word has: where it differs from the sign, one was added to the greatest number.
    rounded = kept[: to.width].as_signed() + up
    turned = rounded[to.width] ^ rounded[to.width - 1]
    inside = _equal(kept[to.width - 1 :])
    limit = Cat((~negative).replicate(to.width - 1), negative)
    result = Mux(inside & ~turned, rounded[: to.width], limit)
    return result.as_signed(), Mux(turned, ~beyond.all() if len(beyond) else 1, ~inside)


def rounding_constant(drop: int, rounding: Rounding) -> int:
    """What, added to a number, makes dropping bits by ``floor`` round as told; half even is not of this kind."""
    return 1 << (drop - 1) if rounding is Rounding.HALF_UP and drop > 0 else 0


class Narrow(wiring.Component):
    """Narrow a number, then saturate it.

    Latency 0, throughput one per clock.

    Parameters
    ----------
    source
        Shape of the input.
    drop, rounding, to
        Fraction bits to drop, how, and the format of the result.

    Ports
    -----
    x : in, source
        A number.
    y : out, to
        The number in the format ``to``.
    saturated : out, 1
        Whether it had to be clipped.
    """

    x: Signal
    y: Signal
    saturated: Signal

    def __init__(self, source: Shape, drop: int, rounding: Rounding, to: Format) -> None:
        self._drop, self._rounding, self._to = drop, rounding, to
        super().__init__({"x": In(source), "y": Out(shape_of(to)), "saturated": Out(1)})

    latency = 0

    def model(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Results, and which of them were clipped."""
        wide = format.narrow(x, self._drop, self._rounding)
        result = format.saturate(wide, self._to)
        return result, result != wide

    def elaborate(self, platform: object) -> Module:
        m = Module()
        y, clipped = narrow_into(self.x, self._drop, self._rounding, self._to)
        m.d.comb += [self.y.eq(y), self.saturated.eq(clipped)]
        return m


def less_narrowed(x: Any, step: Any, drop: int, rounding: Rounding, random: Value | None = None) -> Value:
    """x - narrow(step): one subtraction even when rounding half up, or by random bits.

    Half up, floor((step / 2**(drop - 1) + 1) / 2) subtracted from x is floor((2 x - step / 2**(drop - 1)) / 2): the rounding
    bit becomes the borrow. With ``random`` bits r, x - floor((step + r) / 2**drop) is
    floor((2**drop x + 2**drop - 1 - r - step) / 2**drop): below x stand the random bits inverted.
    """
    x, step = Value.cast(x), Value.cast(step)
    if rounding is Rounding.STOCHASTIC and drop > 0:
        assert random is not None
        return (_above(random, drop, x) - step).shift_right(drop)
    if rounding is Rounding.HALF_UP and drop > 0:
        doubled = Cat(Const(0, 1), x).as_signed() if x.shape().signed else Cat(Const(0, 1), x)
        return (doubled - step.shift_right(drop - 1)).shift_right(1)
    return x - narrow(step, drop, rounding)


def _above(random: Value, drop: int, x: Value) -> Value:
    """2**drop x + 2**drop - 1 - r, r being the lowest bits of ``random``."""
    return Cat(~random[:drop], x).as_signed()


def plus_narrowed(x: Any, less: Any, drop: int, rounding: Rounding, random: Value | None = None) -> Value:
    """x - narrow(-less), ``less`` being a step with its sign turned: an addition of whole numbers, as multiplier blocks have
    one behind their product, and what is dropped lies in its constant.

    x - floor((s + h) / 2**d) is floor((2**d x + 2**d - 1 - h - s) / 2**d), with h of :func:`rounding_constant`,
    or ``random``.
    """
    if rounding is Rounding.STOCHASTIC:
        assert random is not None
        return (_above(random, drop, Value.cast(x)) + less).shift_right(drop)
    constant = (1 << drop) - 1 - rounding_constant(drop, rounding)
    return (Cat(Const(constant, drop), x).as_signed() + less).shift_right(drop)


def fits(word: Value, to: Format) -> Value:
    """Whether a word of the port is a number of the format, extended by its sign (by zeros, if it has none)."""
    above = word[to.width - 1 :] if to.signed else word[to.width :]
    return ~above.any() | (above.all() if to.signed else 0)
