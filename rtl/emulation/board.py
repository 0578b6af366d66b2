"""A board's program while it runs."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from models.errors import ArgumentError

_PATIENCE = 10.0
"""Seconds within which a program that has nothing else to do ends."""


@dataclass(frozen=True)
class Spell:
    """What a board has done while a client was there, or since it began.

    Attributes
    ----------
    whole
        Whether that was all of it: the board has stopped.
    clocks
        Of the design.
    seconds
        Wall-clock time; that in which time stood still for the design is not counted.
    bytes_in, bytes_out
        Through the wires ``rx`` and ``tx``.
    """

    whole: bool
    clocks: int
    seconds: float
    bytes_in: int
    bytes_out: int


class Board:
    """Runs a program that :func:`rtl.emulation.program.build` has made, inside a ``with``; it ends with its parent.

    Parameters
    ----------
    program
        Of the design.
    terminal
        A symbolic link that the program makes to its pseudo-terminal; one that is there is replaced.
    port
        Where to listen on this machine, 0 for any free one.

    Attributes
    ----------
    port
        Where it listens, once it runs.
    device
        The pseudo-terminal.
    """

    def __init__(self, program: Path, terminal: Path, port: int = 0) -> None:
        self.port, self.device, self._terminal = port, "", terminal
        self._program = program
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Board":
        """Start it.

        Raises
        ------
        InputError
            If it cannot have its port.
        """
        words = [
            str(self._program.absolute()),
            "--port",
            str(self.port),
            "--tty",
            str(self._terminal.absolute()),
            "--attached",
        ]
        # A group of its own: the interrupt key is for its clients, which still need it to save what has been learned.
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        line = self._out.readline()
        if not line:
            assert self._process.stderr is not None
            told = self._process.stderr.read().strip().removeprefix("board: ") or "the board's program has ended"
            self.__exit__(None, None, None)
            raise ArgumentError("port", self.port, f"is not to be had: {told}; give another, or 0 for any free one")
        known = json.loads(line)
        self.port, self.device = known["port"], known["terminal"]
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process is not None, "it does not run"
        return self._process.pid

    @property
    def _out(self) -> IO[str]:
        assert self._process is not None and self._process.stdout is not None, "it does not run"
        return self._process.stdout

    def spells(self) -> Iterator[Spell]:
        """What it did for each client, when that has left; the last one, of all together, when it has stopped."""
        for line in self._out:
            yield _spell(json.loads(line))

    def stop(self) -> None:
        """Let it end: the spells that :meth:`spells` has not told yet, and the last one, can still be had."""
        assert self._process is not None, "it does not run"
        self._process.terminate()


def _spell(known: dict[str, Any]) -> Spell:
    return Spell(known.pop("event") == "stopped", **known)
