"""The command ``hwsim train``."""

import shlex
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from hwsim.commands import describe
from hwsim.commands.completion import choice
from hwsim.commands.console import console_of, stored
from hwsim.commands.options import Again, Common, ConfigPath, Epochs, Samples, Where, given
from hwsim.commands.progress import preparing, train_watcher
from hwsim.commands.report import leave


@dataclass(frozen=True)
class Training:
    """Values in place of the configuration's section ``training``."""

    engine: Annotated[str | None, given("float | fixed | cycle", complete=choice("engine"))] = None
    order: Annotated[str | None, given("pipelined | sequential", complete=choice("order"))] = None
    samples: Samples = None
    epochs: Epochs = None


def train(
    config: ConfigPath,
    where: Where,
    training: Training,
    *,
    save_stream: Annotated[bool, typer.Option("--save-stream", help="keep samples as fed and predictions")] = False,
    again: Again,
    common: Common,
) -> None:
    """Train a network, on any engine.

    Leaves a run directory. Ctrl-C stops after the current samples, --resume goes on.
    """
    from hwsim.design import Design
    from hwsim.pictures.training import all_of_training
    from hwsim.results.directory import CONFIG, METRICS, TIMING, RunDirectory
    from hwsim.results.stored import read_run
    from hwsim.training import summary
    from hwsim.training.interrupt import interrupt_later
    from hwsim.training.run import TrainingRun

    loaded = common.load(config, **asdict(training))
    directory = RunDirectory(where.out, loaded, "train", {"save_stream": save_stream}, **asdict(again))
    design = Design.of(loaded, inputs=read_run(directory.path).inputs if again.resume else None)
    console = console_of(common.quiet)
    describe.describe(console, loaded, design)
    data = design.dataset(where.data_dir)
    with preparing(common.quiet), interrupt_later():
        run = TrainingRun(design, data, directory, save_stream)
    with directory.locked():
        if again.resume:
            run.resume()
        with train_watcher(common.quiet) as watch:
            outcome = run.run(watch)
        all_of_training(outcome, directory)
        leave(directory)
    for part in summary.trained(outcome):
        console.print(part)
    console.found(stored(directory.path, METRICS, TIMING))
    console.print(f"{outcome.samples_per_second:,.0f} training samples/s; results in {directory.path}")
    if not outcome.finished:
        words = [str(directory / CONFIG), "--out", str(directory.path), *(["--save-stream"] if save_stream else [])]
        words += [] if where.data_dir is None else ["--data-dir", str(where.data_dir)]
        console.print(f"interrupted; continue with: hwsim train {shlex.join(words)} --resume", soft_wrap=True)
        raise typer.Exit(130)
