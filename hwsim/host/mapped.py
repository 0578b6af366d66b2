"""A transport where the program runs beside the accelerator: its registers are memory, its streams go through an AXI DMA.

None of it has been tried on a chip yet, but against models of the accelerator and of the DMA's registers. ::

    registers = Memory("/dev/mem", 0x43C0_0000, 0x1_0000)
    dma = Dma(Memory("/dev/mem", 0x4040_0000, 0x1000), Memory("/dev/udmabuf0", 0, 4096).bytes, 0x0F00_0000, of)
    accelerator = Accelerator(Mapped(registers, dma.send, dma.receive), of)
"""

import mmap
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .design import DesignMap
from .errors import BadValue, HostError, Refused, Silence


class Words(Protocol):
    """Words of 32 bits by their byte offsets; PYNQ's ``MMIO`` is one."""

    def read(self, offset: int) -> int:
        """The word there, unsigned."""

    def write(self, offset: int, word: int) -> None:
        """Write one."""


class Memory:
    """Words of a device file that can be mapped into memory.

    Where the accelerator answers with an error, the processor does too, and the system ends the program.

    Parameters
    ----------
    path
        ``/dev/mem``, a UIO device such as ``/dev/uio0``, a buffer for a DMA such as ``/dev/udmabuf0``, or a file.
    base
        Byte at which they begin: of ``/dev/mem`` the physical address, of a UIO device or a buffer 0.
    size
        How many bytes there are.

    Attributes
    ----------
    bytes
        The same memory as bytes [size].

    Raises
    ------
    BadValue
        If ``base`` or ``size`` is no multiple of 4.
    HostError
        If it cannot be mapped.
    """

    def __init__(self, path: str | os.PathLike[str], base: int, size: int) -> None:
        if base < 0 or size <= 0 or base % 4 or size % 4:
            raise BadValue(f"{path}: base {base:#x} and size {size:#x} must be multiples of 4, and the size positive")
        within = base % mmap.ALLOCATIONGRANULARITY
        try:
            # Synchronous, so that the processor's cache is not asked.
            file = os.open(path, os.O_RDWR | getattr(os, "O_SYNC", 0))
            try:
                memory = mmap.mmap(file, within + size, offset=base - within)
            finally:
                os.close(file)
        except (OSError, ValueError) as e:
            raise HostError(f"{path}: {size:#x} bytes from {base:#x} on cannot be mapped: {e}") from None
        self.bytes: npt.NDArray[np.uint8] = np.frombuffer(memory, np.uint8)[within:]
        # One access of 32 bits for a word, as devices want it.
        self._words = self.bytes.view("<u4")

    def read(self, offset: int) -> int:
        """The word there, unsigned; :class:`hwsim.host.errors.Refused` if there is none."""
        return int(self._words[self._index(offset, False)])

    def write(self, offset: int, word: int) -> None:
        """Write one; :class:`hwsim.host.errors.Refused` if there is none."""
        self._words[self._index(offset, True)] = word

    def _index(self, offset: int, writes: bool) -> int:
        if offset % 4 or not 0 <= offset < len(self.bytes):
            raise Refused(offset, writes, f"{len(self.bytes):#x} bytes are mapped")
        return offset // 4


class Mapped:
    """A :class:`hwsim.host.transport.Transport` of registers in memory and any two functions for the streams.

    Parameters
    ----------
    words
        Registers and memories, the accelerator's byte address 0 first.
    send, receive
        As the transport's.
    """

    def __init__(self, words: Words, send: Callable[[bytes], None], receive: Callable[[float], bytes | None]) -> None:
        self._words, self.send, self.receive = words, send, receive

    def read(self, addresses: Sequence[int]) -> list[int]:
        """The words at these addresses."""
        return [int(self._words.read(address)) for address in addresses]

    def write(self, addresses: Sequence[int], words: Sequence[int]) -> None:
        """Write words."""
        for address, word in zip(addresses, words, strict=True):
            self._words.write(address, word)


