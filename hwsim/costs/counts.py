"""The resources of a design that an estimate of power takes: estimated from the configuration, or counted by a synthesis."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.costs import area
from hwsim.costs.operations import Costs
from hwsim.costs.resources import FAMILIES, SYNTHESISED
from models.errors import ArgumentError, InputError
from models.files import json_text

_CARRY, _CARRY_LUTS = "carry", {"ecp5": 2}
"""LUTs that a carry cell takes, where they are not among the LUTs of logic."""
_MOST = 10**9


@dataclass(frozen=True)
class Counted:
    """Resources, and how they are known.

    Attributes
    ----------
    counts
        By the names of :mod:`hwsim.costs.resources`, without the family.
    megahertz
        Highest clock frequency, if that is known.
    """

    counts: Mapping[str, int]
    how: str
    megahertz: float | None = None


def estimated(of: Costs, family: str) -> Counted:
    """What the estimates of area say.

    Raises
    ------
    InputError
        If they do not know the family.
    """
    known = area.load().figures(of)
    if f"{family}_luts" not in known:
        fitted = [name for name in FAMILIES if f"{name}_luts" in known]
        rule = f"no estimate of area was fitted to it (but to {', '.join(fitted)}): give <synthesis>"
        raise ArgumentError("target", FAMILIES[family], rule)
    counts = {name: known[f"{family}_{name}"] for name in SYNTHESISED.values()}
    counts["luts"] += _CARRY_LUTS.get(family, 0) * -(-round(of.adder_bits) // 2)  # a carry cell adds two bits
    return Counted(counts, "as estimated from the configuration")


def synthesised(counted: Mapping[str, int], family: str) -> dict[str, int]:
    """Counts from those that a synthesis has by its own names of resources."""
    counts = {name: counted.get(resource, 0) for resource, name in SYNTHESISED.items()}
    counts["luts"] += _CARRY_LUTS.get(family, 0) * counted.get(_CARRY, 0)
    return counts


def read(path: Path, config: Configuration, target: str) -> Counted:
    """What ``hwsim synth`` has left in its ``synthesis.json``.

    Raises
    ------
    InputError
        If it is no such file, or of another design or target.
    """
    content = json_text.read(path)
    of = _at(path, content, "target", dict)
    if (name := _at(path, of, "name", str)) != target:
        raise ArgumentError("synthesis", str(path), f"is for target {name}, not for {target}", [name])
    if _at(path, content, "configuration_hash", str) != config_file.fingerprint(config):
        raise ArgumentError("synthesis", str(path), "is of another configuration: give the one that it was made from")
    resources = _at(path, content, "resources", dict)
    counted = {name: _whole(path, name, value) for name, value in resources.items()}
    fmax = content.get("fmax", {})
    megahertz = fmax.get("value") if isinstance(fmax, dict) else None
    if megahertz is not None and (type(megahertz) not in (int, float) or not 0 < megahertz < 1e6):
        raise InputError(f"{path}: fmax", megahertz, "must be a number above 0")
    return Counted(synthesised(counted, _at(path, of, "family", str)), "as synthesized", megahertz)


def _at(path: Path, content: Any, key: str, kind: type) -> Any:
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, kind):
        raise InputError(f"{path}: {key}", None, "is missing: this is no synthesis.json of hwsim synth")
    return value


def _whole(path: Path, name: str, figure: Any) -> int:
    value = figure.get("value") if isinstance(figure, dict) else None
    if type(value) is not int or not 0 <= value <= _MOST:
        raise InputError(f"{path}: resources.{name}", value, f"must be a whole number from 0 to {_MOST}")
    return value
