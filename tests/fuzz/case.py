"""One case: a command on a changed file, in this process, and what every answer of hwsim must look like."""

import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

from hwsim.commands import app as cli


@dataclass(frozen=True)
class Answer:
    """What a command has said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Case:
    """A command, what was done to its files, and what is wrong with an answer that is none of bad input (None: nothing)."""

    what: str
    run: Callable[[], Answer]
    wrong: Callable[[Answer], str | None]


class Reader(Protocol):
    """Something that reads files: makes sound ones once, and cases of changed ones."""

    def __init__(self, home: Path) -> None: ...

    def case(self, rng: Random, folder: Path, change: bool = True) -> Case:
        """Changed files in an empty folder; sound ones, which must be taken, without ``change``."""
        ...


def command(*arguments: object) -> Answer:
    """A command of hwsim in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("always")  # each would be seen by a user whose process begins with this command
        code = cli.run([*map(str, arguments)])
    return Answer(code, out.getvalue(), err.getvalue())


def fault(case: Case) -> tuple[int | None, str | None]:
    """Exit code, and what is wrong with the answer.

    Raises
    ------
    Exception
        Whatever the command lets through.
    """
    answer = case.run()
    if answer.code not in (0, 1, 2):
        return answer.code, f"exit code {answer.code}"
    if "Warning: " in answer.err:
        return answer.code, f"a warning: {answer.err[:300]!r}"
    if answer.code < 2:
        return answer.code, case.wrong(answer)
    lines = answer.err.splitlines()
    if len(lines) != 1 or not lines[0].startswith("hwsim: ") or not lines[0].isprintable():
        return 2, f"not one line: {answer.err[:300]!r}"
    if len(lines[0]) > 1500:
        return 2, f"a line of {len(lines[0])} characters: {lines[0][:200]!r}"
    if answer.out:
        return 2, f"bad input with output: {answer.out[:200]!r}"
    return 2, None
