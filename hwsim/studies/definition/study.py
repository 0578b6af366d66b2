"""A study: a base configuration, axes along which it varies, and what to measure at every point."""

import itertools
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticKnownError

from hwsim.configuration import config_file, given_files
from hwsim.configuration.legal import close_names
from hwsim.configuration.messages import told
from hwsim.configuration.sections import Bool, Count, FileName, Int, Real, Section, Text, Version
from hwsim.costs import energy
from hwsim.measurements.catalogue import MEASUREMENTS
from hwsim.studies import figures
from hwsim.studies.definition import comparisons
from hwsim.studies.definition.expressions import Expression
from hwsim.studies.definition.labels import IDLE, label_of
from models.errors import ArgumentError, InputError
from models.files.regular import absolute

Key = Annotated[Text, Field(pattern=r"^[a-z_0-9]+(\.[a-z_0-9]+)*$")]
Name = Annotated[Text, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Measurement = Annotated[str, BeforeValidator(lambda given: _measurement(given))]
Seed = Annotated[Int, Field(ge=0, lt=2**63)]
MOST_SEEDS = 10_000
Labels = list[str]  # in the class below the name is a field's


class RandomSection(Section):
    """A distribution: uniform from ``low`` to ``high``, or one of ``choice``."""

    low: Real | None = None
    high: Real | None = None
    log: Bool = Field(False, description="uniform on a logarithmic scale")
    integer: Bool = Field(False, description="whole numbers, both ends included")
    choice: Annotated[tuple[Any, ...], Field(min_length=1, max_length=10_000)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.choice is None) == (self.low is None or self.high is None):
            raise InputError("random", None, "give low and high, or choice")
        if self.choice is not None and (self.low is not None or self.high is not None):
            raise InputError("random", None, "give low and high, or choice, not both")
        if self.low is not None and self.high is not None:
            if self.low > self.high or (self.log and self.low <= 0):
                rule = "must not exceed high, and must be positive on a logarithmic scale"
                raise InputError("random.low", self.low, rule, [self.high])
            if self.integer and (self.low % 1 or self.high % 1):
                raise InputError("random.low", self.low, "low and high must be whole numbers")
        return self


class SolveSection(Section):
    """Every legal z of the point's network within a budget, as of ``hwsim solve``."""

    multipliers: Count | None = None
    memory_bits: Count | None = None
    banks: Count | None = None
    clocks: Count | None = Field(None, description="most clocks per input")
    cycles: tuple[Count, ...] | None = Field(None, description="only these C, clocks of one pass")
    unbalanced: Bool = False
    sort: Literal["clocks", "multipliers", "banks", "utilisation", "product"] = "clocks"
    limit: Annotated[Int, Field(ge=1, le=100_000)] | None = Field(None, description="the first ones in that order")


class Axis(Section):
    """One direction in which points differ: values of a key, named bundles of values, a distribution, or solved z."""

    key: Key | None = Field(None, description="of the configuration; with grid and random")
    grid: Annotated[tuple[Any, ...], Field(min_length=1, max_length=100_000)] | None = None
    list: Annotated[dict[Text, dict[Key, Any]], Field(min_length=1)] | None = Field(
        None, description="by name: values of several keys at once"
    )
    random: RandomSection | None = None
    solve: SolveSection | None = None
    when: Text | None = Field(None, description="condition on earlier axes and the base; else the axis does nothing")

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [k for k in ("grid", "list", "random", "solve") if getattr(self, k) is not None]
        if len(given) != 1:
            raise InputError("grid", None, "give one of grid, list, random and solve")
        if (self.key is None) == (given[0] in ("grid", "random")):
            rule = f"belongs to grid and random, not to {given[0]}" if self.key else f"is missing: {given[0]} varies one key"
            raise InputError("key", self.key, rule)
        if self.when is not None:
            Expression(self.when, "when")
        return self

    @property
    def labels(self) -> Labels | None:
        """Every label that the axis can have; ``None`` where they are drawn or solved for."""
        idle = [IDLE] if self.when is not None else []
        if self.list is not None:
            return [*self.list, *idle]
        return None if self.grid is None else [*map(label_of, self.grid), *idle]


class SearchSection(Section):
    """A search of the axes in place of all combinations."""

    sampler: Literal["nsga2", "tpe", "random"] = "nsga2"
    trials: Annotated[Int, Field(ge=1, le=10**6)]
    batch: Annotated[Int, Field(ge=1, le=10_000)] = Field(
        16, description="points proposed at a time, before their results are known; the population of nsga2"
    )
    objectives: Annotated[tuple[Text, ...], Field(min_length=1, max_length=8)]


class ChooseSection(Section):
    """The best setting for every combination of the other axes: found by trials, then measured with all seeds."""

    among: Annotated[tuple[Text, ...], Field(min_length=1)] = Field(description="axes of which a value is chosen")
    by: Text = Field(description="the figure that is best, of validation samples where test samples are to be judged by")
    trials: Annotated[Int, Field(ge=1, le=10**6)] | None = Field(
        None, description="settings that Optuna proposes for every combination of the other axes; default: all there are"
    )
    sampler: Literal["tpe", "random"] = "tpe"
    batch: Annotated[Int, Field(ge=1, le=10_000)] = Field(
        4, description="settings proposed at a time, before their results are known"
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MOST_SEEDS)] = Field(
        (0,), description="of the configuration: every trial is measured with each"
    )
    set: dict[Key, Any] = Field(default_factory=dict, description="at trials only, such as a shorter training")


