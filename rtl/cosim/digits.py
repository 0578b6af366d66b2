"""Hexadecimal digits of a simulator, compiled into integers."""

import numpy as np
import numpy.typing as npt

from models.compiled import njit

_DIGIT = np.full(256, 255, np.uint8)
_DIGIT[[ord(d) for d in "0123456789"]] = range(10)
_DIGIT[[ord(d) for d in "abcdef"]] = _DIGIT[[ord(d) for d in "ABCDEF"]] = range(10, 16)


@njit(cache=True, error_model="numpy")
def _fields(lines: np.ndarray, first: int, width: int, digit: np.ndarray, result: np.ndarray) -> int:
    """Fills ``result``; how many digits were none."""
    last, strange = lines.shape[1] - 1, 0
    for i in range(result.shape[0]):
        for k in range(result.shape[1]):
            at, end, word, shift = first + k * width, first + (k + 1) * width, np.uint64(0), 0
            while at < end:
                value = digit[lines[i, last - at // 4]]
                if value == 255:
                    strange, value = strange + 1, 0
                skipped = at % 4
                word |= np.uint64(value >> skipped) << np.uint64(shift)
                shift += 4 - skipped
                at += 4 - skipped
            if width < 64:
                word &= (np.uint64(1) << np.uint64(width)) - np.uint64(1)
            result[i, k] = np.int64(word)
    return strange


def fields(lines: npt.NDArray[np.uint8], first: int, width: int, count: int, signed: bool) -> npt.NDArray[np.int64]:
    """int64 [n, count]: fields of ``width`` bits, one above the other from bit ``first`` of every line on.

    Parameters
    ----------
    lines
        uint8 [n, digits], the highest digit first.

    Raises
    ------
    ValueError
        If a digit is none: the simulator does not know a bit.
    """
    result = np.zeros((len(lines), count), np.int64)
    if _fields(lines, first, width, _DIGIT, result):
        raise ValueError("bits that are neither 0 nor 1")
    if signed and width < 64:
        result -= (result >> (width - 1)) << width
    return result
