"""Damage to bytes: what disks, editors and interrupted copies do to any file."""

import random
from collections.abc import Callable


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 3, 20))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _overwrite(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 2, 8))):
        data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _truncate(data: bytearray, rng: random.Random) -> None:
    del data[rng.choice((rng.randrange(len(data)), len(data) - 1 - rng.randrange(min(len(data), 40)))) :]


def _cut_out(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 2, 16, 512))]


def _insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.choice((b"\0", b"\xff", b"\n", b"PK\x03\x04", b'"', b"{", rng.randbytes(rng.choice((1, 7, 300)))))


def _swap_halves(data: bytearray, _rng: random.Random) -> None:
    half = len(data) // 2
    data[:] = data[half:] + data[:half]


def _zeros(data: bytearray, rng: random.Random) -> None:
    at, n = rng.randrange(len(data)), rng.choice((1, 16, 512, 4096))
    data[at : at + n] = bytes(len(data[at : at + n]))


def _repeat(data: bytearray, rng: random.Random) -> None:
    at, n = rng.randrange(len(data)), rng.choice((1, 16, 512, 1 << 16))
    data[at:at] = data[at : at + n]


def _append(data: bytearray, rng: random.Random) -> None:
    data += rng.choice((b"\0", b"\n", b"x" * 100, rng.randbytes(50)))


def _replace(data: bytearray, rng: random.Random) -> None:
    data[:] = rng.choice(
        (b"", b"\0" * len(data), b"\x80\x04N.", b"PK\x05\x06" + bytes(18), b"[]", b"null", rng.randbytes(99))
    )


KINDS: dict[str, Callable[[bytearray, random.Random], None]] = {
    "bits flipped": _flip,
    "bytes overwritten": _overwrite,
    "cut short": _truncate,
    "a piece cut out": _cut_out,
    "bytes inserted": _insert,
    "halves swapped": _swap_halves,
    "a stretch zeroed": _zeros,
    "a stretch repeated": _repeat,
    "bytes appended": _append,
    "all replaced": _replace,
}


def damaged(data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """What was done, and what came of it; an empty file only gets longer."""
    changed, what = bytearray(data), rng.choice(list(KINDS))
    if not changed:
        what = "bytes appended"
    KINDS[what](changed, rng)
    return what, bytes(changed)
