"""The points of a study: every combination of its axes' values, validated, each with its seeds and a short label."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hwsim import random_streams
from hwsim.configuration import config_file, data_fit
from hwsim.configuration.config_file import Parser, with_overrides
from hwsim.configuration.configuration import Configuration
from hwsim.measurements.catalogue import MEASUREMENTS
from hwsim.measurements.measurement import Need
from hwsim.solver.solver import Budget, Solver, narrowest, unequal
from hwsim.studies.definition.expressions import Expression
from hwsim.studies.definition.labels import IDLE, label_of
from hwsim.studies.definition.study import Axis, RandomSection, SolveSection, Study
from models.errors import InputError

MOST_POINTS = 1_000_000


class Value(NamedTuple):
    """One value of an axis: how tables call it, what expressions see, and the configuration keys it sets."""

    label: str
    value: Any
    sets: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Point:
    """One design of a study with one seed.

    Attributes
    ----------
    number
        Of the point, from 0, in the order of the axes.
    design
        Of its design: points that differ in the seed alone share it.
    labels
        By axis.
    config
        Validated; its engine is that of the base.
    """

    number: int
    design: int
    labels: dict[str, str]
    seed: int
    config: Configuration


@dataclass(frozen=True)
class IllegalPoint:
    """A combination that is no design, and why."""

    labels: dict[str, str]
    reason: str


@dataclass
class Points:
    """All combinations.

    Attributes
    ----------
    excluded
        How many combinations each constraint of the study excludes.
    combinations
        The values of every design.
    repeated
        Combinations that are the same configuration as an earlier one.
    """

    legal: list[Point] = field(default_factory=list)
    illegal: list[IllegalPoint] = field(default_factory=list)
    excluded: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    combinations: list[list[Value]] = field(default_factory=list)
    _known: dict[str, int] = field(default_factory=dict)

    def add(self, space: "Space", combination: list[Value]) -> list[Point]:
        """Validate a combination and keep it; returns its points, those of the same earlier one if it is a repetition."""
        labels = {name: v.label for name, v in zip(space.study.axes, combination, strict=True)}
        broken = next((c for c in space.constraints if not c(space.names(combination))), None)
        if broken is not None:
            self.excluded[broken.text] += 1
            return []
        try:
            config = space.configuration(combination)
            if any(Need.DATA in MEASUREMENTS[m].needs for m in space.study.measure):
                data_fit.check(config, space.data_dir)
            key = config_file.fingerprint(config)
        except InputError as e:
            self.illegal.append(IllegalPoint(labels, str(e)))
            return []
        seeds = space.study.seeds
        if key in self._known:
            self.repeated += 1
            first = self._known[key] * len(seeds)
            return self.legal[first : first + len(seeds)]
        design = self._known[key] = len(self._known)
        numbered = enumerate(seeds, len(self.legal))
        made = [Point(n, design, labels, s, config.model_copy(update={"seed": s})) for n, s in numbered]
        self.combinations.append(combination)
        self.legal += made
        return made


class Space:
    """The axes of a study over its base; points that do not fit their data set are none if samples are needed."""

    def __init__(self, study: Study, data_dir: Path | None = None) -> None:
        assert isinstance(study.base, dict)
        self.study, self.data_dir = study, data_dir
        self._base = with_overrides(study.base, study.set)
        self._named = _with_defaults(Configuration, self._base)
        self._parser = Parser()
        self.constraints = [Expression(text, f"constraints[{k}]") for k, text in enumerate(study.constraints)]
        self._when = {
            name: Expression(axis.when, f"axes.{name}.when") for name, axis in study.axes.items() if axis.when is not None
        }

    def all(self) -> Points:
        """Every combination, those of random axes as often as the study says.

        Raises
        ------
        InputError
            If there are too many, or a condition cannot be evaluated.
        """
        drawn = self.study.samples or 1
        listed = math.prod(len(v) for axis in self.study.axes.values() if (v := axis.grid or axis.list) is not None)
        if drawn * listed * len(self.study.seeds) > MOST_POINTS:
            rule = f"make more than {MOST_POINTS:,} points: give fewer values, samples or seeds"
            raise InputError("axes", None, rule)
        points = Points()
        for k in range(drawn):
            draws = {
                name: _draw(axis.random, random_streams.of_axis(self.study.seed, position, k))
                for position, (name, axis) in enumerate(self.study.axes.items())
                if axis.random is not None
            }
            for combination in self._combinations([], draws, points):
                points.add(self, combination)
                if len(points.legal) > MOST_POINTS:
                    raise InputError("axes", None, f"make more than {MOST_POINTS:,} points")
        if not points.legal and not points.illegal and not points.excluded:
            raise InputError("axes", None, "make no point")
        return points

    def _combinations(self, chosen: list[Value], draws: dict[str, Any], points: Points) -> Iterator[list[Value]]:
        if len(chosen) == len(self.study.axes):
            yield chosen
            return
        name = [*self.study.axes][len(chosen)]
        try:
            values = self.values(name, chosen, draws.get(name))
        except _NoDesign as e:
            labels = {n: v.label for n, v in zip(self.study.axes, chosen, strict=False)}
            points.illegal.append(IllegalPoint(labels | dict.fromkeys([*self.study.axes][len(chosen) :], IDLE), str(e)))
            return
        for value in values:
            yield from self._combinations([*chosen, value], draws, points)

    def active(self, name: str, chosen: list[Value]) -> bool:
        """Whether an axis does anything, given the values of the axes before it."""
        return name not in self._when or self._when[name](self.names(chosen))

    def values(self, name: str, chosen: list[Value], drawn: Any = None) -> list[Value]:
        """The values of an axis, given those of the axes before it."""
        axis = self.study.axes[name]
        if not self.active(name, chosen):
            return [Value(IDLE, None, {})]
        if axis.solve is not None:
            return self._solved(axis.solve, chosen)
        if axis.list is not None:
            return [Value(label, label, sets) for label, sets in axis.list.items()]
        assert axis.key is not None
        values = [drawn] if axis.random is not None else axis.grid or ()
        return [Value(label_of(v), v, {axis.key: v}) for v in values]

    def single(self, axis: Axis, value: Any) -> Value:
        """A value of an axis that a search has chosen."""
        assert axis.key is not None
        return Value(label_of(value), value, {axis.key: value})

    def _solved(self, wanted: SolveSection, chosen: list[Value]) -> list[Value]:
        budget = Budget(wanted.multipliers, wanted.memory_bits, wanted.banks, wanted.clocks)
        try:
            config = self.configuration(chosen, narrowest(self._merged(chosen)))
            solving = Solver(config, budget)
            found = solving.solve(wanted.unbalanced, wanted.sort).candidates
        except InputError as e:
            raise _NoDesign(str(e)) from None
        z = [row for row, c in zip(found.z.tolist(), found.rows.tolist(), strict=True) if _among(c, wanted.cycles)]
        if not z:
            more = "" if wanted.unbalanced else unequal(solving.count_unequal(), "`unbalanced: true`")
            raise _NoDesign(f"hardware.z: no legal vector fits the budget of the axis{more}")
        return [Value(label_of(row), row, {"hardware.z": row}) for row in z[: wanted.limit]]

    def names(self, chosen: list[Value]) -> dict[str, Any]:
        """What expressions know: the sections of the configuration, and above them the axes that have a value."""
        data = self._merged(chosen)
        # What is set replaces sections and leaves the others the objects that they are.
        changed = {name: value for name, value in data.items() if value is not self._base.get(name, _ABSENT)}
        values = {**self._named, **{n: _with_default(i, changed, n) for n, i in _FIELDS.items() if n in changed}}
        return values | {name: v.value for name, v in zip(self.study.axes, chosen, strict=False)}

    def configuration(self, chosen: list[Value], more: dict[str, Any] | None = None) -> Configuration:
        """The design of a combination, for the first seed.

        Raises
        ------
        InputError
            If it is none.
        """
        data = with_overrides(self._merged(chosen), more or {}) | {"seed": self.study.seeds[0]}
        return self._parser.parse(data)

    def _merged(self, chosen: list[Value]) -> dict[str, Any]:
        data = self._base
        for value in chosen:
            data = with_overrides(data, value.sets)
        return data


class _NoDesign(Exception):
    """No value of an axis makes a design."""


def _among(cycles: list[int], wanted: tuple[int, ...] | None) -> bool:
    return wanted is None or max(cycles) in wanted


def _draw(of: RandomSection, rng: np.random.Generator) -> Any:
    if of.choice is not None:
        return of.choice[int(rng.integers(len(of.choice)))]
    assert of.low is not None and of.high is not None
    if of.integer and not of.log:
        return int(rng.integers(int(of.low), int(of.high), endpoint=True))
    if of.log:
        value = math.exp(rng.uniform(math.log(of.low), math.log(of.high)))
        return min(max(round(value), int(of.low)), int(of.high)) if of.integer else value
    return float(rng.uniform(of.low, of.high))


_FIELDS = Configuration.model_fields
_ABSENT = object()


def _with_defaults(model: type[BaseModel], data: dict[str, Any]) -> dict[str, Any]:
    """Data with the defaults of what it leaves out, as far as there are any."""
    return {name: _with_default(info, data, name) for name, info in model.model_fields.items()}


def _with_default(info: FieldInfo, data: dict[str, Any], name: str) -> Any:
    """The value of one field, sections with their defaults; the default where the data has none."""
    if name in data:
        value = data[name]
    else:
        value = info.get_default(call_default_factory=True)
        value = None if value is PydanticUndefined else value
    if isinstance(value, BaseModel):
        return value.model_dump()
    if not isinstance(value, dict):
        return value
    alternatives = (info.annotation, *get_args(info.annotation))
    section = next((a for a in alternatives if isinstance(a, type) and issubclass(a, BaseModel)), None)
    return _with_defaults(section, value) if section else value
