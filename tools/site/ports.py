"""The ports that the docstring of a hardware component lists, and which components there are."""

import importlib
import inspect
import re
from pathlib import Path
from typing import Any, NamedTuple

SECTION = re.compile(r"^Ports\n-----\n((?:\S.*\n    .*\n?)+)", re.MULTILINE)
PORT = re.compile(r"^(\S+) : (in|out), (.+?)(?:, if (.+))?\n    (\S.*)$", re.MULTILINE)


class Port(NamedTuple):
    """One port as its component's docstring tells it; the width is an expression or names an interface."""

    name: str
    direction: str
    width: str
    condition: str
    meaning: str


def listed(described: Any) -> list[Port]:
    """The ports in the docstring of a class or function.

    Raises
    ------
    ValueError
        If it lists none, or one is not written as the others are.
    """
    found = SECTION.search(inspect.cleandoc(described.__doc__ or "") + "\n")
    if not found:
        raise ValueError(f"{described.__name__} lists no ports")
    ports = [Port(*port) for port in PORT.findall(found[1])]
    if len(ports) != len(found[1].splitlines()) // 2:
        raise ValueError(f"{described.__name__}: a port is not written as the others are")
    return ports


def components() -> set[type]:
    """All classes of components in the package ``rtl``."""
    from amaranth.lib import wiring

    import rtl

    root = Path(rtl.__file__).parent
    files = [path for path in root.rglob("*.py") if "(wiring.Component)" in path.read_text(encoding="utf-8")]
    modules = [importlib.import_module(".".join(("rtl", *p.relative_to(root).with_suffix("").parts))) for p in files]
    members = [m for module in modules for m in vars(module).values() if inspect.isclass(m)]
    return {m for m in members if issubclass(m, wiring.Component) and m.__module__.startswith("rtl.")}
