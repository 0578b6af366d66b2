"""Measuring the points of a study: figures by name, from a configuration and nothing else.

A :class:`Workshop` lives as long as its process and builds nothing twice: data sets, samples in the engine's form and drawn
connectivity are kept for the points that share them.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwsim.configuration import config_file, given_files
from hwsim.configuration.configuration import Configuration
from hwsim.design import Design
from hwsim.measurements.catalogue import MEASUREMENTS
from hwsim.measurements.measurement import Measurement, Need, Shelf, Spent, Subject
from hwsim.schedule.violations import Violation
from hwsim.studies.measuring.code_version import code_version
from hwsim.studies.measuring.task import Result, Task
from models.data.catalogue import CATALOGUE, file_of
from models.errors import InputError
from models.files.regular import folder_content, is_file, is_folder

_KEPT_PATTERNS = 64


def task(measurement: str, config: Configuration, data_dir: Path | None, settings: Mapping[str, Any] | None = None) -> Task:
    """A measurement of a design.

    Raises
    ------
    InputError
        If the design cannot be trained on that engine, or something that measures is missing.
    """
    known, settings = MEASUREMENTS[measurement], dict(settings or {})
    if known.engine is not None and config.training.engine != known.engine:
        config = config_file.changed(config, {"training.engine": known.engine})
    code, data = code_of(measurement), _data_version(known, config, data_dir)
    parts = [config_file.fingerprint(config), measurement, code, data, *known.depends(settings)]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return Task(key, measurement, config, None if data_dir is None else str(data_dir), settings, code)


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
    """Measures points, one after the other."""

    def __init__(self) -> None:
        self._shelf = Shelf()

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
        return Result(wanted.key, figures, None, time.perf_counter() - started, spent.seconds, spent.samples)

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
        c, z = config.connectivity, config.hardware.z if config.hardware else None
        key = (config.seed, config.network.layers, config.edges, c, z)
        return Design.of(config, self._shelf.kept("patterns", key, _KEPT_PATTERNS, lambda: Design(config).patterns))
