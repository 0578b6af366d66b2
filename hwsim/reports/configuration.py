"""The configuration in a report: every key with its value and what it means."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.reports.html import Child, Html, table, tag


def flat(data: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and their values; sections are unfolded."""
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def meanings(model: type[BaseModel] = Configuration, before: str = "") -> dict[str, str]:
    """What every key means, by dotted name, as the schema says."""
    told: dict[str, str] = {}
    for name, info in model.model_fields.items():
        told[f"{before}{name}"] = info.description or ""
        alternatives = (info.annotation, *get_args(info.annotation))
        for section in alternatives:
            if isinstance(section, type) and issubclass(section, BaseModel):
                told |= meanings(section, f"{before}{name}.")
    return told


def value_text(value: Any) -> str:
    """A value as a configuration file would have it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    return str(value)


def values(config: Configuration) -> dict[str, str]:
    """Every key of a configuration with its value as text."""
    return {key: value_text(value) for key, value in flat(config_file.resolved(config))}


def configuration_table(config: Configuration) -> Html:
    """Every key with value and meaning; keys without a value are left out."""
    told = meanings()
    rows: list[list[Child]] = [
        [tag("code", key), tag("code", value), told.get(key, "")] for key, value in values(config).items() if value != "null"
    ]
    return table(["key", "value", "meaning"], rows, "Every key that has a value", class_="figures keys")
