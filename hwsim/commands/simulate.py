"""The commands ``hwsim simulate`` and ``hwsim diff``."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.commands import describe
from hwsim.commands.completion import choice
from hwsim.commands.console import Console, console_of, stored
from hwsim.commands.options import Common, ConfigPath, Epochs, Force, Samples, Where, given, met
from hwsim.commands.progress import preparing, sample_watcher
from hwsim.commands.report import leave
from hwsim.simulation.disturbances import MACHINE, Disturbances
from hwsim.tables import NOTHING, columns, number, percent, table
from models.errors import ArgumentError

if TYPE_CHECKING:
    from hwsim.simulation.simulate import Simulation


CHECKS = ("new", "every")
"""Which junction cycles of the machine are checked clock by clock."""


@dataclass(frozen=True)
class Simulating:
    """What is simulated, and what happens on the way."""

    samples: Samples = None
    epochs: Epochs = 1
    trace: Annotated[str | None, given("clocks to record", "FIRST:LAST")] = None
    trace_format: Annotated[
        str | None,
        given(
            "in which the trace is left beside its JSON lines: vcd (if not given), perfetto",
            "NAME,...",
            complete=choice("trace_format"),
        ),
    ] = None
    check: Annotated[
        str | None,
        given(
            "junction cycles that are checked clock by clock: new (if not given): in which something is met for the first "
            "time; every",
            "WHICH",
            complete=choice("check"),
        ),
    ] = None
    late: Annotated[float, met(MACHINE, "late")] = 0.0
    inference: Annotated[float, met(MACHINE, "inference")] = 0.0
    blocked: Annotated[float, met(MACHINE, "blocked")] = 0.0


def simulate(config: ConfigPath, where: Where, simulating: Simulating, *, force: Force = False, common: Common) -> None:
    """Run the accelerator clock by clock beside the reference.

    It learns from real data. Clocks and utilisation are printed; pictures are left, and a trace if asked for. Exit code
    1 if an access does not fit a port, or if an integer differs from the reference's.
    """
    from hwsim.design import Design
    from hwsim.results import kept_inputs
    from hwsim.results.directory import METRICS, RunDirectory
    from hwsim.simulation.files import write
    from hwsim.simulation.simulate import simulate

    window = parse_window(simulating.trace)
    traced = parse_formats(simulating.trace_format, window)
    check_every = parse_check(simulating.check)
    disturbances = Disturbances(simulating.late, simulating.inference, simulating.blocked)
    loaded = common.load(config, samples=simulating.samples, epochs=simulating.epochs)
    design = Design(loaded)
    console = console_of(common.quiet)
    describe.describe(console, loaded, design)
    data = design.dataset(where.data_dir)
    given_options = {"trace": simulating.trace, "trace_format": simulating.trace_format, "check": simulating.check}
    options = {**given_options, **disturbances.options}
    directory = RunDirectory(where.out, loaded, "simulate", options, force=force)
    with directory.locked():
        with preparing(common.quiet), sample_watcher(common.quiet) as watch:
            run = simulate(design, data.train, window, watch, disturbances, check_every)
        write(run, directory, traced)
        kept_inputs.write(directory, loaded, data)
        leave(directory)
    tell(console, run)
    console.found(stored(directory.path, METRICS))
    console.print(f"results in {directory.path}")
    if run.differences:
        raise typer.Exit(1)


def diff(
    first: Annotated[Path, typer.Argument(metavar="LOG", help="trace.jsonl of one run", show_default=False)],
    second: Annotated[Path, typer.Argument(metavar="LOG", help="of another", show_default=False)],
) -> None:
    """Find the first difference of two event logs.

    Clock, junction, memory, lane and field are named. Exit code 1 if there is one.
    """
    from hwsim.events.difference import first_difference
    from hwsim.events.lines import read_events

    difference = first_difference(read_events(first), read_events(second))
    if difference is None:
        console_of().print("no difference")
        return
    console_of().print(str(difference))
    raise typer.Exit(1)


def tell(console: Console, run: "Simulation") -> None:
    """Print what a person wants to know first."""
    from hwsim.schedule.figures import JUNCTION
    from hwsim.simulation.figures import ENTERED, JUNCTIONS, SIMULATION, USE
    from hwsim.simulation.metrics import bandwidth, clocks_per_input, memory_use
    from hwsim.vocabulary import BP

    m = run.machine
    waits = "" if m.external is None else f", {m.external.stall_clocks:,} of all clocks waiting for weights"
    parts = f"{m.timing.pass_clocks} of work, flush {m.timing.flush}{waits}"
    rows = table(
        f"machine: {m.elapsed:,} clocks, {clocks_per_input(run):,.6g} per input ({parts})",
        *columns(JUNCTION, junction="junction"),
        *columns(SIMULATION, busy_FF="FF busy", busy_BP="BP busy", busy_UP="UP busy"),
        *columns(JUNCTION, stall_clocks="stall clocks a pass"),
        *columns(JUNCTIONS, staleness="staleness (updates)", shortest_revisit="shortest revisit (clocks)"),
    )
    for j, s in enumerate(m.schedule.junctions):
        busy = [percent(float(m.counts[j, i, 0]) / max(m.elapsed, 1)) if j or i != BP else NOTHING for i in range(3)]
        stale = run.design.config.hops.staleness(s.number, len(run.design.patterns))
        rows.add_row(*[number(s.number), *busy, number(s.stall_clocks), number(stale), number(s.revisit_distance)])
    console.print(rows)
    memories = table(
        "memory use, accesses per clock of one memory, all banks together",
        "memory",
        *columns(USE, reads="reads", writes="writes"),
    )
    for key, (reads, writes) in memory_use(run).items():
        memories.add_row(str(key), number(reads, ".3f"), number(writes, ".3f"))
    console.print(memories)
    named = {"training_samples": "training samples", "inference_samples": "inference samples", "bubbles": "bubbles"}
    entered = table("what entered", *columns(ENTERED, **named, stalled_clocks="clocks stalled by the output"))
    entered.add_row(*(number(n) for n in (run.predicted, run.inference, run.bubbles, m.standing_clocks)))
    console.print(entered)
    moved = ", ".join(f"{name} {bits:,.0f}" for name, bits in bandwidth(run).items())
    console.print(f"bandwidth (bits per clock, average): {moved}")
    console.print(f"training accuracy as fed: {percent(run.correct / max(run.predicted, 1))} of {run.predicted:,} samples")
    console.print(f"checked in full: {m.checked_cycles:,} junction cycles; repeated: {m.repeated_cycles:,}")
    if run.differences:
        console.print(f"DIFFERS from the reference in: {', '.join(run.differences)}")
    else:
        console.print("every weight, bias, counter and sample in flight equals the reference's, integer by integer")


def parse_window(text: str | None, *, to_play: bool = False) -> tuple[int, int] | None:
    """``FIRST:LAST`` as clocks: to record, or to play.

    Raises
    ------
    InputError
        If the text is anything else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,18}):([0-9]{1,18})", text)  # what fits into 64 bits
    if match is None or int(match[1]) >= int(match[2]):
        name = "clocks" if to_play else "window"
        raise ArgumentError(name, text, "must read FIRST:LAST, two clocks in ascending order", ["0:100"])
    return int(match[1]), int(match[2])


def parse_check(text: str | None) -> bool:
    """Whether every junction cycle is checked clock by clock.

    Raises
    ------
    InputError
        If the text is anything else than one of :data:`CHECKS`.
    """
    if text not in (None, *CHECKS):
        raise ArgumentError("check", text, "is not known", CHECKS)
    return text == "every"


def parse_formats(text: str | None, window: tuple[int, int] | None) -> tuple[str, ...]:
    """Formats of a trace, ``NAME,...``; none where there is no trace.

    Raises
    ------
    InputError
        If a name is unknown, or if there is nothing to be left in a format.
    """
    from hwsim.simulation.files import TRACE_FORMATS

    if window is None:
        if text is not None:
            raise ArgumentError("trace_format", text, "needs --trace: clocks to record")
        return ()
    names = tuple(dict.fromkeys((text or "vcd").split(",")))
    for name in names:
        if name not in TRACE_FORMATS:
            raise ArgumentError("trace_format", name, "is not known", TRACE_FORMATS)
    return names
