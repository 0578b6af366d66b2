"""``pattern``: what can be said of a design's connectivity before anything is trained."""

from hwsim.measurements.measurement import Measurement, Subject
from hwsim.patterns.figures import PATTERN_FIGURES, pattern_figures


def measure(subject: Subject) -> dict[str, int | float]:
    """Scatter, degrees, interleavers and paths."""
    return pattern_figures(subject.design)


PATTERN = Measurement("pattern", PATTERN_FIGURES, measure)
