"""A run of ``hwsim frontend``: a training run whose directory also keeps the trained front end.

Importing this module needs PyTorch.
"""

from typing import Any

import torch

from hwsim.configuration.provenance import provenance
from hwsim.design import Design
from hwsim.frontends.engine import FrontendTrainer
from hwsim.frontends.figures import FRONTEND_FIGURES
from hwsim.results.directory import FRONT_END, RunDirectory
from hwsim.training.outcome import Outcome
from hwsim.training.run import TrainingRun
from models.data.dataset import Dataset
from models.files.npz import write_npz


class FrontendRun(TrainingRun):
    """Trains a front end and the network behind it.

    Checkpoints, interrupts and files are those of every training run; ``final.npz`` holds the classification layers.

    Parameters
    ----------
    design
        With a front end.
    data
        Images, see :func:`hwsim.frontends.engine.images`.
    directory
        Where the files go.
    """

    def __init__(self, design: Design, data: Dataset, directory: RunDirectory) -> None:
        trainer = FrontendTrainer(design, data)
        super().__init__(trainer.classification, data, directory, make=lambda *_: trainer)
        self._whole, self.trainer = design, trainer

    def _write_results(self, outcome: Outcome) -> None:
        write_npz(self.directory / FRONT_END, self.trainer.front_arrays())
        super()._write_results(outcome)

    def _metrics(self, outcome: Outcome) -> dict[str, Any]:
        own = FRONTEND_FIGURES.all_told(sizes(self.trainer))
        result = super()._metrics(outcome) | provenance(self._whole.config) | own
        result["tools"]["torch"] = torch.__version__
        return result


def sizes(trainer: FrontendTrainer) -> dict[str, int | float]:
    """What the network has, and how dense it is, by the names of :data:`hwsim.frontends.figures.FRONTEND_FIGURES`."""
    network = trainer.network.classifier.network
    kernels = sum(kernel.numel() for kernel in trainer.network.convolutions.kernels)
    pairs = sum(p.n_left * p.n_right for p in network.patterns)
    return {
        "features": network.layers[0],
        "classification_edges": network.n_edges,
        "classification_density": network.density,
        "convolution_weights": kernels,
        "network_density": (kernels + network.n_edges) / (kernels + pairs),
        "parameters": trainer.network.trained_numbers,
    }
