"""Writing HTML: whatever is not HTML already is text, and becomes harmless on its way in."""

import json
from collections.abc import Iterable
from html import escape
from typing import Any

_EMPTY = ("br", "img", "input", "meta")
"""Elements that have no end."""


class Html(str):
    """Text that is HTML, and goes into a page as it is."""

    __slots__ = ()


Child = str | Html | None


def tag(name: str, /, *children: Child | Iterable[Child], **attributes: str | int | bool | None) -> Html:
    """An element.

    Parameters
    ----------
    children
        Text, which is escaped, other elements, or several of these; None is nothing.
    attributes
        ``class_`` and ``for_`` stand for words of Python, ``aria_label`` for ``aria-label``; True is an attribute without
        a value, None and False are none.

    Examples
    --------
    >>> tag("p", "a < b, ", tag("b", "c"), class_="note", hidden=True, id=None)
    '<p class="note" hidden>a &lt; b, <b>c</b></p>'
    """
    words = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        known = key.removesuffix("_").replace("_", "-")
        words.append(known if value is True else f'{known}="{escape(str(value))}"')
    begin = f"<{' '.join(words)}>"
    return Html(begin if name in _EMPTY else f"{begin}{joined(*children)}</{name}>")


def joined(*children: Child | Iterable[Child]) -> Html:
    """Text and elements one after the other."""
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, Html):
            parts.append(child)
        elif isinstance(child, str):
            parts.append(escape(child, quote=False))
        else:
            parts.append(joined(*child))
    return Html("".join(parts))


def data(name: str, value: Any) -> Html:
    """A value for the page's programs, as JSON that no text in it can end; what is no finite number must be None."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Html(f'<script type="application/json" id="{escape(name)}">{text}</script>')


def table(head: Iterable[Child], rows: Iterable[Iterable[Child]], caption: str, **attributes: str) -> Html:
    """A table whose first column names its rows, in a frame of its own that scrolls where the page is narrow."""
    titles = tag("tr", *(tag("th", title, scope="col") for title in head))
    lines = []
    for row in rows:
        first, *others = row
        lines.append(tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in others)))
    inner = tag("table", tag("caption", caption), tag("thead", titles), tag("tbody", lines), **attributes)
    return tag("div", inner, class_="frame", tabindex=0, role="region", aria_label=caption)
