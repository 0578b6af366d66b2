"""``difficulty``: how hard a design's data set is, before anything is trained."""

from hwsim.measurements.difficulty_figures import DIFFICULTY_FIGURES, difficulty_figures
from hwsim.measurements.measurement import Measurement, Need, Subject


def measure(subject: Subject) -> dict[str, float]:
    """Of the training samples, without padding."""
    return difficulty_figures(subject.design.unpadded(subject.data_dir))


DIFFICULTY = Measurement("difficulty", DIFFICULTY_FIGURES, measure, frozenset({Need.DATA}))
