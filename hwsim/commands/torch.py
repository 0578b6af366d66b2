"""The commands of convolutional front ends (PyTorch): training, and export of the classification layers behind them."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from hwsim.commands import describe
from hwsim.commands.completion import runs
from hwsim.commands.console import console_of, stored
from hwsim.commands.models import DesignFolder, tell
from hwsim.commands.options import Again, Common, ConfigPath, DataDir, Force, Quiet, Set, Where, overrides
from hwsim.commands.progress import preparing, train_watcher
from hwsim.tables import percent


def frontend(config: ConfigPath, where: Where, again: Again, common: Common) -> None:
    """Train convolutions and the sparse layers behind them.

    This takes PyTorch. Ctrl-C stops, --resume goes on. The configuration's `frontend` section says how; `hwsim
    export-frontend` takes the network to the accelerator.
    """
    from hwsim.design import Design
    from hwsim.pictures import training
    from hwsim.results.directory import CONFIG, METRICS, TIMING, RunDirectory
    from hwsim.training import summary
    from hwsim.training.interrupt import interrupt_later
    from models.torch_layers import require

    require()
    from hwsim.frontends.engine import images
    from hwsim.frontends.run import FrontendRun, sizes

    loaded = common.load(config)
    design = Design(loaded)
    data = images(design, where.data_dir)
    directory = RunDirectory(where.out, loaded, "frontend", resume=again.resume, force=again.force)
    console = console_of(common.quiet)
    with preparing(common.quiet), interrupt_later():
        run = FrontendRun(design, data, directory)
    describe.describe(console, run.design.config, run.design)
    figures = sizes(run.trainer)
    console.print(
        f"{figures['convolution_weights']:,} weights in front; density of the classification layers "
        f"{percent(figures['classification_density'])}, of the whole {percent(figures['network_density'])}"
    )
    with directory.locked():
        if again.resume:
            run.resume()
        with train_watcher(common.quiet) as watch:
            outcome = run.run(watch)
        training.all_of_training(outcome, directory)
    for part in summary.trained(outcome):
        console.print(part)
    console.found(stored(directory.path, METRICS, TIMING))
    console.print(f"{outcome.samples_per_second:,.0f} training samples/s; results in {directory.path}")
    if not outcome.finished:
        words = [str(directory / CONFIG), "--out", str(directory.path)]
        words += [] if where.data_dir is None else ["--data-dir", str(where.data_dir)]
        console.print(f"interrupted; continue with: hwsim frontend {shlex.join(words)} --resume", soft_wrap=True)
        raise typer.Exit(130)


def export_frontend(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="directory of a run of `hwsim frontend`", show_default=False, autocompletion=runs
        ),
    ],
    out: DesignFolder,
    data_dir: DataDir = None,
    force: Force = False,
    assign: Set = None,
    quiet: Quiet = False,
) -> None:
    """Turn the layers behind a trained front end into a design.

    Its classification layers and its features are quantised, for every engine. `--set` changes the configuration, for
    example numbers.width or hardware.z.
    """
    from models.torch_layers import require

    require()
    from hwsim.frontends.exporting import export

    directory, found = export(run, out, data_dir, overrides(assign), force)
    tell(console_of(quiet), directory, found)
