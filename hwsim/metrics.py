"""``metrics.json``: every figure of a run with its unit and meaning."""

import platform
from importlib import metadata
from typing import Any

import numpy as np

from hwsim import config_file
from hwsim.design import Design
from hwsim.outcome import Epoch, Outcome
from hwsim.whole_configuration import Configuration
from models.data.dataset import Dataset
from models.network import IntegerParameters, Parameters

_TOOLS = ("hwsim", "numpy", "numba", "llvmlite", "pydantic", "matplotlib")


def figure(value: Any, unit: str, meaning: str) -> dict[str, Any]:
    """One figure."""
    return {"value": value, "unit": unit, "meaning": meaning}


def provenance(config: Configuration) -> dict[str, Any]:
    """What makes a result repeatable: versions, seed and configuration."""
    return {
        "tools": {"python": platform.python_version()} | {t: metadata.version(t) for t in _TOOLS},
        "seed": config.seed,
        "configuration_hash": config_file.fingerprint(config),
        "name": config.name,
    }


def of_training(outcome: Outcome, data: Dataset, final: Parameters) -> dict[str, Any]:
    """All figures of a training run; nothing in it depends on the machine's speed."""
    config, network = outcome.design.config, outcome.design.network
    result = provenance(config) | {"status": "finished" if outcome.finished else "interrupted"}
    result["edges"] = figure([p.n_edges for p in network.patterns], "edges", "edges of each junction, W_i")
    result["density"] = figure(network.density, "1", "edges over those of the fully connected network")
    result["training_samples"] = figure(len(data.train), "samples", "samples of an epoch")
    result["epochs"] = figure(len(outcome.history), "epochs", "epochs finished")
    if outcome.history:
        result |= _of_epochs(outcome.history)
    if isinstance(final, IntegerParameters):
        result |= _of_weights(final, config)
    if config.hardware is not None and config.out_degrees is not None:
        result |= of_accelerator(outcome.design)
    return result


def _of_epochs(history: list[Epoch]) -> dict[str, Any]:
    last = history[-1]
    result = {
        "train_accuracy": figure(
            last.train_accuracy, "1", "share of training samples predicted right as they were fed, last epoch"
        ),
        "train_loss": figure(last.train_loss, "nats or squared error", "mean cost of the same samples"),
    }
    for split, meaning in (("validation", "held-out training samples"), ("test", "test samples")):
        accuracy, loss = getattr(last, f"{split}_accuracy"), getattr(last, f"{split}_loss")
        if accuracy is not None:
            result[f"{split}_accuracy"] = figure(accuracy, "1", f"share of {meaning} predicted right after the last epoch")
            result[f"{split}_loss"] = figure(loss, "nats or squared error", f"mean cost of {meaning} after the last epoch")
    per_epoch = {
        key: [getattr(e, key) for e in history]
        for key in ("train_accuracy", "train_loss", "validation_accuracy", "validation_loss", "test_accuracy", "test_loss")
        if getattr(last, key) is not None
    }
    result["history"] = figure(per_epoch, "as above", "the same figures after every epoch")
    for name, counts in last.saturation.items():
        result[f"saturated_{name}"] = figure(
            counts, "events", f"times a {name} left its format's range, by junction, all epochs"
        )
    return result


def _of_weights(final: IntegerParameters, config: Configuration) -> dict[str, Any]:
    legal = config.numbers.system.weight
    at_limit = [int(((w == legal.lowest) | (w == legal.highest)).sum()) for w in final.weights]
    largest = [int(np.abs(w).max()) for w in final.weights]
    return {
        "weights_at_limit": figure(at_limit, "weights", "final weights at either end of their range, by junction"),
        "largest_weight": figure(largest, f"2**-{legal.fraction}", "greatest magnitude of a final weight, by junction"),
    }


def of_accelerator(design: Design) -> dict[str, Any]:
    """Figures of the hardware that the configuration describes."""
    a = design.accelerator
    return {
        "z": figure([j.z for j in a.junctions], "edges/clock", "edge processors of each junction"),
        "junction_cycle": figure([j.cycle for j in a.junctions], "clocks", "clocks of one pass over each junction, C_i"),
        "stall_clocks": figure(
            [j.stall_clocks for j in a.junctions],
            "clocks",
            "of a pass beyond C, by junction: the price of not being clash-free",
        ),
        "clocks_per_input": figure(a.clocks_per_input, "clocks", "clocks between two inputs: the longest pass plus flush"),
        "flush": figure(a.flush, "clocks", "clocks added to a junction cycle until results have landed"),
        "utilisation": figure([j.utilisation for j in a.junctions], "1", "share of the longest pass that each works"),
        "multipliers": figure(a.multipliers, "multipliers", "in the edge processors"),
        "storage": figure(a.storage_bits, "bits", "all memories of the accelerator"),
        "drain": figure(a.drain, "junction cycles", "from the entry of the last sample to its last update"),
    }


def timing(outcome: Outcome) -> dict[str, Any]:
    """How fast this machine was; kept apart, so that all other files repeat byte for byte."""
    return {
        "seconds": figure(outcome.seconds, "s", "training in this call, evaluation not counted"),
        "samples_per_second": figure(outcome.samples_per_second, "samples/s", "training samples over these seconds"),
    }