class SynthSection(Section):
    """How designs are synthesized."""

    targets: Annotated[tuple[Text, ...], Field(min_length=1)] = Field(
        ("xc7",), description="of `hwsim synth`, at most one of a family"
    )
    place: Bool = Field(False, description="place and route, too, where there are open tools: clock frequency")
    time_limit: Annotated[Real, Field(gt=0)] | None = Field(None, description="seconds for a design and target")


class Study(Section):
    """What a study file says."""

    schema_version: Version = 1
    name: Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    about: Annotated[Text, Field(max_length=200)] = Field("", description="one line for titles")
    base: Text | dict[str, Any] = Field(description="a configuration file, relative to the study's, or its content")
    set: dict[Key, Any] = Field(default_factory=dict, description="values in place of the base's, at every point")
    axes: dict[Name, Axis] = Field(default_factory=dict)
    constraints: tuple[Text, ...] = Field((), description="conditions that every point must fulfil")
    samples: Annotated[Int, Field(ge=1, le=10**6)] | None = Field(None, description="draws of the random axes")
    seed: Seed = Field(0, description="of these draws and of searches")
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MOST_SEEDS)] = Field(
        (0,), description="of the configuration: every point is measured with each"
    )
    measure: Annotated[tuple[Measurement, ...], Field(min_length=1)]
    pareto: tuple[tuple[Text, Text], ...] | None = Field(None, description="pairs of figures; default: by measurement")
    published: tuple[comparisons.PublishedSection, ...] = Field((), description="what others have found, beside ours")
    correlations: tuple[comparisons.CorrelationSection, ...] = Field((), description="pairs of figures that may go together")
    curves: tuple[comparisons.CurveSection, ...] = Field((), description="pictures of figures along an axis")
    courses: tuple[comparisons.CourseSection, ...] = Field((), description="pictures of figures over samples learned from")
    paired: tuple[comparisons.PairedSection, ...] = Field((), description="differences along an axis, seed by seed")
    search: SearchSection | None = None
    choose: ChooseSection | None = None
    synth: SynthSection = SynthSection()
    energies: FileName | None = Field(None, description="a table of energies for costs, relative to the study's file")

    def settings(self, measurement: str) -> dict[str, Any]:
        """What the study says about a measurement."""
        if measurement == "synth":
            return self.synth.model_dump(mode="json")
        return {"energies": self.energies} if measurement == "costs" else {}

    @model_validator(mode="before")
    @classmethod
    def _name_labels(cls, given: Any) -> Any:
        return comparisons.with_labels(given)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for field in ("seeds", "measure"):
            values = getattr(self, field)
            if len(set(values)) != len(values):
                raise InputError(field, list(values), "has a value twice")
        random = [name for name, axis in self.axes.items() if axis.random is not None]
        searched = self.search is not None or (self.choose is not None and self.choose.trials is not None)
        if not searched and bool(random) != (self.samples is not None):
            rule = f"is missing: {random[0]} is drawn" if random else "has no effect: no axis is random"
            raise InputError("samples", self.samples, rule)
        if searched and self.samples is not None:
            raise InputError("samples", self.samples, "has no effect with a search, which has trials")
        if self.choose is not None:
            self._check_choose(self.choose)
        for k, text in enumerate(self.constraints):
            Expression(text, f"constraints[{k}]")
        for field, columns in self._columns():
            self._check_column(field, columns)
        wanted = comparisons.Comparisons(self.published, self.correlations, self.curves, self.courses, self.paired)
        comparisons.check(wanted, self.columns, {name: axis.labels for name, axis in self.axes.items()})
        self._check_keys()
        return self

    @property
    def columns(self) -> list[str]:
        """Every figure that the study can measure, as ``measurement.name``."""
        return [column for m in self.measure for column in figures.columns_of(m)]

    @property
    def chosen(self) -> tuple[str, ...]:
        """Axes whose values are chosen, and so tell no two designs apart."""
        return self.choose.among if self.choose is not None else ()

    def _check_choose(self, choose: ChooseSection) -> None:
        if self.search is not None:
            raise InputError("choose", None, "cannot stand beside search: it has trials of its own")
        for field, values in (("among", choose.among), ("seeds", choose.seeds)):
            if len(set(values)) != len(values):
                raise InputError(f"choose.{field}", list(values), "has a value twice")
        for name in choose.among:
            if name not in self.axes:
                raise InputError("choose.among", name, "is no axis of this study", close_names(name, self.axes) or self.axes)
        for name, axis in self.axes.items():
            if choose.trials is not None and name not in choose.among and axis.grid is None and axis.list is None:
                rule = f"must be among what is chosen, or have grid or list: {choose.trials} trials are made for each value"
                raise InputError(f"axes.{name}", None, rule)
        self._check_column("choose.by", choose.by)

    def _columns(self) -> list[tuple[str, str]]:
        pairs = [(f"pareto[{k}]", c) for k, pair in enumerate(self.pareto or ()) for c in pair]
        return pairs + [("search.objectives", c) for c in (self.search.objectives if self.search else ())]

    def _check_column(self, field: str, column: str) -> None:
        known = [c for c in self.columns if (f := figures.of_column(c)) is not None and f.better]
        if column not in known:
            raise InputError(field, column, "is no figure that this study measures", close_names(column, known))

    def _check_keys(self) -> None:
        owner: dict[str, str] = {}
        for name, axis in self.axes.items():
            for key in keys_of(axis):
                if key in owner and owner[key] != name:
                    raise InputError(f"axes.{name}", None, f"varies {key}, which {owner[key]} varies already")
                owner[key] = name
        for key in self.set:
            if key in owner:
                raise InputError(f"set.{key}", None, f"has no effect: the axis {owner[key]} varies it")
        at_trials = self.choose.set if self.choose is not None else {}
        for key in at_trials:
            if key in owner:
                raise InputError(f"choose.set.{key}", None, f"has no effect: the axis {owner[key]} varies it")
        for key in ("seed", "training.engine"):
            fields = [f"axes.{owner[key]}"] if key in owner else []
            fields += [f"{of}.{key}" for of, sets in (("set", self.set), ("choose.set", at_trials)) if key in sets]
            if fields:
                raise InputError(fields[0], None, f"belongs into {'seeds' if key == 'seed' else 'measure'}")

    @property
    def pareto_pairs(self) -> tuple[tuple[str, str], ...]:
        """Pairs of figures whose fronts are shown."""
        if self.pareto is not None:
            return self.pareto
        pairs: list[tuple[str, str]] = []
        hardware = "check" if "check" in self.measure else "costs" if "costs" in self.measure else None
        if "check" in self.measure:
            pairs.append(("check.multipliers", "check.clocks_per_input"))
        for m in filter(figures.trains, self.measure):
            if "check" in self.measure:
                pairs += [("check.edges", f"{m}.test_accuracy"), ("check.clocks_per_input", f"{m}.test_accuracy")]
            if hardware:
                pairs.append((f"{hardware}.multipliers", f"{m}.test_accuracy"))
        return tuple(pairs)


