"""The commands that need PyTorch: training behind a convolutional front end, export and import of classification layers."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from hwsim.cli_options import DataDir, Out, Quiet, Seed, Set, console_of, load, overrides

if TYPE_CHECKING:
    from hwsim.frontends.importing import Imported
    from hwsim.frontends.trained_design import Fidelity
    from hwsim.rundir import RunDirectory

Force = Annotated[bool, typer.Option("--force", help="replace another run in --out")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(frontend)
    app.command("export-frontend")(export_frontend)
    app.command("import-torch")(import_torch)


def frontend(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="configuration file (YAML)", show_default=False)],
    out: Out = None,
    data_dir: DataDir = None,
    resume: Annotated[bool, typer.Option("--resume", help="continue an interrupted run in --out")] = False,
    force: Force = False,
    assign: Set = None,
    seed: Seed = None,
    quiet: Quiet = False,
) -> None:
    """Train a convolutional front end and the sparse network behind it (PyTorch); Ctrl-C stops, --resume goes on.

    The configuration's `frontend` section says how; `hwsim export-frontend` takes the network to the accelerator.
    """
    from hwsim import plots, report
    from hwsim.design import Design
    from hwsim.rundir import CONFIG, FINAL, RunDirectory
    from hwsim.training import interrupt_later
    from hwsim.watch import preparing, train_watcher
    from models.network import Parameters
    from models.torch_layers import require

    require()
    from hwsim.frontends.run import FrontendRun, sizes
    from hwsim.frontends.trainer import images

    loaded = load(config, assign, seed)
    design = Design(loaded)
    data = images(design, data_dir)
    directory = RunDirectory(out, loaded, "frontend", resume=resume, force=force)
    console = console_of(quiet)
    with preparing(quiet), interrupt_later():
        run = FrontendRun(design, data, directory)
    report.describe(console, run.design.config, run.design)
    figures = sizes(run.trainer)
    console.print(
        f"{figures['convolution_weights']:,} weights in front; density of the classification layers "
        f"{report.percent(figures['classification_density'])}, of the whole {report.percent(figures['network_density'])}"
    )
    with directory.locked():
        if resume:
            run.resume()
        with train_watcher(quiet) as watch:
            outcome = run.run(watch)
        plots.all_of_training(outcome, Parameters.read(directory / FINAL, run.design.network), directory)
    report.trained(console, outcome)
    console.print(f"{outcome.samples_per_second:,.0f} training samples/s; results in {directory.path}")
    if not outcome.finished:
        again = [str(directory / CONFIG), "--out", str(directory.path)]
        again += [] if data_dir is None else ["--data-dir", str(data_dir)]
        console.print(f"interrupted; continue with: hwsim frontend {shlex.join(again)} --resume", soft_wrap=True)
        raise typer.Exit(130)


def export_frontend(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="directory of a run of `hwsim frontend`", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="directory for the design", show_default=False)],
    data_dir: DataDir = None,
    force: Force = False,
    assign: Set = None,
    quiet: Quiet = False,
) -> None:
    """Quantise the classification layers of a trained front end, and its features, into a design for every engine.

    `--set` changes the configuration, for example numbers.width or hardware.z.
    """
    from models.torch_layers import require

    require()
    from hwsim.frontends.exporting import export

    directory, found = export(run, out, data_dir, overrides(assign), force)
    _tell(console_of(quiet), directory, found)


def import_torch(
    source: Annotated[Path, typer.Argument(metavar="STATE_DICT", help="file of torch.save", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="directory for the design", show_default=False)],
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="CONFIG", help="whose numbers, hardware, training and data are used"),
    ] = None,
    activation: Annotated[str, typer.Option(metavar="NAME", help="of the hidden layers")] = "relu",
    output: Annotated[
        str, typer.Option(metavar="NAME", help="of the last layer; softmax for logits trained with cross-entropy")
    ] = "sigmoid",
    mean: Annotated[
        float | None, typer.Option(metavar="M", help="subtracted from inputs in 0..1 in training", show_default="0")
    ] = None,
    std: Annotated[float | None, typer.Option(metavar="S", help="by which they were divided then", show_default="1")] = None,
    zeros: Annotated[
        str | None,
        typer.Option(metavar="edges|absent", help="weights of exactly 0 where the file has no mask", show_default="edges"),
    ] = None,
    norm_behind: Annotated[
        str | None,
        typer.Option(metavar="linear|activation", help="where batch normalisation stands", show_default="linear"),
    ] = None,
    data_dir: DataDir = None,
    force: Force = False,
    assign: Set = None,
    quiet: Quiet = False,
) -> None:
    """Quantise the linear layers of a PyTorch state_dict, dense, masked or pruned, into a design for every engine.

    Zeros are edges unless the file has a mask, --zeros says absent, or --set a sparse connectivity.kind or network.density.
    """
    from models.torch_layers import require

    require()
    from hwsim.frontends.importing import import_state_dict

    imported = import_state_dict(
        source,
        out,
        data_dir,
        base=config,
        activation=activation,
        output=output,
        mean=mean,
        deviation=std,
        zeros=zeros,
        norm_behind=norm_behind,
        overrides=overrides(assign),
        force=force,
    )
    console = console_of(quiet)
    _tell(console, imported.directory, imported.fidelity)
    for line in _assumptions(imported, output):
        console.print(line, soft_wrap=True)


def _assumptions(imported: "Imported", output: str) -> Iterator[str]:
    """What the import took for granted, and how to say something else: a line for each kind."""
    from hwsim.frontends.torch_file import brief
    from hwsim.report import percent

    found = imported.found
    if found.entry:
        yield f"taken from the checkpoint's entry {'.'.join(map(brief, found.entry))}"
    if found.without_bias:
        yield f"without a bias, which is 0 now: {_several(found.without_bias)}"
    if found.folded:
        yield f"batch normalisation folded with eps 1e-5: {_several([f'{a} into {b}' for a, b in found.folded.items()])}"
    if found.assumed:
        yield f"assumed to stand in front of the activation (else --norm-behind activation): {_several(found.assumed)}"
    if output == "softmax":
        yield "softmax: integers learn its cross-entropy with sigmoid outputs, which predict the same class"
    if imported.zeros:
        each = _several([f"{name} {percent(share)}" for name, share in imported.zeros.items()])
        yield f"weights of exactly 0 are edges of a full network (if they were pruned: --zeros absent): {each}"
    if (n := imported.normalisation) is not None:
        yield (
            f"probably trained on normalised inputs: with --mean {n.mean:g} --std {n.deviation:g}, {percent(n.with_it)} "
            f"of the training samples tried are predicted right in place of {percent(n.without)}"
        )


def _several(names: list[str]) -> str:
    """Names in a row, not too many."""
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _tell(console: Console, directory: "RunDirectory", found: "Fidelity") -> None:
    from hwsim import report
    from hwsim.rundir import CONFIG

    rows = report.table("test accuracy", "parameters", "accuracy")
    rows.add_row("as trained", report.percent(found.before))
    rows.add_row("in fixed point", report.percent(found.after))
    rows.add_row("same predictions", report.percent(found.same))
    console.print(rows)
    if any(found.at_limit):
        console.print(f"weights at either end of their range, by junction: {', '.join(map(str, found.at_limit))}")
    console.print(f"in {directory.path}; go on with: hwsim train {shlex.quote(str(directory / CONFIG))}", soft_wrap=True)
