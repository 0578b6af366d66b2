"""The small part of MNIST that comes with the package, so that everything runs without a download."""

from importlib import resources

from models.data import user_npz
from models.data.dataset import Dataset


def load() -> Dataset:
    """The first 5,000 training and the first 1,000 test digits of MNIST.

    Returns
    -------
    Dataset
        uint8 [n, 784], row-major images of (28, 28). ``mnist_mini.md`` states origin and licence.
    """
    with resources.as_file(resources.files("models.data").joinpath("mnist_mini.npz")) as path:
        return user_npz.load(path, "mnist-mini")
