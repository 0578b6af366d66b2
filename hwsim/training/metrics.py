"""Figures of a training run, as its directory keeps them."""

from typing import Any

import numpy as np

from hwsim.configuration.configuration import Configuration
from hwsim.configuration.provenance import provenance
from hwsim.figure import FED, JUDGED, NETWORK, Figure, Figures
from hwsim.schedule.figures import of_inventory
from hwsim.training.outcome import Epoch, Outcome
from models.data.dataset import Dataset
from models.network.parameters import IntegerParameters

_SIGNALS = ("preactivation", "delta", "weight", "bias")

TRAINING = Figures(
    "training",
    {
        "edges": Figure("edges", "edges of each junction, W_i"),
        "density": NETWORK["density"],
        "training_samples": Figure("samples", "samples of an epoch"),
        "epochs": Figure("epochs", "epochs finished"),
        **FED,
        "validation_accuracy": Figure(
            "1", "share of held-out training samples predicted right after the last epoch", "more"
        ),
        "validation_loss": Figure(
            "nats or squared error", "mean cost of held-out training samples after the last epoch", "less"
        ),
        "test_accuracy": JUDGED["test_accuracy"],
        "test_loss": JUDGED["test_loss"],
        "history": Figure("as above", "the same figures after every epoch"),
        **{
            f"saturated_{name}": Figure("events", f"times a {name} left its format's range, by junction, all epochs", "less")
            for name in _SIGNALS
        },
        "weights_at_limit": Figure("weights", "final weights at either end of their range, by junction"),
        "largest_weight": Figure("2**-{fraction}", "greatest magnitude of a final weight, by junction"),
        "files": Figure("SHA-256", "of the files of this run, as it has left them"),
    },
)
"""By name, as ``metrics.json`` of a training run has them."""

SPEED = Figures(
    "speed",
    {
        "seconds": Figure("s", "training in this call, evaluation not counted"),
        "samples_per_second": Figure("samples/s", "training samples over these seconds", "more"),
    },
)
"""By name, as ``timing.json`` has them."""


def of_training(outcome: Outcome, data: Dataset) -> dict[str, Any]:
    """All figures of a training run; nothing in it depends on the machine's speed."""
    config, network, final = outcome.design.config, outcome.design.network, outcome.parameters
    result = provenance(config) | {"status": "finished" if outcome.finished else "interrupted"}
    result |= TRAINING.all_told(
        {
            "edges": [p.n_edges for p in network.patterns],
            "density": network.density,
            "training_samples": len(data.train),
            "epochs": len(outcome.history),
        }
    )
    if outcome.history:
        result |= _of_epochs(outcome.history)
    if isinstance(final, IntegerParameters):
        result |= _of_weights(final, config)
    if config.hardware is not None and config.out_degrees is not None:
        result |= of_inventory(outcome.design.inventory)
    return result


def _of_epochs(history: list[Epoch]) -> dict[str, Any]:
    last = history[-1]
    told = {"train_accuracy": last.train_accuracy, "train_loss": last.train_loss}
    for split in ("validation", "test"):
        accuracy, loss = getattr(last, f"{split}_accuracy"), getattr(last, f"{split}_loss")
        if accuracy is not None:
            told |= {f"{split}_accuracy": accuracy, f"{split}_loss": loss}
    per_epoch = {
        key: [getattr(e, key) for e in history]
        for key in ("train_accuracy", "train_loss", "validation_accuracy", "validation_loss", "test_accuracy", "test_loss")
        if getattr(last, key) is not None
    }
    saturated = {f"saturated_{name}": counts for name, counts in last.saturation.items()}
    return TRAINING.all_told(told | {"history": per_epoch} | saturated)


def _of_weights(final: IntegerParameters, config: Configuration) -> dict[str, Any]:
    legal = config.numbers.system.weight
    at_limit = [int(((w == legal.lowest) | (w == legal.highest)).sum()) for w in final.weights]
    largest = [int(np.abs(w).max()) for w in final.weights]
    return {
        "weights_at_limit": TRAINING.told("weights_at_limit", at_limit),
        "largest_weight": TRAINING.told("largest_weight", largest, fraction=legal.fraction),
    }


def timing(outcome: Outcome) -> dict[str, Any]:
    """How fast this machine was; kept apart, so that all other files repeat byte for byte."""
    return SPEED.all_told({"seconds": outcome.seconds, "samples_per_second": outcome.samples_per_second})