class Dma:
    """Packets through AMD's AXI DMA in direct register mode, both channels, a packet at a time in each.

    It is reset first: what a program that was killed had begun is over, and the accelerator may keep half a packet of it,
    which the driver flushes.

    Parameters
    ----------
    words
        The DMA's registers.
    buffer
        Memory [n] for a packet in each direction that is not cached; :attr:`size_of` says how many bytes that takes.
    address
        Where the DMA finds it.
    of
        The design, for the sizes of its packets.
    patience
        Seconds within which a packet has to be taken.

    Raises
    ------
    BadValue
        If the buffer is too small.
    HostError
        If there is no DMA that resets itself.
    """

    _SAMPLES, _RESULTS = 0x00, 0x30
    """Registers of the channel that reads memory, and of the one that writes it."""
    _CONTROL, _STATUS, _ADDRESS, _ABOVE, _LENGTH = 0x00, 0x04, 0x18, 0x1C, 0x28
    _RUN, _RESET = 1, 4
    _IDLE, _ERRORS = 2, 0x70

    def __init__(
        self, words: Words, buffer: npt.NDArray[np.uint8], address: int, of: DesignMap, patience: float = 10.0
    ) -> None:
        if len(buffer) < self.size_of(of):
            raise BadValue(f"a buffer of {len(buffer)} bytes: a packet in each direction takes {self.size_of(of)}")
        self._words, self._buffer, self._address, self._patience = words, buffer, address, patience
        self._at, self._most = _lines(max(of.samples.size, of.parameters)), max(of.results.size, of.parameters)
        words.write(self._SAMPLES + self._CONTROL, self._RESET)  # of both channels
        self._until("does not come out of its reset", lambda: not self._reads(self._SAMPLES, self._CONTROL) & self._RESET)
        for channel in (self._SAMPLES, self._RESULTS):
            words.write(channel + self._CONTROL, self._RUN)
        self._begin(self._RESULTS, self._at, self._most)

    @staticmethod
    def size_of(of: DesignMap) -> int:
        """Bytes of a buffer for a design's packets."""
        return _lines(max(of.samples.size, of.parameters)) + _lines(max(of.results.size, of.parameters))

    def send(self, packet: bytes) -> None:
        """Hand over a packet; returns when the accelerator has taken it."""
        self._buffer[: len(packet)] = np.frombuffer(packet, np.uint8)
        self._begin(self._SAMPLES, 0, len(packet))
        self._until(f"has not got rid of a packet of {len(packet)} bytes", lambda: self._over(self._SAMPLES))

    def receive(self, patience: float) -> bytes | None:
        """The next packet of results, or ``None`` if none comes within so many seconds."""
        end = time.monotonic() + patience
        while not self._over(self._RESULTS):
            if time.monotonic() >= end:
                return None
        packet = self._buffer[self._at : self._at + self._reads(self._RESULTS, self._LENGTH)].tobytes()
        self._begin(self._RESULTS, self._at, self._most)
        return packet

    def _reads(self, channel: int, register: int) -> int:
        return int(self._words.read(channel + register))

    def _begin(self, channel: int, at: int, size: int) -> None:
        """The length comes last: writing it begins the transfer."""
        address = self._address + at
        for register, word in (self._ADDRESS, address & 0xFFFFFFFF), (self._ABOVE, address >> 32), (self._LENGTH, size):
            self._words.write(channel + register, word)

    def _over(self, channel: int) -> bool:
        status = self._reads(channel, self._STATUS)
        if status & self._ERRORS:
            raise HostError(f"the DMA has stopped its {'samples' if channel == self._SAMPLES else 'results'}: {status:#x}")
        return bool(status & self._IDLE)

    def _until(self, complaint: str, done: Callable[[], bool]) -> None:
        end = time.monotonic() + self._patience
        while not done():
            if time.monotonic() > end:
                raise Silence(f"the DMA {complaint} within {self._patience:g} s")


def _lines(size: int) -> int:
    """Bytes of whole lines of 64, so that two packets share none."""
    return -(-size // 64) * 64


def on_pynq(of: DesignMap | str | os.PathLike[str], registers: int, dma: int, patience: float = 10.0) -> Mapped:
    """A transport on a board with PYNQ, whose bitstream is loaded.

    Parameters
    ----------
    of
        The map of the design.
    registers, dma
        Physical addresses of the accelerator and of the AXI DMA, as ``overlay.ip_dict`` has them in ``phys_addr``.
    patience
        Seconds within which a packet has to be taken.

    Raises
    ------
    HostError
        If PYNQ is not installed, or what :class:`Dma` raises.
    """
    try:
        import pynq
    except ImportError:
        raise HostError("PYNQ is not installed here") from None
    of = of if isinstance(of, DesignMap) else DesignMap.read(Path(of))
    buffer = pynq.allocate((Dma.size_of(of),), np.uint8)
    mover = Dma(pynq.MMIO(dma, 0x60), buffer, buffer.physical_address, of, patience)
    return Mapped(pynq.MMIO(registers, of.bytes), mover.send, mover.receive)
