"""The commands for networks of other programs: import of models and descriptions, export of what was trained."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.commands.completion import runs
from hwsim.commands.console import Console, console_of
from hwsim.commands.options import DataDir, Force, Quiet, Set, file, folder, overrides
from hwsim.tables import Column, Told, percent, table

if TYPE_CHECKING:
    from hwsim.frontends.importing import Assumptions, Imported
    from hwsim.frontends.layers import FoundLayers
    from hwsim.frontends.trained_design import Fidelity
    from hwsim.results.directory import RunDirectory

DesignFolder = Annotated[Path, folder("directory for the design")]


@dataclass(frozen=True)
class Assumed:
    """What the file does not say."""

    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="CONFIG", help="whose numbers, hardware, training and data are used"),
    ] = None
    activation: Annotated[
        str | None, typer.Option(metavar="NAME", help="of the hidden layers", show_default="as the file says, else relu")
    ] = None
    output: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="of the last layer; softmax for logits trained with cross-entropy",
            show_default="as the file says, else sigmoid",
        ),
    ] = None
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
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="fit|keep",
            help="whether signals are scaled to fit their formats or weights keep their values",
            show_default="keep if the file has integers",
        ),
    ] = None

    def assumptions(self) -> "Assumptions":
        """The same for the library."""
        from hwsim.frontends.importing import Assumptions

        return Assumptions(
            activation=self.activation,
            output=self.output,
            zeros=self.zeros,
            mean=self.mean,
            deviation=self.std,
            norm_behind=self.norm_behind,
            scale=self.scale,
        )


def import_model(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="the model or description", show_default=False)],
    out: DesignFolder,
    assumed: Assumed,
    *,
    data_dir: DataDir = None,
    force: Force = False,
    assign: Set = None,
    quiet: Quiet = False,
) -> None:
    """Turn a model of another program into a design.

    It may be ONNX, QONNX, Keras, safetensors or PyTorch, or the folding of FINN or the topology of SCALE-Sim. Linear layers,
    activations and batch normalisation are taken; everything else is refused by its name. Foldings and topologies have no
    weights and become a configuration.
    """
    from hwsim.frontends import model_file

    assumptions = assumed.assumptions()
    if model_file.kind(source) in model_file.DESCRIPTIONS:
        _describe(source, out, assumed.config, assign, force=force, quiet=quiet)
        return
    found = model_file.read(source, assumptions.norm_behind)
    _import(found, source, out, assumed, data_dir=data_dir, force=force, assign=assign, quiet=quiet)


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
    """Turn the linear layers of a PyTorch file into a design.

    Those of a state_dict, dense, masked or pruned, are quantised, for every engine. Zeros are edges unless the file has
    a mask, --zeros says absent, or --set a sparse connectivity.kind or network.density.
    """
    from models.torch_layers import require

    require()
    from hwsim.frontends import torch_state

    found = torch_state.read(source, assumed.assumptions().norm_behind)
    _import(found, source, out, assumed, data_dir=data_dir, force=force, assign=assign, quiet=quiet)


def export_model(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="directory of a run of training or import", show_default=False, autocompletion=runs
        ),
    ],
    out: Annotated[Path, file("the model file")],
    form: Annotated[str, typer.Option("--format", metavar="NAME", help="onnx, qonnx, safetensors or torch")] = "onnx",
    force: Annotated[bool, typer.Option("--force", help="replace another file of that name")] = False,
    quiet: Quiet = False,
) -> None:
    """Write what a run has learned for other programs.

    As ONNX, QONNX, safetensors or the state_dict of PyTorch. Every weight is written exactly, and `hwsim import-model` reads
    the same integers back.
    """
    from hwsim.frontends.model_export import exported
    from hwsim.results.directory import add_file

    data = exported(run, form)
    add_file(out.parent, out.name, data, force)
    console_of(quiet).print(f"{len(data):,} bytes in {out}", soft_wrap=True)


def _import(
    found: "FoundLayers",
    source: Path,
    out: Path,
    assumed: Assumed,
    *,
    data_dir: Path | None,
    force: bool,
    assign: list[str] | None,
    quiet: bool,
) -> None:
    from hwsim.frontends.importing import import_layers

    told = overrides(assign)
    imported = import_layers(
        found, source, out, data_dir, assumed.assumptions(), base=assumed.config, overrides=told, force=force
    )
    console = console_of(quiet)
    tell(console, imported.directory, imported.fidelity)
    for line in _assumptions(imported, assumed.output):
        console.print(line, soft_wrap=True)


def _describe(source: Path, out: Path, base: Path | None, assign: list[str] | None, *, force: bool, quiet: bool) -> None:
    from hwsim.commands import describe
    from hwsim.design import Design
    from hwsim.frontends.descriptions import import_description
    from hwsim.results.directory import CONFIG

    found = import_description(source, out, base, overrides(assign), force=force)
    console = console_of(quiet)
    describe.describe(console, found.config, Design(found.config))
    for line in found.notes:
        console.print(line, soft_wrap=True)
    console.print(f"go on with: hwsim train {shlex.quote(str(found.directory / CONFIG))}", soft_wrap=True)


def _assumptions(imported: "Imported", output: str | None) -> Iterator[str]:
    """What the import took for granted, and how to say something else: a line for each kind."""
    from hwsim.frontends.names import brief

    found = imported.found
    if found.entry:
        yield f"taken from the checkpoint's entry {'.'.join(map(brief, found.entry))}"
    if found.by_name:
        order = _several([layer.name for layer in found.layers])
        yield f"in the order that names or sizes tell, as safetensors keeps none: {order}"
    if found.without_bias:
        yield f"without a bias, which is 0 now: {_several(found.without_bias)}"
    if found.folded:
        what = "batch normalisation folded with eps 1e-5" if found.activations is None else "folded"
        yield f"{what}: {_several([f'{a} into {b}' for a, b in found.folded.items()])}"
    if found.left_out:
        yield f"quantisers of signals left out, as hwsim's own formats stand in their place: {_several(found.left_out)}"
    if found.assumed:
        yield f"assumed to stand in front of the activation (else --norm-behind activation): {_several(found.assumed)}"
    if output == "softmax" or (found.activations or [None])[-1] == "softmax":
        yield "softmax: integers learn its cross-entropy with sigmoid outputs, which predict the same class"
    if found.activations is not None and found.activations[-1] is None and output is None:
        yield "without an activation behind the last layer, which is taken for a sigmoid now (else --output)"
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


def tell(console: Console, directory: "RunDirectory", found: "Fidelity") -> None:
    """How exact a design is, and how to go on with it."""
    from hwsim.frontends.figures import EXPORTED
    from hwsim.results.directory import CONFIG

    share = Column("accuracy", key="value", unit="as its row says", meaning="of the figure")
    rows = table("test accuracy", Column("parameters", key="figure"), share)
    told = {"test_accuracy_float": "as trained", "test_accuracy": "in fixed point", "same_predictions": "same predictions"}
    values = dict(zip(told, (found.before, found.after, found.same), strict=True))
    for name, what in told.items():
        rows.add_row(Told(what, name), percent(values[name]))
    console.found(EXPORTED.all_told(values))
    console.print(rows)
    if any(found.at_limit):
        console.print(f"weights at either end of their range, by junction: {', '.join(map(str, found.at_limit))}")
    console.print(f"in {directory.path}; go on with: hwsim train {shlex.quote(str(directory / CONFIG))}", soft_wrap=True)
