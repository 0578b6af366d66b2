"""The reference of the hardware's components: what each does, its latency and its ports, from their docstrings."""

import inspect
import re

from tools.site.ports import components, listed
from tools.site.text import code, escaped, table

SECTIONS = re.compile(r"^\w[\w ]*\n-{3,}$", re.MULTILINE)


def reference() -> str:
    """Every component of ``rtl``, by the module that it is in."""
    told = []
    for made in sorted(components(), key=lambda c: (c.__module__, c.__name__)):
        conditions = any(port.condition for port in listed(made))
        head = ["port", "direction", "bits", *(["if"] if conditions else []), "meaning"]
        rows = [
            [code(p.name), p.direction, code(p.width), *([code(p.condition)] if conditions else []), prose(p.meaning)]
            for p in listed(made)
        ]
        told.append(f"## {made.__module__}.{made.__name__}\n\n{summary(made)}\n\n{latency(made)}\n\n{table(head, rows)}")
    return "\n".join(told)


def letters() -> str:
    """What widths are written with: the list at the end of what ``rtl`` says of itself."""
    import rtl

    said = inspect.cleandoc(rtl.__doc__ or "")
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", said[said.rindex("\n\n- ") :]).replace("``", "`")


def summary(made: type) -> str:
    """What a component's docstring says before its sections."""
    said = SECTIONS.split(inspect.getdoc(made) or "", maxsplit=1)[0].strip()
    return "\n\n".join(prose(" ".join(paragraph.split())) for paragraph in re.split(r"\n\s*\n", said))


def latency(made: type) -> str:
    """Where it is the same in every build, or told by a property: the summary tells the others."""
    if re.search(r"[Ll]atency:? (\d|`)", summary(made)):
        return ""
    found = inspect.getattr_static(made, "latency", None)
    if isinstance(found, int):
        return f"*Latency: {found} clock{'' if found == 1 else 's'}.*"
    if isinstance(found, property) and found.__doc__:
        return f"*Latency:* {prose(' '.join(inspect.cleandoc(found.__doc__).split()))}"
    return ""


def prose(text: str) -> str:
    """Text of a docstring in Markdown: roles and double backticks are code."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`")
    return escaped(text)
