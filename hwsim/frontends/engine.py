"""A convolutional front end and the network behind it, trained together: one more engine behind the face of the others.

Importing this module needs PyTorch; :func:`models.torch_layers.require` says so in one line.
"""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from hwsim.configuration import data_fit
from hwsim.configuration.configuration import Configuration
from hwsim.configuration.sections import FrontendSection
from hwsim.design import Design
from hwsim.random_streams import Stream
from hwsim.training.engines import Predicted
from models.data import catalogue
from models.data.dataset import Dataset, Split
from models.errors import InputError
from models.floating.optimisers import Optimiser, all_exactly, rate_scales
from models.network.parameters import RealParameters
from models.torch_layers.convolutions import Convolutions, FrontedNetwork
from models.torch_layers.flat_parameters import FlatParameters
from models.torch_layers.front_ends import FRONT_ENDS
from models.torch_layers.reproducible import reproducible

_EVALUATION_BATCH = 256
_OPTIMISER = "optimiser_"


def section(config: Configuration) -> FrontendSection:
    """The configuration's front end.

    Raises
    ------
    InputError
        If it has none.
    """
    if config.frontend is None:
        known = [f"network: {name}" for name in FRONT_ENDS]
        raise InputError("frontend", None, "is missing: it names the convolutional layers", known)
    return config.frontend


def trained_design(design: Design) -> Design:
    """The classification layers as the float engine would train them on features, with the front end's own schedule.

    Patterns and initial parameters come from the configuration's seed as in any other run.
    """
    config, f = design.config, section(design.config)
    same = ("epochs", "batch_size", "optimiser", "learning_rate", "momentum", "decay", "l2", "rate_scale")
    own = {key: getattr(f, key) for key in same}
    training = config.training.model_copy(update=own | {"engine": "float", "order": "sequential", "precision": "float32"})
    return Design(config.model_copy(update={"training": training, "frontend": None}))


def images(design: Design, data_dir: Path | None) -> Dataset:
    """The images of a design with a front end, cut to the samples of an epoch.

    Raises
    ------
    InputError
        If the data set cannot be loaded, has no images, or its features do not fit layer 0.
    """
    config = design.config
    section(config)
    known = data_fit.outline(config, data_dir)
    if known is None:
        known = catalogue.outline_of(catalogue.load(config.data.name, data_dir, config.seed))  # tells why it cannot
    data_fit.check_outline(config, known)
    assert known.image is not None
    flat = config.network.model_copy(update={"layers": (math.prod(known.image), *config.network.layers[1:])})
    return Design(config.model_copy(update={"network": flat, "frontend": None})).dataset(data_dir)