def _measurement(given: Any) -> str:
    """The name of a measurement; distributions may add some, so that no type lists them."""
    if not isinstance(given, str) or given not in MEASUREMENTS:
        raise PydanticKnownError("literal_error", {"expected": " or ".join(f"'{name}'" for name in MEASUREMENTS)})
    return given


def keys_of(axis: Axis) -> set[str]:
    """Configuration keys that an axis varies."""
    if axis.solve is not None:
        return {"hardware.z"}
    if axis.list is not None:
        return {key for values in axis.list.values() for key in values}
    return {axis.key or ""}


def load(path: Path, sets: dict[str, Any] | None = None, seeds: int | None = None, trials: int | None = None) -> Study:
    """Read and validate a study file; the base becomes its content, so that the study no longer depends on other files.

    Parameters
    ----------
    sets
        Configuration keys whose values replace those of the base and of the study's ``set``.
    seeds
        How many seeds to take; those listed if left out. Fewer are the first ones; more go on with the least numbers, from
        0, that are not listed.
    trials
        Of a search or a choice, in place of what the file says.

    Raises
    ------
    InputError
        For a file that cannot be read or parsed, and for every violated rule.
    """
    found = made(config_file.read_sections(path, "study"), path.parent, sets, seeds)
    return found if trials is None else _with_trials(found, trials)


