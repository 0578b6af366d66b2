"""Text for pages in MyST: tables, and characters that mean something there."""

from collections.abc import Iterable, Sequence


def escaped(text: str) -> str:
    """A text for a cell, in which nothing but code between backticks has a meaning of its own."""
    parts = text.replace("\n", " ").split("`")
    return "`".join(part if i % 2 else _plain(part) for i, part in enumerate(parts)).replace("|", "\\|")


def _plain(text: str) -> str:
    for sign in "\\*_<>[]$#{}":
        text = text.replace(sign, f"\\{sign}")
    return text


def code(text: object) -> str:
    """A text as code in a cell; nothing for an empty one."""
    return f"`{text}`".replace("|", "\\|") if str(text) else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], told: str = "last") -> str:
    """A table; cells are Markdown. The column with sentences, ``second`` or ``last``, stays wide enough to be read."""
    lines = [head, ["---"] * len(head), *rows]
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f":::{{table}}\n:class: told-{told}\n\n{body}\n:::\n"
