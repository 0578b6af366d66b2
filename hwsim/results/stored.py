"""Reading a run's directory back: configuration, connectivity, parameters, figures and samples as objects and arrays."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.design import Design
from hwsim.events.lines import read_events
from hwsim.events.log import EventLog
from hwsim.results import kept_inputs
from hwsim.results.directory import CONFIG, CONNECTIVITY, FINAL, INITIAL, LOGS, METRICS, STREAM, TRACES
from models.connectivity.files import read_connectivity
from models.connectivity.pattern import Pattern
from models.errors import InputError
from models.files import json_text
from models.files.npz import read_npz
from models.files.regular import is_file
from models.network.parameters import Parameters


@dataclass(frozen=True)
class StoredRun:
    """What a command has left in its directory; every file is read, and checked, when it is asked for.

    Parameters
    ----------
    path
        The directory.

    Attributes
    ----------
    path
        The directory.

    Raises
    ------
    InputError
        By every attribute whose file is missing, damaged, or does not fit the configuration.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from hwsim import load
    >>> from hwsim.training.run import train
    >>> folder = TemporaryDirectory()
    >>> config = load("sim_configs/demo.yaml", {"training.epochs": 1, "training.samples": 100})
    >>> outcome = train(Design(config), out=f"{folder.name}/run")
    >>> run = StoredRun(Path(folder.name, "run"))
    >>> run.config == config, run.figure("training_samples"), run.metrics["test_accuracy"]["unit"]
    (True, 100, '1')
    >>> bool((run.final.weights[0] == outcome.parameters.weights[0]).all())
    True
    >>> folder.cleanup()
    """

    path: Path

    def __post_init__(self) -> None:
        self._file(CONFIG)

    def _file(self, name: str) -> Path:
        if not is_file(self.path / name):
            raise InputError(str(self.path), None, f"lacks {name}: it must be a directory that holds a run with that file")
        return self.path / name

    @cached_property
    def config(self) -> Configuration:
        """The resolved configuration; a design made from it repeats the run."""
        return config_file.load(self._file(CONFIG))

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        """The connectivity of the run, one pattern per junction."""
        return tuple(read_connectivity(self._file(CONNECTIVITY), self.config.network.layers))

    @cached_property
    def inputs(self) -> npt.NDArray[np.int64] | None:
        """int64 [n]: which inputs of the data set the run has kept; None where it has stored none, as it has all."""
        return kept_inputs.read(self.path, self.config)

    @cached_property
    def design(self) -> Design:
        """The design of the run: with its inputs and the patterns that it has left, drawn again where there are none."""
        patterns = self.patterns if is_file(self.path / CONNECTIVITY) else None
        return Design.of(self.config, patterns, self.inputs)

    @cached_property
    def initial(self) -> Parameters:
        """Weights [W_i] and biases [N_i] before training: int32 of the fixed-point engines, float64 of the float engine."""
        return Parameters.read(self._file(INITIAL), self.design.network)

    @cached_property
    def final(self) -> Parameters:
        """Weights [W_i] and biases [N_i] after training."""
        return Parameters.read(self._file(FINAL), self.design.network)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """``metrics.json``: every figure as {value, unit, meaning}, and what makes it repeatable.

        Raises
        ------
        InputError
            If the file is missing or damaged.
        """
        path = self._file(METRICS)
        try:
            found = json_text.read(path)
        except ValueError as e:
            raise InputError(str(path), None, f"is damaged: {e}") from None
        if not isinstance(found, dict):
            raise InputError(str(path), None, "is damaged: it must hold figures by name")
        return found

    def figure(self, name: str) -> Any:
        """The value of a figure of :attr:`metrics`.

        Raises
        ------
        InputError
            If the run has no such figure.
        """
        found = self.metrics.get(name)
        if not isinstance(found, dict) or "value" not in found:
            known = [key for key, entry in self.metrics.items() if isinstance(entry, dict) and "value" in entry]
            raise InputError("figure", name, f"is not among those of {self.path}", known)
        return found["value"]

    @property
    def history(self) -> dict[str, list[float]]:
        """Accuracies (0..1) and losses after every epoch, by name.

        Raises
        ------
        InputError
            If nothing was trained.
        """
        found = self.figure("history")
        if not isinstance(found, dict):
            raise InputError(str(self.path / METRICS), None, "is damaged: a history must hold figures by name")
        return found

    @cached_property
    def stream(self) -> dict[str, npt.NDArray[np.int32]]:
        """Samples as fed, in order, if they were saved: input [n, N_0], label and kappa [n], and prediction, all int32.

        Predictions are those of the samples that have come out: [n], but fewer of an unfinished run.

        Raises
        ------
        InputError
            If the file is missing or damaged.
        """
        path = self._file(STREAM)
        found = read_npz(path)
        n = len(found["label"]) if found.get("label", np.zeros(())).ndim else 0
        shapes = {"input": (n, self.config.network.layers[0]), "label": (n,), "kappa": (n,), "prediction": (n,)}
        for name, shape in shapes.items():
            there = found[name][:n].shape if name in found and found[name].ndim else None
            if there != shape and not (name == "prediction" and there is not None and len(there) == 1):
                raise InputError(str(path), None, f"is damaged: {name} must have the shape {shape}")
        return found

    @cached_property
    def log(self) -> EventLog:
        """Every access of the window that a simulation has recorded."""
        return read_events(self._file(TRACES[0]))

    @cached_property
    def differing_logs(self) -> tuple[EventLog, EventLog]:
        """What machine and Verilog have written around the first difference, if a co-simulation has found one."""
        machine, verilog = (read_events(self._file(name)) for name in LOGS[:2])
        return machine, verilog


def read_run(path: str | Path) -> StoredRun:
    """The directory of a run of any command.

    Parameters
    ----------
    path
        Of the directory.

    Returns
    -------
    StoredRun
        Whose attributes read a file each when they are asked for.

    Raises
    ------
    InputError
        If it holds no configuration of a run.

    Examples
    --------
    >>> try:
    ...     read_run("sim_configs")
    ... except InputError as error:
    ...     print(error)
    sim_configs: lacks config.yaml: it must be a directory that holds a run with that file
    """
    return StoredRun(Path(path))
