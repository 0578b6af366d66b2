"""Energies per operation: a table of published figures, interpolated; what comes of it is an estimate."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from hwsim.configuration import config_file
from hwsim.configuration.messages import told
from hwsim.configuration.sections import Int, Real, Section, Text
from models.errors import InputError

DEFAULT = Path(__file__).with_name("energies.yaml")

Picojoules = Annotated[Real, Field(ge=1e-30, le=1e9)]
Source = Annotated[Text, Field(min_length=1)]


class Arithmetic(Section):
    """Energy of one operation on words of so many bits, and who measured it."""

    bits: Annotated[Int, Field(ge=1, le=1024)]
    picojoules: Picojoules
    source: Source


class Access(Section):
    """Energy of one access to a memory of so many KiB, ``bits`` at a time."""

    kibibytes: Annotated[Real, Field(gt=0, le=1e9)]
    bits: Annotated[Int, Field(ge=1, le=65536)]
    picojoules: Picojoules
    source: Source


class Energies(Section):
    """A table of energies."""

    name: Source
    source: Source
    adder: Annotated[tuple[Arithmetic, ...], Field(min_length=2, max_length=100)]
    multiplier: Annotated[tuple[Arithmetic, ...], Field(min_length=2, max_length=100)]
    memory: Annotated[tuple[Access, ...], Field(min_length=2, max_length=100)]
    external: Arithmetic | None = Field(None, description="of moving so many bits to or from an external memory")

    @model_validator(mode="after")
    def _check(self) -> Self:
        for field, sizes in (
            ("adder", [e.bits for e in self.adder]),
            ("multiplier", [e.bits for e in self.multiplier]),
            ("memory", [e.kibibytes for e in self.memory]),
        ):
            if any(a >= b for a, b in pairwise(sizes)):
                raise InputError(field, list(sizes), "sizes must ascend")
        return self

    def add(self, bits: float) -> float:
        """Picojoules of one addition."""
        return _interpolated([(e.bits, e.picojoules) for e in self.adder], bits)

    def multiply(self, a: float, b: float) -> float:
        """Picojoules of one multiplication of words of ``a`` and ``b`` bits."""
        return _interpolated([(e.bits, e.picojoules) for e in self.multiplier], math.sqrt(a * b))

    def transfer(self, bits: float) -> float:
        """Picojoules of moving so many bits to or from an external memory.

        Raises
        ------
        InputError
            If the table does not say.
        """
        if self.external is None:
            raise InputError("external", None, "is missing: the design has its weights in an external memory")
        return bits * self.external.picojoules / self.external.bits

    def access(self, memory_bits: float, word_bits: float) -> float:
        """Picojoules of reading or writing one word of a memory."""
        per_bit = [(e.kibibytes * 8192, e.picojoules / e.bits) for e in self.memory]
        return word_bits * _interpolated(per_bit, memory_bits)


def _interpolated(points: list[tuple[float, float]], x: float) -> float:
    """Straight lines between points on logarithmic scales; the first and the last go on beyond the ends."""
    (x0, y0), (x1, y1) = next((p for p in pairwise(points) if x <= p[1][0]), (points[-2], points[-1]))
    try:
        slope = math.log(y1 / y0) / math.log(x1 / x0)
        return y0 * math.exp(slope * math.log(x / x0))
    except ArithmeticError:
        rule = "cannot be continued to it: the table rises too steeply"
        raise InputError("energies", f"operand or memory of {x:g} bits", rule) from None


def load(path: Path | None = None) -> Energies:
    """The table in a file; the one that comes with hwsim if none is given.

    Raises
    ------
    InputError
        If the file cannot be read or is no such table.
    """
    try:
        return Energies.model_validate(config_file.read_sections(path or DEFAULT, "table of energies"))
    except ValidationError as e:
        raise told(e, Energies) from None
