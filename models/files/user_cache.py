"""The folder in which results are kept for the user, not for a run."""

import os
import sys
from pathlib import Path

VARIABLE = "HWSIM_CACHE"


def folder() -> Path:
    """Where results are kept: :data:`VARIABLE`, or what is usual on the platform."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "hwsim" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "hwsim"
    base = Path(os.environ.get("XDG_CACHE_HOME") or "")
    return (base if base.is_absolute() else Path.home() / ".cache") / "hwsim"  # relative ones are to be ignored
