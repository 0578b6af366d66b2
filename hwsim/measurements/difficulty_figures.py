"""How hard a data set is, as figures: the metrics of :mod:`models.data.difficulty`, as meant and as published code."""

from hwsim.figure import Figure, Figures
from models.data.dataset import Dataset
from models.data.difficulty import Difficulty, clouds, difficulty, difficulty_as_coded

_AS_CODED = "by the published code: "
_METRICS = {
    "lower_bound": ("1", "L, lower bound on the error of Gaussian classes", "lower bound L"),
    "upper_bound": ("errors/sample", "U, union bound on the error of Gaussian classes", "upper bound U (errors per sample)"),
    "distance": (
        "ratio",
        "D, deviation of a class over the distance to the nearest other, mean over the classes",
        "deviation over distance D",
    ),
    "close_pairs": ("pairs", "T, pairs of class centroids less than 0.05 apart per feature", "close pairs of classes T"),
}

DIFFICULTY_FIGURES = Figures(
    "difficulty",
    {
        **{name: Figure(unit, meaning, "less", axis) for name, (unit, meaning, axis) in _METRICS.items()},
        **{
            f"{name}_as_coded": Figure(unit, _AS_CODED + meaning, "less", f"{axis}, as coded")
            for name, (unit, meaning, axis) in _METRICS.items()
        },
    },
)
"""By name; the training samples decide."""


def difficulty_figures(dataset: Dataset) -> dict[str, float]:
    """Every figure of ``DIFFICULTY_FIGURES``, from the training samples.

    Inputs that are padding count as features, which makes every deviation smaller: give the data set without.

    Raises
    ------
    InputError
        If samples of fewer than two classes are there.
    """
    found = clouds(dataset.train)
    return _named(difficulty(found), "") | _named(difficulty_as_coded(found), "_as_coded")


def _named(metrics: Difficulty, suffix: str) -> dict[str, float]:
    return {f"{name}{suffix}": value for name, value in metrics._asdict().items()}
