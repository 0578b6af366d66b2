"""Toggles of every signal in a waveform that a simulator has written (VCD), counted by a compiled loop."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.compiled import njit

_BASE = 95  # identifiers are printable characters
_LONGEST = 9
"""Characters of an identifier that a code of 64 bits holds."""
_END = b"$enddefinitions $end"


@dataclass(frozen=True, eq=False)
class Waveform:
    """The signals of a waveform, and where its changes are.

    Attributes
    ----------
    names
        Scopes and name of every variable, and which signal it is: several may be one. A word of a memory has its address in
        brackets behind the name.
    widths
        int64 [signals], bits.
    """

    names: list[tuple[tuple[str, ...], int]]
    widths: npt.NDArray[np.int64]
    _codes: npt.NDArray[np.int64]  # ascending
    _changes: npt.NDArray[np.uint8]

    @classmethod
    def read(cls, path: Path) -> "Waveform":
        """Read what a file declares; its changes are read when they are counted.

        Raises
        ------
        ValueError
            If it is no such file.
        """
        content = np.memmap(path, np.uint8, "r")
        head = 1 << 16
        while (end := bytes(content[:head]).find(_END)) < 0:
            if head >= len(content):
                raise ValueError("its definitions have no end")
            head *= 2
        scopes: list[str] = []
        found: list[tuple[tuple[str, ...], int, int]] = []
        for line in bytes(content[:end]).decode("ascii", "replace").splitlines():
            words = line.split()
            if words[:1] == ["$scope"]:
                scopes.append(words[2])
            elif words[:1] == ["$upscope"]:
                scopes.pop()
            elif words[:1] == ["$var"]:
                found.append(((*scopes, words[4]), _code(words[3]), int(words[2])))
        codes, signals = np.unique(np.array([code for _, code, _ in found], np.int64), return_inverse=True)
        widths = np.zeros(len(codes), np.int64)
        for signal, (_, _, width) in zip(signals, found, strict=True):
            widths[signal] = width
        names = [(name, int(signal)) for signal, (name, _, _) in zip(signals, found, strict=True)]
        return cls(names, widths, codes, content[end + len(_END) :])

    def toggles(self, first: int, last: int) -> npt.NDArray[np.int64]:
        """int64 [signals]: bits that have changed at times ``first .. last - 1``, in the waveform's unit."""
        starts = np.concatenate([[0], np.cumsum(self.widths)]).astype(np.int64)
        state = np.full(starts[-1], ord("0"), np.uint8)
        result = np.zeros(len(self.widths), np.int64)
        _count(self._changes, self._codes, starts, state, first, last, result)
        return result


def _code(identifier: str) -> int:
    if len(identifier) > _LONGEST:
        raise ValueError(f"an identifier has more than {_LONGEST} characters")
    code = 0
    for c in identifier:
        code = code * _BASE + ord(c) - 32
    return code


@njit(cache=True, error_model="numpy")
def _count(
    text: np.ndarray,
    codes: np.ndarray,
    starts: np.ndarray,
    state: np.ndarray,
    first: int,
    last: int,
    result: np.ndarray,
) -> None:
    """Fills ``result``; ``state`` has a character for every bit, the highest of a signal first."""
    newline, space = 10, 32
    at, n, counting = 0, len(text), False
    while at < n:
        kind = text[at]
        if kind == 35:  # '#': a time
            time, at = 0, at + 1
            while at < n and 48 <= text[at] <= 57:
                time, at = time * 10 + text[at] - 48, at + 1
            if time >= last:
                return
            counting = time >= first
        elif kind == 98 or kind == 48 or kind == 49 or kind == 120 or kind == 122:  # 'b': a word; 0, 1, x, z: a bit
            begin = at + 1 if kind == 98 else at
            end = begin
            while kind == 98 and end < n and text[end] != space:
                end += 1
            bits = end - begin if kind == 98 else 1
            at, code = begin + bits + (1 if kind == 98 else 0), np.int64(0)
            while at < n and text[at] > space:
                code, at = code * 95 + text[at] - 32, at + 1
            signal = np.searchsorted(codes, code)
            if signal < len(codes) and codes[signal] == code:
                width = starts[signal + 1] - starts[signal]
                for i in range(width):
                    given = i - (width - bits)
                    value = text[begin + given] if given >= 0 else 48  # leading zeros may be left out
                    if state[starts[signal] + i] != value:
                        result[signal] += counting
                        state[starts[signal] + i] = value
        while at < n and text[at] != newline:
            at += 1
        at += 1
