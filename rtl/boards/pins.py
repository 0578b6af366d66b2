"""Where the pins of a board are: from the resources that ``amaranth_boards`` describes to constraints of the tools."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Place = tuple[str | int, ...]
"""A resource's name and number, then the name of a part of it, if it has parts."""


@dataclass(frozen=True)
class Pin:
    """One pin.

    Attributes
    ----------
    site
        Its name on the FPGA's package.
    inverted
        Whether the pin is 0 where what it stands for is 1.
    attributes
        By the names of the family's constraints.
    megahertz
        Of the clock that comes in there, if one does.
    """

    site: str
    inverted: bool
    attributes: Mapping[str, Any]
    megahertz: Fraction | None = None


def find(platform: Any, place: Place) -> Pin:
    """A pin of a platform of Amaranth.

    Raises
    ------
    LookupError
        If it is not there, or is several.
    """
    name, number, *parts = place
    resource = platform.resources.get((name, number))
    if resource is None:
        raise LookupError(f"{type(platform).__name__} has no resource {name} {number}")
    attributes, found = dict(resource.attrs), resource
    for part in parts:
        found = next((s for s in found.ios if getattr(s, "name", None) == part), None)
        if found is None:
            raise LookupError(f"{type(platform).__name__}: {name} {number} has no part {part}")
        attributes |= found.attrs
    pins = found.ios[0]
    sites = pins.map_names(platform._conn_pins, resource)
    if len(sites) != 1:
        raise LookupError(f"{type(platform).__name__}: {name} {number} is {len(sites)} pins")
    ticks = resource.clock
    frequency = None if ticks is None else Fraction(ticks.frequency) / 10**6
    return Pin(sites[0], pins.invert, {k: v for k, v in attributes.items() if v is not None}, frequency)


def lpf(pins: Mapping[str, Pin]) -> str:
    """For nextpnr-ecp5."""
    lines = []
    for port, pin in pins.items():
        lines.append(f'LOCATE COMP "{port}" SITE "{pin.site}";')
        said = " ".join(f"{name}={value}" for name, value in pin.attributes.items())
        lines += [f'IOBUF PORT "{port}" {said};'] if said else []
        if pin.megahertz is not None:
            lines.append(f'FREQUENCY PORT "{port}" {float(pin.megahertz):.6f} MHZ;')
    return _text("#", lines)


def pcf(pins: Mapping[str, Pin]) -> str:
    """For nextpnr-ice40."""
    lines = []
    for port, pin in pins.items():
        pull = "-pullup yes " if pin.attributes.get("PULLUP") else ""
        lines.append(f"set_io {pull}{port} {pin.site}")
        if pin.megahertz is not None:
            lines.append(f"set_frequency {port} {float(pin.megahertz):.6f}")
    return _text("#", lines)


def xdc(pins: Mapping[str, Pin]) -> str:
    """For Vivado."""
    lines = []
    for port, pin in pins.items():
        said = " ".join(f"{name} {value}" for name, value in pin.attributes.items())
        lines.append(f"set_property -dict {{PACKAGE_PIN {pin.site} {said}}} [get_ports {port}]")
        if pin.megahertz is not None:
            lines.append(f"create_clock -name {port} -period {float(1000 / pin.megahertz):.3f} [get_ports {port}]")
        elif port.startswith(("light_", "held_")):
            lines.append(f"set_false_path -to [get_ports {port}]")
    lines += ["set_property CFGBVS VCCO [current_design]", "set_property CONFIG_VOLTAGE 3.3 [current_design]"]
    return _text("#", lines)


def _text(comment: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{comment} Pins as amaranth_boards has them, or the board's own table in rtl.boards.", *lines, ""])


Writer = Callable[[Mapping[str, Pin]], str]
