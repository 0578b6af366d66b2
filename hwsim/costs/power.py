"""Power on an FPGA and energy of a trained sample: resources times activity times energies of events; an estimate, in parts.

The energies, their sources and their uncertainties are data: ``power.yaml``. Resources are estimated, or counted by a
synthesis (:mod:`hwsim.costs.counts`); activity comes from a simulation, or is assumed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from hwsim.configuration import config_file
from hwsim.configuration.messages import told
from hwsim.configuration.sections import Real, Section
from hwsim.costs.resources import FAMILIES
from hwsim.figure import Figure, Figures
from models.errors import ArgumentError, InputError

DEFAULT = Path(__file__).with_name("power.yaml")

Source = Annotated[str, Field(min_length=1, max_length=1000)]
Factor = Annotated[Real, Field(ge=1, le=1000)]

EVENTS = {
    "dsp": "a clock of a multiplier block in which all bits of its operands toggle",
    "block_ram": "a clock of a port of a block memory; each has two",
    "lut_ram": "a toggle of the output of a LUT of distributed memory",
    "lut": "a toggle of the output of a LUT of logic",
    "ff": "a clock of a flip-flop or of a LUT of distributed memory, with its share of the clock tree",
    "wire": "a toggle of what a LUT, a flip-flop or a block leads to others",
    "clock_network": "a clock of the whole chip's clock network, where that is not in the flip-flops' share",
}
"""Of what a table has the energy, by part."""
_OPTIONAL = "clock_network"
OUTPUTS = {"dsps": 24, "block_rams": 18}
"""Bits that a block is taken to lead to others: a product of 12 bits by 12, a port of half the greatest width."""

PARTS = {
    "power_dsp": "multiplier blocks",
    "power_block_ram": "block memories",
    "power_lut_ram": "LUTs of distributed memory",
    "power_lut": "LUTs of logic",
    "power_ff": "flip-flops and the clock tree",
    "power_wire": "wires",
    "power_static": "leakage, and what else flows while the clock stands",
}
"""What the parts are, by name of the figure."""
_ESTIMATE = "estimate, {interval}"
POWER = Figures(
    "power",
    {
        "power": Figure("W", f"of the chip without its pins; {_ESTIMATE}", "less", "power (W, estimate)"),
        "energy_per_sample": Figure("µJ", f"of one trained sample: that power for so long; {_ESTIMATE}", "less"),
        "power_frequency": Figure("MHz", "clock frequency at which power is estimated"),
        "power_throughput": Figure("samples/s", "trained at that frequency, one a junction cycle", "more"),
    }
    | {name: Figure("W", f"{what}; {_ESTIMATE}", "less", what) for name, what in PARTS.items()}
    | {
        "registers_toggle": Figure("1/clock", "share of register bits that toggle, {how}"),
        "nets_toggle": Figure("1/clock", "share of bits of named combinational nets that toggle, {how}"),
        "operands_toggle": Figure("1/clock", "share of bits of multipliers' operands that toggle, {how}"),
        "component_toggles": Figure("toggles/clock", "register bits and nets, by part of the accelerator, {how}"),
        "activity_clocks": Figure("clocks", "in which toggles were counted"),
    },
)
"""By name, as ``power.json`` and ``synthesis.json`` have them."""

POWER_OF_PART = Figures(
    "power of a part",
    {
        "power": Figure("mW", "of the part; an estimate", "less"),
        "interval": Figure("mW", "least and most that the part may take"),
        "share": Figure("1", "of the whole"),
    },
)
"""Of one part of the chip, as a table has them."""

PUBLISHED_WATTS, PUBLISHED_RATE = 0.477, 441_000
"""Of the published accelerator (arXiv 1806.01087), another design, on xc7a100t: W, samples/s at 15 MHz."""


class Energy(Section):
    """Energy of one event; the interval is that divided, and multiplied, by the uncertainty."""

    picojoules: Annotated[Real, Field(ge=0, le=1e9)]
    uncertainty: Factor
    source: Source


class Family(Section):
    """Energies of the parts of a family of FPGAs."""

    technology: Source
    parts: dict[str, Energy]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.parts:
            if name not in EVENTS:
                raise InputError("parts", name, "is not known", list(EVENTS))
        for name in EVENTS:
            if name not in self.parts and name != _OPTIONAL:
                raise InputError(f"parts.{name}", None, "is missing")
        return self


class Device(Section):
    """A chip, and the watts that it takes when its clock stands."""

    family: Source
    chip: Source
    watts: Annotated[Real, Field(ge=0, le=1e6)]
    uncertainty: Factor
    source: Source


class Assumed(Section):
    """Toggles per bit and clock where nothing was simulated."""

    toggles: Annotated[Real, Field(ge=0, le=1)]
    source: Source


class Energies(Section):
    """A table of energies."""

    source: Source
    activity: Assumed
    families: dict[str, Family]
    devices: dict[str, Device]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.families:
            if name not in FAMILIES:
                raise InputError("families", name, "is not known", list(FAMILIES))
        for name, device in self.devices.items():
            if device.family not in self.families:
                raise InputError(f"devices.{name}.family", device.family, "has no energies", list(self.families))
        return self

    def device(self, target: str) -> Device:
        """The chip of a target.

        Raises
        ------
        InputError
            If the table has none.
        """
        if target not in self.devices:
            raise ArgumentError("target", target, "has no energies", list(self.devices))
        return self.devices[target]

    @property
    def assumed(self) -> "Activity":
        """The activity where nothing was simulated."""
        toggles = self.activity.toggles
        return Activity(toggles, toggles, toggles, "assumed")


@cache
def load(path: Path = DEFAULT) -> Energies:
    """Read a table.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        return Energies.model_validate(config_file.read_sections(path, "table of energies"))
    except ValidationError as e:
        raise told(e, Energies) from None


