"""Reading configurations from YAML and writing them back, every fault told in one line."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from hwsim.config import Configuration
from hwsim.constraints import close_names
from models.errors import InputError

_LARGEST_FILE = 1 << 20
"""Bytes. No configuration comes near; a larger file is a mistake, and parsing it would take long."""


class _Loader(yaml.SafeLoader):
    """YAML with the two habits of version 1.1 mended that would silently change a configuration."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key, _ in node.value:
        name = loader.construct_object(key)
        if not isinstance(name, str):
            raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} is not a word", key.start_mark)
        if name in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {name} stands twice", key.start_mark)
        seen.add(name)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
# 1.1 takes 1e-5 for text, since it has no point.
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789"))


def load(path: Path, overrides: dict[str, Any] | None = None) -> Configuration:
    """Read and validate a configuration file.

    Parameters
    ----------
    overrides
        Values by dotted name, for example ``{"training.epochs": 3}``, in place of those in the file.

    Raises
    ------
    InputError
        For a file that cannot be read or parsed, and for every violated rule.
    """
    data = _read(path)
    for dotted, value in (overrides or {}).items():
        *sections, key = dotted.split(".")
        at = data
        for section in sections:
            at = at.setdefault(section, {})
            if not isinstance(at, dict):
                raise InputError(section, at, "must be a section with keys")
        at[key] = value
    return parse(data)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError(
                str(path), f"{path.stat().st_size} bytes", f"is no configuration: at most {_LARGEST_FILE} bytes"
            )
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as e:
        raise InputError(str(path), None, f"cannot be read: {e.strerror or e}") from None
    except (UnicodeDecodeError, yaml.reader.ReaderError):
        raise InputError(str(path), None, "is not a text file in UTF-8") from None
    except RecursionError:
        raise InputError(str(path), None, "is nested too deeply") from None
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise InputError(str(path), None, f"is not valid YAML: {place}{e.problem or e.context}") from None
    except (yaml.YAMLError, ValueError) as e:  # ValueError: an impossible date, a number of too many digits
        raise InputError(str(path), None, f"is not valid YAML: {e}") from None
    if not isinstance(data, dict):
        raise InputError(str(path), type(data).__name__, "must hold sections with keys, such as `network:`")
    return data


def parse(data: dict[str, Any]) -> Configuration:
    """Validate plain data as a configuration; see :func:`load`."""
    try:
        return Configuration.model_validate(data)
    except ValidationError as e:
        raise _told(e) from None
    except (RecursionError, OverflowError) as e:
        raise InputError("configuration", None, f"cannot be understood: {e}") from None


def _told(error: ValidationError) -> InputError:
    """The first violation as one line with the field's full name and legal values."""
    # A misspelt key is also a missing one, and a union reports every alternative: the most telling comes first, that is
    # an unknown key, else what lies deepest in the data.
    first = max(error.errors(), key=lambda e: (e["type"] == "extra_forbidden", len(_location(e["loc"]))))
    location = _location(first["loc"])
    field = "".join(f"[{x}]" if isinstance(x, int) else f".{x}" for x in location).lstrip(".") or "configuration"
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InputError):
        inner = cause.field if not location else f"{field}.{cause.field}"
        return InputError(inner, cause.value, cause.rule, cause.nearest)
    if first["type"] == "extra_forbidden":
        return InputError(field, None, "is an unknown key", close_names(str(location[-1]), _keys(location[:-1])))
    if first["type"] == "missing":
        return InputError(field, None, "is missing")
    bounds = ("ge", "le")
    nearest = [v for k, v in first.get("ctx", {}).items() if k in bounds]
    if first["type"] == "literal_error":
        legal = [x.strip("' ") for x in str(first["ctx"]["expected"]).replace(" or ", ", ").split(",")]
        nearest = close_names(str(first["input"]), legal) or legal
    message = first["msg"][0].lower() + first["msg"][1:]
    message = message.replace("input should", "must").replace("string should", "must").replace("valid tuple", "list")
    return InputError(field, first["input"], message.replace("dictionary or instance of ", "section, a "), nearest)


def _location(loc: tuple[int | str, ...]) -> list[int | str]:
    """Without the names of union alternatives, which pydantic puts in between."""
    kept: list[int | str] = []
    fields: Any = Configuration.model_fields
    for x in loc:
        if isinstance(x, int):
            kept.append(x)
        elif fields is not None and (x in fields or not kept or "[" not in x):
            if x.endswith("Section") or x in ("literal", "Rounding", "str", "int", "float", "bool"):
                continue
            kept.append(x)
    return kept


def _keys(location: list[int | str]) -> list[str]:
    """Keys that the section at ``location`` knows."""
    model: type[BaseModel] = Configuration
    for x in location:
        found = [
            a
            for a in _alternatives(model.model_fields[str(x)].annotation if x in model.model_fields else None)
            if isinstance(a, type) and issubclass(a, BaseModel)
        ]
        if not found:
            return []
        model = found[0]
    return list(model.model_fields)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__args__", None) or (annotation,)


def resolved(config: Configuration) -> dict[str, Any]:
    """Plain data with every default filled in; validating it gives an equal configuration."""
    data = config.model_dump(mode="json")
    if config.out_degrees is not None:
        data["network"] |= {"out_degree": list(config.out_degrees), "density": None}
    data["network"]["classes"] = config.classes
    return data


def as_yaml(config: Configuration) -> str:
    """The resolved configuration as the text of a file."""
    return yaml.dump(resolved(config), Dumper=_Dumper, sort_keys=False, width=110)


class _Dumper(yaml.SafeDumper):
    """Sections as blocks, lists of numbers on one line."""


_Dumper.add_representer(list, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True))


def fingerprint(config: Configuration) -> str:
    """SHA-256 of the resolved configuration: equal for configurations that mean the same."""
    text = json.dumps(resolved(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def json_schema() -> dict[str, Any]:
    """JSON Schema of a configuration file."""
    return Configuration.model_json_schema()
