"""What a study lays beside its results: published figures, correlations, differences by seed, and curves along an axis."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from hwsim.configuration import config_file
from hwsim.configuration.legal import close_names
from hwsim.configuration.sections import Real, Section, Text
from hwsim.studies.definition.labels import label_of
from models.errors import InputError

Label = Annotated[Text, BeforeValidator(lambda v: v if isinstance(v, str) else label_of(v))]
"""Of a value of an axis; the value itself does as well."""


class PublishedSection(Section):
    """A published figure, and which designs of the study it stands beside."""

    column: Text = Field(description="the figure, measurement.name")
    value: Real = Field(description="published, in the unit of the figure: a share of 0.9764, not 97.64")
    tolerance: Annotated[Real, Field(ge=0)] = Field(
        0.0, description="how far off the value may be, for example because it was read off a plot"
    )
    where: dict[Text, Label] = Field(
        default_factory=dict, description="labels by axis; every design that has them all is compared, without any all"
    )
    source: Annotated[Text, Field(min_length=1)]
    provenance: Literal["stored results", "code", "slides", "article", "abstract", "recall"] = Field(
        description="where the value was read; recall: remembered, not re-read"
    )


class CorrelationSection(Section):
    """How two figures go together; ``[x, y]`` stands for ``{x: x, y: y}``."""

    x: Text
    y: Text
    within: Text | None = Field(None, description="an axis: also among the designs of each of its labels")
    over: Literal["designs", "points"] = Field("designs", description="means over the seeds, or every point")

    @model_validator(mode="before")
    @classmethod
    def _of_pair(cls, given: Any) -> Any:
        if isinstance(given, (list, tuple)):
            if len(given) != 2:
                raise InputError("correlations", list(given), "a pair of figures is [x, y]")
            return {"x": given[0], "y": given[1]}
        return given

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.x == self.y:
            raise InputError("correlations.y", self.y, "is the figure x itself")
        return self


class CurveSection(Section):
    """A picture of a figure along an axis, a line for every combination of the other axes."""

    y: Text
    along: Text
    x: Text | None = Field(None, description="a figure by whose value the axis' labels stand; default: equal distances")


class CourseSection(Section):
    """A picture of a figure over the samples learned from: the figures ``y_10``, ``y_50``, … over 10, 50, …"""

    y: Text = Field(description="what their names have in common, e.g. adaptation.after")
    panels: Text | None = Field(None, description="an axis: a panel for each of its labels")
    where: dict[Text, Label] = Field(default_factory=dict, description="labels by axis; only designs that have them all")

    def figures(self, columns: Sequence[str]) -> list[str]:
        """Those of some columns that belong to it."""
        return [c for c in columns if c.startswith(f"{self.y}_") and c.removeprefix(f"{self.y}_").isdecimal()]


class PairedSection(Section):
    """How a figure differs along an axis from its value at one label, seed by seed."""

    y: Text
    along: Text
    against: Label


def with_labels(study: Any) -> Any:
    """Plain data of a study in which ``where`` and ``against`` name the labels of lists as they are written at the axis.

    A label such as ``0x10`` or ``1e3`` is text there, but a number here unless it stands in quotes.
    """
    axes = study.get("axes") if isinstance(study, dict) else None
    if not isinstance(study, dict) or not isinstance(axes, dict):
        return study

    def label(axis: str, value: Any) -> Any:
        listed = axes[axis].get("list") if isinstance(axes.get(axis), dict) else None
        if isinstance(value, str) or not isinstance(listed, dict) or label_of(value) in listed:
            return value
        same = [text for text in listed if _plain(text) == (type(value), value)]
        return same[0] if len(same) == 1 else value

    def named(of: Any) -> Any:
        where = of.get("where") if isinstance(of, dict) else None
        return of | {"where": {a: label(a, v) for a, v in where.items()}} if isinstance(where, dict) else of

    def compared(of: Any) -> Any:
        there = isinstance(of, dict) and isinstance(of.get("along"), str) and "against" in of
        return of | {"against": label(of["along"], of["against"])} if there else of

    lists = (("published", named), ("courses", named), ("paired", compared))
    return study | {k: [one(of) for of in study[k]] for k, one in lists if isinstance(study.get(k), list)}


def _plain(label: Any) -> tuple[type, Any]:
    """Type and value of what would stand there without quotes."""
    with suppress(InputError):
        label = config_file.value_of(label)
    return type(label), label


@dataclass(frozen=True)
class Comparisons:
    """All of a study's, in the order of its file."""

    published: tuple[PublishedSection, ...]
    correlations: tuple[CorrelationSection, ...]
    curves: tuple[CurveSection, ...]
    courses: tuple[CourseSection, ...]
    paired: tuple[PairedSection, ...]


def check(wanted: Comparisons, columns: Sequence[str], axes: Mapping[str, list[str] | None]) -> None:
    """Refuse comparisons that name what their study does not have.

    Parameters
    ----------
    columns
        Every figure that the study measures, as ``measurement.name``.
    axes
        The labels that each axis can have; ``None`` where they are drawn or solved for.

    Raises
    ------
    InputError
        Naming the nearest figures, axes and labels.
    """
    for k, p in enumerate(wanted.published):
        _check_column(columns, f"published[{k}].column", p.column)
        _check_where(axes, f"published[{k}].where", p.where)
    for k, c in enumerate(wanted.correlations):
        for field in ("x", "y"):
            _check_column(columns, f"correlations[{k}].{field}", getattr(c, field))
        if c.within is not None:
            _check_axis(axes, f"correlations[{k}].within", c.within)
    for k, curve in enumerate(wanted.curves):
        for field, column in (("y", curve.y), ("x", curve.x)):
            if column is not None:
                _check_column(columns, f"curves[{k}].{field}", column)
        _check_axis(axes, f"curves[{k}].along", curve.along)
    for k, course in enumerate(wanted.courses):
        if not course.figures(columns):
            stems = dict.fromkeys(c.rpartition("_")[0] for c in columns if c.rpartition("_")[2].isdecimal())
            raise InputError(f"courses[{k}].y", course.y, "is no figure after numbers of samples", [*stems])
        if course.panels is not None:
            _check_axis(axes, f"courses[{k}].panels", course.panels)
        _check_where(axes, f"courses[{k}].where", course.where)
    for k, pair in enumerate(wanted.paired):
        _check_column(columns, f"paired[{k}].y", pair.y)
        _check_axis(axes, f"paired[{k}].along", pair.along)
        known = axes[pair.along]
        if known is not None and pair.against not in known:
            rule = f"is no label of the axis {pair.along}"
            raise InputError(f"paired[{k}].against", pair.against, rule, close_names(pair.against, known) or known[:8])


def fits(labels: Mapping[str, str], where: Mapping[str, str]) -> bool:
    """Whether a design is one that a published figure stands beside."""
    return all(labels[axis] == label for axis, label in where.items())


def _check_column(known: Sequence[str], field: str, column: str) -> None:
    if column not in known:
        raise InputError(field, column, "is no figure that this study measures", close_names(column, known))


def _check_where(axes: Mapping[str, list[str] | None], field: str, where: Mapping[str, str]) -> None:
    for axis, label in where.items():
        _check_axis(axes, field, axis)
        known = axes[axis]
        if known is not None and label not in known:
            rule = f"is no label of the axis {axis}"
            raise InputError(f"{field}.{axis}", label, rule, close_names(label, known) or known[:8])


def _check_axis(known: Mapping[str, Any], field: str, axis: str) -> None:
    if axis not in known:
        raise InputError(field, axis, "is no axis of this study", close_names(axis, known) or [*known])
