"""What a bench has recorded: lines of bits, as words of 32 of them or as the hexadecimal digits of a simulator."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.compiled import njit

WORD_BITS = 32
_DIGIT = np.full(256, 255, np.uint8)
_DIGIT[[ord(d) for d in "0123456789"]] = range(10)
_DIGIT[[ord(d) for d in "abcdef"]] = _DIGIT[[ord(d) for d in "ABCDEF"]] = range(10, 16)


def words_of(bits: int) -> int:
    """Words of a line."""
    return -(-bits // WORD_BITS)


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines of equally many bits.

    Attributes
    ----------
    words
        uint32 [n, words], the lowest bits first.
    unknown
        uint32 [n, words] with ones in all digits of which the simulator does not know a bit; [0, words] if it knows all.
    """

    words: npt.NDArray[np.uint32]
    unknown: npt.NDArray[np.uint32]

    @classmethod
    def of(cls, words: npt.NDArray[np.uint32]) -> "Lines":
        """Lines of which all bits are known."""
        return cls(words, np.zeros((0, words.shape[1]), np.uint32))

    @classmethod
    def read(cls, path: Path, bits: int) -> "Lines":
        """The whole lines of a file of words; none if there is no file."""
        width = words_of(bits)
        whole = path.stat().st_size // (4 * width) if path.exists() else 0
        if not whole:
            return cls.of(np.zeros((0, width), np.uint32))
        return cls.of(np.memmap(path, np.uint32, "r", shape=(whole, width)))

    @classmethod
    def read_digits(cls, path: Path, bits: int) -> "Lines":
        """The whole lines of a file of digits, the highest first; none if there is no file."""
        length = -(-bits // 4) + 1
        whole = path.stat().st_size // length if path.exists() else 0
        words = np.zeros((whole, words_of(bits)), np.uint32)
        unknown = np.zeros_like(words)
        if not whole or not _packed(np.memmap(path, np.uint8, "r", shape=(whole, length)), _DIGIT, words, unknown):
            unknown = unknown[:0]
        return cls(words, unknown)

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> "Lines":
        return Lines(self.words[rows], self.unknown[rows] if len(self.unknown) else self.unknown)

    def fields(self, first: int, width: int, count: int = 1, signed: bool = False) -> npt.NDArray[np.int64]:
        """int64 [n, count]: fields of ``width`` bits, one above the other from bit ``first`` of every line on.

        Raises
        ------
        ValueError
            If the simulator does not know a bit of them.
        """
        result = np.zeros((len(self), count), np.int64)
        if len(self.unknown):
            _fields(self.unknown, first, width, result)
            if result.any():
                raise ValueError("bits that are neither 0 nor 1")
        _fields(self.words, first, width, result)
        if signed and width < 64:
            result -= (result >> (width - 1)) << width
        return result


@njit(cache=True, error_model="numpy")
def field(words: np.ndarray, line: int, at: int, width: int) -> int:
    """The field of up to 64 bits from bit ``at`` of a line on, without a sign."""
    k, skipped = at // 32, at % 32
    word = np.uint64(words[line, k]) >> np.uint64(skipped)
    have = 32 - skipped
    while have < width:
        k += 1
        word |= np.uint64(words[line, k]) << np.uint64(have)
        have += 32
    if width < 64:
        word &= (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    return np.int64(word)  # type: ignore[return-value]  # compiled


@njit(cache=True, error_model="numpy")
def _fields(words: np.ndarray, first: int, width: int, result: np.ndarray) -> None:
    for i in range(result.shape[0]):
        for k in range(result.shape[1]):
            result[i, k] = field(words, i, first + k * width, width)


@njit(cache=True, error_model="numpy")
def _packed(lines: np.ndarray, digit: np.ndarray, words: np.ndarray, unknown: np.ndarray) -> int:
    """Fills ``words`` and ``unknown``; how many digits were none."""
    last, strange = lines.shape[1] - 2, 0
    for i in range(lines.shape[0]):
        for k in range(last + 1):
            value, shift = digit[lines[i, last - k]], np.uint32(4 * (k % 8))
            if value == 255:
                strange += 1
                unknown[i, k // 8] |= np.uint32(15) << shift
            else:
                words[i, k // 8] |= np.uint32(value) << shift
    return strange
