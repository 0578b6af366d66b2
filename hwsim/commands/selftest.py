"""The command ``hwsim selftest``."""

import shlex
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.commands.completion import choice
from hwsim.commands.console import console_of, fail, say
from hwsim.commands.hardware import tools
from hwsim.commands.options import Out, Quiet, Seed, given
from hwsim.commands.progress import design_watcher

if TYPE_CHECKING:
    from hwsim.selftest.case import Case
    from hwsim.selftest.run import Outcome, Pairs, Wanted

_DESIGNS = 200
_SHRUNK = 3
"""Failures that are made smaller; the others are only told."""
_TRIES, _TRIES_OF_VERILOG = 500, 60
"""Designs that are tried for each."""


@dataclass(frozen=True)
class Drawing:
    """How much is drawn."""

    designs: Annotated[int | None, given(f"designs to draw; {_DESIGNS} unless --seconds ends it", "N")] = None
    seconds: Annotated[float | None, given("no new design after so many seconds", "S")] = None
    only: Annotated[int | None, given("design number K of the seed, and no other", "K")] = None
    workers: Annotated[int, typer.Option(metavar="W", help="local processes; results do not depend on it")] = 1


@dataclass(frozen=True)
class Comparing:
    """Which engines are compared."""

    engines: Annotated[str, typer.Option(metavar="NAMES", help="reference, machine, verilog")] = "reference,machine"
    simulator: Annotated[
        str, typer.Option(metavar="NAME", help="icarus | verilator", autocompletion=choice("simulator"))
    ] = "icarus"

    def pairs(self) -> "Pairs":
        """The comparisons, by the names of the engines."""
        from hwsim.selftest import run

        engines = run.check_engines(name.strip() for name in self.engines.split(","))
        if "verilog" not in engines:
            return run.pairs(engines)
        with tools():
            from rtl.cosim import selftest, simulators

        simulators.runner(self.simulator)  # refuses one that is not there
        return run.pairs(engines, partial(selftest.compare, simulator=self.simulator))

    def told(self) -> list[str]:
        """As options, those at their defaults left out."""
        default = Comparing()
        words = [] if self.engines == default.engines else ["--engines", self.engines]
        return words if self.simulator == default.simulator else [*words, "--simulator", self.simulator]


def selftest(
    config: Annotated[
        Path | None, typer.Argument(metavar="[CONFIG]", help="this design in place of drawn ones", show_default=False)
    ] = None,
    *,
    drawing: Drawing,
    comparing: Comparing,
    seed: Seed = None,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """Compare all engines on random designs.

    Legal designs are drawn over all options; reference, machine and Verilog must agree in every integer on random samples.
    Exit code 1 at a difference: the smallest design that shows it is left, and told is the command that repeats it.
    """
    from hwsim.selftest import report, run
    from hwsim.selftest.case import read
    from hwsim.selftest.directory import SelftestDirectory
    from hwsim.selftest.draw import drawn

    designs = _DESIGNS if drawing.designs is None and drawing.seconds is None else drawing.designs
    wanted = run.Wanted(seed or 0, designs, drawing.seconds, drawing.only, drawing.workers)
    pairs = comparing.pairs()
    known = None if config is None else read(config)
    console = console_of(quiet)
    directory = SelftestDirectory(out or Path("runs") / _name(config, wanted))
    outcomes: list[Outcome] = []
    interrupted = False
    with directory.locked(config):
        try:
            with design_watcher(quiet, wanted.designs) as watch:
                outcomes.extend(run.run(wanted, pairs, watch) if known is None else [run.examine(known, pairs)])
        except KeyboardInterrupt:
            interrupted = True
        for rows in report.tables(outcomes, wanted.seed):
            console.print(rows)
        figures = report.figures(outcomes, wanted.seed)
        console.found(figures)
        directory.report(figures)
        failed = report.failures(outcomes)
        for outcome in failed:
            which = [str(config)] if config is not None else ["--seed", str(wanted.seed), "--only", str(outcome.number)]
            _tell(outcome, [*which, *comparing.told()])
        for outcome in [o for o in failed if o.failure and o.failure.pair in pairs and not interrupted][:_SHRUNK]:
            left = directory.failing(outcome.number, _smallest(known or drawn(wanted.seed, outcome.number), outcome, pairs))
            say(f"hwsim: the smallest such design: {_again([str(left), *comparing.told()])}")
    console.print(f"results in {directory.path}")
    if interrupted or failed:
        raise typer.Exit(130 if interrupted else 1)


def _name(config: Path | None, wanted: "Wanted") -> str:
    """Of the directory: repeating one design leaves the report that told of it alone."""
    if config is not None:
        return f"selftest-{config.stem}"
    return f"selftest-{wanted.seed}" if wanted.only is None else f"selftest-{wanted.seed}-{wanted.only}"


def _again(arguments: list[str]) -> str:
    return shlex.join(["hwsim", "selftest", *arguments])


def _tell(outcome: "Outcome", arguments: list[str]) -> None:
    assert outcome.failure is not None
    fail(f"{outcome.failure.pair} differ: {outcome.failure.what}; repeat with: {_again(arguments)}", 1)


def _smallest(case: "Case", outcome: "Outcome", pairs: "Pairs") -> str:
    """The text of the smallest case that fails like one that has failed."""
    from hwsim.selftest.run import REFERENCE, smallest

    assert outcome.failure is not None
    most = _TRIES if outcome.failure.pair == REFERENCE else _TRIES_OF_VERILOG
    return smallest(case, outcome.failure, pairs, most).case.text()
