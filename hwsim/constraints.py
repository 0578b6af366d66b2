"""Rules that join several fields of a configuration; each violation is one line with the nearest legal values."""

import difflib
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from unicodedata import category

from pydantic_core import PydanticCustomError

from hwsim.edge_processors import results_per_clock
from models.activations import ACTIVATIONS
from models.connectivity import degrees_of_density, in_degree
from models.errors import InputError
from models.number_system import NumberSystem

if TYPE_CHECKING:
    from hwsim.config import Configuration, Section

MOST_EDGES = 2**28
_MOST_TABLE_BITS = 20


def nearest(value: float, legal: Iterable[int], count: int = 2) -> list[int]:
    """The ``count`` legal values closest to ``value``, in ascending order."""
    return sorted(sorted(legal, key=lambda v: (abs(v - value), v))[:count])


def divisors(n: int) -> list[int]:
    """All divisors of ``n`` in ascending order."""
    small = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})


def check_visible(text: str) -> str:
    """Refuse characters that are not seen, or that change how others are seen: they make names look like other names."""
    hidden = next((c for c in text if category(c)[0] == "C" or category(c) in ("Zl", "Zp")), None)
    if hidden is not None:
        raise PydanticCustomError("invisible", f"must not contain the invisible character U+{ord(hidden):04X}")
    return text


def check_fraction(width: int, fraction: int) -> None:
    """A format cannot have more fraction bits than bits."""
    if fraction > width:
        raise InputError("fraction", fraction, f"must not exceed the width {width}", [width])


def check_numbers(numbers: NumberSystem, preactivation_field: str) -> None:
    """Rules of the number system that do not depend on the network."""
    if numbers.preactivation.width > _MOST_TABLE_BITS:
        rule = f"is that of the pre-activations, which address the activation tables: at most {_MOST_TABLE_BITS} bits"
        raise InputError(preactivation_field, numbers.preactivation.width, rule, [_MOST_TABLE_BITS])
    for name in ("weight", "bias", "preactivation", "activation", "derivative", "delta"):
        if not getattr(numbers, name).signed and name not in ("activation", "derivative"):
            raise InputError(
                f"{name}.signed", False, "must be true: only inputs, activations and derivatives can be unsigned"
            )
    if numbers.product_fraction < numbers.bias.fraction:
        rule = "must not be less than the fraction of the biases, which are added to products"
        raise InputError("product_fraction", numbers.product_fraction, rule, [numbers.bias.fraction])


def check_design(config: "Configuration") -> None:
    """All rules; raises :class:`InputError` at the first violation."""
    _check_network(config)
    _check_degrees(config)
    _check_hardware(config)
    _check_training(config)
    if config.data.morse is not None and config.data.name != "morse":
        raise InputError("data.morse", None, f"belongs to the data set morse, not to {config.data.name}")


def _one_per_junction(field: str, values: Sequence[object], junctions: int) -> None:
    if len(values) != junctions:
        raise InputError(field, list(values), f"must have one entry for each of the {junctions} junctions")


def _check_network(config: "Configuration") -> None:
    net = config.network
    if net.classes is not None and net.classes > net.layers[-1]:
        raise InputError(
            "network.classes", net.classes, f"must not exceed N_{net.junctions} = {net.layers[-1]}", [net.layers[-1]]
        )
    _one_per_junction("network.activation", net.activations, net.junctions)
    if "softmax" in net.activations[:-1]:
        raise InputError("network.activation", list(net.activations), "softmax can only be last", ACTIVATIONS)
    if net.activations[-1] == "softmax" and net.cost != "cross_entropy":
        raise InputError("network.cost", net.cost, "with softmax must be cross_entropy", ["cross_entropy"])
    if net.cost == "cross_entropy" and net.activations[-1] not in ("sigmoid", "softmax"):
        rule = f"needs sigmoid or softmax outputs, not {net.activations[-1]}"
        raise InputError("network.cost", net.cost, rule, ["quadratic"])


def _check_degrees(config: "Configuration") -> None:
    net, kind = config.network, config.connectivity.kind
    if net.out_degree is not None and net.density is not None:
        raise InputError("network.density", None, "give out_degree or density, not both")
    given, field = (net.out_degree, "out_degree") if net.out_degree is not None else (net.density, "density")
    if given is None and kind != "full":
        raise InputError("network.out_degree", None, "is missing: give out_degree, density or `connectivity: {kind: full}`")
    if given is not None and given != "full":
        _one_per_junction(f"network.{field}", given, net.junctions)
    edges = config.edges  # also checks every degree
    if kind == "full" and any(w != a * b for w, (a, b) in zip(edges, itertools.pairwise(net.layers), strict=True)):
        raise InputError("connectivity.kind", "full", f"contradicts network.{field} = {list(given or ())}", ["clash_free"])
    if kind == "full" and config.connectivity.file is not None:
        rule = "must be left out: a full pattern has every edge"
        raise InputError("connectivity.file", config.connectivity.file, rule, ["connectivity.kind structured"])
    if kind == "clash_free" and config.connectivity.seeds == "zero" and config.connectivity.dither:
        rule = "must be left out: with all-zero seeds every lane reads its own memory"
        raise InputError("connectivity.dither", True, rule, [False])
    if sum(edges) > MOST_EDGES:
        raise InputError("network", None, f"{sum(edges)} edges are too many: at most {MOST_EDGES}")


