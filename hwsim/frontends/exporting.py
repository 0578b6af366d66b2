"""From a trained front end to the accelerator: its features as a data set, the layers behind it as integers.

Importing this module needs PyTorch.
"""

from pathlib import Path
from typing import Any

import numpy as np

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.design import Design
from hwsim.frontends import trained_design
from hwsim.frontends.engine import FrontendTrainer, images, section
from hwsim.frontends.figures import EXPORTED
from hwsim.frontends.names import brief
from hwsim.frontends.trained_design import Fidelity
from hwsim.results.directory import CONFIG, CONNECTIVITY, FEATURES, FINAL, FRONT_END, METRICS, RunDirectory, check_finished
from models.connectivity.files import read_connectivity
from models.data.dataset import Dataset, Split
from models.errors import InputError
from models.files.npz import read_npz
from models.files.regular import absolute, digest
from models.fixed import rescaling
from models.network.parameters import RealParameters
from models.numbers.format import Format

_CALIBRATION = 4096
"""Training samples by which the sizes of signals are judged."""


def export(
    run: Path, out: Path, data_dir: Path | None, overrides: dict[str, Any] | None = None, force: bool = False
) -> tuple[RunDirectory, Fidelity]:
    """Take the classification layers of a run of ``hwsim frontend`` to fixed point, with their features as data set.

    Features are divided by one number so that they lie in [0, 1] and lose least in the input format, and the first layer's
    weights are multiplied by it; see :mod:`models.fixed.rescaling` for the other layers.

    Parameters
    ----------
    run
        Directory of a finished run.
    out
        Directory for the design.
    data_dir
        Folder of the data sets.
    overrides
        Values in place of the configuration's, for example of ``numbers``.
    force
        Whether another run in ``out`` may be replaced.

    Raises
    ------
    InputError
        If ``run`` holds no such run, or what is wanted fits no fixed-point engine.
    """
    check_finished(run, CONNECTIVITY, FINAL, FRONT_END)
    design = Design(config_file.load(run / CONFIG))
    config = _exported(design, out, overrides or {})
    directory = RunDirectory(out, config, "export-frontend", {"run": digest(run / METRICS)}, force=force)
    patterns = tuple(read_connectivity(run / CONNECTIVITY, design.config.network.layers))
    if config.connectivity.kind != "clash_free":  # for example because z is another now
        patterns = tuple(pattern.as_structured() for pattern in patterns)
    network = trained_design.network(config, patterns)
    data = images(design, data_dir)
    trainer = FrontendTrainer(design, data)
    trainer.restore_front(_sound(run / FRONT_END, trainer.front_arrays()))
    _sound(run / FINAL, trainer.parameters.arrays())
    trained = RealParameters.read(run / FINAL, network)
    trainer.network.classifier.load(trained)
    numbers = config.numbers.system
    features, divisor = _features(run, trainer, data, numbers.input)
    sample = Split(features["train_inputs"], data.train.labels)[:_CALIBRATION].real()
    scaled, divisors = rescaling.rescaled(network, trained, sample, numbers, divisor)
    integers = scaled.quantise(numbers)
    test = Split(features["test_inputs"], data.test.labels)
    found = trained_design.fidelity(config, network, integers, trainer.predictions(data.test), test, divisors)
    more = {"front_end": EXPORTED.told("front_end", section(design.config).network)}
    trained_design.write(directory, config, patterns, integers, found, more, {FEATURES: features})
    return directory, found


def _exported(design: Design, out: Path, overrides: dict[str, Any]) -> Configuration:
    base = config_file.resolved(design.config)
    base["network"] |= {"activation": trained_design.fixed_activations(design.config.network.activations)}
    base["data"] = {"name": str(absolute(out / FEATURES)), "pad_outputs": design.config.data.pad_outputs}
    return trained_design.configuration(base, out, overrides)


def _sound(path: Path, like: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a file, which must be of the same names, types and shapes as those of the network, and finite."""
    arrays = read_npz(path)
    for name in sorted(arrays.keys() ^ like.keys()):
        fault = "is missing" if name in like else "belongs to no part of the network"
        raise InputError(f"{path}: {brief(name)}", None, fault)
    for name, array in arrays.items():
        place, wanted = f"{path}: {name}", like[name]
        if array.dtype != wanted.dtype or array.shape != wanted.shape:
            rule = f"must be {wanted.dtype} of the shape {list(wanted.shape)}"
            raise InputError(place, f"{array.dtype} {list(array.shape)}", rule)
        # PyTorch holds all of them in single precision.
        if not (np.abs(array) <= np.finfo(np.float32).max).all():
            raise InputError(place, None, "holds values that are no finite numbers in single precision")
        if name.endswith("running_var") and (array < 0).any():
            raise InputError(place, None, "is a variance and must not be negative")
    return arrays


def _features(run: Path, trainer: FrontendTrainer, data: Dataset, to: Format) -> tuple[dict[str, np.ndarray], float]:
    """The arrays of the data set, quantised to the input format, and by what the features have been divided."""
    made = {split: trainer.features(getattr(data, split)) for split in ("train", "validation", "test")}
    if not all(np.isfinite(real).all() for real in made.values()):
        raise InputError(str(run / FRONT_END), None, "makes features that are no finite numbers")
    divisor = rescaling.input_scale(made["train"][:_CALIBRATION], to)
    arrays: dict[str, np.ndarray] = {"classes": np.array(data.classes)}
    for split, real in made.items():
        if len(real):
            arrays[f"{split}_inputs"] = _quantised(real, divisor, to)
            arrays[f"{split}_labels"] = getattr(data, split).labels
    return arrays, divisor


def _quantised(real: np.ndarray, divisor: float, to: Format) -> np.ndarray:
    """In the range [0, 1] of data sets: uint8 where that holds the format's values, else float32."""
    integers = np.concatenate([to.quantise(part / divisor) for part in np.array_split(real, -(-len(real) // 1024))])
    integers = np.minimum(integers, to.one)
    if to.fraction == 8 and to.highest <= 255:
        return integers.astype(np.uint8)
    return to.real(integers).astype(np.float32)
