"""When and where: configuration, schedule, memories, the cycle-level machine, exploration and the command line."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hwsim.configuration.config_file import load
    from hwsim.configuration.configuration import Configuration
    from hwsim.design import Design
    from hwsim.training.run import train

__all__ = ["Configuration", "Design", "load", "train"]

_HOMES = {
    "Configuration": "configuration.configuration",
    "Design": "design",
    "load": "configuration.config_file",
    "train": "training.run",
}


def __getattr__(name: str) -> Any:
    """Load a name when it is asked for: the command line must answer the interrupt key before anything is loaded."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
