"""Figures as a reader sees them: values in fitting digits, with unit and meaning wherever they stand."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from hwsim.reports.html import Child, Html, joined, table, tag

_LONGEST_LIST = 40
_SHARE = "1"


class Told(NamedTuple):
    """A figure as files hold it, with the names of its group and its own."""

    name: str
    value: Any
    unit: str
    meaning: str

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.name.replace("_", " ")

    @property
    def shown_unit(self) -> str:
        """Its unit; shares are in per cent."""
        return {_SHARE: "%", "bool": "", "number": ""}.get(self.unit, self.unit)


def figures(content: Mapping[str, Any], group: str = "") -> Iterator[Told]:
    """Every figure in the content of a file, in its order, groups of them unfolded."""
    for name, entry in content.items():
        if not isinstance(entry, dict):
            continue
        full = f"{group}{name}"
        if {"value", "unit", "meaning"} <= entry.keys():
            yield Told(full, entry["value"], str(entry["unit"]), str(entry["meaning"]))
        else:
            yield from figures(entry, f"{full}: ")


def text(value: Any, unit: str = "") -> str:
    """A value in fitting digits; shares in per cent, without the sign."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(value, unit)
    if isinstance(value, list):
        shown = [text(v, unit) for v in value[:_LONGEST_LIST]]
        return ", ".join(shown) + (f", … ({len(value):,} in all)" if len(value) > _LONGEST_LIST else "")
    if isinstance(value, dict):
        return "; ".join(f"{name} {text(v, unit)}" for name, v in value.items())
    return str(value)


def _number(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return str(value)
    if unit == _SHARE:
        share = 100 * value
        return f"{share:.2f}" if abs(share) >= 1 or not share else f"{share:.3g}"
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def with_unit(told: Told) -> str:
    """Value and unit, on a line of their own."""
    gap = "\u202f" if told.shown_unit == "%" else " "
    return f"{text(told.value, told.unit)}{gap}{told.shown_unit}".strip()


def term(title: str, meaning: str) -> Html:
    """A word whose meaning shows under the pointer, when it has the focus, and is read out."""
    return tag("span", title, class_="term", tabindex=0, data_tip=meaning, aria_description=meaning)


def tiles(chosen: list[Told]) -> Html | None:
    """The key figures, large."""
    made = [
        tag(
            "div",
            tag("dt", term(t.title, f"{t.meaning} ({t.shown_unit})" if t.shown_unit else t.meaning)),
            tag("dd", text(t.value, t.unit), tag("small", f" {t.shown_unit}") if t.shown_unit else None),
        )
        for t in chosen
    ]
    return tag("dl", made, class_="tiles") if made else None


def figure_table(shown: list[Told], caption: str) -> Html:
    """Every figure with value, unit and meaning."""
    rows = [[term(t.title, t.meaning), cell(t), t.shown_unit, t.meaning] for t in shown]
    return table(["figure", "value", "unit", "meaning"], rows, caption, class_="figures")


def cell(told: Told) -> Child:
    """A value for a table; those with names one below the other."""
    if isinstance(told.value, dict) and told.value:
        lines = [joined(tag("dt", str(k)), tag("dd", text(v, told.unit))) for k, v in told.value.items()]
        return tag("dl", lines, class_="named")
    return text(told.value, told.unit)
