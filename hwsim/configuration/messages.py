"""Violations of sections' types, told in this project's words: one line with the field's full name and legal values."""

import json
import re
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from hwsim.configuration.legal import close_names
from models.errors import InputError


def told(error: ValidationError, root: type[BaseModel]) -> InputError:
    """The first violation of the rules of ``root`` as one line with the field's full name and legal values."""
    # A misspelt key is also a missing one, and a union reports every alternative: the most telling comes first, that is
    # an unknown key, else what lies deepest in the data, else the first alternative that fits what was given.
    first = max(
        error.errors(include_url=False),
        key=lambda e: (
            e["type"] == "extra_forbidden",
            len(_location(e["loc"], e["type"], root)),
            e["type"] in (("literal_error", "enum") if isinstance(e["input"], str) else ("tuple_type", *_RANGE)),
        ),
    )
    kind, given, context = first["type"], first["input"], first.get("ctx", {})
    location = _location(first["loc"], kind, root)
    field = "".join(f"[{x}]" if isinstance(x, int) else f".{brief(x)}" for x in location).lstrip(".") or "configuration"
    cause = context.get("error")
    if isinstance(cause, InputError):
        inner = cause.field if not location else f"{field}.{cause.field}"
        return InputError(inner, cause.value, cause.rule, cause.nearest)
    if kind == "extra_forbidden":
        return InputError(
            field, None, "is an unknown key", close_names(str(location[-1]), _model(location[:-1], root).model_fields)
        )
    if kind == "missing":
        return InputError(field, None, "is missing")
    if kind in ("literal_error", "enum"):
        legal = re.findall(r"'([^']*)'", str(context["expected"])) or [str(context["expected"])]
        rule = f"must be {' or '.join(legal)}" + (f", or a list {_LISTS[field]}" if field in _LISTS else "")
        return InputError(field, shown(given), rule, close_names(str(given), legal))
    nearest = [v for k, v in context.items() if k in ("ge", "le")]
    if isinstance(context.get("lt"), int):
        nearest = [context["lt"] - 1]
    return InputError(field, shown(given), _rule(kind, context, first["msg"], given, field), nearest)


def _rule(kind: str, context: dict[str, Any], message: str, given: Any, field: str) -> str:
    if kind not in _RULES:
        return re.sub(r"^\w+ should", "must", message[0].lower() + message[1:])
    if kind == "tuple_type" and field in _LISTS:
        return f"must be a list {_LISTS[field]}" + (" (or the word full)" if field in _OR_FULL else "")
    if kind == "float_type" and type(given) is int:
        return "is beyond the range of floating-point numbers"
    said_text = isinstance(given, str) and kind in ("int_type", "float_type", "bool_type")
    return _RULES[kind].format(**context) + (", not text" if said_text else "")


_RANGE = ("greater_than_equal", "less_than_equal")
_RULES = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "string_type": "must be text (in quotes if it looks like something else)",
    "string_pattern_mismatch": "must consist of letters, digits, '.', '_' and '-', and begin with a letter or digit",
    "string_too_short": "must have at least {min_length} character",
    "string_too_long": "must have at most {max_length} characters",
    "tuple_type": "must be a list",
    "model_type": "must be a section with keys",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
}
"""pydantic's kinds of violation in this project's words."""

_LISTS = {
    "network.out_degree": "with one entry for each junction",
    "network.density": "with one entry for each junction",
    "network.activation": "with one entry for each junction",
    "hardware.z": "with one entry for each junction",
    "training.rate_shift": "of pairs [epoch, kappa]",
}
_OR_FULL = ("network.out_degree", "network.density")


def shown(value: Any, depth: int = 2) -> Any:
    """A value as it stands in a file, short: aliases can make one whose full text does not fit into memory."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return f'"{brief(value)}"'
    if isinstance(value, (list, tuple)):
        entries = [str(shown(v, depth - 1)) for v in value[:3]] if depth else []
        return f"[{', '.join(entries + ['...'] * (len(value) > len(entries)))}]"
    if isinstance(value, dict):
        entries = [f"{brief(str(k))}: {shown(v, depth - 1)}" for k, v in list(value.items())[:3]] if depth else []
        return f"{{{', '.join(entries + ['...'] * (len(value) > len(entries)))}}}"
    return value


def brief(text: str) -> str:
    """A text of the user in a message: short and without control characters."""
    plain = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return plain if len(plain) <= 60 else plain[:57] + "..."


def _location(loc: tuple[int | str, ...], kind: str, root: type[BaseModel]) -> list[int | str]:
    """Without the names of union alternatives, which pydantic puts in between."""
    kept: list[int | str] = []
    for place, x in enumerate(loc):
        last = place == len(loc) - 1
        known = x in _fields(kept, root) or _holds_names(kept, root)
        if isinstance(x, int) or (kind == "extra_forbidden" and last) or known:
            kept.append(x)
    return kept


def _fields(location: list[int | str], root: type[BaseModel]) -> dict[str, Any]:
    """The fields of the section at ``location``; none if there is something else."""
    if not location:
        return dict(root.model_fields)
    return dict(_model(location, root).model_fields)


def _holds_names(location: list[int | str], root: type[BaseModel]) -> bool:
    """Whether what stands at ``location`` is a section whose keys are names that the user chose."""
    if not location or isinstance(location[-1], int):
        return False
    field = _model(location[:-1], root).model_fields.get(location[-1])
    return field is not None and get_origin(field.annotation) is dict


def _model(location: list[int | str], root: type[BaseModel]) -> type[BaseModel]:
    """The section at ``location``, or one without fields."""
    model = root
    for place, x in enumerate(location):
        if _holds_names(location[:place], root):
            continue  # the name of a section: its fields are those that the names have in common
        if isinstance(x, int):
            continue  # an entry of a list of sections, which all have the same fields
        field = model.model_fields.get(str(x))
        alternatives = () if field is None else get_args(field.annotation) or (field.annotation,)
        sections = [a for a in alternatives if isinstance(a, type) and issubclass(a, BaseModel)]
        model = sections[0] if sections else BaseModel
    return model
