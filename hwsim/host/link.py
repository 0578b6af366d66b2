"""A transport through a serial line, or through whatever else carries bytes in order: the host's end of the serial link."""

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from .errors import HostError, Refused, Silence
from .frames import Frame, Frames

HELLO, READ, WRITE, EXCHANGE = range(4)
DONE, REFUSED = 0, 1
MAGIC, VERSION = b"hwsl", 1
_LEAST = 15
"""Bytes of the number, the code and the payload of HELLO's reply: no less can be the capacity."""
_AT_ONCE = 4096
"""Bytes to ask a stream for."""


class Stream(Protocol):
    """Bytes in both directions, in order; some may be lost, changed or repeated.

    :mod:`hwsim.host.streams` has some.
    """

    def write(self, line: bytes) -> None:
        """Send all of these; raises :class:`hwsim.host.errors.HostError` if the way is gone."""

    def read(self, at_most: int, seconds: float) -> bytes:
        """What has come, as soon as anything has: 1 to ``at_most`` bytes, or none if nothing comes in time."""

    def close(self) -> None:
        """Give the way back."""


class Link:
    """The way to an accelerator with ``hardware.interface: serial``; no packet is lost or doubled, whatever the line does.

    One request is on the way at a time. One that was interrupted, by the interrupt key or by silence, is carried to its end
    before the next one begins: it has the same number, so that the accelerator does not do it twice. What a program that was
    killed had under way ends with the next one's HELLO. A link belongs to one thread.

    Parameters
    ----------
    stream
        Bytes to and from the accelerator.
    seconds
        Seconds without a reply after which a request is sent again, beside those that its bytes take.
    byte_seconds
        Seconds that a byte takes on the line.
    tries
        How often a request is sent before it is given up.
    patience
        Seconds within which some bytes of a packet have to be taken.

    Attributes
    ----------
    capacity
        Bytes of number, code and payload that fit into a frame.
    dropped
        Frames that the accelerator has dropped from its reset until the link was opened; it stays at 65,535.

    Raises
    ------
    Silence
        If nothing answers.
    HostError
        If what answers speaks another version.
    """

    def __init__(
        self, stream: Stream, *, seconds: float = 0.5, byte_seconds: float = 0.0, tries: int = 10, patience: float = 10.0
    ) -> None:
        self.stream, self._seconds, self._byte_seconds = stream, seconds, byte_seconds
        self._tries, self._patience = tries, patience
        self._frames = Frames()
        self._pending: Frame | None = None
        self._results, self._begun, self._nothing = deque[bytes](), b"", False
        self._number = os.urandom(1)[0]
        self.capacity, self.dropped = self._hello()

    def close(self) -> None:
        """Close the stream; so does the end of a ``with`` statement."""
        self.stream.close()

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hello(self) -> tuple[int, int]:
        """Capacity, and frames dropped: what comes before the reply is of somebody who was here earlier."""
        end = time.monotonic() + self._seconds
        while time.monotonic() < end and self.stream.read(_AT_ONCE, 0.0):
            pass
        nonce = os.urandom(4)

        def ours(reply: Frame) -> bool:
            return reply.code == DONE and reply.payload.startswith(MAGIC) and reply.payload.endswith(nonce)

        # The reply may be long to us, who do not know the capacity yet; it is short in truth.
        said = self._carried(Frame(self._number, HELLO, nonce), _LEAST, ours).payload
        if said[4] != VERSION:
            raise HostError(f"the accelerator speaks version {said[4]} of the serial link instead of {VERSION}")
        capacity, dropped = (int.from_bytes(said[at : at + 2], "little") for at in (5, 7))
        if len(said) != _LEAST - 2 or capacity < _LEAST:
            raise HostError(f"the accelerator's greeting makes no sense: {said.hex()}")
        return capacity, dropped

    def _carried(self, request: Frame, most: int, fits: Callable[[Frame], bool] = lambda reply: True) -> Frame:
        """The reply to a request; ``most`` bytes are in it at most."""
        line = request.line
        wait = self._seconds + self._byte_seconds * (len(line) + 2 * most + 10)
        for _ in range(self._tries):
            self.stream.write(line)
            end = time.monotonic() + wait
            while (left := end - time.monotonic()) > 0:
                for reply in self._frames.feed(self.stream.read(_AT_ONCE, left)):
                    if reply.number == request.number and fits(reply):
                        return reply
        raise Silence(f"the accelerator does not answer: {self._tries} tries of {wait:.3g} s each")

    def _ask(self, code: int, payload: bytes) -> Frame:
        """The reply to a new request, once the one before is over; the packets in it are kept."""
        if self._pending is not None:
            self._finish(self._pending)
        self._nothing = False
        self._number = (self._number + 1) % 256
        self._pending = Frame(self._number, code, payload)
        return self._finish(self._pending)

    def _finish(self, request: Frame) -> Frame:
        reply = self._carried(request, self.capacity)
        if reply.code not in (DONE, REFUSED):
            self._pending = None
            what = f"code {request.code} with {len(request.payload)} bytes"
            raise HostError(f"the accelerator takes no such request: {what} was answered with code {reply.code}")
        if request.code == EXCHANGE:
            self._keep(reply.payload)
        self._pending = None
        return reply

    def _keep(self, said: bytes) -> None:
        """Results that came with the reply to an EXCHANGE."""
        if len(said) < 3 or (len(said) == 3 and said[2] & 1):
            self._pending = None
            raise HostError(f"a reply to EXCHANGE makes no sense: {said.hex() or 'nothing'}")
        self._begun += said[3:]
        if said[2] & 1:
            self._results.append(self._begun)
            self._begun = b""
        self._nothing = not said[2] & 2

    def _exchange(self, piece: bytes, last: bool) -> int:
        """How many bytes of a packet are taken; what results there are is kept."""
        return int.from_bytes(self._ask(EXCHANGE, bytes([last]) + piece).payload[:2], "little")

    def read(self, addresses: Sequence[int]) -> list[int]:
        """The words at these addresses, as :class:`hwsim.host.transport.Transport` has it."""
        words, at_once = list[int](), (self.capacity - 2) // 4
        for at in range(0, len(addresses), at_once):
            some = addresses[at : at + at_once]
            reply = self._ask(READ, b"".join(address.to_bytes(4, "little") for address in some))
            got = [int.from_bytes(reply.payload[k : k + 4], "little") for k in range(0, len(reply.payload), 4)]
            if reply.code == REFUSED and len(got) < len(some):
                raise Refused(some[len(got)], False)
            if reply.code == REFUSED or len(reply.payload) != 4 * len(some):
                raise HostError(f"{len(some)} words were read and {len(reply.payload)} bytes have come")
            words += got
        return words

    def write(self, addresses: Sequence[int], words: Sequence[int]) -> None:
        """Write words, as :class:`hwsim.host.transport.Transport` has it."""
        pairs = [a.to_bytes(4, "little") + w.to_bytes(4, "little") for a, w in zip(addresses, words, strict=True)]
        at_once = (self.capacity - 2) // 8
        for at in range(0, len(pairs), at_once):
            some = pairs[at : at + at_once]
            reply = self._ask(WRITE, b"".join(some))
            written = int.from_bytes(reply.payload, "little")
            if reply.code == REFUSED and written < len(some):
                raise Refused(addresses[at + written], True)
            if reply.code == REFUSED or written != len(some):
                raise HostError(f"of {len(some)} words {written} were written")

    def send(self, packet: bytes) -> None:
        """Hand over a packet of the stream of samples; results that come meanwhile wait for :meth:`receive`.

        Raises
        ------
        Silence
            If nothing of it is taken in time. Half of it may be in the accelerator then.
        """
        at, end = 0, time.monotonic() + self._patience
        while at < len(packet):
            piece = packet[at : at + self.capacity - 3]
            taken = self._exchange(piece, at + len(piece) == len(packet))
            at += taken
            if taken:
                end = time.monotonic() + self._patience
            elif time.monotonic() > end:
                raise Silence(f"of a packet of {len(packet)} bytes {at} were taken, and no more within {self._patience:g} s")

    def receive(self, patience: float) -> bytes | None:
        """The next packet of the stream of results, or ``None``.

        The accelerator is not asked if it has just said, with what was sent last, that there is none. A result that has
        begun to come, or that the accelerator says is waiting, is waited for.

        Raises
        ------
        Silence
            If the rest of a result does not come; what has come of it is forgotten.
        """
        if not self._results and (patience > 0 or not self._nothing):
            end = time.monotonic() + patience
            while not self._results:
                self._exchange(b"", False)
                now = time.monotonic()
                if self._nothing and not self._begun and now >= end:
                    break
                if now >= end + self._patience and not self._results:
                    came, self._begun, self._nothing = len(self._begun), b"", False
                    raise Silence(f"{came} bytes of a result have come, and the rest does not within {self._patience:g} s")
        if self._results:
            return self._results.popleft()
        self._nothing = False  # it was asked for, so the next one wants to know more
        return None
