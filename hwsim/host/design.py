"""The design at the other end, as ``registers.json`` beside its Verilog describes it."""

import json
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import BadValue

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Format:
    """Numbers of ``width`` bits, ``fraction`` of them behind the binary point: value = integer / 2**fraction."""

    width: int
    fraction: int
    signed: bool
    lowest: int
    highest: int

    def integers(self, what: str, values: npt.ArrayLike) -> Integers:
        """Integers as they are; real numbers rounded to the nearest, halves up, and clipped.

        Raises
        ------
        BadValue
            If an integer is outside the format, or a number is none.
        """
        given = np.asarray(values)
        if given.dtype.kind == "f":
            if not np.isfinite(given).all():
                raise BadValue(f"{what}: holds what is no number")
            return np.clip(np.floor(given * 2.0**self.fraction + 0.5), self.lowest, self.highest).astype(np.int64)
        if given.dtype.kind not in "iub":
            raise BadValue(f"{what}: must be numbers, not {given.dtype}")
        result = given.astype(np.int64)
        outside = (result < self.lowest) | (result > self.highest)
        if outside.any():
            raise BadValue(f"{what}: {int(result[outside][0])} is outside {self.lowest}..{self.highest}")
        return result

    def words(self, numbers: Integers) -> list[int]:
        """Integers as the bus takes them: extended to 32 bits, unsigned."""
        return [int(x) for x in numbers & 0xFFFFFFFF]

    def numbers(self, words: list[int]) -> Integers:
        """Words of the bus as integers."""
        wide = np.array(words, np.int64)
        return np.where(wide >> 31 & self.signed, wide - (1 << 32), wide)


@dataclass(frozen=True)
class Memory:
    """Weights or biases of a junction: word k, in order of edges or neurons, is lane k % ``lanes`` of row k // ``lanes``."""

    name: str
    byte: int
    rows: int
    lanes: int
    lane_bits: int
    words: int
    format: Format

    @property
    def addresses(self) -> list[int]:
        """Byte addresses of all words, in order."""
        row, lane = np.divmod(np.arange(self.words), self.lanes)
        return [int(x) for x in self.byte + 4 * ((row << self.lane_bits) + lane)]


@dataclass(frozen=True)
class Packet:
    """Numbers, then a word of 4 bytes at ``trailer``, padded to ``size`` bytes; see :mod:`hwsim.host.packets`."""

    count: int
    number_bytes: int
    trailer: int
    size: int


@dataclass(frozen=True)
class DesignMap:
    """What is where, and how many of it there are.

    Attributes
    ----------
    registers
        Byte addresses by name.
    constants
        Values, by name, of registers that never change.
    weights, biases
        One memory for each junction.
    layers
        Neurons, of layers 0 to L.
    kappas
        Least and greatest learning-rate shift.
    no_bubbles
        Bit of CONTROL with which a junction cycle begins only when a sample is there to enter; 0 if there is no such bit.
    parameters
        Bytes of a packet of all weights and biases; 0 if the streams carry none.
    """

    name: str
    trains: bool
    classes: int
    layers: tuple[int, ...]
    kappas: tuple[int, int]
    registers: dict[str, int]
    constants: dict[str, int]
    weights: tuple[Memory, ...]
    biases: tuple[Memory, ...]
    input: Format
    activation: Format
    samples: Packet
    results: Packet
    no_bubbles: int = 0
    parameters: int = 0

    @property
    def bytes(self) -> int:
        """Bytes from address 0 to behind the last register and the last word of a memory."""
        return 4 + max(*self.registers.values(), *(max(m.addresses) for m in (*self.weights, *self.biases)))

    @classmethod
    def read(cls, path: str | PathLike[str]) -> "DesignMap":
        """The map in a file ``registers.json``, or in the directory that holds one.

        Raises
        ------
        BadValue
            If there is none, or it is of a design without packets.
        """
        file = Path(path)
        file = file / "registers.json" if file.is_dir() else file
        try:
            known = json.loads(file.read_text())
        except (OSError, ValueError) as e:
            raise BadValue(f"{file}: cannot be read: {e}") from None
        try:
            return cls.of(known)
        except (KeyError, TypeError) as e:
            raise BadValue(f"{file}: is no map of a design with packets: {e!r} is missing or wrong") from None

    @classmethod
    def of(cls, known: dict[str, Any]) -> "DesignMap":
        """The map in JSON's terms."""
        facts = known["facts"]
        memories = [Memory(**{k: m[k] for k in _MEMORY}, format=Format(**m["format"])) for m in known["memories"]]
        n = len(facts["junctions"])
        return cls(
            name=known["design"],
            trains=facts["trains"],
            classes=facts["classes"],
            layers=tuple(facts["layers"]),
            kappas=(facts["kappa"]["least"], facts["kappa"]["greatest"]),
            registers={r["name"]: r["byte"] for r in known["registers"]},
            constants={r["name"]: r["reset"] for r in known["registers"] if r["constant"]},
            weights=tuple(memories[:n]),
            biases=tuple(memories[n:]),
            input=Format(**facts["formats"]["input"]),
            activation=Format(**facts["formats"]["activation"]),
            samples=Packet(**known["packets"]["samples"]),
            results=Packet(**known["packets"]["results"]),
            no_bubbles=sum(
                1 << field["lsb"]
                for register in known["registers"]
                if register["name"] == "CONTROL"
                for field in register["fields"]
                if field["name"] == "NO_BUBBLES"
            ),
            parameters=known["packets"].get("parameters", {}).get("size", 0),
        )


_MEMORY = ("name", "byte", "rows", "lanes", "lane_bits", "words")
