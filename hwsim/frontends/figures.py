"""What a study can measure of a network with a convolutional front end, trained together."""

from pathlib import Path
from typing import TYPE_CHECKING

from hwsim.figure import JUDGED, Figure
from models.torch_layers import require

if TYPE_CHECKING:
    from hwsim.design import Design

FRONTEND_FIGURES: dict[str, Figure] = {
    **JUDGED,
    "train_accuracy": Figure(
        "1", "share of training samples predicted right before they were learned from, last epoch", "more"
    ),
    "train_loss": Figure("nats or squared error", "mean cost of the same samples", "less"),
    "features": Figure("features", "that leave the front end, the inputs of the classification layers"),
    "classification_edges": Figure("edges", "of the classification layers, ΣW", "less", "classification edges"),
    "classification_density": Figure(
        "1", "edges of the classification layers over those of fully connected ones", "less", "classification density"
    ),
    "convolution_weights": Figure("weights", "of the front end's convolutions"),
    "network_density": Figure(
        "1",
        "convolution weights and edges over convolution weights and the edges of fully connected classification layers",
        "less",
        "density of the whole network",
    ),
    "parameters": Figure(
        "numbers", "trained: kernels, scales and shifts of batch normalisations, weights of edges, biases", "less"
    ),
    "training_samples": Figure("samples", "of an epoch"),
}
"""By name; all of them are computed by :func:`frontend_figures`, those of validation if samples are held out."""


def frontend_figures(design: "Design", data_dir: Path | None) -> dict[str, int | float]:
    """Train a front end with the network behind it, from scratch, and measure what came of it.

    Parameters
    ----------
    design
        With a front end.
    data_dir
        Folder of the data sets.

    Raises
    ------
    InputError
        If PyTorch is missing, or images and network do not fit.
    """
    require()
    from hwsim.frontends.run import measure

    return measure(design, data_dir)
