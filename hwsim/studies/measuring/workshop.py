"""Measuring the points of a study: figures by name, from a configuration and nothing else.

A :class:`Workshop` lives as long as its process and builds nothing twice: data sets, samples in the engine's form and drawn
connectivity are kept for the points that share them.
"""

import hashlib
import json
import time
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

from hwsim.configuration import config_file, given_files
from hwsim.configuration.configuration import Configuration
from hwsim.design import Design
from hwsim.measurements.catalogue import MEASUREMENTS
from hwsim.measurements.measurement import Measurement, Need, Shelf, Spent, Subject
from hwsim.measurements.samples import samples_key
from hwsim.schedule.violations import Violation
from hwsim.studies.measuring.code_version import code_version
from hwsim.studies.measuring.task import Result, Task
from models.data.catalogue import CATALOGUE, file_of
from models.errors import InputError
from models.files.regular import folder_content, is_file, is_folder
from models.files.shared import SharedArrays

_KEPT_PATTERNS = 64


class Tasks:
    """The tasks of one measurement; what they have in common is found out once.

    Raises
    ------
    InputError
        If something that measures is missing.
    """

    def __init__(self, measurement: str, data_dir: Path | None, settings: Mapping[str, Any] | None = None) -> None:
        self._measurement, self._known, self._settings = measurement, MEASUREMENTS[measurement], dict(settings or {})
        self._data_dir, self._parser = data_dir, config_file.Parser()
        self._code, self._depends = code_of(measurement), self._known.depends(self._settings)
        self._data: dict[str, str] = {}

    def of(self, config: Configuration) -> Task:
        """The measurement of a design.

        Raises
        ------
        InputError
            If the design cannot be trained on that engine.
        """
        known, folder = self._known, self._data_dir
        if known.engine is not None and config.training.engine != known.engine:
            config = config_file.changed(config, {"training.engine": known.engine}, self._parser.parse)
        if (name := config.data.name) not in self._data:
            self._data[name] = _data_version(known, config, folder)
        said = config_file.fingerprint(config)
        parts = [said, self._measurement, self._code, self._data[name], *self._depends]
        key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        data_dir = None if folder is None else str(folder)
        return Task(key, self._measurement, config, said, data_dir, self._settings, self._code)


def task(measurement: str, config: Configuration, data_dir: Path | None, settings: Mapping[str, Any] | None = None) -> Task:
    """One measurement of one design; see :class:`Tasks`."""
    return Tasks(measurement, data_dir, settings).of(config)


def together(tasks: Iterable[Task]) -> list[Task]:
    """Tasks of the same data set, and among them those of the same patterns, side by side; otherwise in their order."""
    groups: dict[Hashable, dict[Hashable, list[Task]]] = {}
    for t in tasks:
        groups.setdefault(samples_key(t.config), {}).setdefault(_patterns_key(t.config), []).append(t)
    return [t for patterns in groups.values() for alike in patterns.values() for t in alike]


def _patterns_key(config: Configuration) -> Hashable:
    """Says all that drawn patterns depend on."""
    n, z = config.network, config.hardware.z if config.hardware else None
    return config.seed, n.layers, n.out_degree, n.density, config.connectivity, z


def code_of(*measurements: str) -> str:
    """Which code makes measurements: results of other code are others."""
    return code_version(__name__, *sorted({MEASUREMENTS.module(m) for m in measurements}))


def _data_version(of: Measurement, config: Configuration, data_dir: Path | None) -> str:
    """Of a file of the user's its SHA-256; all other data sets are what their names say, and the code that makes them."""
    if Need.DATA not in of.needs:
        return ""
    try:
        path = file_of(config.data.name, data_dir)
        if path is None:
            added = CATALOGUE.is_added(config.data.name)
            return code_version(CATALOGUE[config.data.name].read.__module__) if added else ""
        files = [p for p in folder_content(path) if is_file(p)] if is_folder(path) else [path]
        return " ".join(f"{file.name} {given_files.digest('data.name', file)}" for file in files)
    except InputError:
        return "missing"


class Workshop:
    """Measures points, one after the other.

    Parameters
    ----------
    shared
        What it has in common with the workshops of other processes.
    """

    def __init__(self, shared: SharedArrays | None = None) -> None:
        self._shelf = Shelf(shared)

    def measure(self, wanted: Task) -> Result:
        """The figures of a point; an error is part of the result, whatever it is."""
        started = time.perf_counter()
        spent = Spent()
        try:
            figures = self._figures(wanted, spent)
        except (InputError, Violation) as e:
            return Result(wanted.key, error=str(e), seconds=time.perf_counter() - started)
        except Exception as e:  # a study goes on, and says which point met what
            message = " ".join(f"{type(e).__name__}: {e}".split())
            return Result(wanted.key, error=message, seconds=time.perf_counter() - started)
        seconds = time.perf_counter() - started
        return Result(wanted.key, figures, None, seconds, spent.seconds, spent.samples, spent.evaluation)

    def _figures(self, wanted: Task, spent: Spent) -> dict[str, Any]:
        known = MEASUREMENTS[wanted.measurement]
        folder = None if wanted.data_dir is None else Path(wanted.data_dir)
        subject = Subject(self._design(wanted.config), folder, wanted.settings, self._shelf, spent)
        figures = dict(known.measure(subject))
        unknown = figures.keys() - known.figures.keys()
        assert not unknown, unknown
        return figures

    def _design(self, config: Configuration) -> Design:
        """A design whose connectivity is that of an earlier one if it is the same."""
        made = self._shelf.kept("patterns", _patterns_key(config), _KEPT_PATTERNS, lambda: Design(config).patterns)
        return Design.of(config, made)
