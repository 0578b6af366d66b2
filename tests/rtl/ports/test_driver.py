"""The driver, its packets and the map against the circuit with AXI ports, to the last bit."""

import json

import numpy as np
import pytest

from models.network.parameters import IntegerParameters
from rtl.accelerator_model import Sample
from rtl.verilog.maps.register_map_json import as_json
from tests.rtl.designs import design
from tests.rtl.driving import integers
from tests.rtl.ports.axi_host import Driven
from tests.rtl.ports.driver_bench import DATA, MAP, TRANSFERS

DESIGNS = {"two_junctions": (32, False), "mixed_formats": (8, True), "straddling_three": (64, True)}
"""Bits of a beat, and whether weights and biases come through the streams."""
KINDS = ("train", "predict", "train")


@pytest.mark.slow
@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
@pytest.mark.parametrize("name", DESIGNS)
def test_the_driver_trains_the_circuit(name, simulator, tmp_path):
    beat_bits, streams = DESIGNS[name]
    of, rng, n = (
        Driven(design(name, interface="axi", beat_bits=beat_bits, parameter_stream=streams)),
        np.random.default_rng(5),
        12,
    )
    plan, first = of.plan, of.plan.junctions[0]
    weights = [integers(rng, plan.numbers.weight, j.pattern.n_edges).astype(np.int32) for j in plan.junctions]
    biases = [integers(rng, plan.numbers.bias, j.n_right).astype(np.int32) for j in plan.junctions]
    data = {f"weight_{i}": w for i, w in enumerate(weights, 1)} | {f"bias_{i}": b for i, b in enumerate(biases, 1)}
    of.model.parameters, words = IntegerParameters(weights, biases), np.concatenate([*weights, *biases])
    for k in range(len(KINDS)):
        data[f"inputs_{k}"] = integers(rng, first.left, n, first.n_left)
        data[f"labels_{k}"] = rng.integers(plan.design.network.classes, size=n)
    np.savez(tmp_path / DATA, **data)
    (tmp_path / MAP).write_text(as_json(plan))
    (tmp_path / TRANSFERS).write_text(json.dumps(KINDS))
    for k, (kind, seen) in enumerate(zip(KINDS, of.play(simulator, tmp_path, "driver_bench"), strict=True)):
        train = kind == "train"
        labels = data[f"labels_{k}"].tolist() if train else [0] * n
        samples = [
            Sample(x.tolist(), y, 3 if train else 0, int(train)) for x, y in zip(data[f"inputs_{k}"], labels, strict=True)
        ]
        told = of.modelled(samples, seen["entered"])
        results = seen["results"]
        assert [tuple(r) for r in zip(results["outputs"], results["prediction"], results["label"], strict=True)] == [
            r[:3] for r in told
        ]
        assert results["trained"] == [train] * n
        parameters = of.model.parameters
        for i, (w, b) in enumerate(zip(parameters.weights, parameters.biases, strict=True), 1):
            assert seen["learned"][f"weight_{i}"] == w.tolist() and seen["learned"][f"bias_{i}"] == b.tolist()
        assert seen["counters"]["SAMPLES"] == seen["counters"]["RESULTS"] == n * (k + 1)
        assert not any(seen["counters"][name] for name in ("MISFRAMED", "REFUSED", "UNFIT", "REFUSED_VALUES"))
        assert seen["memories"] == (0 if streams else 2 * len(words) if k == 0 else len(words))
