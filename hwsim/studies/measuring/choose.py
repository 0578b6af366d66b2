"""Choosing the best setting for every combination of a study's other axes, before anything is reported.

Every combination gets the same trials. They have seeds of their own and may be cheaper than what is reported
(``choose.set``); the settings chosen are then measured as the study says, with all of its seeds, and tables and pictures
show these only.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator

from hwsim.studies.definition.labels import IDLE
from hwsim.studies.definition.points import IllegalPoint, Point, Space
from hwsim.studies.definition.study import Axis, ChooseSection, SearchSection, Study
from hwsim.studies.figures import of_column
from hwsim.studies.measuring.exploration import Exploration
from hwsim.studies.measuring.search import means, search


def trial_study(study: Study, choose: ChooseSection) -> Study:
    """The trials as a study of their own, which measures no more than what they are judged by."""
    wanted = (
        SearchSection(sampler=choose.sampler, trials=choose.trials, batch=choose.batch, objectives=(choose.by,))
        if (choose.trials is not None)
        else None
    )
    own = {"choose": None, "search": wanted, "set": study.set | choose.set, "seeds": choose.seeds}
    return study.model_copy(update=own | {"measure": (choose.by.partition(".")[0],)})


def choose(space: Space, exploration: Exploration, trying: Exploration) -> None:
    """Make the trials, and measure what they choose.

    Parameters
    ----------
    space
        Of the study.
    exploration
        Of what is chosen; its points are found here.
    trying
        Of the trials, see :func:`trial_study`.

    Raises
    ------
    InputError
        If Optuna is needed and not installed.
    """
    study, trials = space.study, trying.explored.study
    wanted = study.choose
    assert wanted is not None
    tried, found = trying.explored, exploration.explored
    if trials.search is None:
        tried.points = Space(trials, space.data_dir).all()
        trying.measure(tried.points.legal)
    else:
        narrowed = [*_one_by_one(trials, wanted)]
        for k, one in enumerate(narrowed, 1):
            search(Space(one, space.data_dir), trying, (len(narrowed) - k) * trials.search.trials)
    found.points.illegal += tried.points.illegal
    found.points.excluded += tried.points.excluded
    known = of_column(wanted.by)
    sign = -1 if known is not None and known.better == "less" else 1
    chosen = set()
    for group in _groups(tried.points.legal, [a for a in study.axes if a not in wanted.among]).values():
        judged = [(sign * value[0], -d) for d, points in group.items() if (value := means(tried, points, (wanted.by,)))]
        if judged:
            design = -max(judged)[1]
            chosen.add(design)
            found.points.add(space, tried.points.combinations[design])
        else:
            labels = next(iter(group.values()))[0].labels | dict.fromkeys(wanted.among, IDLE)
            found.points.illegal.append(IllegalPoint(labels, f"no trial has {wanted.by}"))
    found.tried, found.chosen = tried, frozenset(chosen)
    exploration.measure(found.points.legal)
    for name in ("seconds", "measured", "engine_seconds", "evaluation_seconds", "rest_seconds", "samples"):
        setattr(found, name, getattr(found, name) + getattr(tried, name))


def _one_by_one(trials: Study, wanted: ChooseSection) -> Iterator[Study]:
    """A study for every combination of the axes of which nothing is chosen."""
    values = [_singles(axis) for name, axis in trials.axes.items() if name not in wanted.among]
    for fixed in itertools.product(*values):
        singles = iter(fixed)
        axes = {name: axis if name in wanted.among else next(singles) for name, axis in trials.axes.items()}
        yield trials.model_copy(update={"axes": axes})


def _singles(axis: Axis) -> list[Axis]:
    """An axis for every value of one."""
    if axis.list is not None:
        return [axis.model_copy(update={"list": {label: sets}}) for label, sets in axis.list.items()]
    return [axis.model_copy(update={"grid": (value,)}) for value in axis.grid or ()]


def _groups(points: list[Point], others: list[str]) -> dict[tuple[str, ...], dict[int, list[Point]]]:
    """By the labels of the axes of which nothing is chosen: the points of every design."""
    made: defaultdict[tuple[str, ...], defaultdict[int, list[Point]]] = defaultdict(lambda: defaultdict(list))
    for p in points:
        made[tuple(p.labels[a] for a in others)][p.design].append(p)
    return {labels: dict(group) for labels, group in made.items()}