@dataclass(frozen=True)
class Activity:
    """Toggles per bit and clock of register outputs, of combinational nets and of the operands of multipliers.

    Attributes
    ----------
    how
        How they are known.
    components
        Toggles per clock, all bits together, by part of the accelerator; empty if they are assumed.
    clocks
        In which they were counted; 0 if they are assumed.
    """

    registers: float
    nets: float
    operands: float
    how: str
    components: Mapping[str, float] | None = None
    clocks: int = 0


@dataclass(frozen=True)
class Interval:
    """An estimate and the ends of its interval."""

    value: float
    low: float
    high: float

    @classmethod
    def within(cls, value: float, factor: float) -> "Interval":
        """A value known up to a factor."""
        return cls(value, value / factor, value * factor)

    def __add__(self, other: "Interval") -> "Interval":
        """Ends add: what is wrong with one part may be wrong with all."""
        return Interval(self.value + other.value, self.low + other.low, self.high + other.high)

    def times(self, factor: float) -> "Interval":
        """The same in another unit."""
        return Interval(self.value * factor, self.low * factor, self.high * factor)


NOTHING = Interval(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Running:
    """What runs, and how fast.

    Attributes
    ----------
    counts
        Resources by the names of :mod:`hwsim.costs.resources`, without the family: luts, lut_ram, ffs, dsps, block_rams.
    megahertz
        Of the clock.
    period
        Clocks per sample.

    Raises
    ------
    InputError
        If the frequency is not positive and finite.
    """

    counts: Mapping[str, int]
    megahertz: float
    period: int

    def __post_init__(self) -> None:
        if not 0 < self.megahertz <= 1e6:
            raise ArgumentError("frequency", self.megahertz, "must be a number above 0, in MHz, and at most 1000000")

    @property
    def throughput(self) -> float:
        """Samples per second."""
        return self.megahertz * 1e6 / self.period


@dataclass(frozen=True)
class Power:
    """An estimate.

    Attributes
    ----------
    parts
        Watts by name of the figure.
    """

    parts: Mapping[str, Interval]
    running: Running
    activity: Activity
    device: Device

    @property
    def total(self) -> Interval:
        """Watts."""
        return sum(self.parts.values(), NOTHING)

    @property
    def energy(self) -> Interval:
        """Microjoules of one sample."""
        return self.total.times(1e6 / self.running.throughput)

    @property
    def figures(self) -> dict[str, Any]:
        """As files hold them: value, unit, meaning, and the interval's ends."""
        shown = {"power": self.total, "energy_per_sample": self.energy} | dict(self.parts)
        known: dict[str, Any] = {name: _told(name, interval) for name, interval in shown.items()}
        known |= POWER.all_told({"power_frequency": self.running.megahertz, "power_throughput": self.running.throughput})
        activity, how = self.activity, self.activity.how
        rates = {"registers": activity.registers, "nets": activity.nets, "operands": activity.operands}
        known |= {f"{name}_toggle": POWER.told(f"{name}_toggle", rate, how=how) for name, rate in rates.items()}
        if activity.components is not None:
            known["component_toggles"] = POWER.told("component_toggles", dict(activity.components), how=how)
            known["activity_clocks"] = POWER.told("activity_clocks", activity.clocks)
        return known


def estimate(table: Energies, target: str, running: Running, activity: Activity) -> Power:
    """The power of what runs on a target, in parts.

    Raises
    ------
    InputError
        If the table does not know the target.
    """
    device = table.device(target)
    parts, n = table.families[device.family].parts, running.counts
    outputs = n["luts"] + n["lut_ram"] + sum(bits * n[name] for name, bits in OUTPUTS.items())
    events = {  # a clock
        "dsp": n["dsps"] * activity.operands,
        "block_ram": 2 * n["block_rams"],
        "lut_ram": n["lut_ram"] * activity.nets,
        "lut": n["luts"] * activity.nets,
        "ff": n["ffs"] + n["lut_ram"],
        "wire": outputs * activity.nets + n["ffs"] * activity.registers,
        "clock_network": 1,
    }
    watts = {
        name: Interval.within(events[name] * known.picojoules * running.megahertz * 1e-6, known.uncertainty)
        for name, known in parts.items()
    }
    watts["ff"] += watts.pop(_OPTIONAL, NOTHING)
    watts["static"] = Interval.within(device.watts, device.uncertainty)
    return Power({name: watts[name.removeprefix("power_")] for name in PARTS}, running, activity, device)


def shown(interval: Interval, unit: str, scale: float = 1.0) -> str:
    """A value with three digits, and its interval."""
    value, low, high = (digits(scale * x) for x in (interval.value, interval.low, interval.high))
    return f"{value} {unit} ({low} to {high})"


def summary(power: Power) -> list[str]:
    """Two lines: energy and power, each an estimate with its interval; and what is published of another design."""
    running = power.running
    return [
        f"estimate at {running.megahertz:.2f} MHz: {shown(power.energy, 'µJ')} per trained sample, "
        f"{shown(power.total, 'mW', 1e3)} on {power.device.chip} without its pins; activity {power.activity.how}",
        f"published, another design on an Artix-7: {PUBLISHED_WATTS} W, {PUBLISHED_RATE:,} samples/s at 15 MHz, "
        f"{1e6 * PUBLISHED_WATTS / PUBLISHED_RATE:.2f} µJ (arXiv 1806.01087)",
    ]


def digits(x: float) -> str:
    """A figure with three digits."""
    return f"{x:,.0f}" if x >= 1000 else f"{x:.3g}"


def _told(name: str, interval: Interval) -> dict[str, Any]:
    told = POWER.told(name, interval.value, interval=f"{digits(interval.low)} to {digits(interval.high)}")
    return told | {"low": interval.low, "high": interval.high}
