"""Which windows a configuration's scatter is measured with, and which neurons are padding.

The rule where the configuration says nothing: windows lie side by side and are the smallest that divide the layer's
real neurons evenly and have an ideal of at least one edge (path) per neuron of the other side. Smaller ones could not
be covered by any pattern of this density, larger ones see less. On images and feature maps they are squares, through
some or all channels, elsewhere runs of neighbouring neurons. For the published Morse network this gives the published
windows.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim.configuration.legal import close_names, divisors
from hwsim.configuration.sections import Settings, WindowSection
from models.data.catalogue import CATALOGUE
from models.data.dataset import padded_positions
from models.data.pooling import pooled_image
from models.errors import InputError
from models.pattern_quality.scatter import SideWindows, check_grid, grid_windows
from models.torch_layers.front_ends import FRONT_ENDS

Int64Array = npt.NDArray[np.int64]

_FEATURES_OF_MORSE_4 = 256


class Grid(NamedTuple):
    """Windows on a grid over neurons of a layer: ``shape``, ``size`` and ``stride`` in each direction."""

    neurons: Int64Array
    shape: tuple[int, ...]
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """Windows in each direction."""
        return tuple((n - s) // t + 1 for n, s, t in zip(self.shape, self.size, self.stride, strict=True))

    def windows(self) -> Int64Array:
        """int64 [windows, neurons of each]."""
        return self.neurons[grid_windows(self.shape, self.size, self.stride)]


class RealInputs(NamedTuple):
    """Inputs that are no padding, and the shape of the image or feature map that they are, if they are one."""

    features: int
    image: tuple[int, ...] | None


def real_inputs(config: Settings) -> RealInputs:
    """What is known of the inputs without loading the data: ``scatter.inputs``, else what the data section says.

    All neurons of layer 0 where neither tells, and where the data set does not fit into them.
    """
    n, given, data = config.network.layers[0], config.scatter.inputs, config.data
    if config.frontend is not None:
        return RealInputs(given or n, None if given else _feature_map(config))
    info = CATALOGUE.get(data.name)
    if data.select is not None:
        features, image = data.select.kept, None
    elif info is None:
        return RealInputs(given or n, None)
    elif data.morse and data.morse.family == 4:
        features, image = _FEATURES_OF_MORSE_4, None
    else:
        image = _image(config)
        features = info.features if image is None else math.prod(image)
    if features > n or given not in (None, features):
        return RealInputs(given or n, None)
    return RealInputs(features, image)


def _image(config: Settings) -> tuple[int, ...] | None:
    """The shape of the data set's images, pooled; None if it has none, or none that can be, which loading tells."""
    info = CATALOGUE.get(config.data.name)
    try:
        return None if info is None else pooled_image(info.name, info.image, config.data.pool)
    except InputError:
        return None


def _feature_map(config: Settings) -> tuple[int, ...] | None:
    """(rows, columns, channels) of what the convolutional front end makes of the data set's images."""
    assert config.frontend is not None
    image = _image(config)
    if image is None:
        return None
    try:
        shape = FRONT_ENDS[config.frontend.network].shape(image)
    except InputError:  # told when it is trained
        return None
    return shape if math.prod(shape) == config.network.layers[0] else None


def real_neurons(config: Settings) -> tuple[Int64Array, Int64Array]:
    """Inputs and outputs that are no padding, in the order of features and classes."""
    layers, data = config.network.layers, config.data
    inputs = padded_positions(real_inputs(config).features, layers[0], data.pad)
    return inputs, padded_positions(config.classes, layers[-1], data.pad_outputs)


def names(config: Settings) -> list[str]:
    """The keys of ``scatter.windows``: two layers of every junction, and the outer ones for the whole network."""
    junctions = [f"{side}_{i}" for i in range(1, config.network.junctions + 1) for side in ("left", "right")]
    return [*junctions, "network_left", "network_right"]


