"""Every register of the memory-mapped port, field by field: what circuit, documentation and maps are made from.

Registers of every design stand first, what each junction clips behind them, then facts of the design. Only the second and
the third part grow with the network, each by as many words for every junction, and the second has its place even where
nothing is counted. So a host that knows no design reads MAGIC, VERSION and BUILD at addresses that never change, and the
number of junctions in BUILD tells it where all other facts are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from hwsim.configuration import config_file
from hwsim.vocabulary import MemoryKey, MemoryKind
from models.numbers.format import Format
from rtl.plan.plan import Plan

WIDTH = 32
"""Bits of a register."""
MAGIC_TEXT = b"hwsm"
"""What MAGIC spells in ASCII, the first letter in the highest byte."""
INTERFACE = 1
"""What VERSION says: another number where a host of the earlier one would go wrong."""
SATURATION = 16
"""Address of the first counter of clipped numbers: four words for every junction, whether they are built or not."""
CLIPPED = {"PREACTIVATION": "pre-activations", "DELTA": "deltas", "WEIGHT": "weights", "BIAS": "biases"}
"""Whose numbers they count, in order, by their names; a build for inference has the first alone."""


class Access(StrEnum):
    """What the bus may do to a field."""

    READ_ONLY = "read-only"
    READ_WRITE = "read-write"
    ONE_TO_CLEAR = "write-one-to-clear"
    ZERO_TO_CLEAR = "write-zero-to-clear"


@dataclass(frozen=True)
class RegisterField:
    """Some bits of a register.

    Attributes
    ----------
    name
        In capitals.
    lsb, width
        Its lowest bit, and how many there are.
    meaning
        One clause.
    access
        What the bus may do to it.
    reset
        What it reads as after a reset.
    legal
        The least and the greatest value that may be written, if not every one may.
    constant
        Whether it never changes.
    """

    name: str
    lsb: int
    width: int
    meaning: str
    access: Access = Access.READ_ONLY
    reset: int = 0
    legal: tuple[int, int] | None = None
    constant: bool = False

    def __post_init__(self) -> None:
        assert 0 <= self.reset < 1 << self.width and self.lsb + self.width <= WIDTH, self.name

    @property
    def mask(self) -> int:
        """Its bits in the word."""
        return ((1 << self.width) - 1) << self.lsb


@dataclass(frozen=True)
class Register:
    """A word of 32 bits at ``address``, counted in words; bits that no field has read as 0."""

    name: str
    address: int
    fields: tuple[RegisterField, ...]
    meaning: str

    @property
    def byte(self) -> int:
        """Its address counted in bytes."""
        return WIDTH // 8 * self.address

    @property
    def reset(self) -> int:
        """The word that is read after a reset."""
        return sum(f.reset << f.lsb for f in self.fields)

    @property
    def writable(self) -> bool:
        """Whether a write can change anything."""
        return any(f.access is not Access.READ_ONLY for f in self.fields)

    @property
    def constant(self) -> bool:
        """Whether it never changes."""
        return all(f.constant for f in self.fields)

    def field(self, name: str) -> RegisterField:
        """One of its fields."""
        return next(f for f in self.fields if f.name == name)

    def filled(self, values: Mapping[str, int]) -> "Register":
        """The register with other values after a reset, by the names of its fields."""
        known = {f.name for f in self.fields}
        assert values.keys() <= known, f"{self.name} has no {sorted(values.keys() - known)}"
        return replace(self, fields=tuple(replace(f, reset=values.get(f.name, f.reset)) for f in self.fields))


def _bit(name: str, at: int, meaning: str, access: Access = Access.READ_ONLY, reset: int = 0) -> RegisterField:
    return RegisterField(name, at, 1, meaning, access, reset)


def _count(name: str, address: int, meaning: str) -> Register:
    return Register(name, address, (RegisterField("COUNT", 0, WIDTH, meaning),), meaning)


def _fact(name: str, address: int, meaning: str, value: int = 0) -> Register:
    return Register(name, address, (RegisterField("VALUE", 0, WIDTH, meaning, reset=value, constant=True),), meaning)


def _part(name: str, lsb: int, width: int, meaning: str) -> RegisterField:
    return RegisterField(name, lsb, width, meaning, constant=True)


FIXED = (
    Register(
        "CONTROL",
        0,
        (
            _bit(
                "RUN",
                0,
                "junction cycles follow each other; cleared, the accelerator stands at the end of one",
                Access.READ_WRITE,
            ),
            _bit(
                "NO_BUBBLES",
                1,
                "a junction cycle begins only if a sample is there to be loaded; cleared, the pipe drains",
                Access.READ_WRITE,
            ),
        ),
        "starts and stops",
    ),
    Register(
        "STATUS",
        1,
        (
            _bit("STANDING", 0, "nothing moves", reset=1),
            _bit("EMPTY", 1, "no sample is waiting or under way", reset=1),
            _bit("ERROR", 2, "a bit of ERRORS is set"),
        ),
        "what it is doing",
    ),
    Register(
        "RATE",
        2,
        (
            RegisterField("KAPPA", 0, 8, "learning-rate shift; the learning rate is 2^-KAPPA", Access.READ_WRITE),
            _bit("FIXED", 8, "KAPPA replaces the samples' own", Access.READ_WRITE),
        ),
        "the learning rate of all samples, if they are not to have their own",
    ),
    _count("SAMPLES", 3, "samples entered"),
    _count("RESULTS", 4, "results taken"),
    _count("CYCLES", 5, "junction cycles begun"),
    Register(
        "ERRORS",
        8,
        (
            _bit("KAPPAS", 0, "ILLEGAL_KAPPAS has counted", Access.ONE_TO_CLEAR),
            _bit("LABELS", 1, "ILLEGAL_LABELS has counted", Access.ONE_TO_CLEAR),
            _bit("VALUES", 2, "REFUSED_VALUES has counted", Access.ONE_TO_CLEAR),
        ),
        "which of the next three have counted; writing a 1 clears bit and counter",
    ),
    _count("ILLEGAL_KAPPAS", 9, "training samples that were not learned from because of their learning-rate shift"),
    _count("ILLEGAL_LABELS", 10, "training samples that were not learned from because of their label"),
    _count("REFUSED_VALUES", 11, "writes of values that the word cannot hold"),
    _fact("MAGIC", 12, f"ASCII {MAGIC_TEXT.decode()}", int.from_bytes(MAGIC_TEXT)),
    _fact("VERSION", 13, "of this interface", INTERFACE),
    _fact("HASH", 14, "first 32 bits of the fingerprint of what this circuit is made from"),
    Register(
        "BUILD",
        15,
        (
            _part("JUNCTIONS", 0, 8, "junctions, L"),
            _part("TRAINS", 8, 1, "it trains; cleared, it only infers"),
            _part("COUNTERS", 9, 1, "numbers that are clipped are counted"),
            _part("LEAST_KAPPA", 16, 8, "least learning-rate shift"),
            _part("GREATEST_KAPPA", 24, 8, "greatest learning-rate shift"),
        ),
        f"what was built; the facts behind it begin at address {SATURATION} + 4 L",
    ),
)
"""What every design has at the same place; values that differ between designs are 0."""

_KNOWN = {register.name: register for register in FIXED}


def at(name: str) -> int:
    """Address of a register of :data:`FIXED`."""
    return _KNOWN[name].address


def bit(name: str, field: str) -> int:
    """Lowest bit of one of its fields."""
    return _KNOWN[name].field(field).lsb


def _format_fields(name: str, lsb: int) -> tuple[RegisterField, ...]:
    what = "an" if name[0] in "AI" else "a"
    return (
        _part(f"{name}_WIDTH", lsb, 6, f"bits of {what} {name.lower()}"),
        _part(f"{name}_FRACTION", lsb + 8, 6, "how many of them are behind the binary point"),
        _part(f"{name}_SIGNED", lsb + 15, 1, f"{what} {name.lower()} has a sign"),
    )


_FACTS = (
    _fact("PERIOD", 0, "clocks of a junction cycle, in each of which one sample can enter"),
    _fact("CLASSES", 1, "classes: labels are below"),
    _fact("INPUTS_PER_BEAT", 2, "inputs in a beat of samples"),
    _fact("OUTPUTS_PER_BEAT", 3, "output activations in a beat of results"),
    Register(
        "STREAM_FORMATS",
        4,
        (*_format_fields("INPUT", 0), *_format_fields("ACTIVATION", 16)),
        "numbers in the streams",
    ),
    Register("MEMORY_FORMATS", 5, (*_format_fields("WEIGHT", 0), *_format_fields("BIAS", 16)), "numbers in the memories"),
    _fact("NEURONS_0", 6, "neurons of layer 0"),
)
"""Facts of a design, by their addresses less that of the first; three for every junction follow."""


def _weights(junction: int) -> str:
    return str(MemoryKey(MemoryKind.WEIGHTS, junction))


def _facts_of(junction: int, address: int) -> tuple[Register, ...]:
    return (
        _fact(f"NEURONS_{junction}", address, f"neurons of layer {junction}"),
        _fact(f"ROWS_{junction}", address + 1, f"rows of {_weights(junction)}, which has ROWS x LANES edges"),
        _fact(f"LANES_{junction}", address + 2, f"weights in a row of junction {junction}"),
    )


def facts_at(junctions: int) -> int:
    """Address of the first fact behind BUILD of a design with so many junctions."""
    return SATURATION + 4 * junctions


def register_words(junctions: int) -> int:
    """Addresses from 0 to behind the last register of such a design."""
    return facts_at(junctions) + len(_FACTS) + 3 * junctions


def saturation_at(junction: int, kind: int) -> int:
    """Address of the counter of one of the :data:`CLIPPED` kinds of numbers of a junction, which are counted from 1."""
    return SATURATION + 4 * (junction - 1) + kind


def clipped_kinds(of: Plan) -> int:
    """How many of the :data:`CLIPPED` kinds each junction of a design counts."""
    counted = of.config.hardware is not None and of.config.hardware.counters
    return (len(CLIPPED) if of.trains else 1) if counted else 0


def registers(of: Plan) -> tuple[Register, ...]:
    """The registers of a design, in ascending order of their addresses.

    Raises
    ------
    InputError
        If a file that the configuration names cannot be read.
    """
    n, values = len(of.junctions), _values(of)
    clipped = [
        _count(
            f"SATURATED_{name}_{j.number}", saturation_at(j.number, k), f"{what} of junction {j.number} that were clipped"
        )
        for j in of.junctions
        for k, (name, what) in enumerate(list(CLIPPED.items())[: clipped_kinds(of)])
    ]
    facts = [replace(fact, address=facts_at(n) + fact.address) for fact in _FACTS]
    for j in of.junctions:
        facts += _facts_of(j.number, facts_at(n) + len(_FACTS) + 3 * (j.number - 1))
    made = [register.filled(values.get(register.name, {})) for register in (*FIXED, *clipped, *facts)]
    return tuple(_ranged(register, of.kappas) if register.name == "RATE" else register for register in made)


def _ranged(rate: Register, kappas: tuple[int, int]) -> Register:
    return replace(rate, fields=tuple(replace(f, legal=kappas) if f.name == "KAPPA" else f for f in rate.fields))


def _values(of: Plan) -> dict[str, dict[str, int]]:
    """What differs between designs, by register and field."""
    n, (least, greatest), last = of.numbers, of.kappas, of.junctions[-1]
    whole = {
        "HASH": int(config_file.hardware_fingerprint(of.config)[:8], 16),
        "PERIOD": of.period,
        "CLASSES": of.design.network.classes,
        "INPUTS_PER_BEAT": of.beat,
        "OUTPUTS_PER_BEAT": last.results_per_clock,
        "NEURONS_0": of.junctions[0].n_left,
    }
    for j in of.junctions:
        whole |= {f"NEURONS_{j.number}": j.n_right, f"ROWS_{j.number}": j.rows, f"LANES_{j.number}": j.z}
    return {name: {"VALUE": value} for name, value in whole.items()} | {
        "RATE": {"KAPPA": greatest},
        "BUILD": {
            "JUNCTIONS": len(of.junctions),
            "TRAINS": int(of.trains),
            "COUNTERS": int(clipped_kinds(of) > 0),
            "LEAST_KAPPA": least,
            "GREATEST_KAPPA": greatest,
        },
        "STREAM_FORMATS": _format("INPUT", n.input) | _format("ACTIVATION", n.activation),
        "MEMORY_FORMATS": _format("WEIGHT", n.weight) | _format("BIAS", n.bias),
    }


def _format(name: str, of: Format) -> dict[str, int]:
    return {f"{name}_WIDTH": of.width, f"{name}_FRACTION": of.fraction, f"{name}_SIGNED": int(of.signed)}
