"""The reference of the commands: each with its arguments, all its options, their values and defaults, by group."""

import enum
import re
import typing
from collections.abc import Iterator
from typing import Any

import typer

from tools.site.text import code, escaped, table


def reference() -> str:
    """Every command of ``hwsim``, from the program itself."""
    from hwsim.commands.app import app

    root: Any = typer.main.get_command(app)
    groups: dict[str, list[str]] = {}
    for name, command in root.commands.items():
        group = getattr(command, "rich_help_panel", None)
        groups.setdefault(group if isinstance(group, str) else "Other", []).extend(_told(f"hwsim {name}", command))
    told = "\n".join(f"## {group}\n\n" + "\n".join(of) for group, of in groups.items())
    return f"{_options(root)}\n{told}"


def commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command, or those that it is made of."""
    if hasattr(command, "commands"):
        for inner, of in command.commands.items():
            yield from commands(f"{name} {inner}", of)
    elif not getattr(command, "hidden", False):
        yield name, command


def _told(name: str, command: Any) -> Iterator[str]:
    for full, one in commands(name, command):
        arguments = [p for p in one.params if p.param_type_name == "argument"]
        usage = " ".join([full, "[OPTIONS]", *(_argument(p) for p in arguments)])
        yield f"### {full}\n\n```text\n{usage}\n```\n\n{_help(one)}\n\n{_options(one)}"


def _argument(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name or "").strip("{}").upper() + ("..." if parameter.nargs != 1 else "")
    return name if parameter.required else f"[{name}]"


def _help(command: Any) -> str:
    paragraphs = re.split(r"\n\s*\n", (command.help or "").replace("\b", "").strip())
    return "\n\n".join(escaped(" ".join(p.split())) for p in paragraphs)


def _options(command: Any) -> str:
    rows = [_row(p) for p in command.params if not getattr(p, "hidden", False)]
    return table(["", "value", "default", "meaning"], rows) if rows else ""


def _row(p: Any) -> list[str]:
    names = _argument(p) if p.param_type_name == "argument" else ", ".join([*p.opts, *p.secondary_opts])
    return [code(names), code(_value(p)), code(_default(p)), escaped(_meaning(p))]


def _value(p: Any) -> str:
    if getattr(p, "is_flag", False):
        return ""
    kind = _kind(p)
    if choices := _choices(p):
        return ", ".join(choices)
    least, most = getattr(p, "min", None), getattr(p, "max", None)
    told = str(p.metavar or kind).strip("<>{}")
    if least is None and most is None:
        return told
    return f"{told}, {_end(least)} .. {_end(most)}".replace(" .. inf", " or more").replace("-inf .. ", "up to ")


def _end(bound: float | None) -> str:
    return "inf" if bound is None else f"{bound:,}"


def _kind(p: Any) -> str:
    """The word for the type of a value; libraries of command lines have kept it at different places."""
    if hasattr(p, "type"):
        return str(p.type.name).lower()
    annotation = p.type_descriptor.annotation
    annotation = (typing.get_args(annotation) or (annotation,))[0] if getattr(p, "multiple", False) else annotation
    return str(getattr(annotation, "__name__", annotation)).lower()


def _choices(p: Any) -> list[str]:
    if hasattr(p, "type"):
        return [str(getattr(c, "value", c)) for c in getattr(p.type, "choices", ())]
    annotation = p.type_descriptor.annotation
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return [str(c.value) for c in annotation]
    return [str(c) for c in typing.get_args(annotation)] if typing.get_origin(annotation) is typing.Literal else []


def _default(p: Any) -> str:
    if p.required:
        return "required"
    value = p.default
    if callable(value) or value is None or value is False or value == [] or value == () or "UNSET" in repr(value).upper():
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(getattr(value, "value", value))


def _meaning(p: Any) -> str:
    told = " ".join((getattr(p, "help", None) or "").split())
    variable = getattr(p, "envvar", None)
    return f"{told}; or the variable `{variable}`" if variable else told
