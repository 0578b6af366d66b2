"""Processes that need not load everything once more: forked from one that has, and stopped or killed as any other.

Loading the compiler and the inner loops takes a command ten times as long as what it does in a test. Processes that start
with nothing are in the tests of starting, ``test_nowhere_to_write`` and ``test_app``.
"""

import atexit
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import IO, Any

COMMAND = "from hwsim.__main__ import main\nmain()\n"
"""The program of ``python -m hwsim``."""

_LOADED = (
    "hwsim.measurements.ready",
    "hwsim.commands.app",
    "hwsim.patterns.scatter",
    "hwsim.pictures.training",
    "hwsim.simulation.simulate",
    "hwsim.studies.measuring.explore",
    "hwsim.training.run",
    "matplotlib.backends.backend_agg",
)


class Process:
    """What :class:`subprocess.Popen` tells of a program whose outputs are pipes of text."""

    def __init__(self, pid: int, outputs: list[IO[str]]) -> None:
        self.pid, self.returncode = pid, None
        self._outputs = outputs

    def poll(self) -> int | None:
        """How it ended, minus the signal if one ended it; ``None`` where it has not."""
        return self._ended(os.WNOHANG)

    def communicate(self) -> tuple[str, str]:
        """What it said on its outputs, once it has ended; to be asked for once."""
        self._ended(0)
        told = []
        for file in self._outputs:
            with file:
                told.append(file.read())
        return told[0], told[1]

    def send_signal(self, number: int) -> None:
        """Nothing where it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ended(self, how: int) -> int | None:
        if self.returncode is None:
            self.returncode = _asked({"wait": self.pid, "how": how})
        return self.returncode


def begun(program: str, *arguments: object) -> Process:
    """A Python program that goes on by itself, with the folder and the environment of this process."""
    outputs = [tempfile.NamedTemporaryFile("r") for _ in range(2)]  # noqa: SIM115  # open until it is read
    told = {"arguments": [str(a) for a in arguments], "folder": str(Path.cwd()), "environment": dict(os.environ)}
    return Process(_asked({"program": program, "outputs": [file.name for file in outputs], **told}), outputs)


def run(program: str, *arguments: object) -> tuple[int, str]:
    """A Python program to its end: its exit code, or minus the signal that ended it, and what it said on standard error."""
    process = begun(program, *arguments)
    complaint = process.communicate()[1]
    assert process.returncode is not None
    return process.returncode, complaint


def _asked(question: dict[str, Any]) -> Any:
    server = _server()
    server.stdin.write(json.dumps(question) + "\n")
    server.stdin.flush()
    return json.loads(server.stdout.readline())


@cache
def _server() -> Any:
    """It ends when nobody can ask any more."""
    command = [sys.executable, "-m", __name__]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(server.communicate)
    return server


def _serve() -> str:
    """Answers questions; returns only in a forked process, with the program that it shall be."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks decides
    for name in _LOADED:
        importlib.import_module(name)
    gc.freeze()
    for line in sys.stdin:
        question = json.loads(line)
        if "wait" in question:
            pid, status = os.waitpid(question["wait"], question["how"])
            answer = os.waitstatus_to_exitcode(status) if pid else None
        elif answer := os.fork():
            pass
        else:
            _become(question)
            return str(question["program"])
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()
    sys.exit()


def _become(told: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, path in zip((0, 1, 2), (os.devnull, *told["outputs"]), strict=True):
        os.dup2(os.open(path, os.O_RDWR), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # without the questions that have been read ahead
    os.environ.clear()
    os.environ.update(told["environment"])
    os.chdir(told["folder"])
    sys.argv[1:] = told["arguments"]


if __name__ == "__main__":
    exec(compile(_serve(), "<program>", "exec"), {"__name__": "__main__"})
