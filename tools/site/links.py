"""The check of a built site's links, offline: pages, anchors and pictures must be there, addresses elsewhere well formed."""

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

HOST = re.compile(r"^[a-z0-9-]+(\.[a-z0-9-]+)+$|^localhost$")


class _Page(HTMLParser):
    """What a page links to, and the anchors that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = {""}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        self.anchors |= {of[name] for name in ("id", "name") if name in of}
        wanted = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src"}.get(tag)
        if wanted in of:
            self.links.add(of[wanted])


@cache
def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


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
