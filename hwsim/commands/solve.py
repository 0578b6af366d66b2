"""The command ``hwsim solve``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.commands.completion import choice
from hwsim.commands.console import Console, console_of
from hwsim.commands.options import ConfigPath, Out, Quiet, Set, given, overrides, replacing
from models.errors import ArgumentError

if TYPE_CHECKING:  # as in describe.py
    from hwsim.configuration.configuration import Configuration

_SHOWN = 20


@dataclass(frozen=True)
class Within:
    """The budget."""

    multipliers: Annotated[int | None, given("most multipliers", "N")] = None
    memory_bits: Annotated[int | None, given("most bits in memories", "N")] = None
    banks: Annotated[int | None, given("most memories with an address of their own", "N")] = None
    clocks: Annotated[int | None, given("most clocks per input", "N")] = None
    inputs_per_second: Annotated[float | None, given("least inputs per second, with --clock", "R")] = None
    clock: Annotated[float | None, given("clock frequency", "MHZ")] = None

    def most_clocks(self) -> int | None:
        """Clocks per input, the rate of inputs considered."""
        from hwsim.solver import solver

        if self.inputs_per_second is None:
            if self.clock is not None:
                solver.clocks_for(1e-6, self.clock)  # refuses what is no frequency
            return self.clocks
        if self.clock is None:
            raise ArgumentError("inputs_per_second", self.inputs_per_second, "needs the clock frequency: give <clock>")
        fastest = solver.clocks_for(self.inputs_per_second, self.clock)
        return fastest if self.clocks is None else min(self.clocks, fastest)


@dataclass(frozen=True)
class Listing:
    """Which answers are wanted, and in which order."""

    unbalanced: Annotated[bool, typer.Option("--unbalanced", help="passes of different length, too")] = False
    sort: Annotated[
        str,
        typer.Option(
            metavar="KEY", help="clocks | multipliers | banks | utilisation | product", autocompletion=choice("sort")
        ),
    ] = "clocks"
    limit: Annotated[int | None, given("candidates to keep", "N")] = None
    densities: Annotated[bool, typer.Option("--densities", help="list feasible densities instead")] = False


def solve(
    config: ConfigPath,
    within: Within,
    listing: Listing,
    *,
    force: Annotated[bool, replacing("other answers")] = False,
    out: Out = None,
    assign: Set = None,
    quiet: Quiet = False,
) -> None:
    """Find every legal parallelism z within a budget.

    Why the nearest others are none is said, too. The configuration's own z plays no part. With --out everything is
    written to solve.json. Exit code 1 if nothing fits.
    """
    from hwsim.results.directory import add_file
    from hwsim.solver import solver

    loaded = solver.load(config, overrides(assign))
    told = _densities if listing.densities else _candidates
    name, content, found = told(console_of(quiet), loaded, within, listing)
    if out is not None:
        add_file(out, name, content, force)
    if not found:
        raise typer.Exit(1)


def _densities(console: Console, config: "Configuration", _: Within, listing: Listing) -> tuple[str, bytes, bool]:
    """Print the feasible densities; returns a file, its content, and whether there are any."""
    from hwsim.solver.report import as_bytes, densities, density_json, density_table

    found = densities(config, listing.limit)
    for table in density_table(config, found, console.at_most(listing.limit or _SHOWN)):
        console.print(table)
    return "densities.json", as_bytes(density_json(config, found)), True


def _candidates(console: Console, config: "Configuration", within: Within, listing: Listing) -> tuple[str, bytes, bool]:
    """Print the candidates within the budget; returns a file, its content, and whether there are any."""
    from hwsim.solver import solver
    from hwsim.solver.near_misses import near_misses
    from hwsim.solver.report import as_bytes, as_json, as_table

    budget = solver.Budget(within.multipliers, within.memory_bits, within.banks, within.most_clocks())
    solving = solver.Solver(config, budget)
    solution = solving.solve(listing.unbalanced, listing.sort, listing.limit)
    misses = near_misses(solving, solution)
    shown = console.at_most(listing.limit or _SHOWN)
    console.print(as_table(config, solution, shown, within.clock))
    if solution.within > shown:
        console.print(f"{solution.within - shown:,} more; --limit and --out show them")
    if not solution.within and not listing.unbalanced:
        left_out = solver.unequal(solving.count_unequal(), "--unbalanced")
        console.print(f"no legal vector with passes of equal length within the budget{left_out}", soft_wrap=True)
    for miss in misses:
        console.print(f"not {', '.join(map(str, miss.z))}: {miss.reason}")
    content = as_json(config, solving, solution, misses, within.clock)
    console.found(content)
    return "solve.json", as_bytes(content), bool(solution.within)
