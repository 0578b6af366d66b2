"""Measuring a network with a convolutional front end: trained together from scratch, without a directory."""

from pathlib import Path

from hwsim.design import Design
from models.data.dataset import Split
from models.torch_layers import require


def frontend_figures(design: Design, data_dir: Path | None) -> dict[str, int | float]:
    """Train a front end with the network behind it, from scratch, and measure what came of it.

    Parameters
    ----------
    design
        With a front end.
    data_dir
        Folder of the data sets.

    Returns
    -------
    dict
        By the names of :data:`hwsim.frontends.figures.FRONTEND_FIGURES`.

    Raises
    ------
    InputError
        If PyTorch is missing, or images and network do not fit.
    """
    require()
    # What follows needs PyTorch as soon as it is imported.
    from hwsim.frontends.engine import FrontendTrainer, images, section
    from hwsim.frontends.run import sizes

    data = images(design, data_dir)
    trainer, n = FrontendTrainer(design, data), len(data.train)
    for epoch in range(section(design.config).epochs):
        seen = trainer.advance(design.epoch_order(epoch, n), epoch)
    result = sizes(trainer) | {"training_samples": n, "train_accuracy": seen.correct / n, "train_loss": seen.loss / n}
    for name in ("validation", "test"):
        split: Split = getattr(data, name)
        if len(split):
            result[f"{name}_accuracy"], result[f"{name}_loss"] = trainer.judge(split)
    return result
