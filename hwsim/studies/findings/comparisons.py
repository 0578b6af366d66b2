"""The results of a study beside published figures, and how its figures go together."""

import math
from dataclasses import dataclass
from typing import Any

from hwsim.studies.definition import comparisons
from hwsim.studies.definition.comparisons import CorrelationSection, PublishedSection
from hwsim.studies.directory import CORRELATIONS, PAIRED, PUBLISHED, StudyDirectory
from hwsim.studies.findings.correlation import Coefficient, Correlation, correlation
from hwsim.studies.findings.estimates import Estimate
from hwsim.studies.findings.paired import paired_rows
from hwsim.studies.findings.tables import DesignRow, as_csv, design_rows, point_rows
from hwsim.studies.measuring.exploration import Explored


@dataclass(frozen=True)
class Beside:
    """A published figure beside ours; ``design`` and ``ours`` are ``None`` where no such design was measured."""

    published: PublishedSection
    design: DesignRow | None
    ours: Estimate | None

    @property
    def difference(self) -> float | None:
        """Ours minus the published one."""
        return None if self.ours is None else self.ours.mean - self.published.value

    @property
    def within(self) -> bool | None:
        """Whether the published value, given its tolerance, may lie in our interval; ``None`` if there is no interval."""
        if self.ours is None or not math.isfinite(self.ours.half_width):
            return None
        # Decimals of a published value are not exact in binary: a distance of exactly the tolerance is within.
        reach = self.ours.half_width + self.published.tolerance
        return abs(self.ours.mean - self.published.value) <= reach * (1 + 1e-9) + 1e-12


@dataclass(frozen=True)
class Correlated:
    """Two figures over all designs (or points), or over those with one label of an axis."""

    wanted: CorrelationSection
    label: str | None
    found: Correlation


def beside(explored: Explored) -> list[Beside]:
    """Every published figure beside every design that it fits, in the order of the study."""
    rows, made = design_rows(explored), []
    for p in explored.study.published:
        fitting = [r for r in rows if comparisons.fits(r.labels, p.where)]
        made += [Beside(p, r, r.figures.get(p.column)) for r in fitting] or [Beside(p, None, None)]
    return made


def published(explored: Explored, rows: list[DesignRow], column: str) -> list[tuple[DesignRow, PublishedSection]]:
    """The published values of a figure, each with a design that it stands beside."""
    wanted = [p for p in explored.study.published if p.column == column]
    return [(r, p) for p in wanted for r in rows if comparisons.fits(r.labels, p.where)]


def correlated(explored: Explored) -> list[Correlated]:
    """Every correlation that the study asks for, over everything and then label by label."""
    made = []
    for c in explored.study.correlations:
        pairs = pairs_of(explored, c)
        made.append(Correlated(c, None, _of(pairs)))
        if c.within is not None:
            labels = dict.fromkeys(where[c.within] for where, _, _ in pairs)
            made += [Correlated(c, label, _of([p for p in pairs if p[0][c.within] == label])) for label in labels]
    return made


def pairs_of(explored: Explored, wanted: CorrelationSection) -> list[tuple[dict[str, str], float, float]]:
    """Labels by axis, x and y of every design (or point) in which both figures are finite."""
    axes = [*explored.study.axes]
    if wanted.over == "points":
        found = [({a: r[a] for a in axes}, r.get(wanted.x), r.get(wanted.y)) for r in point_rows(explored)]
    else:
        found = [(r.labels, _mean(r, wanted.x), _mean(r, wanted.y)) for r in design_rows(explored)]
    return [(w, float(x), float(y)) for w, x, y in found if x is not None and y is not None and math.isfinite(x + y)]


def published_rows(explored: Explored) -> list[dict[str, Any]]:
    """The comparison as rows of ``published.csv``."""
    made = []
    for b in beside(explored):
        ours, p = b.ours, b.published
        finite = ours is not None and math.isfinite(ours.half_width)
        made.append(
            {
                **dict.fromkeys(explored.study.axes, "") | p.where | (b.design.labels if b.design else {}),
                "figure": p.column,
                "ours": None if ours is None else ours.mean,
                "ours.ci90": ours.half_width if ours is not None and finite else None,
                "published": p.value,
                "tolerance": p.tolerance,
                "difference": b.difference,
                "within": b.within,
                "provenance": p.provenance,
                "source": p.source,
            }
        )
    return made


def correlation_rows(explored: Explored) -> list[dict[str, Any]]:
    """The correlations as rows of ``correlations.csv``."""
    made = []
    for c in correlated(explored):
        row = {"x": c.wanted.x, "y": c.wanted.y, "over": c.wanted.over, "axis": c.wanted.within if c.label else ""}
        row |= {"label": c.label or "", "n": str(c.found.n)}
        made.append(row | _flat("pearson", c.found.pearson) | _flat("spearman", c.found.spearman))
    return made


def write(explored: Explored, directory: StudyDirectory) -> list[str]:
    """All as files, if the study asks for them; returns their names."""
    made = {
        PUBLISHED: published_rows(explored),
        CORRELATIONS: correlation_rows(explored),
        PAIRED: paired_rows(explored),
    }
    names = [name for name, rows in made.items() if rows]
    for name in names:
        directory.write(name, as_csv(made[name]))
    return names


def _flat(name: str, c: Coefficient | None) -> dict[str, Any]:
    ends = [None, None] if c is None or math.isinf(c.low) else [c.low, c.high]
    return {name: None if c is None else c.value, f"{name}.low": ends[0], f"{name}.high": ends[1]}


def _mean(row: DesignRow, column: str) -> float | None:
    return row.figures[column].mean if column in row.figures else None


def _of(pairs: list[tuple[dict[str, str], float, float]]) -> Correlation:
    return correlation([x for _, x, _ in pairs], [y for _, _, y in pairs])
