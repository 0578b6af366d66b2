"""The accelerator's end of the serial link, written from its description alone, around a board made of the model."""

import random

from hwsim.host import Refused
from tests.hwsim.host.board import ModelBoard


def check_sum(of: bytes) -> bytes:
    """CRC-32 of Ethernet, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in of:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    return (crc ^ 0xFFFFFFFF).to_bytes(4, "little")


def on_the_line(body: bytes) -> bytes:
    inside = b"".join(bytes([0x7D, x ^ 0x20]) if x in (0x7D, 0x7E) else bytes([x]) for x in body + check_sum(body))
    return b"\x7e" + inside + b"\x7e"


def number(of: bytes) -> int:
    return int.from_bytes(of, "little")


class LinkBoard:
    """Bytes in, bytes out.

    Attributes
    ----------
    requests
        Number, code and payload of those that were carried out.
    version, says
        What it says of itself: its version, its capacity.
    moody
        Chance that a byte of a packet is not taken in time, and that the next byte of a result comes late.
    deaf
        Whether nothing is answered.
    """

    def __init__(self, board: ModelBoard, capacity: int = 64, *, moody: float = 0.0, seed: int = 0) -> None:
        self.board, self.capacity, self.says, self.moody, self.deaf = board, capacity, capacity, moody, False
        self.dropped, self.version, self.requests = 0, 1, list[tuple[int, int, bytes]]()
        self._rng = random.Random(seed)
        self._frame: list[int] | None = None
        self._escaped = False
        self._last: tuple[int, bytes] | None = None
        self._leaving = b""

    def feed(self, come: bytes) -> bytes:
        """What is answered to these bytes; those that come while a frame is worked on are lost."""
        for byte in come:
            if byte == 0x7E:
                frame, broken, self._frame, self._escaped = self._frame, self._escaped, [], False
                if frame:
                    answer = b"" if broken else self._judged(bytes(frame))
                    if answer:
                        self._frame = None
                        return b"" if self.deaf else answer
                    self.dropped = min(self.dropped + 1, 0xFFFF)
            elif self._frame is not None:
                if byte == 0x7D and not self._escaped:
                    self._escaped = True
                    continue
                self._frame.append(byte ^ 0x20 if self._escaped else byte)
                self._escaped = False
                if len(self._frame) > self.capacity + 4:
                    self._frame, self.dropped = None, min(self.dropped + 1, 0xFFFF)
        return b""

    def _judged(self, frame: bytes) -> bytes:
        body, check = frame[:-4], frame[-4:]
        if len(body) < 2 or check_sum(body) != check:
            return b""
        which, code, payload = body[0], body[1], body[2:]
        if self._last is None or which != self._last[0] or code == 0:
            self.requests.append((which, code, payload))
            how, said = self._done(code, payload)
            assert len(said) + 2 <= self.capacity
            self._last = (which, on_the_line(bytes([which, how]) + said))
        return self._last[1]

    def _done(self, code: int, payload: bytes) -> tuple[int, bytes]:
        n = len(payload)
        if code == 0 and n == 4:
            said = b"hwsl" + bytes([self.version]) + self.says.to_bytes(2, "little")
            return 0, said + self.dropped.to_bytes(2, "little") + payload
        if code == 1 and n and n % 4 == 0 and n + 2 <= self.capacity:
            return self._read([number(payload[k : k + 4]) for k in range(0, n, 4)])
        if code == 2 and n and n % 8 == 0:
            return self._write([(number(payload[k : k + 4]), number(payload[k + 4 : k + 8])) for k in range(0, n, 8)])
        if code == 3 and n:
            return 0, self._exchange(payload[1:], bool(payload[0] & 1))
        return 2, b""

    def _read(self, addresses: list[int]) -> tuple[int, bytes]:
        words = b""
        for at in addresses:
            try:
                words += self.board.read([at])[0].to_bytes(4, "little")
            except Refused:
                return 1, words
        return 0, words

    def _write(self, pairs: list[tuple[int, int]]) -> tuple[int, bytes]:
        for k, (at, word) in enumerate(pairs):
            try:
                self.board.write([at], [word])
            except Refused:
                return 1, k.to_bytes(2, "little")
        return 0, len(pairs).to_bytes(2, "little")

    def _exchange(self, piece: bytes, last: bool) -> bytes:
        taken = 0
        while taken < len(piece) and self.board.runs and self._rng.random() >= self.moody:
            taken += 1
        if taken:
            self.board.offer(piece[:taken], last and taken == len(piece))
        results, ends = b"", False
        while self._waits() and not ends and len(results) < self.capacity - 5 and self._rng.random() >= self.moody:
            results, self._leaving = results + self._leaving[:1], self._leaving[1:]
            ends = not self._leaving
        return taken.to_bytes(2, "little") + bytes([ends | 2 * self._waits()]) + results

    def _waits(self) -> bool:
        """Whether a byte of a result is there; time passes, so it comes if it can."""
        self._leaving = self._leaving or self.board.receive(1.0) or b""
        return bool(self._leaving)


class Line:
    """A stream to a board in the same program; bytes are lost, changed and repeated, a share ``bad`` of them."""

    def __init__(self, board: LinkBoard, bad: float = 0.0, seed: int = 0) -> None:
        self.board, self.bad, self._rng, self._back = board, bad, random.Random(seed), b""

    def _spoilt(self, line: bytes) -> bytes:
        if not self.bad:
            return line
        what = [
            self._rng.choice(["lost", "changed", "repeated", "ended"]) if self._rng.random() < self.bad else "" for _ in line
        ]
        made = {
            "": lambda x: [x],
            "lost": lambda x: [],
            "changed": lambda x: [x ^ 1 << self._rng.randrange(8)],
            "repeated": lambda x: [x, x],
            "ended": lambda x: [x, 0x7E],
        }
        return bytes(y for x, w in zip(line, what, strict=True) for y in made[w](x))

    def write(self, line: bytes) -> None:
        self._back += self._spoilt(self.board.feed(self._spoilt(line)))

    def read(self, at_most: int, seconds: float) -> bytes:
        n = min(at_most, self._rng.choice([1, 2, 7, 1000]) if self.bad else at_most)
        come, self._back = self._back[:n], self._back[n:]
        return come
