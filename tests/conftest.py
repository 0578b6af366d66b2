"""What holds for all tests."""

import os

from hypothesis import settings

# Workers of pytest-xdist have it, one process alone has not: what a command prints shall not depend on that.
os.environ.pop("COLUMNS", None)

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("hwsim", deadline=None)
settings.load_profile("hwsim")
