"""A plugin of pytest (``-p hwsim.benchmark.sampled_tests``): the same tests with two states of the code, and how many.

With ``--collect-only``, the names of all tests are left in a folder; without, only those tests are run whose names all
states of the code have left there, and of these one in so many, by a checksum of its name. Give options with ``=``: pytest
takes every word that is the name of something for a place of tests.
"""

import json
import secrets
import zlib
from pathlib import Path
from typing import Any

import pytest

from hwsim.figure import Figure, Figures

TESTS = Figures(
    "tests",
    {
        "tests": Figure("tests", "that were run, skipped ones among them"),
        "failed_tests": Figure("tests", "that failed, and files of tests that could not be read"),
    },
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the plugin."""
    group = parser.getgroup("sampled tests")
    group.addoption("--one-in", type=int, default=1, metavar="N", help="run one test in so many")
    group.addoption("--known-in", type=Path, metavar="DIR", help="run tests whose names all files of a folder have")
    group.addoption("--figures", type=Path, metavar="FILE", help="leave there how many tests were run, and failed")


def pytest_configure(config: pytest.Config) -> None:
    """Only the process that hands out tests counts them."""
    if (config.option.figures is not None or config.option.collectonly) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Count(config.option.figures))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """Leave the names of tests, or tests that are not asked for, out."""
    known: Path | None = config.option.known_in
    if known is not None and config.option.collectonly:
        known.mkdir(exist_ok=True)
        (known / f"{secrets.token_hex(8)}.json").write_text(json.dumps([item.nodeid for item in items]))
        return
    files = [] if known is None else [*known.glob("*.json")]
    everywhere = [set(json.loads(file.read_text())) for file in files]
    one_in = config.option.one_in

    def is_wanted(name: str) -> bool:
        return zlib.crc32(name.encode()) % one_in == 0 and all(name in names for names in everywhere)

    left = [item for item in items if not is_wanted(item.nodeid)]
    items[:] = [item for item in items if is_wanted(item.nodeid)]
    config.hook.pytest_deselected(items=left)


class _Count:
    """Tests by name, and what became of them."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._run: set[str] = set()
        self._failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._run.add(report.nodeid)
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._failed.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Failed tests are a figure, not a failure of the run; files that other code cannot read have no names."""
        forgiven = {pytest.ExitCode.TESTS_FAILED, *([pytest.ExitCode.INTERRUPTED] if self._file is None else [])}
        if self._file is not None:
            told = TESTS.all_told({"tests": len(self._run), "failed_tests": len(self._failed)})
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(told))
        if session.exitstatus in forgiven:
            session.exitstatus = pytest.ExitCode.OK
