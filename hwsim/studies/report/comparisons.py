"""Published figures, correlations and differences by seed as sections of a study's report."""

import math

from hwsim.studies.figures import of_column
from hwsim.studies.findings.comparisons import Beside, Correlated, beside, correlated
from hwsim.studies.findings.correlation import FEWEST, Coefficient
from hwsim.studies.findings.paired import EVERYWHERE, Paired, paired
from hwsim.studies.findings.tables import varying
from hwsim.studies.measuring.exploration import Explored
from hwsim.studies.report.text import markdown_table, shown, title

_INTERVALS = (
    "Brackets: 90 % confidence intervals by Fisher's transformation, for ranks with the variance of Bonett and Wright. "
    "They take designs as a random sample, which a grid is not."
)

_DIFFERS = (
    "Differences between points of the same seed that differ along the axis alone; ± is the 90 % confidence interval "
    "(Student t) over the seeds. What differs has 0 outside of it; so has one row of ten where nothing differs. "
    f"{EVERYWHERE}: mean over the other axes."
)


def sections(explored: Explored) -> list[str]:
    """All, as far as the study asks for them."""
    return [*_published(explored), *_correlations(explored), *_paired(explored)]


def _published(explored: Explored) -> list[str]:
    found = beside(explored)
    if not found:
        return []
    rows = [b.design for b in found if b.design is not None]
    axes = varying(rows) or [a for a in explored.study.axes if any(a in b.published.where for b in found)]
    several = len({b.published.column for b in found}) > 1
    titles = [*axes, *(["figure"] if several else []), "ours", "published", "difference", "in our interval", "provenance"]
    cells = [_published_row(b, axes, several) for b in found]
    note = f"Figure: {title(found[0].published.column)}. " if not several else ""
    note += (
        "± after ours is the 90 % confidence interval over the seeds, after a published figure how exactly it could be "
        "read. In our interval: the published value may lie in it. Provenance recall: remembered, not re-read."
    )
    return ["## Beside published figures", markdown_table(titles, cells), note]


def _published_row(b: Beside, axes: list[str], several: bool) -> list[str]:
    p = b.published
    labels = b.design.labels if b.design is not None else p.where
    place = [*(labels.get(a, "") for a in axes), *([title(p.column)] if several else [])]
    inside = {True: "yes", False: "no", None: "one seed" if b.ours is not None else ""}[b.within]
    value = shown(p.column, p.value, p.tolerance)
    ours = "no such design" if b.ours is None else shown(p.column, b.ours.mean, b.ours.half_width)
    return [*place, ours, value, _difference(b), inside, f"{p.provenance}: {p.source}"]


def _difference(b: Beside) -> str:
    return "" if b.difference is None else _points(b.published.column, b.difference)


def _points(column: str, difference: float, half_width: float = 0.0) -> str:
    """A difference with its sign, and ± half the width of its interval if that is finite and not 0."""
    known, wide = of_column(column), math.isfinite(half_width) and half_width != 0
    if known is not None and known.unit == "1":
        return f"{100 * difference:+.2f}" + (f" ± {100 * half_width:.2f}" if wide else "") + " points"
    return f"{difference:+.4g}" + (f" ± {half_width:.2g}" if wide else "")


def _correlations(explored: Explored) -> list[str]:
    found = correlated(explored)
    if not found:
        return []
    parts = ["## Correlations"]
    for wanted in dict.fromkeys(c.wanted for c in found):
        rows = [_correlation_row(c) for c in found if c.wanted == wanted]
        parts.append(f"**{title(wanted.y)} against {title(wanted.x)}**, over {wanted.over}:")
        parts.append(markdown_table(["among", wanted.over, "Pearson", "Spearman"], rows))
    return [*parts, _INTERVALS]


def _correlation_row(c: Correlated) -> list[str]:
    among = "all" if c.label is None else f"{c.wanted.within} {c.label}"
    why = "too few" if c.found.n < FEWEST else "constant"
    return [among, str(c.found.n), *(coefficient(v) if v else why for v in (c.found.pearson, c.found.spearman))]


def coefficient(c: Coefficient) -> str:
    """A coefficient with its interval, if it has one."""
    return f"{c.value:.3f}" if math.isinf(c.low) else f"{c.value:.3f} [{c.low:.3f}, {c.high:.3f}]"


def _paired(explored: Explored) -> list[str]:
    found = paired(explored)
    if not found:
        return []
    parts = ["## Paired by seed"]
    for wanted in dict.fromkeys(p.wanted for p in found):
        rows = [p for p in found if p.wanted == wanted]
        axes = [a for a in rows[0].where if len({p.where[a] for p in rows} - {EVERYWHERE}) > 1]
        parts.append(f"**{title(wanted.y)} along {wanted.along}**, less that at {wanted.against}:")
        parts.append(markdown_table([*axes, wanted.along, "difference", "differs"], [_paired_row(p, axes) for p in rows]))
    return [*parts, _DIFFERS]


def _paired_row(p: Paired, axes: list[str]) -> list[str]:
    differs = {True: "yes", False: "no", None: "one seed"}[p.differs]
    return [*(p.where[a] for a in axes), p.label, _points(p.wanted.y, p.difference.mean, p.difference.half_width), differs]
