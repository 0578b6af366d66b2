import pytest


def pytest_configure(config: pytest.Config) -> None:
    # Components are also made for their model() alone: by tests, and by the models of components that contain them.
    config.addinivalue_line("filterwarnings", "ignore::amaranth.hdl.UnusedElaboratable")
