from pathlib import Path

import pytest

from rtl.emulation.program import build


@pytest.fixture(scope="session")
def echo(tmp_path_factory) -> Path:
    """The program of a design that sends back what it gets."""
    text = Path(__file__).with_name("echo.v").read_text()
    return build(text, "echo", tmp_path_factory.mktemp("echo"), bit_clocks=4, quiet_clocks=200_000)
