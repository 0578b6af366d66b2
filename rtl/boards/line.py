"""The serial line's rate: whole clocks of a bit, near enough to what both ends agree on."""

from dataclasses import dataclass
from fractions import Fraction

from models.errors import ArgumentError

USUAL = (3_000_000, 2_000_000, 1_000_000, 500_000, 230_400, 115_200)
"""Bits per second that adapters can do."""
_TOLERANCE = Fraction(2, 100)
_LEAST, _MOST = 4, (1 << 16) - 1
"""Clocks of a bit (``hardware.bit_clocks``)."""


@dataclass(frozen=True)
class Line:
    """A line at a clock.

    Attributes
    ----------
    megahertz
        Of the clock.
    asked
        Bits per second that both ends agree on.
    """

    megahertz: Fraction
    asked: int

    @classmethod
    def of(cls, megahertz: Fraction, asked: int | None, most: int) -> "Line":
        """The line at ``asked`` bits per second, or at the most of the usual ones up to ``most`` that fits.

        Raises
        ------
        ArgumentError
            If whole clocks of a bit do not come near enough to it.
        """
        usual = [baud for baud in USUAL if baud <= most and cls(megahertz, baud).fits]
        if asked is not None:
            line = cls(megahertz, asked)
            if not line.fits:
                rule = f"is more than 2 % off at {float(megahertz):g} MHz, or a bit has not {_LEAST} to {_MOST:,} clocks"
                raise ArgumentError("baud", asked, rule, line._near() or usual)
            return line
        return cls(megahertz, usual[0])

    @property
    def bit_clocks(self) -> int:
        """Clocks of a bit."""
        return round(self.megahertz * 10**6 / self.asked)

    @property
    def baud(self) -> Fraction:
        """Bits per second that come of it."""
        return self.megahertz * 10**6 / self.bit_clocks

    @property
    def fits(self) -> bool:
        """Whether the other end can read it."""
        if not self.asked > 0 or not _LEAST <= self.bit_clocks <= _MOST:
            return False
        return abs(self.baud - self.asked) <= _TOLERANCE * self.asked

    @property
    def baud_text(self) -> str:
        """Both rates in words."""
        off = float(100 * (self.baud - self.asked) / self.asked)
        return f"{self.asked:,} bit/s" + (f" (in fact {float(self.baud):,.0f}, {off:+.2f} %)" if off else "")

    def _near(self) -> list[int]:
        """Rates of whole clocks on either side."""
        if not self.asked > 0:
            return []
        around = self.megahertz * 10**6 / self.asked
        clocks = {min(max(n, _LEAST), _MOST) for n in (int(around), int(around) + 1)}
        return sorted(int(self.megahertz * 10**6 / n) for n in clocks)
