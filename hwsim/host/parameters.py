"""Weights and biases as one packet, for designs whose streams carry them: register PARAMETERS.

A packet is all words in 32 bits, little-endian: the weights of junction 1, its biases, those of junction 2, and so on. Those
of a memory come lane by lane, each from the first row to the last. Zeros pad the packet to whole beats.
"""

import time
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from . import packets
from .design import DesignMap, Integers, Memory
from .errors import HostError, Refused, Silence
from .transport import Transport

_LOAD, _SEND, _LOADED = 1, 2, 4
_EMPTY = 2
"""Of STATUS."""
_RESULT = 1
"""Of INTERRUPT_STATUS."""
_FAULTS = ("MISFRAMED", "REFUSED")


def pack(of: DesignMap, numbers: Mapping[str, Integers]) -> bytes:
    """The packet of arrays by the names of their memories, whose formats hold them."""
    words = np.concatenate([numbers[memory.name][_order(memory)] for memory in _memories(of)])
    return words.astype("<i4").tobytes().ljust(of.parameters, b"\0")


def unpack(of: DesignMap, packet: bytes) -> dict[str, npt.NDArray[np.int32]]:
    """The arrays of a packet.

    Raises
    ------
    HostError
        If it has another length.
    """
    if len(packet) != of.parameters:
        raise HostError(f"the parameters have {len(packet)} bytes instead of {of.parameters}")
    result, at = {}, 0
    for memory in _memories(of):
        result[memory.name] = array = np.empty(memory.words, np.int32)
        array[_order(memory)] = np.frombuffer(packet, "<i4", memory.words, at)
        at += 4 * memory.words
    return result


def _memories(of: DesignMap) -> list[Memory]:
    return [memory for both in zip(of.weights, of.biases, strict=True) for memory in both]


def _order(of: Memory) -> Integers:
    """Which word of a memory comes when."""
    by_lane = np.arange(of.rows * of.lanes).reshape(of.rows, of.lanes).T.ravel()
    return by_lane[by_lane < of.words]


class ParameterStream:
    """Loads and reads all parameters of an accelerator that stands.

    Parameters
    ----------
    patience
        Seconds within which a packet has to come and to go.
    """

    def __init__(self, transport: Transport, of: DesignMap, patience: float) -> None:
        self._transport, self._of, self._patience = transport, of, patience

    @property
    def free(self) -> bool:
        """Whether the design has such streams, and no sample and no result is in them."""
        if not self._of.parameters:
            return False
        return bool(self._read("STATUS") & _EMPTY) and not self._read("INTERRUPT_STATUS") & _RESULT

    def release(self) -> None:
        """End what a program that was given up has begun.

        Raises
        ------
        Silence
            If it does not end.
        """
        if not self._of.parameters or not self._read("PARAMETERS"):
            return
        self._set(0)
        if self._read("PARAMETERS") & _LOAD:
            self._transport.send(packets.flush(self._of))  # half a packet has come: this is its end
        self._await("does not give the streams back", 0, ~0)

    def load(self, numbers: Mapping[str, Integers]) -> bool:
        """Write all of them; ``False`` if the accelerator refuses to take a packet now, and nothing is changed.

        Raises
        ------
        HostError
            If the packet did not arrive as it was sent.
        """
        before = self._faults()
        try:
            self._set(_LOAD)
        except Refused:
            return False
        self._transport.send(pack(self._of, numbers))
        self._await("has not taken all parameters", _LOADED, _LOADED)
        self._set(0)
        self._await("does not give the streams back", 0, ~0)
        lost = [name for name, n in self._faults().items() if n != before[name]]
        if lost:
            raise HostError(f"{self._of.name}: the parameters were not taken as they were sent: {lost[0]} has counted")
        return True

    def read(self) -> dict[str, npt.NDArray[np.int32]] | None:
        """All of them by the names of their memories; ``None`` if the accelerator refuses to send a packet now."""
        while self._transport.receive(0) is not None:
            pass  # what a program that was given up has not taken
        try:
            self._set(_SEND)
        except Refused:
            return None
        packet = self._transport.receive(self._patience)
        if packet is None:
            raise Silence(f"{self._of.name}: no parameters come within {self._patience:g} s")
        self._await("does not give the streams back", 0, ~0)
        return unpack(self._of, packet)

    def _set(self, word: int) -> None:
        self._transport.write([self._of.registers["PARAMETERS"]], [word])

    def _read(self, name: str) -> int:
        return self._transport.read([self._of.registers[name]])[0]

    def _faults(self) -> dict[str, int]:
        return {name: self._read(name) for name in _FAULTS}

    def _await(self, complaint: str, word: int, mask: int) -> None:
        end = time.monotonic() + self._patience
        while self._read("PARAMETERS") & mask != word:
            if not word and self._read("PARAMETERS") & _SEND:
                self._transport.receive(0)  # a packet that nobody has taken
            if time.monotonic() > end:
                raise Silence(f"{self._of.name}: it {complaint} within {self._patience:g} s")
