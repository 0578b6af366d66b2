"""The command line: thin wrappers that read options, call the package and print.

Exit codes: 0 good, 1 a check failed, 2 bad input (one line says what), 130 interrupted, 141 nobody reads the output.
"""

import io
import json
import logging
import os
import shlex
import sys
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from hwsim import cli_data, cli_explore, cli_scatter, cli_torch, config_file, report
from hwsim.cli_options import ConfigPath, DataDir, Out, Quiet, Seed, Set, console_of, overrides
from hwsim.disturbances import MACHINE, STREAMS, Disturbances
from hwsim.violations import Violation
from hwsim.watch import preparing, train_watcher
from hwsim.whole_configuration import Configuration
from models.errors import ArgumentError, InputError
from models.files import temporary

_OPTIONS = {"assignments": "set", "deviation": "std", "megahertz": "clock", "window": "trace"}
"""Options whose names are not those of the library's parameters."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli_data.register(app)
cli_explore.register(app)
cli_scatter.register(app)
cli_torch.register(app)


def _version(asked: bool) -> None:
    if asked:
        from importlib import metadata

        sys.stdout.write(f"hwsim {metadata.version('hwsim')}\n")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version and stop")
    ] = False,
) -> None:
    """Accelerators that train pre-defined sparse neural networks: reference, model, hardware."""


def _load(path: Path, seed: int | None, assignments: list[str] | None = None, **training: Any) -> Configuration:
    """The configuration with what the command line says in place of what the file says."""
    given = {f"training.{k}": v for k, v in training.items() if v is not None}
    return config_file.load(path, overrides(assignments, seed) | given)


@app.command()
def check(
    config: ConfigPath,
    out: Out = None,
    data_dir: DataDir = None,
    assign: Set = None,
    seed: Seed = None,
    quiet: Quiet = False,
) -> None:
    """Validate a configuration and print what follows from it: junctions, clocks, storage.

    It must fit its data set, whose files need not be there.
    With --out the resolved configuration and the connectivity are written there.
    """
    from hwsim import data_fit
    from hwsim.design import Design
    from hwsim.rundir import CONNECTIVITY, RunDirectory
    from models.connectivity import write_connectivity

    loaded = _load(config, seed, assign)
    design = Design(loaded)
    design.check()
    notes = data_fit.check(loaded, data_dir)
    console = console_of(quiet)
    report.describe(console, loaded, design)
    for line in notes:
        console.print(line)
    for line in report.sequences(loaded):
        console.print(line)
    if out is not None:
        directory = RunDirectory(out, loaded, None)
        with directory.locked():
            directory.write_config()
            write_connectivity(directory / CONNECTIVITY, design.patterns)


@app.command()
def train(
    config: ConfigPath,
    out: Out = None,
    data_dir: DataDir = None,
    engine: Annotated[str | None, typer.Option(help="float | fixed | cycle", show_default=False)] = None,
    order: Annotated[str | None, typer.Option(help="pipelined | sequential", show_default=False)] = None,
    samples: Annotated[
        int | None, typer.Option(metavar="N", help="training samples of an epoch", show_default=False)
    ] = None,
    epochs: Annotated[int | None, typer.Option(metavar="E", help="passes over the samples", show_default=False)] = None,
    save_stream: Annotated[bool, typer.Option("--save-stream", help="keep samples as fed and predictions")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="continue an interrupted run in --out")] = False,
    force: Annotated[bool, typer.Option("--force", help="replace another run in --out")] = False,
    assign: Set = None,
    seed: Seed = None,
    quiet: Quiet = False,
) -> None:
    """Train a network and leave a run directory; Ctrl-C stops after the current samples, --resume goes on."""
    from hwsim import plots
    from hwsim.design import Design
    from hwsim.rundir import CONFIG, FINAL, RunDirectory
    from hwsim.training import TrainingRun, interrupt_later
    from models.network import Parameters

    loaded = _load(config, seed, assign, engine=engine, order=order, samples=samples, epochs=epochs)
    design = Design(loaded)
    console = console_of(quiet)
    report.describe(console, loaded, design)
    data = design.dataset(data_dir)
    directory = RunDirectory(out, loaded, "train", {"save_stream": save_stream}, resume=resume, force=force)
    with preparing(quiet), interrupt_later():
        run = TrainingRun(design, data, directory, save_stream)
    with directory.locked():
        if resume:
            run.resume()
        with train_watcher(quiet) as watch:
            outcome = run.run(watch)
        plots.all_of_training(outcome, Parameters.read(directory / FINAL, design.network), directory)
    report.trained(console, outcome)
    console.print(f"{outcome.samples_per_second:,.0f} training samples/s; results in {directory.path}")
    if not outcome.finished:
        again = [str(directory / CONFIG), "--out", str(directory.path), *(["--save-stream"] if save_stream else [])]
        again += [] if data_dir is None else ["--data-dir", str(data_dir)]
        console.print(f"interrupted; continue with: hwsim train {shlex.join(again)} --resume", soft_wrap=True)
        raise typer.Exit(130)


@app.command()
def simulate(
    config: ConfigPath,
    out: Out = None,
    data_dir: DataDir = None,
    samples: Annotated[
        int | None, typer.Option(metavar="N", help="training samples of an epoch", show_default=False)
    ] = None,
    epochs: Annotated[int, typer.Option(metavar="E", help="passes over the samples")] = 1,
    trace: Annotated[str | None, typer.Option(metavar="FIRST:LAST", help="clocks to record", show_default=False)] = None,
    late: Annotated[float, typer.Option(metavar="P", help=MACHINE.meanings["late"].text)] = 0.0,
    inference: Annotated[float, typer.Option(metavar="P", help=MACHINE.meanings["inference"].text)] = 0.0,
    blocked: Annotated[float, typer.Option(metavar="P", help=MACHINE.meanings["blocked"].text)] = 0.0,
    force: Annotated[bool, typer.Option("--force", help="replace another run in --out")] = False,
    assign: Set = None,
    seed: Seed = None,
    quiet: Quiet = False,
) -> None:
    """Run the accelerator clock by clock on real data, beside the reference: clocks, utilisation, trace, pictures.

    Exit code 1 if an access does not fit a port, or if an integer differs from the reference's.
    """
    from hwsim import simulation
    from hwsim.design import Design
    from hwsim.rundir import RunDirectory
    from hwsim.watch import sample_watcher

    window, disturbances = simulation.parse_window(trace), Disturbances(late, inference, blocked)
    loaded = _load(config, seed, assign, samples=samples, epochs=epochs)
    design = Design(loaded)
    console = console_of(quiet)
    report.describe(console, loaded, design)
    data = design.dataset(data_dir)
    options = {"trace": trace, **disturbances.options}
    directory = RunDirectory(out, loaded, "simulate", options, force=force)
    with directory.locked():
        with preparing(quiet), sample_watcher(quiet) as watch:
            run = simulation.simulate(design, data.train, window, watch, disturbances)
        simulation.write(run, directory, traced=window is not None)
    simulation.tell(console, run)
    console.print(f"results in {directory.path}")
    if run.differences:
        raise typer.Exit(1)


@app.command()
def verilog(
    config: ConfigPath,
    out: Out = None,
    force: Annotated[bool, typer.Option("--force", help="replace another design in --out")] = False,
    assign: Set = None,
    seed: Seed = None,
    quiet: Quiet = False,
) -> None:
    """Write the accelerator as synthesizable Verilog, with memory contents, names of signals, a core and a description."""
    from hwsim.design import Design
    from hwsim.rundir import RunDirectory

    delivery = _hardware("delivery")
    loaded = _load(config, seed, assign)
    console = console_of(quiet)
    directory = RunDirectory(out, loaded, "verilog", force=force)
    with directory.locked():
        emitted = delivery.generate(Design(loaded))
        files = delivery.write(emitted, directory)
    of = emitted.accelerator.plan
    console.print(f"{loaded.name}: {of.period} clocks per input, {sum(of.multipliers.values())} multipliers")
    console.print(f"{len(emitted.text.splitlines()):,} lines of Verilog; in {directory.path}: {', '.join(files)}")


@app.command()
def cosim(
    config: ConfigPath,
    out: Out = None,
    data_dir: DataDir = None,
    simulator: Annotated[str, typer.Option(metavar="NAME", help="icarus | verilator")] = "icarus",
    samples: Annotated[int, typer.Option(metavar="N", help="training samples to feed")] = 100,
    idle: Annotated[float, typer.Option(metavar="P", help=STREAMS.meanings["idle"].text)] = 0.0,
    blocked: Annotated[float, typer.Option(metavar="P", help=STREAMS.meanings["blocked"].text)] = 0.0,
    inference: Annotated[float, typer.Option(metavar="P", help=STREAMS.meanings["inference"].text)] = 0.0,
    illegal: Annotated[float, typer.Option(metavar="P", help=STREAMS.meanings["illegal"].text)] = 0.0,
    waves: Annotated[bool, typer.Option("--waves", help="let the simulator write a waveform of everything")] = False,
    force: Annotated[bool, typer.Option("--force", help="replace another run in --out")] = False,
    assign: Set = None,
    seed: Seed = None,
    quiet: Quiet = False,
) -> None:
    """Simulate the Verilog on real data and compare it with the machine: every write of every memory at every clock.

    Exit code 1 at the first difference, which is named and left as two event logs and two waveforms.
    """
    from hwsim.design import Design
    from hwsim.rundir import RunDirectory
    from hwsim.watch import preparing

    session = _hardware("cosim.session")
    disturbances = Disturbances(idle=idle, blocked=blocked, inference=inference, illegal=illegal, place=STREAMS)
    loaded = _load(config, seed, assign)
    design = Design(loaded)
    console = console_of(quiet)
    data = design.dataset(data_dir)
    session.check(simulator, samples, loaded, disturbances)
    options = {"simulator": simulator, "samples": samples, "waves": waves, **disturbances.options}
    directory = RunDirectory(out, loaded, "cosim", options, force=force)
    with directory.locked(), preparing(quiet):
        directory.begin()
        run = session.cosimulate(design, data.train, simulator, samples, directory / "simulation", disturbances, waves)
        session.write(run, directory)
    table = report.table(f"{loaded.name}: Verilog under {simulator}", "figure", "value")
    for name, value in session.rows(run):
        table.add_row(name, value)
    console.print(table)
    if run.outcome.mismatch is not None:
        _say(f"Verilog and machine differ: {run.outcome.mismatch}; logs and waveforms in {directory.path}")
        raise typer.Exit(1)
    console.print(f"machine = Verilog at every clock; results in {directory.path}")


@app.command()
def synth(
    config: ConfigPath,
    target: Annotated[
        str, typer.Option(metavar="NAME", help="ecp5-25k | ecp5-45k | ecp5-85k | ice40-up5k | xc7", show_default=False)
    ],
    out: Out = None,
    frequency: Annotated[
        float | None, typer.Option(metavar="MHZ", help="clock frequency that must be reached", show_default=False)
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option(metavar="S", help="seconds for all tools together", show_default=False)
    ] = None,
    no_dsp: Annotated[bool, typer.Option("--no-dsp", help="multipliers from LUTs, not from DSP blocks")] = False,
    no_place: Annotated[bool, typer.Option("--no-place", help="counts only: no place and route, no frequency")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="run the tools even if the result is known")] = False,
    force: Annotated[bool, typer.Option("--force", help="replace another run in --out")] = False,
    assign: Set = None,
    seed: Seed = None,
    quiet: Quiet = False,
) -> None:
    """Synthesize the Verilog for an FPGA with open tools: resources, clock frequency, samples per second, bitstream.

    Exit code 1 if the design does not fit, misses --frequency or --time-limit, or if a tool fails.
    """
    from hwsim.design import Design
    from hwsim.rundir import RunDirectory

    session = _hardware("synthesis.session")
    options = session.Options(frequency, time_limit, not no_dsp, not no_cache, not no_place)
    chosen = session.target(target)
    session.prepare(chosen, options)
    loaded = _load(config, seed, assign)
    console = console_of(quiet)
    shaping = {"target": chosen.name} | {name: value for name, value in asdict(options).items() if name != "cache"}
    directory = RunDirectory(out, loaded, "synth", shaping, force=force)
    emitted = session.generate(Design(loaded))
    with directory.locked(), session.step_watcher(quiet) as watch:
        directory.begin()
        made = session.synthesise(emitted, chosen, directory / "synthesis", options, watch)
        files = session.write(made, directory)
    console.print(session.table(made))
    for line in session.lines(made):
        console.print(line)
    if made.from_cache:
        console.print("--no-cache runs the tools")
    if made.lacks_dsp:
        console.print("--no-dsp builds all multipliers from LUTs")
    console.print(f"in {directory.path}: {', '.join(files)}")
    if made.failure is not None:
        raise typer.Exit(_fail(made.failure, 1))


def _hardware(module: str) -> Any:
    """A module of the hardware package, whose tools are an extra."""
    try:
        return import_module(f"rtl.{module}")
    except ModuleNotFoundError as e:
        if e.name is None or e.name.split(".")[0] in ("rtl", "hwsim", "models"):
            raise
        rule = "is missing: install the hardware tools with pip install 'hwsim[rtl]'"
        raise InputError(f"package {e.name}", None, rule) from None


@app.command()
def diff(
    first: Annotated[Path, typer.Argument(metavar="LOG", help="trace.jsonl of one run", show_default=False)],
    second: Annotated[Path, typer.Argument(metavar="LOG", help="of another", show_default=False)],
) -> None:
    """Compare two event logs: names the first clock, junction, memory, lane and field that differ; exit code 1 if any do."""
    from hwsim import simulation

    difference = simulation.compare_logs(first, second)
    if difference is None:
        console_of().print("no difference")
        return
    console_of().print(str(difference))
    raise typer.Exit(1)


@app.command()
def bench(
    config: Annotated[
        list[Path] | None, typer.Argument(help="configurations; the shipped ones by default", show_default=False)
    ] = None,
    out: Out = None,
    seconds: Annotated[float, typer.Option(min=0.05, max=600, help="time for each row")] = 2.0,
    force: Annotated[bool, typer.Option("--force", help="replace the rows in --out")] = False,
    seed: Seed = None,
    quiet: Quiet = False,
) -> None:
    """Measure training speed of every engine side by side: samples/s and edge operations/s on one core."""
    from hwsim import benchmark

    loaded = [_load(path, seed) for path in (config or benchmark.shipped_configurations())]
    console = console_of(quiet)
    if out is not None:
        benchmark.check_free(out, force)
    rows = benchmark.measure(loaded, seconds, None if quiet else _say)
    console.print(benchmark.as_table(rows))
    if out is not None:
        benchmark.write(rows, out, force)


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="file instead of standard output")] = None,
) -> None:
    """Print the JSON Schema of configuration files, for editors and other programs."""
    from hwsim.rundir import write_whole

    text = json.dumps(config_file.json_schema(), indent=2) + "\n"
    if out is None:
        sys.stdout.write(text)
        return
    write_whole(out, text.encode())


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Entry point: every fault a user can cause ends in one line and an exit code."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115  # closed by our caller, for example `>&-`
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an arrow that the terminal lacks is no reason to fail
    logging.basicConfig(format="hwsim: %(message)s")
    temporary.stand_in("MPLCONFIGDIR", "XDG_CONFIG_HOME", "~/.config")  # matplotlib
    temporary.stand_in("YOWASP_CACHE_DIR", "XDG_CACHE_HOME", "~/.cache")
    code = run()
    try:
        sys.stdout.flush()
    except OSError as e:
        code = code or _output_lost(e)
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        command = typer.main.get_command(app)
        code = command.main(arguments, prog_name="hwsim", standalone_mode=False)
        if code == 130:  # also what the command-line library makes of an interrupt
            return _fail("interrupted", 130)
        return code if isinstance(code, int) else 0
    except ArgumentError as e:
        return _fail(e.told(_option), 2)
    except InputError as e:
        return _fail(str(e), 2)
    except Violation as e:
        return _fail(str(e), 1)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", 130)
    except MemoryError:
        return _fail("not enough memory for this configuration", 2)
    except OSError as e:
        return _fail(f"{e.filename}: {e.strerror or e}", 2) if e.filename else _output_lost(e)
    except SystemExit:  # the command-line library's answer to a closed pipe
        return _output_lost(BrokenPipeError())
    except Exception as e:
        if not hasattr(e, "exit_code"):  # not one of the command-line library's own
            raise
        message = e.format_message() if hasattr(e, "format_message") else str(e)
        return _fail(message, e.exit_code) if message else e.exit_code


def _option(parameter: str) -> str:
    """The option by which a parameter of the library is given."""
    return "--" + _OPTIONS.get(parameter, parameter).replace("_", "-")


def _output_lost(error: OSError) -> int:
    """Standard output cannot be written to any more."""
    # Else the interpreter would try again when it exits, and complain a second time.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):  # whoever read our output has seen enough
        return 141
    return _fail(f"output cannot be written: {error.strerror or error}", 2)


def _fail(line: str, code: int) -> int:
    # What comes from a file or a name must not steer the terminal.
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(line.split()))
    sys.stderr.write(f"hwsim: {shown}\n")
    return code
