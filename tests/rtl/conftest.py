import gc
import warnings

import pytest
from amaranth.hdl import UnusedElaboratable

from tests.rtl import yosys_here


def pytest_configure(config: pytest.Config) -> None:
    # Components are also made for their model() alone: by tests, and by the models of components that contain them.
    config.addinivalue_line("filterwarnings", "ignore::amaranth.hdl.UnusedElaboratable")
    yosys_here.use()


def pytest_sessionfinish() -> None:
    # Those of the last tests go while that still holds: afterwards each of them is an error.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedElaboratable)
        gc.collect()
