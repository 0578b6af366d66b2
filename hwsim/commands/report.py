"""The command ``hwsim report``, and the page that other commands leave."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwsim.commands.console import console_of
from hwsim.commands.options import Quiet, file
from models.errors import ArgumentError

if TYPE_CHECKING:
    from hwsim.results.directory import RunDirectory
    from hwsim.studies.directory import StudyDirectory

_AGAIN = ("--out", "../again")
_REVERSED = ("dsp", "place")
"""Options of which the command line has the opposite."""
_REPEATING = {
    "check": "hwsim check base.yaml",
    "fixed": "hwsim train base.yaml --engine fixed",
    "float": "hwsim train base.yaml --engine float",
    "cycle": "hwsim train base.yaml --engine cycle",
    "pattern": "hwsim scatter base.yaml",
}
"""By measurement: what does the same for one configuration."""


def report(
    directories: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="of a run or study; of several runs to compare", show_default=False),
    ],
    out: Annotated[Path | None, file("for the page; default: report.html in DIR, comparison.html for several")] = None,
    quiet: Quiet = False,
) -> None:
    """Put runs or a study on one page for a browser.

    It needs no network and no other file; several runs stand side by side.
    """
    from hwsim.results.directory import REPORT, add_file
    from models.files.regular import is_file
    from models.files.whole import write_whole

    page = _page(directories)
    if out is None and len(directories) == 1:
        add_file(directories[0], REPORT, page, force=True)
        target = directories[0] / REPORT
    else:
        target = out or Path("comparison.html")
        if is_file(target) and not _is_report(target):
            raise ArgumentError("out", str(target), "is there and is no report: give another name")
        write_whole(target, page)
    console_of(quiet).print(f"report in {target}")


def _page(directories: list[Path]) -> bytes:
    from hwsim.reports import comparison

    if len(directories) > 1:
        return comparison.page(directories)
    (directory,) = directories
    return study_page(directory) if _is_study(directory) else run_page(directory)


def _is_study(directory: Path) -> bool:
    from hwsim.studies.directory import STUDY
    from models.files.regular import is_file

    return is_file(directory / STUDY)


def _is_report(path: Path) -> bool:
    from hwsim.reports.page import is_report

    return is_report(path)


def run_page(directory: Path) -> bytes:
    """The report of a run."""
    from hwsim.reports import run
    from hwsim.results.directory import CONFIG, recorded
    from hwsim.results.stored import read_run

    read_run(directory)  # refuses what is none
    record = recorded(directory)
    return run.page(directory, repeated(record.get("command"), CONFIG, record.get("options", {})))


def study_page(directory: Path) -> bytes:
    """The report of a study."""
    from hwsim.reports import study
    from hwsim.studies.definition.study import load
    from hwsim.studies.directory import STUDY

    targets = load(directory / STUDY).synth.targets
    synth = {"synth": f"hwsim synth base.yaml {shlex.join(['--target', targets[0]])}"}
    commands = {m: f"{c} {shlex.join(_AGAIN)}" for m, c in (_REPEATING | synth).items()}
    whole = shlex.join(["hwsim", "explore", STUDY, *_AGAIN])
    return study.page(directory, study.Repeating(commands, settings, "--seed", whole))


def settings(sets: Mapping[str, Any]) -> str:
    """The words of a command line that set keys of a configuration."""
    from hwsim.reports.study_content import assignment

    return shlex.join(word for key, value in sets.items() for word in ("--set", assignment(key, value)))


def repeated(command: Any, config: str, options: Mapping[str, Any]) -> str:
    """The command that does once more what has filled a directory."""
    words = ["hwsim", command if isinstance(command, str) else "train", config]
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if name == "enough" or name in _REVERSED:
            continue
        words += [option] if value is True else [option, str(value)]
    if command == "synth":
        words += [f"--no-{name}" for name in _REVERSED if not options.get(name)]
    return shlex.join([*words, *_AGAIN])


def leave(directory: "RunDirectory | StudyDirectory") -> None:
    """Write the page of a directory that a command has filled, and still owns."""
    from hwsim.results.directory import REPORT, RunDirectory
    from hwsim.studies.directory import PAGE

    if isinstance(directory, RunDirectory):
        directory.write_bytes(REPORT, run_page(directory.path))
    else:
        directory.write(PAGE, study_page(directory.path))
