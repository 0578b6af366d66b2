"""``frontend``: a network with a convolutional front end, trained together."""

from hwsim.frontends.figures import FRONTEND_FIGURES
from hwsim.frontends.measure import frontend_figures
from hwsim.measurements.measurement import Measurement, Need, Subject


def measure(subject: Subject) -> dict[str, int | float]:
    """What came of training."""
    return frontend_figures(subject.design, subject.data_dir)


FRONTEND = Measurement("frontend", FRONTEND_FIGURES, measure, frozenset({Need.DATA, Need.TORCH}))