def made(data: dict[str, Any], folder: Path, sets: dict[str, Any] | None = None, seeds: int | None = None) -> Study:
    """A study of the content of its file, which lies in ``folder``; see :func:`load`."""
    data = _beside(data, folder)
    if isinstance(data.get("base"), str):
        data["base"] = config_file.read_design(folder / data["base"])
    if sets:
        given = data.get("set")
        data["set"] = (given if isinstance(given, dict) else {}) | sets
        data = _at_trials_too(data, sets)
    study = parse(data)
    if study.energies is not None:
        energy.load(Path(study.energies))
    return study if seeds is None else study.model_copy(update={"seeds": _seeds(study.seeds, seeds)})


def _at_trials_too(data: dict[str, Any], sets: dict[str, Any]) -> dict[str, Any]:
    """What is set on the command line holds at trials as well."""
    choose = data.get("choose")
    own = choose.get("set") if isinstance(choose, dict) else None
    if not isinstance(choose, dict) or not isinstance(own, dict):
        return data
    return data | {"choose": choose | {"set": {k: v for k, v in own.items() if k not in sets}}}


def _with_trials(study: Study, trials: int) -> Study:
    """The same with so many trials of its search or choice."""
    if trials < 1:
        raise ArgumentError("trials", trials, "must be positive", [1])
    for field in ("search", "choose"):
        of = getattr(study, field)
        if of is not None and of.trials is not None:
            return study.model_copy(update={field: of.model_copy(update={"trials": trials})})
    raise ArgumentError("trials", trials, "belongs to a study with trials, of a search or a choice: leave it out")


def _seeds(listed: tuple[int, ...], count: int) -> tuple[int, ...]:
    """So many seeds, each of which stays what it is when there are more."""
    if not 1 <= count <= MOST_SEEDS:
        raise ArgumentError("seeds", count, f"must lie in 1..{MOST_SEEDS:,}", [min(max(count, 1), MOST_SEEDS)])
    others = (n for n in itertools.count() if n not in listed)
    return tuple(itertools.islice(itertools.chain(listed, others), count))


def _beside(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A study in which the names of files that its values are no longer depend on where it is."""

    def values(sets: Any) -> Any:
        return {k: given_files.located(k, v, folder) for k, v in sets.items()} if isinstance(sets, dict) else sets

    def axis(of: Any) -> Any:
        if not isinstance(of, dict):
            return of
        result = dict(of)
        if isinstance(listed := of.get("list"), dict):
            result["list"] = {label: values(sets) for label, sets in listed.items()}
        if isinstance(grid := of.get("grid"), list):
            result["grid"] = [given_files.located(str(of.get("key")), v, folder) for v in grid]
        return result

    result = dict(data)
    if isinstance(energies := data.get("energies"), str):
        result["energies"] = str(absolute(folder / energies))
    if isinstance(base := data.get("base"), dict):
        result["base"] = given_files.beside(base, folder)
    if isinstance(axes := data.get("axes"), dict):
        result["axes"] = {name: axis(of) for name, of in axes.items()}
    return result | ({"set": values(data["set"])} if "set" in data else {})


def parse(data: dict[str, Any]) -> Study:
    """Validate plain data as a study."""
    try:
        return Study.model_validate(data)
    except ValidationError as e:
        raise told(e, Study) from None
    except (RecursionError, OverflowError) as e:
        raise InputError("study", None, f"cannot be understood: {e}") from None
