"""Differences along an axis, seed by seed: what two designs owe to their seed alike, as the order of samples, drops out.

Two points are a pair if they have the same seed, and their configurations differ in the keys of the axis alone, and in what
the study chooses for each.
"""

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from hwsim.configuration import config_file
from hwsim.studies.definition.comparisons import PairedSection
from hwsim.studies.definition.points import Point
from hwsim.studies.definition.study import keys_of
from hwsim.studies.findings.estimates import Estimate, estimate
from hwsim.studies.measuring.exploration import Explored

EVERYWHERE = "all"
"""In place of the other axes' labels: the mean over all their combinations."""


@dataclass(frozen=True)
class Paired:
    """A label of an axis beside the one it is compared with.

    Attributes
    ----------
    where
        Labels of the other axes, those of the design compared with; :data:`EVERYWHERE` for the mean over all.
    difference
        Of the figure: this label's less that of the one compared with; mean over the seeds with its 90 % interval.
    """

    wanted: PairedSection
    where: dict[str, str]
    label: str
    difference: Estimate

    @property
    def differs(self) -> bool | None:
        """Whether the interval excludes no difference; ``None`` if there is none, as with one seed."""
        e = self.difference
        return abs(e.mean) > e.half_width if math.isfinite(e.half_width) else None


def paired(explored: Explored) -> list[Paired]:
    """Every comparison of the study: label by label, every combination of the other axes, then the mean over them."""
    return [found for wanted in explored.study.paired for found in _along(explored, wanted)]


def _along(explored: Explored, wanted: PairedSection) -> list[Paired]:
    others = [axis for axis in explored.study.axes if axis != wanted.along and axis not in explored.study.chosen]
    alike: defaultdict[str, dict[tuple[str, int], Point]] = defaultdict(dict)
    for point in explored.points.legal:
        if _value(explored, point, wanted.y) is not None:
            alike[_rest(explored, point, wanted.along)][point.labels[wanted.along], point.seed] = point
    # By label and combination: difference by seed.
    found: defaultdict[str, list[tuple[dict[str, str], dict[int, float]]]] = defaultdict(list)
    for points in alike.values():
        first = {seed: p for (label, seed), p in points.items() if label == wanted.against}
        for label in dict.fromkeys(label for label, _ in points if label != wanted.against):
            pairs = {s: (points[label, s], first[s]) for s in first if (label, s) in points}
            if pairs:
                where = {axis: next(iter(pairs.values()))[1].labels[axis] for axis in others}
                found[label].append((where, {s: _difference(explored, a, b, wanted.y) for s, (a, b) in pairs.items()}))
    made = []
    for label, rows in found.items():
        made += [Paired(wanted, where, label, estimate([*by_seed.values()])) for where, by_seed in rows]
        seeds = [s for s in rows[0][1] if all(s in by_seed for _, by_seed in rows)]
        if len(rows) > 1 and seeds:
            means = [math.fsum(by_seed[s] for _, by_seed in rows) / len(rows) for s in seeds]
            made.append(Paired(wanted, dict.fromkeys(others, EVERYWHERE), label, estimate(means)))
    return made


def _rest(explored: Explored, point: Point, along: str) -> str:
    """A configuration without its seed, what the axis varies, and what is chosen."""
    data: dict[str, Any] = config_file.resolved(point.config)
    axes = explored.study.axes
    for key in ("seed", *(key for axis in (along, *explored.study.chosen) for key in keys_of(axes[axis]))):
        *sections, last = key.split(".")
        inside: Any = data
        for name in sections:
            inside = inside.get(name) if isinstance(inside, dict) else None
        if isinstance(inside, dict):
            inside.pop(last, None)
    return json.dumps(data, sort_keys=True)


def _value(explored: Explored, point: Point, column: str) -> float | None:
    measurement, _, figure = column.partition(".")
    result = explored.result(point, measurement)
    value = None if result is None else result.figures.get(figure)
    return None if value is None else float(value)


def _difference(explored: Explored, of: Point, against: Point, column: str) -> float:
    ours, theirs = _value(explored, of, column), _value(explored, against, column)
    assert ours is not None and theirs is not None
    return ours - theirs


def paired_rows(explored: Explored) -> list[dict[str, Any]]:
    """The comparisons as rows of ``paired.csv``."""
    return [
        {
            **dict.fromkeys(explored.study.axes, "") | p.where | {p.wanted.along: p.label},
            "figure": p.wanted.y,
            "along": p.wanted.along,
            "against": p.wanted.against,
            "difference": p.difference.mean,
            "difference.ci90": p.difference.half_width if math.isfinite(p.difference.half_width) else None,
            "seeds": p.difference.n,
            "differs": p.differs,
        }
        for p in paired(explored)
    ]
