"""What pages of the site are filled in with: a line ``<!-- site: NAME -->`` becomes what the code says under that name."""

import re
from collections.abc import Callable
from pathlib import Path

from tools.site import commands, components, configuration, figures, pictures, python

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MARK = re.compile(r"^<!-- site: ([\w -]+) -->$", re.MULTILINE)
LISTED = re.compile(r"^(?:.* <)?([\w./*-]+)>?$")
"""An entry of a table of contents, with or without a title."""


def readme() -> str:
    """README as the first page: its links lead to pages and not to files."""
    return (ROOT / "README.md").read_text(encoding="utf-8").replace("](docs/", "](")


def others() -> str:
    """Entries for pages directly in ``docs/`` that no table of contents of the first page names: new ones need no entry."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    named = {m[1] for line in index.splitlines() if (m := LISTED.match(line.strip()))} | {"index"}
    return "\n".join(sorted(p.stem for p in DOCS.glob("*.md") if p.stem not in named))


FILLED: dict[str, Callable[[], str]] = {
    "readme": readme,
    "other pages": others,
    "commands": commands.reference,
    "configuration": configuration.reference,
    "figures": figures.reference,
    "components": components.reference,
    "letters": components.letters,
    "python": python.reference,
    **pictures.DRAWN,
}


def filled(text: str) -> str:
    """A page with every mark replaced.

    Raises
    ------
    KeyError
        For a mark with a name that nothing is known under.
    """
    return MARK.sub(lambda m: FILLED[m[1]](), text)


def fill(_app: object, name: str, source: list[str]) -> None:
    """For Sphinx: what a page reads as. Links to README are links to the first page."""
    up = "../" * name.count("/")
    text = filled(source[0])
    source[0] = text.replace(f"]({up}../README.md", f"]({up}index.md")
