"""A study of many designs with results made up, written by what writes any study: only measuring is left out."""

from pathlib import Path

import numpy as np

from hwsim.commands.report import leave
from hwsim.studies.definition import study as studies
from hwsim.studies.definition.points import Space
from hwsim.studies.directory import StudyDirectory
from hwsim.studies.findings import designs, tables
from hwsim.studies.measuring.exploration import Explored
from hwsim.studies.measuring.task import Result
from tests.hwsim.studies import small_studies

AXES = {
    "rule": {
        "list": {
            "plain": {"training.init": "glorot_normal"},
            "<script>alert(1)</script>": {"training.init": "he_normal"},
        }
    },
    "width": {"key": "numbers.width", "grid": [8, 9, 10, 12, 14]},
    "z": {"key": "hardware.z", "grid": [[2, 1], [4, 2], [8, 4], [16, 8]]},
    "epochs": {"key": "training.epochs", "grid": [*range(1, 51)]},
}
"""2,000 designs; the name of one of them would be a program if it were not escaped."""


def write(folder: Path, axes: dict = AXES) -> Path:
    """The directory of the study."""
    path = small_studies.write(folder, axes=axes, measure=["check", "fixed"], seeds=[0, 1], about="Many designs")
    study = studies.load(path)
    found, rng = Explored(study, Space(study).all()), np.random.default_rng(0)
    for point in found.points.legal:
        width, epochs, z = point.config.numbers.width, point.config.training.epochs, point.config.hardware.z[0]
        edges = float(sum(point.config.edges))
        accuracy = 0.98 - 0.5 / epochs - 2.0 ** (4 - width) - 0.002 * np.log2(z) + rng.normal(0, 0.004)
        made = {
            "check": {"edges": edges, "clocks_per_input": 2.0 + 32 // z, "multipliers": 3.0 * z + width},
            "fixed": {"test_accuracy": float(np.clip(accuracy, 0, 1)), "test_loss": float(1.01 - accuracy)},
        }
        for measurement, figures in made.items():
            key = f"{point.number} {measurement}"
            found.keys[point.number, measurement] = key
            found.results[key] = Result(key, figures)
    directory = StudyDirectory(folder / "study", study)
    with directory.locked():
        tables.write(found, directory)
        designs.write(found, directory)
        leave(directory)
    return directory.path