def out_degrees(config: "Configuration") -> tuple[int, ...]:
    """d_out of every junction from degrees or densities; every right neuron must get the same whole number of edges."""
    net = config.network
    if not isinstance(net.out_degree, tuple) and not isinstance(net.density, tuple):
        return net.layers[1:]
    degrees = []
    for i, (left, right) in enumerate(itertools.pairwise(net.layers)):
        if isinstance(net.out_degree, tuple):
            d = net.out_degree[i]
            in_degree(left, d, right, f"network.out_degree[{i}]")  # refuses what does not divide
        elif isinstance(net.density, tuple):
            d = degrees_of_density(left, right, net.density[i], f"network.density[{i}]").d_out
        degrees.append(d)
    return tuple(degrees)


def random_edges(config: "Configuration") -> tuple[int, ...]:
    """W of every junction of a random pattern: any density, rounded to whole edges."""
    net = config.network
    pairs = [a * b for a, b in itertools.pairwise(net.layers)]
    if isinstance(net.density, tuple):
        return tuple(max(1, round(d * n)) for d, n in zip(net.density, pairs, strict=True))
    if not isinstance(net.out_degree, tuple):
        return tuple(pairs)
    for i, d in enumerate(net.out_degree):
        if d > net.layers[i + 1]:
            raise InputError(f"network.out_degree[{i}]", d, f"must not exceed N_{i + 1}", [net.layers[i + 1]])
    return tuple(a * d for a, d in zip(net.layers, net.out_degree, strict=False))


def _check_hardware(config: "Configuration") -> None:
    kind, net, hardware = config.connectivity.kind, config.network, config.hardware
    if hardware is None:
        if kind == "clash_free":
            rule = "is missing: a clash-free pattern is drawn for given edge processors"
            raise InputError("hardware.z", None, rule, [f"connectivity.kind {k}" for k in ("structured", "full", "random")])
        return
    _one_per_junction("hardware.z", hardware.z, net.junctions)
    _check_kappa(config, hardware.kappa)
    for i, z in enumerate(hardware.z):
        if net.layers[i] % z:
            legal = nearest(z, divisors(net.layers[i]))
            raise InputError(f"hardware.z[{i}]", z, f"does not divide N_{i} = {net.layers[i]}", legal)
    if config.out_degrees is None:
        return
    for i, z in enumerate(hardware.z[:-1]):
        d_in = config.edges[i] // net.layers[i + 1]
        results = results_per_clock(z, d_in)
        if results > hardware.z[i + 1]:
            rule = (
                f"takes {results} results a clock from junction {i + 1} (z = {z}, d_in = {d_in}), "
                f"each into another memory: at least {results}"
            )
            legal = [d for d in divisors(net.layers[i + 1]) if d >= results]
            raise InputError(f"hardware.z[{i + 1}]", hardware.z[i + 1], rule, legal[:2])


def _check_kappa(config: "Configuration", given: tuple[int, int] | None) -> None:
    used = [k for _, k in config.training.rate_shift]
    if given is not None and not (given[0] <= min(used, default=given[0]) and max(used, default=given[1]) <= given[1]):
        rule = "must span the learning-rate shifts of training.rate_shift, the least first"
        raise InputError("hardware.kappa", list(given), rule, [[min(used), max(used)]])


def _check_training(config: "Configuration") -> None:
    training = config.training
    starts = [start for start, _ in training.rate_shift]
    if not starts or starts[0] != 0 or sorted(set(starts)) != starts:
        raise InputError("training.rate_shift", [list(r) for r in training.rate_shift], "epochs must ascend from 0")
    if (training.init == "file") != (training.init_file is not None):
        rule = "is missing" if training.init_file is None else f"belongs to `init: file`, not to {training.init}"
        raise InputError("training.init_file", training.init_file, rule)
    if training.engine != "float":
        check_fixed(config)
    elif training.order == "pipelined" and training.batch_size > 1:
        rule = "works on single samples: batches need the sequential order"
        raise InputError("training.order", "pipelined", rule, ["sequential", "batch_size 1"])


def check_fixed(config: "Configuration") -> None:
    """What the fixed-point engines cannot do."""
    if config.network.activations[-1] == "softmax":
        raise InputError("network.activation", "softmax", "needs the float engine; in fixed point", ACTIVATIONS)


def ineffective(config: "Configuration") -> list[str]:
    """Settings that the rest of the configuration makes meaningless."""
    notes = []
    kind = config.connectivity.kind
    if kind != "clash_free":
        notes += [
            f"connectivity.{k} has no effect on {kind} patterns"
            for k in _changed(config.connectivity, ("type", "dither", "seeds"))
        ]
    elif config.connectivity.file is not None and config.connectivity.seeds == "zero":
        notes.append("connectivity.seeds has no effect on patterns from a file")
    if config.training.init == "file":
        drawn = _changed(config.training, ("init_fan", "init_bias"))
        notes += [f"training.{k} has no effect on parameters from a file" for k in drawn]
    if kind == "random" and config.hardware is not None:
        notes.append("hardware has no effect: random patterns run on the reference engines only")
    if config.training.engine != "float":
        only_float = ("batch_size", "optimiser", "learning_rate", "momentum", "decay", "l2", "precision")
        notes += [
            f"training.{k} has no effect on the {config.training.engine} engine"
            for k in _changed(config.training, only_float)
        ]
    elif config.training.optimiser != "momentum" and _changed(config.training, ("momentum",)):
        notes.append(f"training.momentum has no effect on the optimiser {config.training.optimiser}")
    return notes


def _changed(section: "Section", keys: Iterable[str]) -> list[str]:
    """Those of ``keys`` whose values are not the defaults."""
    return [k for k in keys if getattr(section, k) != type(section).model_fields[k].default]


def close_names(given: str, known: Iterable[str]) -> list[str]:
    """Known names that look like the given one, or all if none does and they are few."""
    names = list(known)
    return difflib.get_close_matches(given, names, n=3, cutoff=0.5) or (names if len(names) <= 8 else [])