class FrontendTrainer:
    """Front end and classification layers in training; see :class:`hwsim.training.engines.Trainer`.

    Parameters
    ----------
    design
        With a front end.
    data
        Images, see :func:`images`.

    Attributes
    ----------
    classification
        The classification layers alone, see :func:`trained_design`.
    network
        All layers.
    """

    def __init__(self, design: Design, data: Dataset) -> None:
        assert data.image is not None
        self._design, self._train = design, data.train
        self._section = f = section(design.config)
        self.classification = trained_design(design)
        optimiser = Optimiser(f.optimiser, f.learning_rate, f.decay, f.momentum)
        with reproducible(f.threads):
            convolutions = Convolutions(FRONT_ENDS[f.network], data.image, f.dropout)
            convolutions.initialise(design.generator(Stream.KERNELS))
            self.network = FrontedNetwork(convolutions, self.classification.network, f.form)
            self.network.classifier.load(self.classification.initial_real)
            layers = self.network.classifier.junctions
            scales = rate_scales(f.rate_scale, [layer.pattern.density for layer in layers])
            self._flat = FlatParameters(self.network, [layer.weight for layer in layers], optimiser, f.l2, scales)

    def advance(self, order: npt.NDArray[np.int64], epoch: int) -> Predicted:
        """Batches in the order given; dropout draws from a stream of its own for every call."""
        predictions, loss = np.empty(len(order), np.int32), 0.0
        seed = int(self._design.generator(Stream.DROPOUT, self._flat.updates).integers(2**63))
        with reproducible(self._section.threads, seed):
            self.network.train()
            for start in range(0, len(order), self._section.batch_size):
                at = slice(start, start + self._section.batch_size)
                predictions[at], batch_loss = self._learn(order[at])
                loss += batch_loss
        right = int((predictions == self._train.labels[order]).sum())
        return Predicted(predictions, right, loss)

    def _learn(self, batch: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int32], float]:
        """Predictions of a batch and its summed loss, before it is learned from."""
        classifier = self.network.classifier
        self._flat.clear()
        sums = self.network(_tensor(self._train[batch]))
        losses = classifier.losses(sums, torch.as_tensor(self._train.labels[batch]))
        losses.mean().backward()
        self._flat.step(self._rate())
        return classifier.predictions(sums).numpy(), float(losses.detach().double().sum())

    def _rate(self) -> float | None:
        """Learning rate of the next update; none for the optimiser's own."""
        f = self._section
        if f.schedule == "constant":
            return None
        updates = f.epochs * -(-len(self._train) // f.batch_size)
        return f.learning_rate * (1 + math.cos(math.pi * self._flat.updates / updates)) / 2

    def drain(self) -> Predicted:
        """Nothing is ever left in flight."""
        return Predicted(np.zeros(0, np.int32), 0, 0.0)

    def predictions(self, split: Split) -> npt.NDArray[np.int32]:
        """Class of every image, as :meth:`judge` sees it."""
        with reproducible(self._section.threads), torch.inference_mode():
            self.network.eval()
            found = [self.network.classifier.predictions(self.network(_tensor(part))).numpy() for part in _parts(split)]
        return np.concatenate([np.zeros(0, np.int32), *found]).astype(np.int32)

    def judge(self, split: Split) -> tuple[float, float]:
        """Feedforward only: batch normalisation by its running figures, no dropout."""
        right, loss = 0, 0.0
        classifier = self.network.classifier
        with reproducible(self._section.threads), torch.inference_mode():
            self.network.eval()
            for part in _parts(split):
                sums, labels = self.network(_tensor(part)), torch.as_tensor(part.labels)
                right += int((classifier.predictions(sums) == labels).sum())
                loss += float(classifier.losses(sums, labels).double().sum())
        return right / len(split), loss / len(split)

    def features(self, split: Split) -> npt.NDArray[np.float32]:
        """What the front end makes of images: [n, N_0], not negative."""
        result = np.empty((len(split), self.network.convolutions.features), np.float32)
        with reproducible(self._section.threads), torch.inference_mode():
            self.network.eval()
            for i, part in enumerate(_parts(split)):
                result[i * _EVALUATION_BATCH :][: len(part)] = self.network.convolutions(_tensor(part)).numpy()
        return result

    @property
    def parameters(self) -> RealParameters:
        """Of the classification layers (float64)."""
        return self.network.classifier.parameters_by_edge

    @property
    def random(self) -> dict[str, np.ndarray]:
        """Floating point is not rounded by it."""
        return {}

    def saturation(self) -> dict[str, list[int]]:
        """Floating point does not saturate."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """All state: what PyTorch calls the network's, and the optimiser's memory."""
        memory = {f"{_OPTIMISER}{name}": array for name, array in self._flat.arrays().items()}
        return _state(self.network) | memory

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Bit for bit, all or nothing."""
        memory = {k.removeprefix(_OPTIMISER): a for k, a in arrays.items() if k.startswith(_OPTIMISER)}
        self._flat.checked(memory, "optimiser")
        _restore(self.network, {k: a for k, a in arrays.items() if not k.startswith(_OPTIMISER)})
        self._flat.restore(memory, "optimiser")

    def front_arrays(self) -> dict[str, np.ndarray]:
        """The trained front end: kernels, and the scales, shifts and running figures of batch normalisation."""
        return _state(self.network.convolutions)

    def restore_front(self, arrays: dict[str, np.ndarray]) -> None:
        """Take over what :meth:`front_arrays` gave."""
        _restore(self.network.convolutions, arrays)


def _parts(split: Split) -> list[Split]:
    return [split[start : start + _EVALUATION_BATCH] for start in range(0, len(split), _EVALUATION_BATCH)]


def _tensor(split: Split) -> torch.Tensor:
    return torch.as_tensor(split.real(np.float32))


def _state(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.detach().numpy().copy() for name, tensor in module.state_dict().items()}


def _restore(module: torch.nn.Module, arrays: dict[str, np.ndarray]) -> None:
    own = module.state_dict()
    checked = all_exactly(arrays, {name: tensor.numpy() for name, tensor in own.items()})
    for name, array in checked.items():
        # Batch normalisation divides by the roots of variances and counts its batches.
        if name.endswith(("running_var", "num_batches_tracked")) and (array < 0).any():
            raise InputError(name, array.min().item(), "must not be negative")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(torch.as_tensor(checked[name]))
