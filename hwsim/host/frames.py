"""Frames of the serial link: bytes with a number, a code and a check sum, found again behind any garbage.

A frame stands between bytes ``7E``; inside it ``7E`` and ``7D`` are sent as ``7D`` and the byte exclusive-or ``20``.
"""

import re
import zlib
from typing import NamedTuple

END, FLIP = b"\x7e", 0x20
CHECK = 4
"""Bytes of the check sum: CRC-32, lowest byte first."""
LONGEST = 0xFFFF + CHECK
"""Bytes of a frame before stuffing; what is longer is none."""


class Frame(NamedTuple):
    """A request or a reply.

    Attributes
    ----------
    number
        0 to 255: the reply's is that of its request.
    code
        0 to 255: what to do, or how it went.
    payload
        The rest.
    """

    number: int
    code: int
    payload: bytes = b""

    @property
    def line(self) -> bytes:
        """The bytes on the line, one ``7E`` in front and one behind."""
        body = bytes([self.number, self.code]) + self.payload
        return END + stuffed(body + zlib.crc32(body).to_bytes(CHECK, "little")) + END


def stuffed(body: bytes) -> bytes:
    """Bytes without a ``7E``; undone by :func:`unstuffed`."""
    return body.replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e")


def unstuffed(line: bytes) -> bytes | None:
    """The bytes that were stuffed, or ``None`` if an escape stands at the end; other nonsense is the check sum's."""
    alone = len(line) - len(line.rstrip(b"\x7d"))
    return None if alone % 2 else _ESCAPED.sub(lambda pair: bytes([pair[0][1] ^ FLIP]), line)


_ESCAPED = re.compile(rb"\x7d.", re.DOTALL)


def checked(line: bytes) -> Frame | None:
    """The frame that stood between two ``7E``, or ``None`` if that is none."""
    body = unstuffed(line)
    if body is None or not 2 + CHECK <= len(body) <= LONGEST:
        return None
    known, check = body[:-CHECK], body[-CHECK:]
    if zlib.crc32(known).to_bytes(CHECK, "little") != check:
        return None
    return Frame(known[0], known[1], known[2:])


class Frames:
    """Finds frames in bytes that come in pieces of any size."""

    def __init__(self) -> None:
        self._begun = bytearray()

    def feed(self, come: bytes) -> list[Frame]:
        """The good frames that end in these bytes, in order; whatever is none is dropped."""
        *ends, rest = come.split(END)
        found = []
        for end in ends:
            self._begun += end
            frame = checked(bytes(self._begun))
            self._begun.clear()
            found += [frame] if frame is not None else []
        self._begun += rest
        # Garbage without an end must not fill the memory; one byte more than any frame's keeps it from being one.
        del self._begun[2 * LONGEST + 1 :]
        return found
