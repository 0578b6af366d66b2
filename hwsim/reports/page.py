"""The page of a report: one file that needs nothing else, with Plotly inside where it has charts."""

import base64
import gzip
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from hwsim.reports.html import Child, Html, data, joined, tag
from models.errors import InputError
from models.files.regular import read_bytes

GENERATOR = '<meta name="generator" content="hwsim">'
"""Tells a report from any other page."""
_LIBRARY = "package_data/plotly.min.js"
_LARGEST_LIBRARY = 1 << 25
_LEVEL = 5
"""Of compression: higher ones take twice as long for one per cent."""
# The page can reach no network, whatever it holds. Plotly compiles the shaders of parallel coordinates, hence eval.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'unsafe-inline' 'unsafe-eval'",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "font-src data:",
    )
)


class Section:
    """A part of a report with a heading.

    Parameters
    ----------
    name
        In links to it.
    title
        Its heading.
    body
        What stands below.
    """

    def __init__(self, name: str, title: str, *body: Child) -> None:
        self.name, self.title, self._body = name, title, joined(*body)

    @property
    def html(self) -> Html:
        """The whole section."""
        heading = tag("h2", self.title, id=f"{self.name}-title")
        return tag("section", heading, self._body, id=self.name, aria_labelledby=f"{self.name}-title")


class Page:
    """A report in the making.

    Parameters
    ----------
    title, kind
        Of what it is a report, and of what kind that is.
    headline
        One sentence with the key figures.
    tiles
        The key figures.
    """

    def __init__(self, title: str, kind: str, headline: Child, tiles: Child = None) -> None:
        self._title, self._kind, self._headline, self._tiles = title, kind, headline, tiles
        self._sections: list[Section] = []
        self._charts: dict[str, object] = {}
        self._scripts = ["report.js"]
        self._data: list[Html] = []
        self._missing: list[Html] = []

    def add(self, section: Section | None) -> None:
        """Append a section, if it is one."""
        if section is not None:
            self._sections.append(section)

    def lacks(self, what: str, why: str) -> None:
        """Say what the report cannot show, and why."""
        self._missing.append(tag("li", tag("b", what), f": {why}"))

    def chart(self, name: str, label: str, spec: object, note: Child = None) -> Html:
        """A chart: ``spec`` has traces and a layout of Plotly; ``label`` says in words what is to be seen."""
        self._charts[name] = spec
        plot = tag("div", class_="plot", data_chart=name, role="img", aria_label=label)
        return tag("figure", plot, tag("figcaption", note) if note else None, class_="chart")

    def program(self, script: str, **values: object) -> None:
        """Another program of the page, with its data."""
        self._scripts.append(script)
        self._data += [data(name, value) for name, value in values.items()]

    @property
    def html(self) -> bytes:
        """The whole file; the same for the same content."""
        if self._missing:
            self.add(Section("missing", "What is not here", tag("ul", self._missing)))
        head = [
            Html('<meta charset="utf-8">'),
            tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("title", f"{self._title} · hwsim"),
            Html(f"<style>{_asset('report.css')}</style>"),
        ]
        body = [
            tag("a", "Skip to the content", href="#content", class_="skip"),
            tag(
                "header", tag("p", self._kind, class_="kind"), tag("h1", self._title), self._tiles_below(), self._contents()
            ),
            tag("main", (s.html for s in self._sections), id="content"),
            tag("footer", tag("p", "Made by hwsim. This file needs no network and no other file.")),
            tag("div", id="tip", role="presentation", hidden=True),
            *self._data,
        ]
        if self._charts or len(self._scripts) > 1:
            body += [data("charts", self._charts), Html(f'<script type="text/plain" id="plotly">{_library()}</script>')]
        body += [Html(f"<script>{_asset(name)}</script>") for name in self._scripts]
        begin = f'<!doctype html>\n<html lang="en">\n<head>\n{GENERATOR}\n'
        return (begin + "\n".join(head) + "\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n").encode()

    def _tiles_below(self) -> Html:
        return joined(tag("p", self._headline, class_="headline"), self._tiles)

    def _contents(self) -> Html | None:
        links = [tag("a", s.title, href=f"#{s.name}") for s in self._sections]
        return tag("nav", links, aria_label="Contents") if len(links) > 1 else None


def is_report(path: Path) -> bool:
    """Whether a file is a report of hwsim."""
    with path.open("rb") as file:
        return GENERATOR.encode() in file.read(200)


@cache
def _asset(name: str) -> str:
    return resources.files("hwsim.reports").joinpath("assets", name).read_text("utf-8")


@cache
def _library() -> str:
    """Plotly's program, compressed, as text; the package itself, which takes a second to import, is not."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise InputError("package plotly", None, "is missing: install it with pip install plotly")
    source = read_bytes(Path(spec.origin).parent / _LIBRARY, _LARGEST_LIBRARY)
    return base64.b64encode(gzip.compress(source, _LEVEL, mtime=0)).decode()
