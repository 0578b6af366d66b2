"""What makes a result repeatable: versions of the tools, seed and configuration."""

import platform
from importlib import metadata
from typing import Any

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration

_TOOLS = ("hwsim", "numpy", "numba", "llvmlite", "pydantic", "matplotlib")


def provenance(config: Configuration) -> dict[str, Any]:
    """What makes a result repeatable: versions, seed and configuration."""
    return {
        "tools": {"python": platform.python_version()} | {t: metadata.version(t) for t in _TOOLS},
        "seed": config.seed,
        "configuration_hash": config_file.fingerprint(config),
        "name": config.name,
    }
