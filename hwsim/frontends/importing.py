"""From a network that was trained elsewhere to a run directory that every engine takes."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.configuration.legal import close_names
from hwsim.configuration.sections import Activation
from hwsim.design import Design
from hwsim.frontends import trained_design
from hwsim.frontends.figures import EXPORTED
from hwsim.frontends.layers import FoundLayers, Layer, parameters, patterns
from hwsim.frontends.names import brief
from hwsim.frontends.normalisation import Normalisation, suspected
from hwsim.frontends.state_dict import BEHIND
from hwsim.frontends.trained_design import Fidelity
from hwsim.results import kept_inputs
from hwsim.results.directory import RunDirectory
from models.errors import ArgumentError, InputError
from models.files.regular import digest
from models.fixed import rescaling
from models.floating.engine import FloatEngine
from models.network.network import Network
from models.network.parameters import RealParameters
from models.numbers.system import NumberSystem

ZEROS = ("edges", "absent")
"""What weights that are exactly 0 can be."""

SCALES = ("fit", "keep")
"""What can become of the sizes of signals: they are made to fit their formats, or stay as they are."""

_CALIBRATION = 4096
"""Training samples by which the sizes of signals are judged."""

_PRUNED = 0.2
"""Share of zeros from which on a matrix looks pruned; rounding to eight bits makes a few per cent."""

_DENSITIES = ("network.density", "network.out_degree")

_GREATEST_SIGNAL = 1e100

_MOST_BITS = 24
"""Of a format in a configuration."""


@dataclass(frozen=True)
class Imported:
    """A design, and what was assumed on the way to it.

    Attributes
    ----------
    directory, fidelity
        The design, and what quantisation costs.
    found
        What the file held.
    zeros
        Share of zeros by name of the layer, where they look pruned and are edges nevertheless.
    normalisation
        With which the network would be more accurate, if it is clear that it was trained so.
    """

    directory: RunDirectory
    fidelity: Fidelity
    found: FoundLayers
    zeros: dict[str, float]
    normalisation: Normalisation | None


@dataclass(frozen=True)
class Assumptions:
    """What a file does not say of its network.

    Attributes
    ----------
    activation, output
        Of the hidden layers and of the last one. Softmax, that is, logits trained with cross-entropy, becomes a sigmoid,
        which is what integers have for that cost: it predicts the same. None: as the file says, else ReLU and sigmoid.
    zeros
        Whether weights without a mask that are exactly 0 are ``edges`` or ``absent``. None: edges, unless the changes of
        the configuration speak of sparse connectivity.
    mean, deviation
        Normalisation of the inputs in training, see :func:`hwsim.frontends.layers.parameters`. None: 0 and 1.
    norm_behind
        See :func:`hwsim.frontends.state_dict.chained`.
    scale
        Whether weights are scaled so that signals ``fit`` their formats, or ``keep`` their values. None: they are scaled,
        unless the file has all of them as integers and a step.

    Raises
    ------
    InputError
        If one says nothing that this import can do.
    """

    activation: str | None = None
    output: str | None = None
    zeros: str | None = None
    mean: float | None = None
    deviation: float | None = None
    norm_behind: str | None = None
    scale: str | None = None

    def __post_init__(self) -> None:
        outputs = list(get_args(Activation))
        hidden = [name for name in outputs if name != "softmax"]
        for name, value, legal in (
            ("activation", self.activation or hidden[0], hidden),
            ("output", self.output or outputs[0], outputs),
            ("zeros", self.zeros or ZEROS[0], list(ZEROS)),
            ("norm_behind", self.norm_behind or BEHIND[0], list(BEHIND)),
            ("scale", self.scale or SCALES[0], list(SCALES)),
        ):
            if value not in legal:
                raise ArgumentError(name, brief(value), f"must be {' or '.join(legal)}", close_names(value, legal))
        if self.deviation is not None and not (np.isfinite(self.deviation) and self.deviation > 0):
            raise ArgumentError("deviation", self.deviation, "must be positive and finite", [1.0])
        if self.mean is not None and not np.isfinite(self.mean):
            raise ArgumentError("mean", self.mean, "must be finite", [0.0])

    def edges_are_all(self, overrides: dict[str, Any]) -> bool:
        """Whether zeros without a mask are edges, given what the user said of the configuration."""
        return self.zeros != "absent" and (self.zeros == "edges" or not _speaks_of_sparsity(overrides))

    def activations(self, found: FoundLayers) -> list[str]:
        """Of every layer.

        Raises
        ------
        InputError
            If the file says another thing than these assumptions.
        """
        if found.activations is None:
            return [*[self.activation or "relu"] * (len(found.layers) - 1), self.output or "sigmoid"]
        *hidden, last = found.activations
        other = next((name for name in hidden if name != self.activation), None)
        for name, value, is_ in (("activation", self.activation, other), ("output", self.output, last)):
            if None not in (value, is_) and value != is_:
                raise ArgumentError(name, value, f"is not what the file has there: {is_}", [is_])
        return [*[name or "relu" for name in hidden], last or self.output or "sigmoid"]


UNTOLD = Assumptions()


def import_layers(
    found: FoundLayers,
    source: Path,
    out: Path,
    data_dir: Path | None,
    assumptions: Assumptions = UNTOLD,
    *,
    base: Path | None = None,
    overrides: dict[str, Any] | None = None,
    force: bool = False,
) -> Imported:
    """Quantise the layers that a file holds and write them as a design.

    Parameters
    ----------
    found
        What has been read.
    source
        The file.
    out
        Directory for the design.
    data_dir
        Folder of the data sets.
    assumptions
        What the file does not say.
    base
        Configuration whose numbers, hardware, training and data are taken over.
    overrides
        Values in place of the configuration's.
    force
        Whether another run in ``out`` may be replaced.

    Raises
    ------
    InputError
        If the network cannot be mapped, or the design is not legal.
    """
    overrides = trained_design.by_key(overrides or {})
    a, told = assumptions, assumptions.activations(found)
    are_edges = a.edges_are_all(overrides)
    edges = [_edges(layer, are_edges, overrides) for layer in found.layers]
    activations = trained_design.fixed_activations(told)
    config = _configuration(source, found.layers, edges, out, base, activations, overrides)
    options: dict[str, Any] = {"source": digest(source), **asdict(a)}
    if found.activations is None:
        options |= {"activation": a.activation or "relu", "output": a.output or "sigmoid"}
    command = "import-torch" if found.kind == "PyTorch" else "import-model"
    directory = RunDirectory(out, config, command, options, force=force)
    chosen = patterns(edges)
    network = trained_design.network(config, chosen)
    design = Design(config)
    data, features = design.dataset(data_dir), design.unpadded(data_dir).train[:_CALIBRATION].real()
    real = parameters(found.layers, edges, a.mean or 0.0, 1.0 if a.deviation is None else a.deviation)
    numbers = config.numbers.system
    calibration = data.train[:_CALIBRATION]
    if a.scale == "keep" or (a.scale is None and found.quantised):
        _check_kept(source, found, real, numbers)
        scaled, divisors = real, [1.0] * len(network.layers)
    else:
        scaled, divisors = _rescaled(source, network, real, calibration.real(), numbers)
    integers = scaled.quantise(numbers)
    before = FloatEngine(network, real, dtype=np.float64).predict(data.test.real())
    fidelity = trained_design.fidelity(config, network, integers, before, data.test, divisors)
    more = {"layers": EXPORTED.told("layers", [layer.name for layer in found.layers])}
    with directory.locked():
        trained_design.write(directory, config, chosen, integers, fidelity, more)
        kept_inputs.write(directory, config, data)
    hint = None
    if a.mean is None and a.deviation is None:
        hint = suspected(network, real, calibration.real(), calibration.labels, features)
    return Imported(directory, fidelity, found, _pruned(found.layers, edges), hint)


def _rescaled(
    source: Path, network: Network, real: RealParameters, inputs: np.ndarray, numbers: NumberSystem
) -> tuple[RealParameters, list[float]]:
    with np.errstate(all="ignore"):  # checked at once
        scaled, divisors = rescaling.rescaled(network, real, inputs, numbers)
    if not all(1 / _GREATEST_SIGNAL < divisor < _GREATEST_SIGNAL for divisor in divisors):
        raise InputError(str(source), None, "has weights with which signals leave the range of floating-point numbers")
    return scaled, divisors


def _check_kept(source: Path, found: FoundLayers, real: RealParameters, numbers: NumberSystem) -> None:
    """Refuse values that stay as they are and that their formats do not hold; only what was no integer may be rounded."""
    for layer, weights, biases in zip(found.layers, real.weights, real.biases, strict=True):
        for what, values, to in (("weight", weights, numbers.weight), ("bias", biases, numbers.bias)):
            outside = values[(values < to.lowest / to.one - 0.5 / to.one) | (values > (to.highest + 0.5) / to.one)]
            between = values[to.real(to.quantise(values)) != values] if found.quantised and what == "weight" else values[:0]
            if len(outside) or len(between):
                how = "lies outside of" if len(outside) else "is no value of"
                wrong = float((outside if len(outside) else between)[0])
                where = f"{source}: {layer.name}.{what} = {wrong:g} {how} the format {to} of numbers.{what}"
                raise ArgumentError("scale", "keep", f"{where}: choose another, or <scale> fit", _exact_formats(values))


def _exact_formats(values: np.ndarray) -> list[str]:
    """The narrowest signed format that holds all values exactly, if any does."""
    for fraction in range(_MOST_BITS + 1):
        integers = values * 2.0**fraction
        if (integers == np.floor(integers)).all():
            width = max(int(v).bit_length() + 1 for v in (integers.max(initial=0), -1 - integers.min(initial=0)))
            width = max(width, fraction, 2)
            return [f"width {width}, fraction {fraction}"] if width <= _MOST_BITS else []
    return []


def _speaks_of_sparsity(overrides: dict[str, Any]) -> bool:
    """Whether the user said something of connectivity that a full matrix would not be."""
    return any(overrides.get(key, "full") != "full" for key in ("connectivity.kind", *_DENSITIES))


def _edges(layer: Layer, are_edges: bool, overrides: dict[str, Any]) -> np.ndarray:
    """Where the edges of a layer are, bool [n_right, n_left]."""
    if overrides.get("connectivity.kind") == "full":
        return np.ones(layer.zero.shape, bool)
    if layer.mask is not None:
        return layer.mask
    return np.ones(layer.zero.shape, bool) if are_edges else ~layer.zero


def _pruned(layers: list[Layer], edges: list[np.ndarray]) -> dict[str, float]:
    """Share of zeros that are edges, in layers without a mask where they are many or equally many for all neurons."""
    found = {}
    for layer, edge in zip(layers, edges, strict=True):
        zero = layer.zero & edge
        regular = all(len(np.unique(zero.sum(axis=axis))) == 1 for axis in (0, 1))
        if layer.mask is None and zero.any() and (regular or zero.mean() >= _PRUNED):
            found[layer.name] = float(zero.mean())
    return found


def _configuration(
    source: Path,
    layers: list[Layer],
    edges: list[np.ndarray],
    out: Path,
    base: Path | None,
    activations: list[str],
    overrides: dict[str, Any],
) -> Configuration:
    """The design's configuration: sizes and degrees are the file's, all else the base's."""
    data: dict[str, Any] = {} if base is None else config_file.resolved(config_file.load(base))
    sizes = [layers[0].weight.shape[1], *(layer.weight.shape[0] for layer in layers)]
    kind = overrides.get("connectivity.kind") or ("full" if all(edge.all() for edge in edges) else "structured")
    network: dict[str, Any] = {"layers": sizes, "activation": activations}
    network["cost"] = "cross_entropy" if activations[-1] == "sigmoid" else "quadratic"
    if any(key in overrides for key in _DENSITIES):
        pass  # the user says it, and the patterns are held against it
    elif kind == "random":
        network["density"] = [float(edge.mean()) for edge in edges]
    else:
        network["out_degree"] = [_out_degree(source, *pair) for pair in zip(layers, edges, strict=True)]
    if base is not None:
        network["classes"] = min(data["network"]["classes"], sizes[-1])
    name = "".join(c if c.isalnum() and c.isascii() else "_" for c in source.stem[:60]).lstrip("_") or "imported"
    plain = {"name": name} | data | {"network": network, "connectivity": {"kind": kind}}
    return trained_design.configuration(plain, out, overrides)


def _out_degree(source: Path, layer: Layer, edge: np.ndarray) -> int:
    """The degree that all left neurons share, as all right neurons must share theirs."""
    for neurons, degrees in (("inputs", edge.sum(axis=0)), ("outputs", edge.sum(axis=1))):
        low, high = int(degrees.min()), int(degrees.max())
        if low != high or low == 0:
            rule = (
                f"has {neurons} with {low} to {high} edges, but hardware patterns give all the same number; "
                "the reference engines take it with connectivity.kind random"
            )
            raise InputError(f"{source}: {layer.name}", None, rule)
    return int(edge.sum(axis=0)[0])
