"""States of this project's code beside each other: the one that runs, and another one to compare it with."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from hwsim.worker_process import ended_like_an_interrupt
from models.errors import ArgumentError

_HERE = Path(__file__).resolve().parents[2]
_OURS = ("hwsim", "models", "rtl", "sim_configs", "tests", "tools", "docs", "pyproject.toml", "README.md", "run", ".ci")
"""Of a folder; tests read the last of them."""
_LAUNCH = Path(__file__).parent / "launch.py"
_LAST = 500  # bytes of what a command said that are read for its last line


@dataclass(frozen=True)
class Spent:
    """What one command took.

    Attributes
    ----------
    seconds
        By the clock on the wall.
    processor_seconds
        Of the command and every process that it started, on all cores.
    peak_memory
        Bytes resident at most, of the largest of those processes.
    failure
        Why it is no measurement: how the command ended, with its last line; ``None`` if it did well.
    unfinished
        Whether it was ended because it had not done so itself; it takes longer than ``seconds`` then.
    """

    seconds: float
    processor_seconds: float
    peak_memory: int
    failure: str | None = None
    unfinished: bool = False


@dataclass(frozen=True)
class Tree:
    """A state of the code: a folder that holds the packages."""

    name: str
    folder: Path

    def run(
        self,
        arguments: list[str],
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        limit: float = 3600,
        module: str = "hwsim",
    ) -> Spent:
        """Run a module with this code, in this interpreter.

        Parameters
        ----------
        arguments
            Of its command line.
        cwd, environment
            Where it runs, and variables for it beside those of this process.
        limit
            Seconds after which it is ended, with all that it has started.
        """
        with TemporaryFile() as said, TemporaryFile() as printed, TemporaryFile() as told:
            launched = [sys.executable, "-I", "-S", str(_LAUNCH), str(told.fileno()), *self.words(module, *arguments)]
            began = time.perf_counter()
            process = subprocess.Popen(
                launched,
                cwd=cwd,
                env=self.environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=said,
                pass_fds=[told.fileno()],
                start_new_session=True,
            )
            try:
                with ended_like_an_interrupt():
                    process.wait(limit)
            except subprocess.TimeoutExpired:
                return Spent(limit, 0.0, 0, f"ended after {limit:g} s", unfinished=True)
            finally:
                seconds = time.perf_counter() - began
                end(process.pid)
                process.wait()
            used = json.loads(read(told) or "{}")
            return Spent(
                used.get("seconds", seconds),
                used.get("processor_seconds", 0.0),
                int(used.get("peak_memory", 0)),
                _failure(used.get("code", process.returncode), read(said) or read(printed)),
            )

    def words(self, module: str, *arguments: str) -> list[str]:
        """The command that runs a module; the working directory may hold other code, which is not looked at."""
        return [sys.executable, "-P", "-m", module, *arguments]

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Variables with which that module is one of this code."""
        return os.environ | dict(more or {}) | {"PYTHONPATH": str(self.folder)}


def read(file: IO[bytes]) -> str:
    """The end of what somebody has written into a file that is open here."""
    file.seek(max(file.seek(0, os.SEEK_END) - _LAST, 0))
    return file.read().decode(errors="replace")


def _failure(code: int, said: str) -> str | None:
    """How a command failed, with the last line of what it said."""
    return f"exit code {code}: {last_line(said)}" if code else None


def last_line(said: str) -> str:
    """Of what somebody said, as far as it says something."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def end(group: int) -> None:
    """Whatever is left of a command and of what it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def this() -> Tree:
    """The code that runs."""
    return Tree("this", _HERE)


@contextmanager
def other(given: str) -> Iterator[Tree]:
    """The code to compare with, in the context: a copy, in which the benchmark is that of this code.

    Parameters
    ----------
    given
        A folder that holds the packages, or a revision of the checkout that this code lies in.

    Raises
    ------
    ArgumentError
        If it is neither.
    """
    with tempfile.TemporaryDirectory(prefix="hwsim-") as temporary:
        place = Path(temporary)
        if Path(given).is_dir():
            _copy(given, place)
        else:
            _extract(given, place)
        shutil.copytree(Path(__file__).parent, place / "hwsim" / "benchmark", dirs_exist_ok=True)
        yield Tree(given, place)


def _copy(folder: str, place: Path) -> None:
    """The packages of a folder, with what is compiled of them, and their tests."""
    if not (Path(folder) / "hwsim" / "__main__.py").is_file():
        raise ArgumentError("against", folder, "holds no hwsim: give the folder of a checkout, or a revision")
    for name in _OURS:
        if (Path(folder) / name).is_dir():
            shutil.copytree(Path(folder) / name, place / name)
        elif (Path(folder) / name).is_file():
            shutil.copy2(Path(folder) / name, place / name)


def _extract(revision: str, place: Path) -> None:
    """All as it was in a revision."""
    packed = place / "code.tar"
    command = ["git", "-C", str(_HERE), "archive", "-o", str(packed), "--end-of-options", revision]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        raise ArgumentError("against", revision, "needs git: install it, or give the folder of a checkout") from None
    if done.returncode:
        rule = f"is no folder and no revision of {_HERE}: give one of `git log --oneline`"
        raise ArgumentError("against", revision, rule)
    with tarfile.open(packed) as archive:
        archive.extractall(place, filter="data")
    packed.unlink()
