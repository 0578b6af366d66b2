"""Reading configurations from YAML and writing them back: files, overrides by dotted name, fingerprints."""

import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from hwsim.configuration import given_files
from hwsim.configuration.configuration import Configuration
from hwsim.configuration.messages import brief, shown
from hwsim.configuration.sections import SERIAL_KEYS, Section
from hwsim.configuration.yaml_values import SectionDumper, StrictLoader
from models.errors import ArgumentError, InputError
from models.files.regular import opened, unreadable
from models.numbers.system import STEPS

_LARGEST_FILE = 1 << 16
"""Bytes. No configuration comes near; a larger file is a mistake, and parsing it would take long."""

_DEEPEST = 100


def load(path: str | Path, overrides: dict[str, Any] | None = None) -> Configuration:
    """Read and validate a configuration file.

    Parameters
    ----------
    path
        Of the file, YAML.
    overrides
        Values by dotted name, for example ``{"training.epochs": 3}``, in place of those in the file.

    Returns
    -------
    Configuration
        Complete: every default is filled in.

    Raises
    ------
    InputError
        For a file that cannot be read or parsed, and for every violated rule.

    Examples
    --------
    >>> config = load("sim_configs/demo.yaml", {"training.epochs": 2})
    >>> config.network.layers, config.training.epochs
    ((1024, 64, 32), 2)
    """
    return parse(with_overrides(read_design(Path(path)), overrides or {}))


def changed(
    config: Configuration, overrides: dict[str, Any], parser: Callable[[dict[str, Any]], Configuration] | None = None
) -> Configuration:
    """A configuration with some values in place of its own; ``config`` stays as it is.

    Parameters
    ----------
    config
        To begin with.
    overrides
        Values by dotted name, as of :func:`load`.
    parser
        In place of :func:`parse`, as that of a :class:`Parser`.

    Returns
    -------
    Configuration
        Validated anew, as a whole.

    Raises
    ------
    InputError
        For every violated rule.

    Examples
    --------
    >>> config = load("sim_configs/demo.yaml")
    >>> wider = changed(config, {"numbers.width": 16, "training.samples": 500})
    >>> wider.numbers.width, wider.training.samples, config.numbers.width
    (16, 500, 12)
    """
    return (parser or parse)(with_overrides(resolved(config), overrides))


def read_design(path: Path) -> dict[str, Any]:
    """The plain data of a configuration file, in which the names of other files no longer depend on where it is."""
    return given_files.beside(read_sections(path), path.parent)


