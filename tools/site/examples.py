"""An example of every key of a configuration, and what it needs beside it to be legal in ``sim_configs/demo.yaml``."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Example(NamedTuple):
    """A value, and other keys by dotted name."""

    value: Any
    beside: Mapping[str, Any] = MappingProxyType({})


_SERIAL = {"hardware.interface": "serial", "hardware.beat_bits": 8}
_AXI = {"hardware.interface": "axi"}
_EXTERNAL = {"hardware.weights.bandwidth": 614}
_FLOAT = {"training.engine": "float", "training.order": "sequential"}
_MOMENTUM = {**_FLOAT, "training.optimiser": "momentum"}
_FREE = {"hardware": None, "training.engine": "float", "training.order": "sequential"}
_MORSE = {
    "data": {"name": "morse"},
    "network": {"layers": [64, 1024, 64], "out_degree": [256, 16]},
    "hardware.z": [64, 64],
}
_FRONT = {
    "network": {"layers": [64, 32, 10], "density": "full", "activation": ["relu", "softmax"]},
    "connectivity.kind": "full",
    **_FREE,
}
_SIGNAL = {"width": 10, "fraction": 6}
_WINDOWS = "scatter.windows.<layer>"

EXAMPLES = {
    "schema_version": Example(1),
    "name": Example("ours-12-bits"),
    "seed": Example(7),
    "network.layers": Example([1024, 64, 32]),
    "network.out_degree": Example([8, 16]),
    "network.density": Example([0.125, 0.5]),
    "network.classes": Example(10),
    "network.activation": Example(["clipped_relu", "sigmoid"]),
    "network.cost": Example("quadratic"),
    "connectivity.kind": Example("structured"),
    "connectivity.type": Example(3),
    "connectivity.dither": Example(True),
    "connectivity.seeds": Example("zero"),
    "connectivity.file": Example("runs/searched/connectivity.npz"),
    "numbers.width": Example(10),
    "numbers.fraction": Example(7),
    "numbers.rounding": Example("half_even"),
    "numbers.rounding.product": Example("floor"),
    "numbers.rounding.preactivation": Example("half_even"),
    "numbers.rounding.delta": Example("half_even"),
    "numbers.rounding.weight_step": Example("stochastic"),
    "numbers.rounding.bias_step": Example("half_even"),
    "numbers.product_fraction": Example(8),
    "numbers.input": Example({"width": 8, "fraction": 8, "signed": False}),
    "numbers.<signal>.width": Example(10),
    "numbers.<signal>.fraction": Example(6),
    "numbers.<signal>.signed": Example(False),
    "numbers.weight": Example({"width": 10, "fraction": 8}),
    "numbers.bias": Example({"width": 14, "fraction": 8}),
    "numbers.preactivation": Example(_SIGNAL),
    "numbers.activation": Example({"width": 10, "fraction": 8}),
    "numbers.derivative": Example({"width": 10, "fraction": 8}),
    "numbers.delta": Example({"width": 14, "fraction": 10}),
    "hardware.z": Example([64, 16]),
    "hardware.schedule": Example("overlap", {"hardware.latency": {"memory_read": 1, "write_back": 1}}),
    "hardware.latency.memory_read": Example(2),
    "hardware.latency.multiplier": Example(3),
    "hardware.latency.tree_every": Example(2),
    "hardware.latency.table": Example(1),
    "hardware.latency.write_back": Example(2),
    "hardware.latency.accumulate": Example(2),
    "hardware.weights.bandwidth": Example(614),
    "hardware.weights.latency": Example(40, _EXTERNAL),
    "hardware.weights.buffer_rows": Example([12, 20], _EXTERNAL),
    "hardware.build": Example("inference"),
    "hardware.lut_ram_depth": Example(16),
    "hardware.address": Example("adder"),
    "hardware.multiply_add": Example(True),
    "hardware.kappa": Example([2, 8]),
    "hardware.counters": Example(False),
    "hardware.module": Example("digit_learner"),
    "hardware.interface": Example("axi"),
    "hardware.beat_bits": Example(64, _AXI),
    "hardware.parameter_stream": Example(True, _AXI),
    "hardware.bus_clock": Example("own", _AXI),
    "hardware.bit_clocks": Example(217, _SERIAL),
    "hardware.link_bytes": Example(4096, _SERIAL),
    "training.engine": Example("cycle"),
    "training.order": Example("sequential"),
    "training.epochs": Example(5),
    "training.samples": Example(2000),
    "training.rate_shift": Example([[0, 3], [6, 4]]),
    "training.shuffle": Example(False),
    "training.init": Example("he_normal"),
    "training.init_file": Example("runs/demo/final.npz", {"training.init": "file"}),
    "training.init_fan": Example("dense"),
    "training.init_bias": Example(0.1),
    "training.batch_size": Example(32, _FLOAT),
    "training.optimiser": Example("adam", _FLOAT),
    "training.learning_rate": Example(0.01, _FLOAT),
    "training.rate_scale": Example("density", _FLOAT),
    "training.momentum": Example(0.8, _MOMENTUM),
    "training.decay": Example(1e-4, _FLOAT),
    "training.l2": Example(1e-5, _FLOAT),
    "training.precision": Example("float32", _FLOAT),
    "data.name": Example("measured.npz"),
    "data.pool": Example(2),
    "data.select.by": Example("variance", {"data.select.count": 480}),
    "data.select.count": Example(480),
    "data.select.order": Example("blocks", {"data.select.count": 480}),
    "data.select.inputs": Example([3, 5, 8]),
    "data.pad": Example("spread"),
    "data.pad_outputs": Example("spread"),
    "data.validation": Example(500),
    "data.morse.family": Example(2, _MORSE),
    "data.morse.sigma": Example(3.0, _MORSE),
    "data.morse.black_and_white": Example(True, _MORSE),
    "data.morse.per_class": Example([100, 20, 20], _MORSE),
    "frontend.network": Example("shallow", _FRONT),
    "frontend.epochs": Example(10, _FRONT),
    "frontend.batch_size": Example(128, _FRONT),
    "frontend.optimiser": Example("momentum", _FRONT),
    "frontend.learning_rate": Example(0.01, _FRONT),
    "frontend.schedule": Example("constant", _FRONT),
    "frontend.rate_scale": Example("density", _FRONT),
    "frontend.momentum": Example(0.95, {**_FRONT, "frontend.optimiser": "momentum"}),
    "frontend.decay": Example(1e-4, _FRONT),
    "frontend.l2": Example(1e-5, _FRONT),
    "frontend.dropout": Example(0.3, _FRONT),
    "frontend.form": Example("gathered", _FRONT),
    "frontend.threads": Example(2, _FRONT),
    f"{_WINDOWS}.size": Example([32]),
    f"{_WINDOWS}.stride": Example([16], {f"{_WINDOWS}.size": [32]}),
    f"{_WINDOWS}.shape": Example([32, 32], {f"{_WINDOWS}.size": [4, 4]}),
    f"{_WINDOWS}.real": Example(True, {f"{_WINDOWS}.size": [8]}),
    "scatter.inputs": Example(784),
}
"""By dotted name, as ``--set`` takes it; a signal or layer stands for each of them."""
