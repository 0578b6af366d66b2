"""The Morse code data sets: handwriting-like dots and dashes in a frame, with a difficulty that can be chosen.

S. Dey, K. M. Chugg, P. A. Beerel, "Morse Code Datasets for Machine Learning", ICCCNT 2018, arXiv 1807.04239.

A sample is one of 64 symbols. Dots, dashes and the spaces between them get random lengths. Each cell of a dot or dash
gets a value from N(12, 4/3), 4/3 being the standard deviation, every other cell 0; then each cell gets noise from
N(0, sigma). Values are clipped to [0, 16], divided by 16 and rounded to three decimals, so 1.0 occurs. Data set "3.2"
of the paper is family 3 with sigma = 2.

====== ===== ======= ======== ======= ==================================
family frame dots    dashes   spaces  start of the code
====== ===== ======= ======== ======= ==================================
1      64    1 .. 3  4 .. 9   1 .. 3  first cell
2      64    1 .. 3  4 .. 9   1 .. 3  uniform over what fits
3      64    1 .. 3  3 .. 9   1 .. 3  uniform over what fits
4      256   4 .. 12 12 .. 36 4 .. 12 uniform over what fits
====== ===== ======= ======== ======= ==================================

All lengths are uniform and inclusive. Family 4 dilates the frame and the *ranges* by 4, as the authors' generator does:
a dot has any length from 4 to 12, not only 4, 8 or 12, and so is confused with a dash less often than in family 3. The
longest code takes 57 cells of 64 (228 of 256), so every one fits.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.data.dataset import Dataset, Split
from models.data.morse_codes import CODES
from models.errors import InputError

LEVELS = 16.0
INK_MEAN = 12.0
INK_DEVIATION = 4 / 3
_STEPS = 1000  # three decimals
_LARGEST_SIGMA = 1000  # far beyond use, and within what float32 can be multiplied by

_ELEMENTS = max(map(len, CODES.values()))
_IS_USED = np.array([[k < len(code) for k in range(_ELEMENTS)] for code in CODES.values()])
_IS_DASH = np.array([[code[k : k + 1] == "-" for k in range(_ELEMENTS)] for code in CODES.values()])
# Frames made at a time; part of what a seed means, because the random streams are read in this order.
_CHUNK = 2048


@dataclass(frozen=True)
class Family:
    """Lengths in cells, inclusive (shortest, longest)."""

    frame: int
    dot: tuple[int, int]
    dash: tuple[int, int]
    space: tuple[int, int]
    leading: bool


FAMILIES = {
    1: Family(64, (1, 3), (4, 9), (1, 3), leading=False),
    2: Family(64, (1, 3), (4, 9), (1, 3), leading=True),
    3: Family(64, (1, 3), (3, 9), (1, 3), leading=True),
    4: Family(256, (4, 12), (12, 36), (4, 12), leading=True),
}


@dataclass(frozen=True)
class MorseOptions:
    """What the Morse data set is made of.

    Attributes
    ----------
    family
        1 .. 4, see the module.
    sigma
        Standard deviation of the noise on every cell, on the scale 0 .. 16; the paper uses 0 .. 4.
    black_and_white
        Cells of dots and dashes are exactly 16 (1 after the division) before the noise, not drawn from N(12, 4/3).
        The noise is the same as in grey; the authors' black-and-white variant flips cells instead.
    per_class
        Training, validation and test samples of each class.
    """

    family: int = 1
    sigma: float = 0.0
    black_and_white: bool = False
    per_class: tuple[int, int, int] = (5000, 1000, 1000)

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise InputError("data.morse.family", self.family, "must be a family of the paper", nearest=FAMILIES)
        if not 0 <= self.sigma <= _LARGEST_SIGMA:
            raise InputError("data.morse.sigma", self.sigma, f"must be in 0..{_LARGEST_SIGMA}")
        if len(self.per_class) != 3 or min(self.per_class) < 0 or 0 in (self.per_class[0], self.per_class[2]):
            rule = "must be three counts, training, validation and test samples, of which only validation may be 0"
            raise InputError("data.morse.per_class", self.per_class, rule)


def generate(options: MorseOptions, rng: np.random.Generator) -> Dataset:
    """Make a Morse data set.

    Parameters
    ----------
    options
        Family, noise and sizes.
    rng
        Streams are spawned from it per split and, within a split, for the codes, the ink and the noise. So the same
        seed gives the same symbols, lengths and ink whatever sigma is, and the same training set whatever the sizes of
        the others are.

    Returns
    -------
    Dataset
        float32 [n, 64] (family 4: [n, 256]) in [0, 1], in random order; the label is the position in ``CODES``.
    """
    splits = [_split(options, count, stream) for count, stream in zip(options.per_class, rng.spawn(3), strict=True)]
    name = f"morse-{options.family}.{options.sigma:g}" + ("-bw" if options.black_and_white else "")
    return Dataset(name, len(CODES), train=splits[0], validation=splits[1], test=splits[2])


def _split(options: MorseOptions, per_class: int, rng: np.random.Generator) -> Split:
    code_rng, ink_rng, noise_rng = rng.spawn(3)
    family = FAMILIES[options.family]
    labels = code_rng.permutation(np.repeat(np.arange(len(CODES), dtype=np.int64), per_class))
    inputs = np.empty((labels.size, family.frame), dtype=np.float32)
    for start in range(0, labels.size, _CHUNK):
        cells = inputs[start : start + _CHUNK]
        marked = _marked(labels[start : start + _CHUNK], family, code_rng)
        if options.black_and_white:
            cells[:] = marked * np.float32(LEVELS)
        else:
            ink_rng.standard_normal(dtype=np.float32, out=cells)
            cells *= np.float32(INK_DEVIATION)
            cells += np.float32(INK_MEAN)
            cells *= marked
        if options.sigma > 0:
            cells += np.float32(options.sigma) * noise_rng.standard_normal(cells.shape, dtype=np.float32)
        np.clip(cells, 0, LEVELS, out=cells)
        cells *= np.float32(_STEPS / LEVELS)
        np.rint(cells, out=cells)
        cells /= np.float32(_STEPS)
    return Split(inputs, labels)


def _marked(labels: npt.NDArray[np.int64], family: Family, rng: np.random.Generator) -> npt.NDArray[np.int8]:
    """int8 [n, frame]: 1 in the cells of dots and dashes."""
    used, dash = _IS_USED[labels], _IS_DASH[labels]
    shortest = np.where(dash, family.dash[0], family.dot[0])
    longest = np.where(dash, family.dash[1], family.dot[1])
    marks = rng.integers(shortest, longest, endpoint=True) * used
    spaces = rng.integers(*family.space, size=marks.shape, endpoint=True) * used
    spaces[:, 0] = 0  # what stands before each element; nothing before the first
    ends = np.cumsum(spaces + marks, axis=1)
    if family.leading:
        ends += rng.integers(0, family.frame - ends[:, -1:], endpoint=True)
    # Steps up where an element starts and down where it ends, summed along the frame.
    steps = np.zeros((labels.size, family.frame + 1), dtype=np.int8)
    for k in range(_ELEMENTS):
        rows = np.flatnonzero(used[:, k])
        steps[rows, ends[rows, k] - marks[rows, k]] = 1
        steps[rows, ends[rows, k]] = -1
    return np.cumsum(steps[:, :-1], axis=1, dtype=np.int8)
