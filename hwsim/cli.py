"""The command line: thin wrappers that read options, call the package and print.

Exit codes: 0 good, 1 a check failed, 2 bad input (one line says what), 130 interrupted.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from hwsim import config_file, report
from hwsim.config import Configuration
from hwsim.watch import train_watcher
from models.errors import InputError

app = typer.Typer(
    help="Accelerators that train pre-defined sparse neural networks: reference, model, hardware.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="List, inspect and download data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="configuration file (YAML)", show_default=False)]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="directory for the results", show_default=False)]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="in place of the configuration's", show_default=False)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress and no tables")]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", envvar="HWSIM_DATA", help="folder of the data sets", show_default=False),
]


def _console(quiet: bool = False) -> Console:
    # A table is as wide as it is, also when nobody watches.
    return Console(quiet=quiet, width=None if sys.stdout.isatty() else 120)


def _load(path: Path, seed: int | None, **overrides: Any) -> Configuration:
    dotted = {f"training.{k}": v for k, v in overrides.items() if v is not None}
    return config_file.load(path, dotted | ({} if seed is None else {"seed": seed}))


def _default_out(config: Configuration) -> Path:
    """A directory of its own for every configuration, so that no run is in another's way."""
    return Path("runs") / f"{config.name}-{config_file.fingerprint(config)[:8]}"


@app.command()
def check(config: ConfigPath, out: Out = None, seed: Seed = None, quiet: Quiet = False) -> None:
    """Validate a configuration and print what follows from it: junctions, clocks, storage.

    With --out the resolved configuration and the connectivity are written there.
    """
    from hwsim.design import Design
    from hwsim.rundir import CONNECTIVITY, RunDirectory
    from models.connectivity import write_connectivity

    loaded = _load(config, seed)
    console = _console(quiet)
    report.describe(console, loaded)
    for line in report.sequences(loaded):
        console.print(line, highlight=False)
    if out is not None:
        directory = RunDirectory(out, loaded)
        write_connectivity(directory / CONNECTIVITY, Design(loaded).patterns)


@app.command()
def train(
    config: ConfigPath,
    out: Out = None,
    data_dir: DataDir = None,
    engine: Annotated[str | None, typer.Option(help="float | fixed", show_default=False)] = None,
    order: Annotated[str | None, typer.Option(help="pipelined | sequential", show_default=False)] = None,
    samples: Annotated[
        int | None, typer.Option(metavar="N", help="training samples of an epoch", show_default=False)
    ] = None,
    epochs: Annotated[int | None, typer.Option(metavar="E", help="passes over the samples", show_default=False)] = None,
    save_stream: Annotated[bool, typer.Option("--save-stream", help="keep samples as fed and predictions")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="continue an interrupted run in --out")] = False,
    force: Annotated[bool, typer.Option("--force", help="replace another run in --out")] = False,
    seed: Seed = None,
    quiet: Quiet = False,
) -> None:
    """Train a network and leave a run directory; Ctrl-C stops after the current samples, --resume goes on."""
    from hwsim import plots
    from hwsim.design import Design
    from hwsim.rundir import FINAL, RunDirectory
    from hwsim.training import TrainingRun
    from models.network import Parameters

    loaded = _load(config, seed, engine=engine, order=order, samples=samples, epochs=epochs)
    design = Design(loaded)
    console = _console(quiet)
    report.describe(console, loaded)
    data = design.dataset(data_dir)
    directory = RunDirectory(out or _default_out(loaded), loaded, resume, force)
    run = TrainingRun(design, data, directory, save_stream)
    if resume:
        run.resume()
    with train_watcher(quiet) as watch:
        outcome = run.run(watch)
    plots.all_of_training(outcome, Parameters.read(directory / FINAL, design.network), directory)
    report.trained(console, outcome)
    console.print(f"{outcome.samples_per_second:,.0f} training samples/s; results in {directory.path}", highlight=False)
    if not outcome.finished:
        console.print(f"interrupted; continue with: hwsim train {config} --out {directory.path} --resume …", highlight=False)
        raise typer.Exit(130)


