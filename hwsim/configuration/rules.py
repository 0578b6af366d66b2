"""Rules that join several fields of a configuration; each violation is one line with the nearest legal values."""

import itertools
from collections.abc import Iterable, Sequence

from hwsim.configuration.identifiers import as_identifier, is_identifier
from hwsim.configuration.legal import divisors, nearest
from hwsim.configuration.sections import SERIAL_KEYS, HardwareSection, Section, Settings
from hwsim.edge_processors import results_per_clock
from models.errors import InputError
from models.network.activations import ACTIVATIONS
from models.numbers.format import NEAREST
from models.numbers.stochastic import MOST_DROP

MOST_EDGES = 2**28
MOST_CLASSES = 2**15
"""Of a design with AXI4-Streams, whose results are packed with 15 bits for a label."""
ONLY_FLOAT = ("batch_size", "optimiser", "learning_rate", "rate_scale", "momentum", "decay", "l2", "precision")
"""Of the training section: keys that say nothing to the fixed-point engines."""


def check_design(config: Settings) -> None:
    """All rules; raises :class:`InputError` at the first violation."""
    _check_network(config)
    _check_degrees(config)
    _check_hardware(config)
    _check_training(config)
    _check_rounding(config)
    if config.data.morse is not None and config.data.name != "morse":
        raise InputError("data.morse", None, f"belongs to the data set morse, not to {config.data.name}")
    if config.frontend is not None and config.data.select is not None:
        raise InputError("data.select", None, "must be left out: it tears up the images that a front end needs")


def _one_per_junction(field: str, values: Sequence[object], junctions: int) -> None:
    if len(values) != junctions:
        raise InputError(field, list(values), f"must have one entry for each of the {junctions} junctions")


def _check_network(config: Settings) -> None:
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


def _check_degrees(config: Settings) -> None:
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


def _check_hardware(config: Settings) -> None:
    kind, net, hardware = config.connectivity.kind, config.network, config.hardware
    if hardware is None:
        if kind == "clash_free":
            rule = "is missing: a clash-free pattern is drawn for given edge processors"
            raise InputError("hardware.z", None, rule, [f"connectivity.kind {k}" for k in ("structured", "full", "random")])
        return
    if not is_identifier(hardware.module):
        rule = "must be an identifier of Verilog: a letter, then letters, digits and underscores, 63 at most, and no keyword"
        raise InputError("hardware.module", hardware.module, rule, [as_identifier(hardware.module)])
    _one_per_junction("hardware.z", hardware.z, net.junctions)
    if hardware.weights is not None and isinstance(hardware.weights.buffer_rows, tuple):
        _one_per_junction("hardware.weights.buffer_rows", hardware.weights.buffer_rows, net.junctions)
    _check_kappa(config, hardware.kappa)
    _check_interface(config, hardware)
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


def _check_rounding(config: Settings) -> None:
    numbers = config.numbers.system
    if not numbers.stochastic:
        return
    field = "numbers.rounding.weight_step"
    if config.hardware is None:
        rule = "is missing: stochastic rounding has a generator per junction, whose bits the edge processors share"
        raise InputError("hardware.z", None, rule, [f"{field} {r}" for r in NEAREST])
    most, greatest = numbers.most_kappa(config.network.junctions), config.kappa_range[1]
    assert most is not None
    if greatest > most:
        rule = f"drops {MOST_DROP + greatest - most} bits at learning-rate shift {greatest}, of at most {MOST_DROP}"
        legal = [f"a shift up to {most}"] if most >= 0 else ["formats of fewer fraction bits"]
        raise InputError(field, "stochastic", rule, legal)


def _check_kappa(config: Settings, given: tuple[int, int] | None) -> None:
    used = [k for _, k in config.training.rate_shift]
    if given is not None and not (given[0] <= min(used, default=given[0]) and max(used, default=given[1]) <= given[1]):
        rule = "must span the learning-rate shifts of training.rate_shift, the least first"
        raise InputError("hardware.kappa", list(given), rule, [[min(used), max(used)]])


def _check_interface(config: Settings, hardware: HardwareSection) -> None:
    bits = hardware.beat_bits
    if bits & (bits - 1):
        below = 1 << (bits.bit_length() - 1)
        raise InputError("hardware.beat_bits", bits, "must be a power of two", [below, 2 * below])
    if hardware.interface == "serial" and bits != 8:
        raise InputError("hardware.beat_bits", bits, "must be 8 on a serial line, or left out", [8])
    if hardware.parameter_stream and hardware.interface not in ("axi", "wishbone"):
        rule = f"takes AXI4-Streams, which hardware.interface: {hardware.interface} has not (axi and wishbone have)"
        raise InputError("hardware.parameter_stream", True, rule, [False])
    if hardware.bus_clock == "own" and hardware.interface != "axi":
        has = (
            "LiteX has its own crossing"
            if hardware.interface == "wishbone"
            else f"{hardware.interface} ports have one clock"
        )
        raise InputError("hardware.bus_clock", hardware.bus_clock, f"is for hardware.interface axi: {has}", ["shared"])
    if hardware.interface != "native" and config.classes > MOST_CLASSES:
        rule = f"gives a class 15 bits, {MOST_CLASSES} classes: network.classes is {config.classes}"
        raise InputError("hardware.interface", hardware.interface, rule, ["native"])


def _check_training(config: Settings) -> None:
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


def check_fixed(config: Settings) -> None:
    """What the fixed-point engines cannot do."""
    if config.network.activations[-1] == "softmax":
        raise InputError("network.activation", "softmax", "needs the float engine; in fixed point", ACTIVATIONS)


def check_circuit(config: Settings) -> None:
    """What no circuit is made of: an external memory for the weights is a model of clocks and costs."""
    if config.hardware is not None and config.hardware.weights is not None:
        rule = "is a model of clocks: no circuit with an external memory is built"
        raise InputError("hardware.weights", None, rule, ["null, weights on chip"])


def ineffective(config: Settings) -> list[str]:
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
    if config.data.select is not None and config.data.select.inputs:
        notes += [
            f"data.select.{k} has no effect on a list of inputs" for k in _changed(config.data.select, ("by", "order"))
        ]
    if config.training.init == "file":
        drawn = _changed(config.training, ("init_fan", "init_bias"))
        notes += [f"training.{k} has no effect on parameters from a file" for k in drawn]
    if config.hardware is not None and config.hardware.interface == "native":
        notes += [f"hardware.{k} has no effect on native streams" for k in _changed(config.hardware, ("beat_bits",))]
    if config.hardware is not None and config.hardware.interface != "serial":
        line = _changed(config.hardware, SERIAL_KEYS)
        notes += [f"hardware.{k} has no effect without a serial line" for k in line]
    if kind == "random" and config.hardware is not None:
        effect = "only hardware.z has an effect" if config.numbers.system.stochastic else "hardware has no effect"
        notes.append(f"{effect}: random patterns run on the reference engines only")
    if config.training.engine != "float":
        notes += [
            f"training.{k} has no effect on the {config.training.engine} engine"
            for k in _changed(config.training, ONLY_FLOAT)
        ]
    elif config.training.optimiser != "momentum" and _changed(config.training, ("momentum",)):
        notes.append(f"training.momentum has no effect on the optimiser {config.training.optimiser}")
    return notes


def _changed(section: Section, keys: Iterable[str]) -> list[str]:
    """Those of ``keys`` whose values are not the defaults."""
    return [k for k in keys if getattr(section, k) != type(section).model_fields[k].default]
