"""From a plain PyTorch ``state_dict`` to a run directory that every engine takes.

Importing this module needs PyTorch.
"""

from pathlib import Path
from typing import Any

import numpy as np

from hwsim import config_file
from hwsim.config import Configuration
from hwsim.design import Design
from hwsim.frontends import trained_design
from hwsim.frontends.state_dict import Layer, parameters, read
from hwsim.frontends.trained_design import Fidelity
from hwsim.metrics import figure
from hwsim.rundir import RunDirectory
from models import rescaling
from models.data.dataset import Dataset
from models.errors import ArgumentError, InputError
from models.float_engine import FloatEngine
from models.network import Network, Parameters

_CALIBRATION = 4096
"""Training samples by which the sizes of signals are judged."""


def import_state_dict(
    source: Path,
    out: Path,
    data_dir: Path | None,
    *,
    base: Path | None = None,
    activation: str = "relu",
    output: str = "sigmoid",
    mean: float = 0.0,
    deviation: float = 1.0,
    overrides: dict[str, Any] | None = None,
    force: bool = False,
) -> tuple[RunDirectory, Fidelity]:
    """Quantise the linear layers of a file and write them as a design.

    Parameters
    ----------
    source
        File of ``torch.save(model.state_dict(), source)``.
    out
        Directory for the design.
    data_dir
        Folder of the data sets.
    base
        Configuration whose numbers, hardware, training and data are taken over.
    activation, output
        Of the hidden layers and of the last one, which a file does not say.
    mean, deviation
        Normalisation of the inputs in training, see :func:`hwsim.frontends.state_dict.parameters`.
    overrides
        Values in place of the configuration's.
    force
        Whether another run in ``out`` may be replaced.

    Raises
    ------
    InputError
        If the file cannot be mapped, or the design is not legal.
    """
    if not (np.isfinite(mean) and np.isfinite(deviation) and deviation > 0):
        raise ArgumentError("deviation", deviation, "must be positive and finite, and the mean finite", [1.0])
    layers = read(source)
    config = _configuration(source, layers, out, base, [*[activation] * (len(layers) - 1), output], overrides or {})
    directory = RunDirectory(out, config, force=force)
    patterns = tuple(layer.pattern for layer in layers)
    network = trained_design.network(config, patterns)
    data = Design(config).dataset(data_dir)
    real = parameters(layers, mean, deviation)
    numbers = config.numbers.system
    sample = data.train[:_CALIBRATION].real()
    scaled, divisors = rescaling.rescaled(network, real, sample, numbers)
    integers = scaled.quantise(numbers)
    before = _predictions(network, real, data)
    found = trained_design.fidelity(config, network, integers, before, data.test, divisors)
    more = {"layers": figure([layer.name for layer in layers], "names", "of the layers in the imported file")}
    trained_design.write(directory, config, patterns, integers, found, more)
    return directory, found


def _predictions(network: Network, real: Parameters, data: Dataset) -> np.ndarray:
    return FloatEngine(network, real, dtype=np.float64).predict(data.test.real())


def _configuration(
    source: Path, layers: list[Layer], out: Path, base: Path | None, activations: list[str], overrides: dict[str, Any]
) -> Configuration:
    """The design's configuration: sizes and degrees are the file's, all else the base's."""
    data: dict[str, Any] = {} if base is None else config_file.resolved(config_file.load(base))
    sizes = [layers[0].weight.shape[1], *(layer.weight.shape[0] for layer in layers)]
    kind = overrides.get("connectivity.kind") or ("full" if all(layer.edge.all() for layer in layers) else "structured")
    network: dict[str, Any] = {"layers": sizes, "activation": activations}
    network["cost"] = "cross_entropy" if activations[-1] == "sigmoid" else "quadratic"
    if kind == "random":
        network["density"] = [float(layer.edge.mean()) for layer in layers]
    else:
        network["out_degree"] = [_out_degree(source, layer) for layer in layers]
    if base is not None:
        network["classes"] = min(data["network"]["classes"], sizes[-1])
    name = "".join(c if c.isalnum() and c.isascii() else "_" for c in source.stem).lstrip("_") or "imported"
    plain = {"name": name} | data | {"network": network, "connectivity": {"kind": kind}}
    return trained_design.configuration(plain, out, overrides)


def _out_degree(source: Path, layer: Layer) -> int:
    """The degree that all left neurons share, as all right neurons must share theirs."""
    for neurons, degrees in (("inputs", layer.edge.sum(axis=0)), ("outputs", layer.edge.sum(axis=1))):
        low, high = int(degrees.min()), int(degrees.max())
        if low != high or low == 0:
            rule = (
                f"has {neurons} with {low} to {high} edges, but hardware patterns give all the same number; "
                "the reference engines take it with connectivity.kind random"
            )
            raise InputError(f"{source}: {layer.name}", None, rule)
    return int(layer.edge.sum(axis=0)[0])
