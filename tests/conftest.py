"""What holds for all tests."""

import gc
import os

from hypothesis import settings

# Workers of pytest-xdist have it, one process alone has not: what a command prints shall not depend on that.
os.environ.pop("COLUMNS", None)

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("hwsim", deadline=None)
settings.load_profile("hwsim")


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: not one search for garbage needs to look at them again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
