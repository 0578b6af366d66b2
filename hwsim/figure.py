"""What a figure is: unit, meaning, and which direction is better."""

from typing import NamedTuple


class Figure(NamedTuple):
    """One figure; ``better`` is ``less``, ``more`` or, where neither is, empty. ``axis`` is what a picture calls it."""

    unit: str
    meaning: str
    better: str = ""
    axis: str = ""


JUDGED: dict[str, Figure] = {
    "test_accuracy": Figure("1", "share of test samples predicted right after the last epoch", "more", "test accuracy"),
    "test_loss": Figure("nats or squared error", "mean cost of test samples after the last epoch", "less", "test loss"),
    "validation_accuracy": Figure(
        "1", "share of held-out samples predicted right after the last epoch", "more", "validation accuracy"
    ),
    "validation_loss": Figure("nats or squared error", "mean cost of held-out samples after the last epoch", "less"),
}
"""What any trained network is judged by, on samples that it has not learned from."""