def check(config: Settings) -> None:
    """Refuse windows of unknown layers and windows that do not fit."""
    given = config.scatter.inputs
    if given is not None and given > config.network.layers[0]:
        rule = f"must not exceed N_0 = {config.network.layers[0]}"
        raise InputError("scatter.inputs", given, rule, [config.network.layers[0]])
    for name, section in config.scatter.windows.items():
        if name not in names(config):
            rule = f"is no layer of a junction: left_<i> or right_<i>, i = 1..{config.network.junctions}, or of the network"
            raise InputError(f"scatter.windows.{name}", None, rule, close_names(name, names(config)))
        _given_grid(config, name, section)


def _layer(config: Settings, name: str) -> int:
    side, _, number = name.partition("_")
    if side == "network":
        return 0 if number == "left" else config.network.junctions
    return int(number) - (side == "left")


def _neurons(config: Settings, layer: int, real: bool) -> Int64Array:
    inputs, outputs = real_neurons(config)
    if real and layer == 0:
        return inputs
    if real and layer == config.network.junctions:
        return outputs
    return np.arange(config.network.layers[layer])


def _given_grid(config: Settings, name: str, section: WindowSection) -> Grid:
    """The grid that the configuration gives."""
    layer, field = _layer(config, name), f"scatter.windows.{name}"
    neurons = _neurons(config, layer, section.real)
    shape, stride = section.shape or (neurons.size,), section.stride or section.size
    chosen = config.data.select
    if layer == 0 and len(shape) > 1 and chosen is not None and chosen.inputs is None:
        rule = "must have one direction: the inputs that data.select keeps are no image, and stand in one row"
        raise InputError(f"{field}.shape", list(shape), rule, [[neurons.size]])
    if math.prod(shape) > neurons.size:
        real = "real " if section.real else ""
        rule = f"has {math.prod(shape)} neurons, more than the {neurons.size} {real}neurons of layer {layer}"
        raise InputError(f"{field}.shape", list(shape), rule, [[neurons.size]])
    check_grid(shape, section.size, stride, field)
    return Grid(neurons, shape, section.size, stride)


def grids(config: Settings) -> dict[str, Grid]:
    """The grid of windows on each side of every junction and of the network, by the keys of ``scatter.windows``."""
    layers = config.network.layers
    densities = [edges / (a * b) for edges, (a, b) in zip(config.edges, pairwise(layers), strict=True)]
    densities.append(math.prod(config.edges) / math.prod(layers))  # paths per pair
    found = {}
    for k, name in enumerate(names(config)):
        section = config.scatter.windows.get(name)
        found[name] = _given_grid(config, name, section) if section else _default(config, name, densities[k // 2])
    return found


def windows(config: Settings) -> tuple[list[SideWindows], SideWindows]:
    """Windows of every junction, and of the whole network."""
    made = [grid.windows() for grid in grids(config).values()]
    *sides, network = (SideWindows(left, right) for left, right in zip(made[::2], made[1::2], strict=True))
    return sides, network


def _default(config: Settings, name: str, density: float) -> Grid:
    layer = _layer(config, name)
    neurons = _neurons(config, layer, True)
    shape, size = default_grid(neurons.size, real_inputs(config).image if layer == 0 else None, density)
    return Grid(neurons, shape, size, size)


def default_grid(neurons: int, image: tuple[int, ...] | None, density: float) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shape of the layer and size of the smallest windows with an ideal of one edge; the largest if none has.

    Parameters
    ----------
    neurons
        Of the layer, padding left out.
    image
        (rows, columns) or (rows, columns, channels) if these neurons are one; its windows are squares, through some or
        all channels.
    density
        Edges (paths) per pair of neurons.
    """
    enough = 1 - 1e-9  # of 1: the density is a rounded quotient
    shape: tuple[int, ...] = (neurons,) if image is None else image
    sizes: list[tuple[int, ...]] = [(d,) for d in divisors(neurons)]
    if image is not None:
        depths = [(c,) for c in divisors(image[2])] if len(image) > 2 else [()]
        sizes = [(d, d, *c) for d in divisors(math.gcd(*image[:2])) for c in depths]
        sizes.sort(key=math.prod)  # of equals the smaller square stays first
    return shape, next((s for s in sizes if math.prod(s) * density >= enough), sizes[-1])
