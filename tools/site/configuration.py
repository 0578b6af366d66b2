"""The reference of the configuration: every key with type, default, range, meaning and an example, from its schema."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from tools.site.examples import EXAMPLES
from tools.site.text import code, escaped, table

EVERYWHERE = "formats"
"""Sections of the same kind in several places, told once."""
FORMAT = "FormatSection"


class Key(NamedTuple):
    """One key; ``section`` and ``name`` with dots between are how ``--set`` calls it."""

    section: str
    name: str
    schema: dict[str, Any]
    required: bool

    @property
    def dotted(self) -> str:
        """As ``--set`` calls it."""
        return f"{self.section}.{self.name}".lstrip(".")


def keys() -> list[Key]:
    """Every key of a configuration that holds a value, in the order of the schema; the keys of a format only once."""
    from hwsim.configuration.config_file import json_schema

    schema = json_schema()
    return [*_walk(schema, schema["$defs"], "")]


def _walk(at: dict[str, Any], definitions: dict[str, Any], section: str) -> Iterator[Key]:
    for name, of in at["properties"].items():
        inner = [definitions[d] for d in _sections(of)]
        key = Key(section, name, of | {"named": _sections(of)}, name in at.get("required", ()))
        if not inner or any("$ref" not in part and part.get("type") != "null" for part in of.get("anyOf", ())):
            yield key
        elif FORMAT in _sections(of):
            yield key
            if name == "input":
                yield from _walk(inner[0], definitions, f"{section}.<signal>".lstrip("."))
            continue
        for one in inner:
            where = f"{section}.{name}".lstrip(".")
            yield from _walk(one, definitions, f"{where}.<layer>" if _is_mapping(of) else where)


def _is_mapping(of: dict[str, Any]) -> bool:
    return "additionalProperties" in of


def _sections(of: dict[str, Any]) -> list[str]:
    parts = [of, *of.get("anyOf", ()), *of.get("allOf", ())]
    parts += [of["additionalProperties"]] if isinstance(of.get("additionalProperties"), dict) else []
    found = [p["$ref"].rpartition("/")[2] for p in parts if "$ref" in p]
    return [name for name in found if name.endswith("Section")]


def kind(of: dict[str, Any], definitions: dict[str, Any]) -> str:
    """What values there may be, and their range, in words."""
    if "$ref" in of:
        name = of["$ref"].rpartition("/")[2]
        return "a section" if name.endswith("Section") else kind(definitions[name], definitions)
    if "anyOf" in of:
        told = [kind(part, definitions) for part in of["anyOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(told))
    if "allOf" in of:
        return kind(of["allOf"][0], definitions)
    if "const" in of or "enum" in of:
        return ", ".join(f"`{_shown(v)}`" for v in of.get("enum", [of.get("const")]))
    return _KINDS[of.get("type", "string")](of, definitions)


def _number(of: dict[str, Any], _definitions: dict[str, Any]) -> str:
    least, most = of.get("minimum", of.get("exclusiveMinimum")), of.get("maximum", of.get("exclusiveMaximum"))
    name = "whole number" if of["type"] == "integer" else "real number"
    low = "" if least is None else f" {'>' if 'exclusiveMinimum' in of else '≥'} {_power(least)}"
    high = "" if most is None else f" {'<' if 'exclusiveMaximum' in of else '≤'} {_power(most)}"
    return name + low + ("," if low and high else "") + high


def _power(value: float) -> str:
    """A bound as people write it."""
    for n in (10, 12, 14, 16, 20, 63):
        for off in (0, 1):
            if value == 2**n - off and value > 1000:
                return f"2^{n}" + (" − 1" if off else "")
    return f"{value:,}" if isinstance(value, int) or value == int(value) else str(value)


def _list(of: dict[str, Any], definitions: dict[str, Any]) -> str:
    items = of.get("prefixItems")
    if items:
        return "[" + ", ".join(kind(i, definitions) for i in items) + "]"
    most, least = of.get("maxItems"), of.get("minItems")
    how_many = f", {least or 0} to {most:,} of them" if most else f", {least} or more" if least else ""
    return f"list of: {kind(of['items'], definitions)}{how_many}"


def _text(of: dict[str, Any], _definitions: dict[str, Any]) -> str:
    most = of.get("maxLength")
    return "text" + (f" of up to {most:,} characters" if most else "") + (f", `{of['pattern']}`" if "pattern" in of else "")


def _mapping(of: dict[str, Any], definitions: dict[str, Any]) -> str:
    return f"a section for each name: {kind(of['additionalProperties'], definitions)}"


_KINDS = {
    "integer": _number,
    "number": _number,
    "boolean": lambda _of, _definitions: "`true`, `false`",
    "string": _text,
    "array": _list,
    "object": _mapping,
    "null": lambda _of, _definitions: "`null`",
}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def default(key: Key) -> str:
    """What holds where a key is left out."""
    if key.required:
        return "required"
    value = key.schema.get("default")
    return "" if value is None or isinstance(value, dict) else code(_shown(value))


def reference() -> str:
    """A table for each section."""
    from hwsim.configuration.config_file import json_schema

    schema = json_schema()
    definitions, sections = schema["$defs"], {}
    for key in keys():
        sections.setdefault(key.section, []).append(key)
    told = []
    for section, of in sections.items():
        rows = [[code(k.name), _meaning(k), kind(k.schema, definitions), default(k), _example(k)] for k in of]
        head = ["key", "meaning", "values", "default", "example"]
        told.append(f"## {f'`{section}`' if section else 'At the top'}\n\n{table(head, rows, told='second')}")
    return "\n".join(told)


def _meaning(key: Key) -> str:
    return escaped(key.schema.get("description", ""))


def _example(key: Key) -> str:
    value = EXAMPLES[key.dotted].value
    return code(
        f"{key.name}: {yaml.safe_dump(value, default_flow_style=True, width=1000).strip().removesuffix('...').strip()}"
    )
