"""When and where: configuration, schedule, memories, the cycle-level machine, exploration and the command line.

The names in ``__all__`` are what a program needs; ``docs/api.md`` shows them at work.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hwsim.configuration.config_file import changed, load, parse
    from hwsim.configuration.configuration import Configuration
    from hwsim.design import Design
    from hwsim.events.log import EventLog
    from hwsim.machine.machine import Machine
    from hwsim.patterns.scatter import scatter
    from hwsim.results.stored import StoredRun, read_run
    from hwsim.simulation.simulate import Simulation, simulate
    from hwsim.studies.rows import StudyRows, explore
    from hwsim.training.outcome import Outcome
    from hwsim.training.run import train
    from models.connectivity.pattern import Pattern
    from models.data.arrays import dataset
    from models.data.dataset import Dataset
    from models.errors import InputError
    from models.pattern_quality.scatter import Scatter

__all__ = [
    "Configuration",
    "Dataset",
    "Design",
    "EventLog",
    "InputError",
    "Machine",
    "Outcome",
    "Pattern",
    "Scatter",
    "Simulation",
    "StoredRun",
    "StudyRows",
    "changed",
    "dataset",
    "explore",
    "load",
    "parse",
    "read_run",
    "scatter",
    "simulate",
    "train",
]

_HOMES = {
    "hwsim.configuration.config_file": ("changed", "load", "parse"),
    "hwsim.configuration.configuration": ("Configuration",),
    "hwsim.design": ("Design",),
    "hwsim.events.log": ("EventLog",),
    "hwsim.machine.machine": ("Machine",),
    "hwsim.patterns.scatter": ("scatter",),
    "hwsim.results.stored": ("StoredRun", "read_run"),
    "hwsim.simulation.simulate": ("Simulation", "simulate"),
    "hwsim.studies.rows": ("StudyRows", "explore"),
    "hwsim.training.outcome": ("Outcome",),
    "hwsim.training.run": ("train",),
    "models.connectivity.pattern": ("Pattern",),
    "models.data.arrays": ("dataset",),
    "models.data.dataset": ("Dataset",),
    "models.errors": ("InputError",),
    "models.pattern_quality.scatter": ("Scatter",),
}


def __getattr__(name: str) -> Any:
    """Load a name when it is asked for: the command line must answer the interrupt key before anything is loaded."""
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
