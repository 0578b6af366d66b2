"""Searching the axes of a study with Optuna in place of trying all combinations.

Points are proposed in batches whose size the study gives, and results are told in the order of the proposals: what is
proposed next depends neither on the number of workers nor on which of them is the fastest, and a search that is resumed
proposes the same points again, whose results are then known.
"""

import math
import warnings
from collections.abc import Sequence
from typing import Any

from hwsim.studies.definition.points import Point, Space, Value
from hwsim.studies.definition.study import SearchSection
from hwsim.studies.figures import of_column
from hwsim.studies.measuring.exploration import Exploration, Explored
from models.errors import InputError


def search(space: Space, exploration: Exploration, later: int = 0) -> None:
    """Propose and measure ``trials`` points; illegal ones count as trials, too.

    Parameters
    ----------
    later
        Trials of other searches that are still to come, for whoever watches.

    Raises
    ------
    InputError
        If Optuna is not installed.
    """
    try:
        import optuna
    except ModuleNotFoundError:
        rule = "is missing: install it with pip install 'hwsim[search]'"
        raise InputError("package optuna", None, rule) from None
    study = space.study
    wanted = study.search
    assert wanted is not None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    better = [f.better if (f := of_column(c)) else "less" for c in wanted.objectives]
    directions = ["minimize" if b == "less" else "maximize" for b in better]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # samplers announce that they are experimental
        found = optuna.create_study(directions=directions, sampler=_sampler(optuna, wanted, study.seed))
        points = exploration.explored.points
        for first in range(0, wanted.trials, wanted.batch):
            trials = [found.ask() for _ in range(min(wanted.batch, wanted.trials - first))]
            made = [points.add(space, _propose(space, trial)) for trial in trials]
            new = list({p.number: p for group in made for p in group}.values())
            expected = len(points.legal) + (wanted.trials - first - len(trials) + later) * len(study.seeds)
            exploration.measure(new, expected * len(study.measure))
            for trial, group in zip(trials, made, strict=True):
                values = means(exploration.explored, group, wanted.objectives)
                if values is None:
                    found.tell(trial, state=optuna.trial.TrialState.FAIL)
                else:
                    found.tell(trial, values)


def _sampler(optuna: Any, wanted: SearchSection, seed: int) -> Any:
    seed %= 2**32
    if wanted.sampler == "nsga2":
        return optuna.samplers.NSGAIISampler(population_size=max(2, wanted.batch), seed=seed)
    if wanted.sampler == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    return optuna.samplers.RandomSampler(seed=seed)


def _propose(space: Space, trial: Any) -> list[Value]:
    """A value for every axis whose condition holds, chosen axis by axis."""
    chosen: list[Value] = []
    for name, axis in space.study.axes.items():
        of = axis.random
        if of is None or of.choice is not None or not space.active(name, chosen):
            values = [space.single(axis, v) for v in of.choice or ()] if of and space.active(name, chosen) else []
            values = values or space.values(name, chosen)
            # One parameter for every number of values: those of a solved axis depend on the axes before it.
            several = len(values) > 1
            at = trial.suggest_categorical(f"{name} of {len(values)}", [*range(len(values))]) if several else 0
            chosen.append(values[at])
            continue
        assert of.low is not None and of.high is not None
        if of.integer:
            value: Any = trial.suggest_int(name, int(of.low), int(of.high), log=of.log)
        else:
            value = trial.suggest_float(name, of.low, of.high, log=of.log)
        chosen.append(space.single(axis, value))
    return chosen


def means(explored: Explored, points: Sequence[Point], columns: tuple[str, ...]) -> list[float] | None:
    """Of figures over the seeds of a design; ``None`` if it is none or has failed."""
    totals = []
    for column in columns:
        measurement, _, name = column.partition(".")
        results = [explored.result(p, measurement) for p in points]
        values = [r.figures[name] for r in results if r is not None and name in r.figures]
        if not points or len(values) < len(points) or not all(math.isfinite(v) for v in values):
            return None
        totals.append(math.fsum(values) / len(values))
    return totals
