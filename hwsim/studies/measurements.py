"""Measuring one point of a study: figures by name, from a configuration and nothing else.

A :class:`Workshop` lives as long as its process and builds nothing twice: data sets, samples in the engine's form and drawn
connectivity are kept for the points that share them.
"""

import ast
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from hwsim import area, config_file, costs, energy, given_files, machine
from hwsim.design import Design
from hwsim.difficulty_figures import difficulty_figures
from hwsim.figures import FIGURES, TRAINING
from hwsim.frontends.measure import frontend_figures
from hwsim.patterns.figures import pattern_figures
from hwsim.trainers import CycleTrainer, Figures, FixedTrainer, FloatTrainer, Trainer
from hwsim.violations import Violation
from hwsim.whole_configuration import Configuration
from models import fixed_engine
from models.data.catalogue import file_of
from models.data.dataset import Dataset, Split
from models.errors import InputError
from models.files.regular import folder_content, is_file, is_folder, read_text

_KEPT_DATASETS, _KEPT_PATTERNS = 2, 64

_LARGEST_TABLE = 1 << 16  # bytes, as of all that is written by hand
_OURS = ("models", "hwsim", "rtl")
WITH_DATA = (*TRAINING, "difficulty", "frontend")

_Made = TypeVar("_Made")


class Task(NamedTuple):
    """One measurement of one point; ``key`` says everything its result depends on.

    Attributes
    ----------
    settings
        What the study says about the measurement.
    module
        That measures.
    """

    key: str
    measurement: str
    config: Configuration
    data_dir: str | None
    settings: Mapping[str, Any]
    module: str


@dataclass(frozen=True)
class Result:
    """What came of a task: figures, or the error.

    Attributes
    ----------
    seconds, engine_seconds
        Time of the measurement, and of that in the training loop.
    samples
        Training samples fed.
    """

    key: str
    figures: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    seconds: float = 0.0
    engine_seconds: float = 0.0
    samples: int = 0


