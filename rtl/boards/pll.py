"""How the accelerator's clock is made from a board's oscillator: settings of the FPGAs' PLLs, within their legal ranges."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from models.errors import ArgumentError

Range = tuple[float, float]

TOLERANCE = Fraction(1, 1000)
"""By how much of it the clock may differ from what was asked for."""


@dataclass(frozen=True)
class Limits:
    """What a PLL can do, in MHz, both ends legal.

    Attributes
    ----------
    source
        Its input.
    compared
        What its phase detector compares: the input, divided.
    oscillator
        Its own oscillator.
    output
        What it gives.
    """

    source: Range
    compared: Range
    oscillator: Range
    output: Range


@dataclass(frozen=True)
class Setting:
    """One way to set a PLL.

    Attributes
    ----------
    frequency, oscillator
        MHz of its output and of its own oscillator.
    dividers
        By the names that its family has for them.
    """

    frequency: Fraction
    oscillator: Fraction
    dividers: Mapping[str, int]


ECP5 = Limits((8, 400), (10, 400), (400, 800), (10, 400))
ICE40 = Limits((10, 133), (10, 133), (533, 1066), (16, 275))
SERIES7 = Limits((19, 800), (19, 450), (800, 1600), (6.25, 464))
"""A PLLE2 of speed grade 1, and what a global buffer passes on."""


def ecp5(source: Fraction) -> Iterator[Setting]:
    """Of an EHXPLLL whose output CLKOP goes back to its phase detector and whose output CLKOS is the clock."""
    for reference, compared in _compared(source, ECP5, 128):
        for feedback in _factors(compared, ECP5.output, 80):
            for first in _factors(compared * feedback, ECP5.oscillator, 128):
                oscillator = compared * feedback * first
                for second in _divisors(oscillator, ECP5.output, 128):
                    dividers = {"CLKI_DIV": reference, "CLKFB_DIV": feedback, "CLKOP_DIV": first, "CLKOS_DIV": second}
                    yield Setting(oscillator / second, oscillator, dividers)


def ice40(source: Fraction) -> Iterator[Setting]:
    """Of an SB_PLL40 with simple feedback."""
    for reference, compared in _compared(source, ICE40, 16):
        for feedback in _factors(compared, ICE40.oscillator, 128):
            oscillator = compared * feedback
            for power in range(1, 7):
                frequency = oscillator / 2**power
                if _within(frequency, ICE40.output):
                    yield Setting(frequency, oscillator, {"DIVR": reference - 1, "DIVF": feedback - 1, "DIVQ": power})


def series7(source: Fraction) -> Iterator[Setting]:
    """Of a PLLE2_BASE."""
    for reference, compared in _compared(source, SERIES7, 56):
        for feedback in _factors(compared, SERIES7.oscillator, 64):
            oscillator = compared * feedback
            for output in _divisors(oscillator, SERIES7.output, 128):
                dividers = {"DIVCLK_DIVIDE": reference, "CLKFBOUT_MULT": feedback, "CLKOUT0_DIVIDE": output}
                yield Setting(oscillator / output, oscillator, dividers)


def filter_range(compared: Fraction) -> int:
    """FILTER_RANGE of an SB_PLL40 whose phase detector compares so many MHz."""
    return next((n for n, below in enumerate((17, 26, 44, 66, 101), 1) if compared < below), 6)


def choose(settings: Callable[[Fraction], Iterator[Setting]], source: Fraction, wanted: float) -> Setting | None:
    """The setting that makes ``wanted`` MHz of ``source``; ``None`` if that is the source itself.

    Of several, the one whose oscillator is nearest to the middle of what all settings have, then that of the least dividers.

    Raises
    ------
    ArgumentError
        If none comes near it; the nearest frequencies are named.
    """
    asked = Fraction(wanted).limit_denominator(10**6)
    if asked == source:
        return None
    known = list(settings(source))
    lowest, highest = min(s.oscillator for s in known), max(s.oscillator for s in known)

    def badness(s: Setting) -> tuple:
        return abs(s.frequency - asked), abs(2 * s.oscillator - lowest - highest), sum(s.dividers.values())

    best = min(known, key=badness)
    if abs(best.frequency - asked) > TOLERANCE * asked:
        frequencies = {s.frequency for s in known} | {source}
        sides = (f for f in frequencies if f < asked), (f for f in frequencies if f > asked)
        near = [f"{float(f):.6g}" for f in (max(sides[0], default=None), min(sides[1], default=None)) if f is not None]
        raise ArgumentError("megahertz", wanted, f"cannot be made of the board's {float(source):g} MHz", near)
    return best


def _compared(source: Fraction, limits: Limits, most: int) -> Iterator[tuple[int, Fraction]]:
    """Divider of the source, and what the phase detector sees then."""
    if _within(source, limits.source):
        yield from ((n, source / n) for n in range(1, most + 1) if _within(source / n, limits.compared))


def _factors(of: Fraction, within: Range, most: int) -> range:
    """By what it can be multiplied so that the product is legal."""
    low, high = (Fraction(bound) / of for bound in within)
    return range(max(1, ceil(low)), min(most, floor(high)) + 1)


def _divisors(of: Fraction, within: Range, most: int) -> range:
    """By what it can be divided so that the quotient is legal."""
    low, high = (of / Fraction(bound) for bound in reversed(within))
    return range(max(1, ceil(low)), min(most, floor(high)) + 1)


def _within(frequency: Fraction, limits: Range) -> bool:
    return limits[0] <= frequency <= limits[1]