def with_overrides(data: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Plain data with the values of ``overrides``, by dotted name, in place of its own; ``data`` stays as it is.

    A section that is left out or ``null`` begins empty, one word for all of a section's keys stands for each of them, and a
    density replaces degrees and the other way round: so what :func:`resolved` writes is as good as what a person would.

    Raises
    ------
    InputError
        If a section is no section.
    """
    for one, other in (("network.density", "network.out_degree"), ("network.out_degree", "network.density")):
        if overrides.get(one) is not None and other not in overrides:
            overrides = overrides | {other: None}
    result = dict(data)
    for dotted, value in overrides.items():
        *sections, key = dotted.split(".")
        at = result
        for depth, section in enumerate(sections, 1):
            inner, name = at.get(section), ".".join(sections[:depth])
            if inner is None:
                inner = {}
            elif isinstance(inner, str) and name in _FOR_ALL:
                inner = dict.fromkeys(_FOR_ALL[name], inner)
            if not isinstance(inner, dict):
                raise InputError(".".join(map(brief, sections[:depth])), shown(inner), "must be a section with keys")
            # A copy: with anchors, two sections of the file can be one object.
            at[section] = dict(inner)
            at = at[section]
        at[key] = value
    return result


_FOR_ALL = {"numbers.rounding": STEPS}
"""Sections in whose place one word may stand, and their keys."""


def read_sections(path: Path, what: str = "configuration") -> dict[str, Any]:
    """The plain data of a YAML file with sections at its top.

    Raises
    ------
    InputError
        If it cannot be read or parsed, or is not what it should be.
    """
    with opened(path, regular=False) as file:
        try:
            content = file.read(_LARGEST_FILE + 1)  # not its size: pipes and devices have none
        except OSError as e:
            raise unreadable(path, e) from None
    if len(content) > _LARGEST_FILE:
        raise InputError(str(path), None, f"is no {what}: larger than {_LARGEST_FILE} bytes")
    data = _parsed(path, content)
    if isinstance(data, dict):
        return data
    found = "is empty" if data is None else "is one list" if isinstance(data, list) else "is one value"
    raise InputError(str(path), None, f"{found}, but must hold sections with keys, such as `network:`")


def _parsed(path: Path, content: bytes) -> Any:
    try:
        data = yaml.load(content.decode("utf-8"), Loader=StrictLoader)
        _size(data, {})
        return data
    except (UnicodeDecodeError, yaml.reader.ReaderError):
        raise InputError(str(path), None, "is not a text file in UTF-8") from None
    except RecursionError:
        raise InputError(str(path), None, "is nested too deeply") from None
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = str(e.problem or e.context).replace("found unconstructable recursive node", "it contains itself")
        raise InputError(str(path), None, f"is not valid YAML: {place}{problem}") from None
    except yaml.YAMLError as e:
        raise InputError(str(path), None, f"is not valid YAML: {e}") from None


def _size(value: Any, known: dict[int, int], depth: int = 0) -> int:
    """How many values there are once every alias is written out; few lines can name more than any memory holds.

    Raises
    ------
    yaml.YAMLError, RecursionError
        If they are more than a file could hold without aliases, or nested too deeply.
    """
    if not isinstance(value, dict | list):
        return 1
    if depth > _DEEPEST:
        raise RecursionError
    if id(value) not in known:
        inner = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_size(v, known, depth + 1) for v in inner)
        if known[id(value)] > _LARGEST_FILE:
            raise yaml.YAMLError("its aliases name each other too often")
    return known[id(value)]


def assignment(text: str) -> tuple[str, Any]:
    """``key=value`` of a command line as an override for :func:`load`; the value is YAML.

    Raises
    ------
    InputError
        If there is no ``=``, no key, or the value is not valid YAML.
    """
    key, equals, value = text.partition("=")
    if not equals or not all(part for part in key.split(".")):
        raise ArgumentError("assignments", text, "must read key=value, for example training.epochs=3")
    try:
        return key, value_of(value)
    except InputError:
        raise ArgumentError(
            "assignments", text, "has a value that is not valid YAML: give a number, a word or a list such as [4, 16]"
        ) from None


def value_of(text: str) -> Any:
    """What a text is as a value in a file.

    Raises
    ------
    InputError
        If it is not valid YAML.
    """
    try:
        value = yaml.load(text, Loader=StrictLoader)
        _size(value, {})
    except (yaml.YAMLError, ValueError, RecursionError):
        raise InputError("value", text, "is not valid YAML") from None
    return value


def parse(data: dict[str, Any]) -> Configuration:
    """Validate plain data as a configuration.

    Parameters
    ----------
    data
        Sections by name, as a file has them; what is left out has its default.

    Returns
    -------
    Configuration
        Complete: every default is filled in.

    Raises
    ------
    InputError
        For every violated rule.

    Examples
    --------
    >>> config = parse({"network": {"layers": [16, 8, 4], "out_degree": [2, 2]}, "hardware": {"z": [8, 4]}})
    >>> config.edges, config.network.density
    ((32, 16), None)
    """
    if not isinstance(data, dict):
        raise InputError("configuration", shown(data), "must be a section with keys")
    return Configuration(**data)


class Parser:
    """Parses the plain data of many designs that have sections in common: of equal sections one is validated and shared."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], Section] = {}

    def parse(self, data: dict[str, Any]) -> Configuration:
        """What :func:`parse` makes of the data, or its error."""
        try:
            return Configuration(**{name: self._section(name, value) for name, value in data.items()})
        except InputError:
            return parse(data)  # tells of the sections as they were given

    def _section(self, name: str, value: Any) -> Any:
        """A section as validated by itself; as it is if it is none, or not legal."""
        if name not in _SECTIONS or not isinstance(value, dict):
            return value
        try:
            key = (name, pickle.dumps(value))  # of equal numbers those of other types are others
            if key not in self._known:
                if len(self._known) >= _KEPT_SECTIONS:
                    self._known.clear()
                self._known[key] = _SECTIONS[name].model_validate(value)
        except (ValidationError, RecursionError, OverflowError, pickle.PicklingError, TypeError, AttributeError):
            return value
        return self._known[key]


_KEPT_SECTIONS = 1 << 12
_SECTIONS: dict[str, type[Section]] = {
    name: of
    for name, info in Configuration.model_fields.items()
    for of in (info.annotation, *get_args(info.annotation))
    if isinstance(of, type) and issubclass(of, Section)
}
"""By key of the configuration."""


def resolved(config: Configuration) -> dict[str, Any]:
    """Plain data with every default filled in; parsing it gives an equal configuration.

    A section of data that nobody gave stays away: it is not held against a network that it does not fit. So do a clock of
    the bus that it shares with the accelerator, and an external memory that is not there: such designs are known by what
    they were before there was another.
    """
    data = config.model_dump(mode="json", exclude=None if config.states_data else {"data"})
    if config.out_degrees is not None:
        data["network"] |= {"out_degree": list(config.out_degrees), "density": None}
    data["network"]["classes"] = config.classes
    if config.hardware is not None and config.hardware.bus_clock == "shared":
        del data["hardware"]["bus_clock"]
    if config.hardware is not None and config.hardware.weights is None:
        del data["hardware"]["weights"]
    return data


def as_yaml(config: Configuration, overrides: dict[str, Any] | None = None) -> str:
    """The resolved configuration as the text of a file, with the values of ``overrides`` in place of its own."""
    return yaml.dump(with_overrides(resolved(config), overrides or {}), Dumper=SectionDumper, sort_keys=False, width=110)


def fingerprint(config: Configuration) -> str:
    """SHA-256 of the resolved configuration: equal configurations have equal ones; of files the content counts."""
    return _digest(with_overrides(resolved(config), given_files.digests(config)))


def hardware_fingerprint(config: Configuration) -> str:
    """SHA-256 of all that the accelerator is made from, its initial weights and biases included, and of nothing else.

    That is the seed and the sections network, connectivity, numbers and hardware, without the name of the module, without
    the keys of a serial line and of a stream of parameters where there is none, and with the range of learning-rate shifts
    that follows where none is given; how parameters are initialised; and where classes stand among the outputs. How, on
    what and how long a network is trained changes no circuit, nor does its name.

    Raises
    ------
    InputError
        If a file of patterns or parameters cannot be read.
    """
    named = {key: given_files.digest(key, path) for key, path in given_files.of(config).items()}
    data = with_overrides(resolved(config), named)
    made_from = {key: data[key] for key in ("seed", "network", "connectivity", "numbers", "hardware")}
    if config.hardware is not None:
        without = {"module"} if config.hardware.interface == "serial" else {"module", *SERIAL_KEYS}
        without |= set() if config.hardware.parameter_stream else {"parameter_stream"}
        kept = {key: value for key, value in data["hardware"].items() if key not in without}
        made_from["hardware"] = kept | {"kappa": list(config.kappa_range)}
    made_from["training"] = {key: data["training"][key] for key in ("init", "init_file", "init_fan", "init_bias")}
    made_from["data"] = {"pad_outputs": config.data.pad_outputs}
    return _digest(made_from)


def _digest(data: dict[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def json_schema() -> dict[str, Any]:
    """JSON Schema of a configuration file."""
    return Configuration.model_json_schema()
