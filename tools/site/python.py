"""The reference of the names for programs, from their docstrings."""

import importlib
import re

MODULES = ("hwsim", "rtl", "hwsim.host")


def names(module: str) -> list[str]:
    """What a module offers."""
    return sorted(importlib.import_module(module).__all__, key=str.lower)


def reference() -> str:
    """Every name of the three modules."""
    return "\n".join(f"## {module}\n\n" + "\n".join(_documented(module, n) for n in names(module)) for module in MODULES)


def several_names(_app: object, _what: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """For Sphinx: ``a, b`` that share a description in a docstring become ``a,b``, which napoleon does not split."""
    for at, line in enumerate(lines):
        if re.fullmatch(r"\w+(, \w+)+", line):
            lines[at] = line.replace(", ", ",")


def _documented(module: str, name: str) -> str:
    found = getattr(importlib.import_module(module), name)
    kind = "class" if isinstance(found, type) else "function" if callable(found) else "data"
    if kind == "class" and issubclass(found, BaseException):
        kind = "exception"
    home = f"{found.__module__}.{found.__name__}" if hasattr(found, "__module__") and hasattr(found, "__name__") else None
    options = "   :members:\n   :exclude-members: model_config, model_post_init\n" if kind in ("class", "exception") else ""
    if hasattr(found, "model_fields"):  # its signature would have every default of every section
        home = f"{home}(**sections)"
    return f"### {module}.{name}\n\n```{{eval-rst}}\n.. auto{kind}:: {home or f'{module}.{name}'}\n{options}```\n"
