"""Data sets that the points of a study share, and with them samples in the engine's form."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np

from hwsim.configuration.configuration import Configuration
from hwsim.measurements.measurement import Shelf, Subject
from models.data.catalogue import CATALOGUE
from models.data.dataset import Dataset, Split
from models.fixed.engine import FixedEngine, Samples

_KEPT_DATASETS = 2
_AT_A_TIME = 256
"""Samples brought into the engine's form at once: what lies between stays in the processor's cache."""


def samples_key(config: Configuration) -> Hashable:
    """Says all that the samples of a design depend on, beside the folder they come from."""
    known = CATALOGUE.get(config.data.name)
    seed = config.seed if known is not None and known.drawn else None
    return config.data, config.network.layers[0], config.classes, config.training.samples, seed


def dataset_of(subject: Subject) -> Dataset:
    """The data set of a point, which others with the same samples share."""
    key = (samples_key(subject.design.config), subject.data_dir)

    def load() -> Dataset:
        return subject.design.dataset(subject.data_dir)

    return subject.shelf.kept("datasets", key, _KEPT_DATASETS, lambda: subject.shelf.shared("dataset", key, load))


def engine_samples(engine: FixedEngine, split: Split, shelf: Shelf, prepare: Callable[[Split], Samples]) -> Samples:
    """Samples in an engine's form, which others of the same input format share; ``prepare`` makes them."""
    # The inputs are part of the kept samples' key and value: an identity cannot be taken over by another array.
    key: Hashable = (id(split.inputs), engine.numbers.input, engine.network.classes)

    def make() -> Samples:
        parts = [prepare(split[k : k + _AT_A_TIME]) for k in range(0, len(split), _AT_A_TIME)]
        inputs = np.empty((len(split), split.inputs.shape[1]), parts[0].inputs.dtype)
        np.concatenate([p.inputs for p in parts], out=inputs)
        return _Anchored(inputs, np.concatenate([p.labels for p in parts]), split)

    return shelf.kept("samples", key, 3 * _KEPT_DATASETS, make)


@dataclass(frozen=True, eq=False)
class _Anchored(Samples):
    """Samples that keep what they were made from alive."""

    source: Split
