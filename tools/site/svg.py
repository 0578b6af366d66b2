"""Drawings of labelled boxes that take their colours from the page, light or dark."""

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

BLUE, RED, GREEN, YELLOW = "#4477AA", "#EE6677", "#228833", "#CCBB44"
"""Colours that stay apart for all kinds of colour vision (P. Tol, "bright"); behind text they are drawn thin."""


class Box(NamedTuple):
    """A box with a label in its middle; without ``fill`` only its outline, with neither ``fill`` nor ``line`` only text."""

    x: float
    y: float
    width: float
    height: float
    text: str = ""
    fill: str = ""
    line: bool = True
    bold: bool = False
    anchor: str = "middle"


def drawing(boxes: Iterable[Box], title: str, width: float, height: float) -> str:
    """A drawing as a block of a page; ``title`` says in words what is to be seen, for those who hear it."""
    shapes = "".join(map(_drawn, boxes))
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return (
        "```{raw} html\n"
        f'<div class="drawn-box"><svg class="drawn" role="img" aria-label="{escape(title)}" '
        f'{size} style="font-family:inherit;font-size:12px" fill="currentColor" stroke="none">'
        f"<title>{escape(title)}</title>{shapes}</svg></div>\n"
        "```\n"
    )


def _drawn(box: Box) -> str:
    shape = ""
    if box.line or box.fill:
        fill = f'fill="{box.fill}" fill-opacity="0.45"' if box.fill else 'fill="none"'
        stroke = 'stroke="currentColor" stroke-opacity="0.35"' if box.line else 'stroke="none"'
        if box.bold:
            stroke = f'stroke="{RED}" stroke-width="2.5"'
        shape = f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="2" {fill} {stroke}/>'
    if not box.text:
        return shape
    x = {"start": box.x, "middle": box.x + box.width / 2, "end": box.x + box.width}[box.anchor]
    weight = ' font-weight="bold"' if box.bold else ""
    y = box.y + box.height / 2
    return (
        f'{shape}<text x="{x:g}" y="{y:g}" text-anchor="{box.anchor}" dominant-baseline="central"{weight}>'
        f"{escape(box.text)}</text>"
    )


def label(x: float, y: float, text: str, width: float = 0, anchor: str = "start", height: float = 20) -> Box:
    """Text without a box."""
    return Box(x, y, width, height, text, line=False, anchor=anchor)
