"""Components are made for their models alone, as in the tests of the hardware."""

from tests.rtl.conftest import pytest_configure, pytest_sessionfinish

__all__ = ["pytest_configure", "pytest_sessionfinish"]