class Elsewhere(Protocol):
    """A module above this package that measures; who has it at hand names it (:class:`Task`)."""

    def measure(self, design: Design, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Figures by name."""

    def depends(self, settings: Mapping[str, Any]) -> list[str]:
        """What results depend on beside configuration, settings and code."""


def task(
    measurement: str,
    config: Configuration,
    data_dir: Path | None,
    settings: Mapping[str, Any] | None = None,
    module: str = __name__,
) -> Task:
    """A measurement of a design.

    Raises
    ------
    InputError
        If the design cannot be trained on that engine, or something that measures is missing.
    """
    settings = dict(settings or {})
    if measurement in TRAINING and config.training.engine != measurement:
        plain = config_file.with_overrides(config_file.resolved(config), {"training.engine": measurement})
        config = config_file.parse(plain)
    data = _data_version(config, data_dir) if measurement in WITH_DATA else ""
    parts = [config_file.fingerprint(config), measurement, code_version(module), data]
    if measurement == "costs":
        parts += [read_text(file, _LARGEST_TABLE) for file in (_energies(settings), area.DEFAULT)]
    if module != __name__:
        parts += [json.dumps(settings, sort_keys=True), *_elsewhere(module).depends(settings)]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return Task(key, measurement, config, None if data_dir is None else str(data_dir), settings, module)


def check_elsewhere(module: str, settings: Mapping[str, Any]) -> None:
    """Raise :class:`InputError` if a module above this package cannot measure: for settings, or for want of tools."""
    _elsewhere(module).depends(settings)


def _energies(settings: Mapping[str, Any]) -> Path:
    return Path(settings.get("energies") or energy.DEFAULT)


def _elsewhere(module: str) -> Elsewhere:
    try:
        return cast(Elsewhere, import_module(module))
    except ModuleNotFoundError as e:
        if e.name is None or e.name.split(".")[0] in _OURS:
            raise
        raise InputError(f"package {e.name}", None, "is missing: install hwsim with the extra that brings it") from None


@cache
def code_version(module: str = __name__) -> str:
    """SHA-256 over the source of a module and all of the project's that it imports: results of other code are others."""
    digest = hashlib.sha256()
    for name, path in sorted((_imported(__name__) | _imported(module)).items()):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _imported(root: str) -> dict[str, Path]:
    """Files of the modules of this project that a module imports, directly or not."""
    found: dict[str, Path] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name in found or name.split(".")[0] not in _OURS:
            continue
        spec = _spec(name)
        if spec is None:
            continue  # a name in a module, not a module
        found[name] = spec
        for node in ast.walk(ast.parse(spec.read_bytes())):
            if isinstance(node, ast.Import):
                waiting += [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
    return found


def _spec(name: str) -> Path | None:
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None


def _data_version(config: Configuration, data_dir: Path | None) -> str:
    """Of a file of the user's its SHA-256; all other data sets are what their names say."""
    try:
        path = file_of(config.data.name, data_dir)
        if path is None:
            return ""
        files = [p for p in folder_content(path) if is_file(p)] if is_folder(path) else [path]
        return " ".join(f"{file.name} {given_files.digest('data.name', file)}" for file in files)
    except InputError:
        return "missing"


class Workshop:
    """Measures points, one after the other."""

    def __init__(self) -> None:
        self._datasets: OrderedDict[Hashable, Dataset] = OrderedDict()
        self._patterns: OrderedDict[Hashable, Any] = OrderedDict()
        self._samples: OrderedDict[Hashable, fixed_engine.Samples] = OrderedDict()
        self._energies = cache(energy.load)
        self._areas = area.load()

    def measure(self, wanted: Task) -> Result:
        """The figures of a point; an error is part of the result, whatever it is."""
        started = time.perf_counter()
        spent = _Spent()
        try:
            figures = self._figures(wanted, spent)
        except (InputError, Violation) as e:
            return Result(wanted.key, error=str(e), seconds=time.perf_counter() - started)
        except Exception as e:  # a study goes on, and says which point met what
            message = " ".join(f"{type(e).__name__}: {e}".split())
            return Result(wanted.key, error=message, seconds=time.perf_counter() - started)
        return Result(wanted.key, figures, None, time.perf_counter() - started, spent.seconds, spent.samples)

    def _figures(self, wanted: Task, spent: "_Spent") -> dict[str, Any]:
        design = self._design(wanted.config)
        if wanted.measurement == "check":
            figures = check(design)
        elif wanted.measurement == "costs":
            found = costs.costs(wanted.config, design.accelerator)
            figures = costs.figures(found, self._energies(_energies(wanted.settings))) | self._areas.figures(found)
        elif wanted.measurement == "pattern":
            figures = pattern_figures(design)
        elif wanted.measurement == "frontend":
            figures = frontend_figures(design, _folder(wanted))
        elif wanted.measurement == "difficulty":
            figures = difficulty_figures(design.unpadded(_folder(wanted)))
        elif wanted.module != __name__:
            figures = _elsewhere(wanted.module).measure(design, wanted.settings)
        else:
            figures = self._train(design, self._dataset(design, _folder(wanted)), spent)
        unknown = figures.keys() - FIGURES[wanted.measurement].keys()
        assert not unknown, unknown
        return figures

    def _design(self, config: Configuration) -> Design:
        """A design whose connectivity is that of an earlier one if it is the same."""
        design = Design(config)
        c, z = config.connectivity, config.hardware.z if config.hardware else None
        key = (config.seed, config.network.layers, config.edges, c, z)
        # The property is computed at its first use unless it has a value by then.
        vars(design)["patterns"] = _kept(self._patterns, key, _KEPT_PATTERNS, lambda: Design(config).patterns)
        return design

    def _dataset(self, design: Design, data_dir: Path | None) -> Dataset:
        c = design.config
        seed = c.seed if c.data.name == "morse" else None  # the only one that is drawn
        key = (c.data, c.network.layers[0], c.classes, c.training.samples, seed, data_dir)
        return _kept(self._datasets, key, _KEPT_DATASETS, lambda: design.dataset(data_dir))

    def _trainer(self, design: Design, data: Dataset) -> Trainer:
        if design.config.training.engine != "fixed":
            kinds: dict[str, type[Trainer]] = {"cycle": CycleTrainer, "float": FloatTrainer}
            return kinds[design.config.training.engine](design, data.train)
        return _SharingTrainer(design, data.train, self._samples)

    def _train(self, design: Design, data: Dataset, spent: "_Spent") -> dict[str, Any]:
        """What ``hwsim train`` reports after the last epoch."""
        t = design.config.training
        if not t.epochs:
            raise InputError("training.epochs", 0, "trains nothing", [1])
        trainer = self._trainer(design, data)
        started = time.perf_counter()
        for epoch in range(t.epochs):
            if isinstance(trainer, _SharingTrainer):
                trainer.counts = epoch + 1 == t.epochs
            figures = trainer.advance(design.epoch_order(epoch, len(data.train)), epoch)
            seen, correct, loss = len(figures.prediction), figures.correct, figures.loss
        rest = trainer.drain()
        spent.seconds, spent.samples = time.perf_counter() - started, t.epochs * len(data.train)
        seen, correct, loss = seen + len(rest.prediction), correct + rest.correct, loss + rest.loss
        result = {"train_accuracy": correct / seen, "train_loss": loss / seen}
        for name in ("validation", "test"):
            split: Split = getattr(data, name)
            if len(split):
                result[f"{name}_accuracy"], result[f"{name}_loss"] = trainer.judge(split)
        saturation = trainer.saturation()
        if saturation:
            result["saturations"] = sum(map(sum, saturation.values()))
        if isinstance(trainer, CycleTrainer):
            result["clocks"] = trainer.clock
        return result


@dataclass
class _Spent:
    """Time and samples of the training loop."""

    seconds: float = 0.0
    samples: int = 0


class _SharingTrainer(FixedTrainer):
    """A fixed-point trainer that takes samples in the engine's form from others with the same input format.

    Attributes
    ----------
    counts
        Whether anybody wants to know the accuracy and loss of the samples as they are fed.
    """

    counts = True

    def __init__(self, design: Design, train: Split, shared: OrderedDict[Hashable, fixed_engine.Samples]) -> None:
        self._shared = shared
        super().__init__(design, train)

    def _figures(self, results: fixed_engine.Results | machine.Results) -> Figures:
        return super()._figures(results) if self.counts else Figures(results.prediction, 0, 0.0)

    def _prepared(self, split: Split) -> fixed_engine.Samples:
        if not len(split):
            return super()._prepared(split)
        # The inputs are part of the kept samples' key and value: an identity cannot be taken over by another array.
        key = (id(split.inputs), self._engine.numbers.input, self._engine.network.classes)
        made = super()._prepared
        return _kept(self._shared, key, 3 * _KEPT_DATASETS, lambda: _Anchored.of(made(split), split))


@dataclass(frozen=True, eq=False)
class _Anchored(fixed_engine.Samples):
    """Samples that keep what they were made from alive."""

    source: Split

    @classmethod
    def of(cls, samples: fixed_engine.Samples, source: Split) -> "_Anchored":
        return cls(samples.inputs, samples.labels, source)


def _folder(of: Task) -> Path | None:
    return None if of.data_dir is None else Path(of.data_dir)


def check(design: Design) -> dict[str, Any]:
    """What ``hwsim check`` finds: the design's figures, after its pattern has been drawn and its schedule verified."""
    c = design.config
    pairs = sum(a * b for a, b in zip(c.network.layers, c.network.layers[1:], strict=False))
    result: dict[str, Any] = {"edges": sum(c.edges), "density": sum(c.edges) / pairs}
    design.check()
    if c.hardware is None or c.out_degrees is None:
        return result
    a = design.accelerator
    z = sum(j.z for j in a.junctions)
    return result | {
        "clocks_per_input": a.clocks_per_input,
        "flush": a.flush,
        "stall_clocks": max(j.cycle + j.stall_clocks for j in a.junctions) - max(j.cycle for j in a.junctions),
        "utilisation": sum(c.edges) / (a.clocks_per_input * z),
        "multipliers": a.multipliers,
        "storage_bits": a.storage_bits,
        "banks": sum(m.banks * m.lanes for m in a.memories),
        "staleness": c.hops.staleness(1, len(a.junctions)),
    }


def _kept(store: OrderedDict[Hashable, _Made], key: Hashable, most: int, make: Callable[[], _Made]) -> _Made:
    """The value of a key, made if it is not there; the least recently used ones make room."""
    if key not in store:
        store[key] = make()
        while len(store) > most:
            store.popitem(last=False)
    store.move_to_end(key)
    return store[key]
