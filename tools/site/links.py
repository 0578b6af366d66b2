"""The check of a built site's links, offline: pages, anchors and pictures must be there, addresses elsewhere well formed."""

import re
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

HOST = re.compile(r"^[a-z0-9-]+(\.[a-z0-9-]+)+$|^localhost$")


TAG = re.compile(r"<(a|link|img|script|source)\b([^>]*)>")
REFERENCE = re.compile(r"""\b(?:href|src)=("[^"]*"|'[^']*')""")
ANCHOR = re.compile(r"""\b(?:id|name)=("[^"]*"|'[^']*')""")


class _Page(NamedTuple):
    """What a page links to, and the anchors that it has."""

    links: frozenset[str]
    anchors: frozenset[str]


@cache
def _read(path: Path) -> _Page:
    text = path.read_text(encoding="utf-8")
    links = {unescape(m[1][1:-1]) for _, attributes in TAG.findall(text) for m in REFERENCE.finditer(attributes)}
    return _Page(frozenset(links), frozenset({"", *(unescape(m[1][1:-1]) for m in ANCHOR.finditer(text))}))


def broken(site: Path) -> list[str]:
    """Every link of a site that leads nowhere, with the page that has it.

    Parameters
    ----------
    site
        The folder with the built pages.

    Returns
    -------
    list of str
        One line for each; empty where all is well.
    """
    site = site.resolve()
    found = []
    for path in sorted(site.rglob("*.html")):
        for link in sorted(_read(path).links):
            found += [f"{path.relative_to(site)}: {link}: {why}" for why in _faults(path, link, site)]
    return found


def _faults(path: Path, link: str, site: Path) -> Iterator[str]:
    """What is wrong with one link: nothing, or one thing."""
    try:
        parts = urlsplit(link)
    except ValueError as error:
        yield str(error)
        return
    if parts.scheme == "data":
        return
    if parts.scheme or parts.netloc:
        if parts.scheme not in ("http", "https", "mailto"):
            yield "no address of a page elsewhere"
        elif parts.scheme != "mailto" and not HOST.match(parts.hostname or ""):
            yield "its host is none"
        elif re.search(r"\s", link):
            yield "has a space"
        return
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_relative_to(site):
        yield "leads out of the site"
    elif not target.is_file():
        yield "there is no such file"
    elif target.suffix == ".html" and unquote(parts.fragment) not in _read(target).anchors:
        yield "there is no such place on the page"
