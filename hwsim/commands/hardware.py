"""The commands ``hwsim verilog``, ``cosim`` and ``synth``: all that is known here of the hardware package."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from hwsim.commands.completion import choice, targets
from hwsim.commands.console import console_of, fail, say, stored
from hwsim.commands.options import Common, ConfigPath, Force, Out, Where, given, met, replacing
from hwsim.commands.progress import clock_watcher, preparing, step_watcher
from hwsim.commands.report import leave
from hwsim.simulation.disturbances import STREAMS, Disturbances
from hwsim.tables import Column, table
from models.errors import InputError


@contextmanager
def tools() -> Iterator[None]:
    """Around an import of the hardware package, whose tools are an extra."""
    try:
        yield
    except ModuleNotFoundError as e:
        if e.name is None or e.name.split(".")[0] in ("rtl", "hwsim", "models"):
            raise
        rule = "is missing: install the hardware tools with pip install 'hwsim[rtl]'"
        raise InputError(f"package {e.name}", None, rule) from None


def verilog(
    config: ConfigPath, out: Out = None, *, force: Annotated[bool, replacing("another design")] = False, common: Common
) -> None:
    """Write the accelerator as synthesizable Verilog.

    With it come memory contents, names of signals, a core and a description.
    """
    from hwsim.design import Design
    from hwsim.results.directory import RunDirectory
    from hwsim.schedule.figures import of_inventory

    with tools():
        from rtl.cosim import golden
        from rtl.verilog import files
        from rtl.verilog.generate import generate

    loaded = common.load_circuit(config)
    console = console_of(common.quiet)
    directory = RunDirectory(out, loaded, "verilog", force=force)
    with directory.locked():
        emitted = generate(Design(loaded))
        written = files.write(emitted, directory, golden.files(emitted))
    of = emitted.accelerator.plan
    console.found(of_inventory(of.design.inventory))
    console.print(f"{loaded.name}: {of.period} clocks per input, {sum(of.multipliers.values())} multipliers")
    console.print(f"{len(emitted.text.splitlines()):,} lines of Verilog; in {directory.path}: {', '.join(written)}")


@dataclass(frozen=True)
class Cosimulating:
    """What is simulated, by which simulator, and what the streams meet."""

    simulator: Annotated[
        str, typer.Option(metavar="NAME", help="icarus | verilator", autocompletion=choice("simulator"))
    ] = "icarus"
    samples: Annotated[int, typer.Option(metavar="N", help="training samples to feed")] = 100
    idle: Annotated[float, met(STREAMS, "idle")] = 0.0
    blocked: Annotated[float, met(STREAMS, "blocked")] = 0.0
    inference: Annotated[float, met(STREAMS, "inference")] = 0.0
    illegal: Annotated[float, met(STREAMS, "illegal")] = 0.0
    waves: Annotated[bool, typer.Option("--waves", help="let the simulator write a waveform of everything")] = False
    scenarios: Annotated[
        str | None, given("some of those that every run has, with commas between; data is the user's own", "NAMES")
    ] = None
    timeout: Annotated[int | None, given("clocks after which a signal that has not come is given up", "CLOCKS")] = None


def cosim(config: ConfigPath, where: Where, cosimulating: Cosimulating, *, force: Force = False, common: Common) -> None:
    """Compare the simulated Verilog with the machine.

    On real data and in all scenarios, every clock must be that of the machine and of the protocol.
    Exit code 1 at the first difference, which is named and left as two event logs and two waveforms.
    """
    from hwsim.design import Design
    from hwsim.results import kept_inputs
    from hwsim.results.directory import METRICS, RunDirectory

    with tools():
        from rtl.cosim import cosimulation

    wanted = cosimulating
    met_with = {name: getattr(wanted, name) for name in STREAMS.meanings}
    disturbances = Disturbances(**met_with, place=STREAMS)
    loaded = common.load_circuit(config)
    design = Design(loaded)
    console = console_of(common.quiet)
    data = design.dataset(where.data_dir)
    chosen = cosimulation.check(wanted.simulator, wanted.samples, loaded, disturbances, wanted.scenarios, wanted.timeout)
    options = {"simulator": wanted.simulator, "samples": wanted.samples, "waves": wanted.waves, **disturbances.options}
    options |= {"scenarios": ",".join(chosen), "timeout": wanted.timeout}
    directory = RunDirectory(where.out, loaded, "cosim", options, force=force)
    with directory.locked(), preparing(common.quiet), clock_watcher(common.quiet) as watch:
        directory.begin()
        folder = directory / cosimulation.SIMULATION
        asked = cosimulation.Asked(chosen, wanted.timeout, wanted.waves, watch)
        run = cosimulation.cosimulate(design, data.train, wanted.simulator, wanted.samples, folder, disturbances, asked)
        cosimulation.write(run, directory)
        kept_inputs.write(directory, loaded, data)
        leave(directory)
    value = Column("value", unit="as its row says", meaning="of the figure")
    rows = table(f"{loaded.name}: Verilog under {wanted.simulator}", "figure", value)
    for row in cosimulation.rows(run):
        rows.add_row(*row)
    console.print(rows)
    console.found(stored(directory.path, METRICS))
    console.print(cosimulation.part_table(run))
    if run.outcome.mismatch is not None:
        say(f"Verilog and machine differ: {run.outcome.mismatch}; logs and waveforms in {directory.path}")
        raise typer.Exit(1)
    console.print(f"machine = Verilog at every clock; results in {directory.path}")


@dataclass(frozen=True)
class Synthesising:
    """What synthesis must reach, and how it goes about it."""

    frequency: Annotated[float | None, given("clock frequency that must be reached", "MHZ")] = None
    time_limit: Annotated[float | None, given("seconds for all tools together", "S")] = None
    no_dsp: Annotated[bool, typer.Option("--no-dsp", help="multipliers from LUTs, not from DSP blocks")] = False
    no_place: Annotated[bool, typer.Option("--no-place", help="counts only: no place and route, no frequency")] = False
    seeds: Annotated[int, given("placements, each from a seed of its own; the median counts", "N")] = 1
    no_cache: Annotated[bool, typer.Option("--no-cache", help="run the tools even if the result is known")] = False


def synth(
    config: ConfigPath,
    target: Annotated[
        str,
        given(
            "ecp5-25k | ecp5-45k | ecp5-85k | ice40-up5k | nexus-40k | gowin-18k | gatemate-a1 | xc7",
            "NAME",
            complete=targets,
        ),
    ],
    out: Out = None,
    *,
    synthesising: Synthesising,
    force: Force = False,
    common: Common,
) -> None:
    """Synthesize the Verilog for an FPGA, with open tools.

    Resources, clock frequency, samples per second and, where the tools can, a bitstream.
    Exit code 1 if the design does not fit, misses --frequency or --time-limit, or if a tool fails.
    """
    from hwsim.design import Design
    from hwsim.results.directory import RunDirectory

    with tools():
        from rtl.synthesis import session

    wanted = synthesising
    options = session.Options(
        wanted.frequency, wanted.time_limit, not wanted.no_dsp, not wanted.no_cache, not wanted.no_place, wanted.seeds
    )
    chosen = session.target(target)
    session.prepare(chosen, options)
    loaded = common.load_circuit(config)
    console = console_of(common.quiet)
    shaping = {"target": chosen.name} | {name: value for name, value in asdict(options).items() if name != "cached"}
    directory = RunDirectory(out, loaded, "synth", shaping, force=force)
    emitted = session.generate(Design(loaded))
    with directory.locked(), step_watcher(common.quiet) as watch:
        directory.begin()
        made = session.synthesise(emitted, chosen, directory / "synthesis", options, watch)
        written = session.write(made, directory)
        leave(directory)
    console.print(session.table(made))
    found = stored(directory.path, session.SYNTHESIS)
    console.found(found | found["resources"])
    for line in session.lines(made):
        console.print(line)
    if made.from_cache:
        console.print("--no-cache runs the tools")
    if made.lacks_dsp:
        console.print("--no-dsp builds all multipliers from LUTs")
    console.print(f"in {directory.path}: {', '.join(written)}")
    if made.failure is not None:
        raise typer.Exit(fail(made.failure, 1))
