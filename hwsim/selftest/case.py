"""One comparison: a design, what it meets, and how both stand in a file."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwsim import random_streams
from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.design import Design
from hwsim.machine.machine import check_machine
from hwsim.random_streams import Stream
from models.errors import InputError
from models.files import json_text, regular
from models.network.parameters import IntegerParameters
from models.numbers.format import Format

PARAMETERS = ("drawn", "random", "extreme")
"""Parameters to begin with: those of the design, any integers of the formats, or only their least and greatest."""
MOST_SAMPLES = 10_000
_HEAD = "# hwsim selftest meets "
_MOST_BYTES = 1 << 16


class Different(Exception):
    """Two engines differ; says in what."""


class Unbuildable(Exception):
    """There is no hardware for a design; says why."""


@dataclass(frozen=True)
class Meets:
    """What a design is fed and meets.

    Attributes
    ----------
    samples
        How many.
    late, inference, blocked
        As :class:`hwsim.simulation.disturbances.Disturbances` says for the machine; under Verilog, ``late`` is the share of
        clocks without an input, ``blocked`` that of clocks in which no result is taken.
    illegal
        Share of training samples with an illegal learning-rate shift, an illegal label or both.
    parameters
        One of :data:`PARAMETERS`.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    samples: int = 12
    late: float = 0.0
    inference: float = 0.0
    blocked: float = 0.0
    illegal: float = 0.0
    parameters: str = "drawn"

    def __post_init__(self) -> None:
        if type(self.samples) is not int or not 1 <= self.samples <= MOST_SAMPLES:
            raise InputError("meets.samples", self.samples, f"must lie in 1..{MOST_SAMPLES}")
        for name in ("late", "inference", "blocked", "illegal"):
            value = getattr(self, name)
            if type(value) not in (int, float) or not 0 <= value <= 0.99:
                raise InputError(f"meets.{name}", value, "must lie in 0..0.99")
        if self.parameters not in PARAMETERS:
            raise InputError("meets.parameters", self.parameters, "is not known", PARAMETERS)


@dataclass(frozen=True)
class Case:
    """A design and what it meets; everything else is drawn from the configuration's seed.

    Attributes
    ----------
    config, meets
        The two.
    """

    config: Configuration
    meets: Meets = Meets()

    @cached_property
    def design(self) -> Design:
        """The design, its initial integers those that it is to begin with."""
        design = Design(self.config)
        if self.meets.parameters != "drawn":
            vars(design)["initial_integers"] = self._loud(design)  # computed at its first use unless it has a value
        return design

    def generator(self, *index: int) -> np.random.Generator:
        """Random numbers of samples and parameters."""
        return random_streams.generator(self.config.seed, Stream.SELFTEST_SAMPLES, *index)

    def _loud(self, design: Design) -> IntegerParameters:
        rng, numbers = self.generator(0), self.config.numbers.system

        def draw(fmt: Format, n: int) -> npt.NDArray[np.int32]:
            if self.meets.parameters == "extreme":
                return rng.choice(np.array([fmt.lowest, fmt.highest], np.int32), n)
            return rng.integers(fmt.lowest, fmt.highest + 1, n).astype(np.int32)

        return IntegerParameters(
            [draw(numbers.weight, p.n_edges) for p in design.patterns],
            [draw(numbers.bias, p.n_right) for p in design.patterns],
        )

    def inputs(self) -> npt.NDArray[np.int32]:
        """int32 [samples, N_0], over the whole range of the input format; a fourth of them only at its ends."""
        fmt, shape = self.config.numbers.system.input, (self.meets.samples, self.config.network.layers[0])
        anything = self.generator(1).integers(fmt.lowest, fmt.highest + 1, shape)
        ends = self.generator(2).choice([fmt.lowest, fmt.highest], shape)
        return np.where(self.generator(3).random((shape[0], 1)) < 0.25, ends, anything).astype(np.int32)

    def labels(self) -> npt.NDArray[np.int32]:
        """int32 [samples], all of them classes."""
        return self.generator(4).integers(0, self.config.classes, self.meets.samples).astype(np.int32)

    @property
    def illegal_labels(self) -> npt.NDArray[np.int32]:
        """Labels that the stream can carry and that are no classes."""
        return np.arange(self.config.classes, 1 << self.config.label_bits, dtype=np.int32)

    @property
    def illegal_kappas(self) -> npt.NDArray[np.int32]:
        """Learning-rate shifts that the stream can carry and that the hardware must not be given."""
        least, greatest = self.config.kappa_range
        return np.array([k for k in range(1 << self.config.kappa_bits) if not least <= k <= greatest], np.int32)

    def text(self) -> str:
        """A configuration file that any command takes, whose first line says what the design meets."""
        return f"{_HEAD}{json.dumps(asdict(self.meets))}\n{config_file.as_yaml(self.config)}"


def read(path: Path) -> Case:
    """The case of a file that :meth:`Case.text` is in; the design of any other configuration, undisturbed.

    Raises
    ------
    InputError
        If the file cannot be read or says something illegal, or its design has no machine.
    """
    config = config_file.load(path)
    check_machine(config)
    assert Design(config).timing.period  # refused without hardware, or if its latencies are too long
    first = regular.read_text(path, _MOST_BYTES).partition("\n")[0]
    if not first.startswith(_HEAD):
        return Case(config)
    try:
        told: Any = json_text.parsed(first.removeprefix(_HEAD))
    except ValueError as e:
        raise InputError(str(path), None, f"has an unreadable first line: {e}") from None
    if not isinstance(told, dict) or not told.keys() <= {f.name for f in fields(Meets)}:
        rule = f"has a first line that must say some of {', '.join(f.name for f in fields(Meets))}"
        raise InputError(str(path), None, rule)
    return Case(config, Meets(**told))


Comparison = Callable[[Case], int]
"""Runs two engines on a case and gives the integers compared.

Raises :class:`Different` if they differ and :class:`Unbuildable` if one of them cannot have such a design; another exception
is a failure, too.
"""
