"""The commands that need PyTorch: training behind a convolutional front end, export and import of classification layers."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from hwsim.commands import describe
from hwsim.commands.console import console_of
from hwsim.commands.options import Again, Common, ConfigPath, DataDir, Force, Quiet, Set, Where, folder, overrides
from hwsim.commands.progress import preparing, train_watcher
from hwsim.tables import percent, table

if TYPE_CHECKING:
    from hwsim.frontends.importing import Imported
    from hwsim.frontends.trained_design import Fidelity
    from hwsim.results.directory import RunDirectory

DesignFolder = Annotated[Path, folder("directory for the design")]


def frontend(config: ConfigPath, where: Where, again: Again, common: Common) -> None:
    """Train a convolutional front end and the sparse network behind it (PyTorch); Ctrl-C stops, --resume goes on.

    The configuration's `frontend` section says how; `hwsim export-frontend` takes the network to the accelerator.
    """
    from hwsim.design import Design
    from hwsim.pictures import training
    from hwsim.results.directory import CONFIG, RunDirectory
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
    console.print(f"{outcome.samples_per_second:,.0f} training samples/s; results in {directory.path}")
    if not outcome.finished:
        words = [str(directory / CONFIG), "--out", str(directory.path)]
        words += [] if where.data_dir is None else ["--data-dir", str(where.data_dir)]
        console.print(f"interrupted; continue with: hwsim frontend {shlex.join(words)} --resume", soft_wrap=True)
        raise typer.Exit(130)


def export_frontend(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="directory of a run of `hwsim frontend`", show_default=False)],
    out: DesignFolder,
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


@dataclass(frozen=True)
class Assumed:
    """What the file does not say."""

    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="CONFIG", help="whose numbers, hardware, training and data are used"),
    ] = None
    activation: Annotated[str, typer.Option(metavar="NAME", help="of the hidden layers")] = "relu"
    output: Annotated[
        str, typer.Option(metavar="NAME", help="of the last layer; softmax for logits trained with cross-entropy")
    ] = "sigmoid"
    mean: Annotated[
        float | None, typer.Option(metavar="M", help="subtracted from inputs in 0..1 in training", show_default="0")
    ] = None
    std: Annotated[float | None, typer.Option(metavar="S", help="by which they were divided then", show_default="1")] = None
    zeros: Annotated[
        str | None,
        typer.Option(metavar="edges|absent", help="weights of exactly 0 where the file has no mask", show_default="edges"),
    ] = None
    norm_behind: Annotated[
        str | None,
        typer.Option(metavar="linear|activation", help="where batch normalisation stands", show_default="linear"),
    ] = None


def import_torch(
    source: Annotated[Path, typer.Argument(metavar="STATE_DICT", help="file of torch.save", show_default=False)],
    out: DesignFolder,
    assumed: Assumed,
    *,
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
    from hwsim.frontends import torch_state
    from hwsim.frontends.importing import Assumptions, import_layers

    assumptions = Assumptions(
        activation=assumed.activation,
        output=assumed.output,
        zeros=assumed.zeros,
        mean=assumed.mean,
        deviation=assumed.std,
        norm_behind=assumed.norm_behind,
    )
    found = torch_state.read(source, assumptions.norm_behind)
    imported = import_layers(
        found, source, out, data_dir, assumptions, base=assumed.config, overrides=overrides(assign), force=force
    )
    console = console_of(quiet)
    _tell(console, imported.directory, imported.fidelity)
    for line in _assumptions(imported, assumed.output):
        console.print(line, soft_wrap=True)


def _assumptions(imported: "Imported", output: str) -> Iterator[str]:
    """What the import took for granted, and how to say something else: a line for each kind."""
    from hwsim.frontends.names import brief

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
    from hwsim.results.directory import CONFIG

    rows = table("test accuracy", "parameters", "accuracy")
    rows.add_row("as trained", percent(found.before))
    rows.add_row("in fixed point", percent(found.after))
    rows.add_row("same predictions", percent(found.same))
    console.print(rows)
    if any(found.at_limit):
        console.print(f"weights at either end of their range, by junction: {', '.join(map(str, found.at_limit))}")
    console.print(f"in {directory.path}; go on with: hwsim train {shlex.quote(str(directory / CONFIG))}", soft_wrap=True)