@app.command()
def bench(
    config: Annotated[
        list[Path] | None, typer.Argument(help="configurations; the shipped ones by default", show_default=False)
    ] = None,
    out: Out = None,
    seconds: Annotated[float, typer.Option(min=0.05, max=600, help="time for each row")] = 2.0,
    seed: Seed = None,
    quiet: Quiet = False,
) -> None:
    """Measure training speed of every engine side by side: samples/s and edge operations/s on one core."""
    from hwsim import benchmark

    loaded = [_load(path, seed) for path in (config or benchmark.shipped_configurations())]
    console = _console(quiet)
    rows = benchmark.measure(loaded, seconds, None if quiet else _say)
    console.print(benchmark.as_table(rows))
    if out is not None:
        benchmark.write(rows, out)


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="file instead of standard output")] = None,
) -> None:
    """Print the JSON Schema of configuration files, for editors and other programs."""
    text = json.dumps(config_file.json_schema(), indent=2) + "\n"
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as e:
        raise InputError("--out", str(out), f"cannot be written: {e.strerror}") from None


@data_app.command("list")
def data_list() -> None:
    """All data sets, and where they come from."""
    from models.data.catalogue import CATALOGUE

    rows = report.table("data sets", "name", "features", "classes", "training", "validation", "test", "obtained by")
    for info in CATALOGUE.values():
        rows.add_row(info.name, str(info.features), str(info.classes), *(f"{n:,}" for n in info.counts), info.obtained)
    _console().print(rows)


@data_app.command("info")
def data_info(name: Annotated[str, typer.Argument(metavar="NAME")], data_dir: DataDir = None) -> None:
    """Origin and licence of a data set, the state of its files, and its statistics if it can be loaded.

    Exit code 1 if a file is missing or damaged.
    """
    from hwsim import fetch
    from models.data import catalogue

    console = _console()
    if name in catalogue.CATALOGUE:
        info = catalogue.CATALOGUE[name]
        for key in ("source", "licence", "obtained"):
            console.print(f"{key}: {getattr(info, key)}", highlight=False)
    broken = False
    if name in fetch.SOURCES and data_dir is not None:
        for file in fetch.verify(name, data_dir):
            console.print(f"{file.path}: {file.state}", highlight=False)
            broken |= file.state in (fetch.State.MISSING, fetch.State.CORRUPT)
    if broken:
        raise typer.Exit(1)
    data = catalogue.load(name, data_dir, seed=0)
    rows = report.table(
        f"{data.name}: {data.features} features, {data.classes} classes", "split", "samples", "mean", "deviation"
    )
    for split in ("train", "validation", "test"):
        samples = getattr(data, split)
        if len(samples):
            real = samples.real("float32")
            rows.add_row(split, f"{len(samples):,}", f"{real.mean():.4f}", f"{real.std():.4f}")
    console.print(rows)


@data_app.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    data_dir: DataDir = None,
    mirror: Annotated[list[str] | None, typer.Option(help="address in place of the known ones", show_default=False)] = None,
    quiet: Quiet = False,
) -> None:
    """Download a data set into the data directory; an interrupted download is resumed."""
    from hwsim import fetch
    from hwsim.watch import download_watcher

    if data_dir is None:
        raise InputError("data directory", None, "is missing: give --data-dir or set HWSIM_DATA")
    with download_watcher(quiet) as watch:
        paths = fetch.fetch(name, data_dir, mirror, watch)
    for path in paths:
        _console(quiet).print(str(path), highlight=False)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Entry point: every fault a user can cause ends in one line and an exit code."""
    sys.exit(run())


def run(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    command = typer.main.get_command(app)
    try:
        code = command.main(arguments, prog_name="hwsim", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except InputError as e:
        return _fail(str(e), 2)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except MemoryError:
        return _fail("not enough memory for this configuration", 2)
    except BrokenPipeError:
        # Whoever read our output has left; a second complaint when the interpreter flushes would help nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as e:
        return _fail(f"{e.filename or 'output'}: {e.strerror or e}", 2)
    except Exception as e:
        if not hasattr(e, "exit_code"):  # not one of the command-line library's own
            raise
        message = e.format_message() if hasattr(e, "format_message") else str(e)
        return _fail(message, e.exit_code) if message else e.exit_code


def _fail(line: str, code: int) -> int:
    sys.stderr.write(f"hwsim: {' '.join(line.split())}\n")
    return code
