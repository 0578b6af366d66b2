"""What a driver needs of the way to an accelerator, whatever that is made of."""

from collections.abc import Sequence
from typing import Protocol


class Transport(Protocol):
    """Words of 32 bits by their byte addresses, and packets in both directions.

    A packet is the bytes up to a ``tlast`` (:mod:`hwsim.host.packets`). A transport keeps the order of packets,
    and does not lose any.
    """

    def read(self, addresses: Sequence[int]) -> list[int]:
        """The words at these addresses, unsigned.

        Raises
        ------
        Refused
            If one of them is answered with an error.
        Silence
            If there is no answer in time.
        """

    def write(self, addresses: Sequence[int], words: Sequence[int]) -> None:
        """Write unsigned words; raises what :meth:`read` does. Those in front of a refused one have been written."""

    def send(self, packet: bytes) -> None:
        """Hand over a packet for the stream of samples; returns when the accelerator, or a buffer on the way, has all of it.

        Raises
        ------
        Silence
            If it is not taken in time.
        """

    def receive(self, patience: float) -> bytes | None:
        """The next packet of the stream of results, or ``None`` if none comes within so many seconds."""
