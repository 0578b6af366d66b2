"""Smaller images: the mean of every block of pixels in place of its pixels."""

from dataclasses import replace
from math import gcd, prod

import numpy as np

from models.data.dataset import Dataset, Split
from models.errors import InputError

Image = tuple[int, ...]


def pooled_image(name: str, image: Image | None, side: int) -> Image | None:
    """The shape of an image of which blocks of ``side`` × ``side`` pixels are averaged; as it is where ``side`` is 1.

    Parameters
    ----------
    name
        Of the data set, for the message.
    image
        (rows, columns) or (rows, columns, channels); None: no image.

    Raises
    ------
    InputError
        If there are no images, or the side of a block does not divide theirs.
    """
    if side == 1:
        return image
    if image is None:
        raise InputError("data.pool", side, f"averages pixels, and {name} has no images", [1])
    rows, columns, *channels = image
    if rows % side or columns % side:
        common = gcd(rows, columns)
        legal = sorted((k for k in range(1, common + 1) if not common % k), key=lambda k: (abs(k - side), k))[:2]
        raise InputError("data.pool", side, f"does not divide the {rows}×{columns} pixels of {name}", sorted(legal))
    return (rows // side, columns // side, *channels)


def pool(data: Dataset, side: int) -> Dataset:
    """The data set with the mean of every block of ``side`` × ``side`` pixels, each channel by itself.

    The mean of bytes is a byte, the nearest one, halves up; that of float32 is computed in float64 and rounded once.

    Raises
    ------
    InputError
        As :func:`pooled_image`.
    """
    image = pooled_image(data.name, data.image, side)
    if side == 1:
        return data
    assert image is not None

    def smaller(split: Split) -> Split:
        return Split(np.concatenate([_means(part.inputs, image, side) for part in split.parts()]), split.labels)

    return replace(
        data, train=smaller(data.train), test=smaller(data.test), validation=smaller(data.validation), image=image
    )


def _means(inputs: np.ndarray, image: Image, side: int) -> np.ndarray:
    """[n, features] of the pooled images, of the type of the inputs."""
    (rows, columns), channels = image[:2], prod(image[2:])
    blocks = inputs.reshape(len(inputs), rows, side, columns, side, channels)
    if inputs.dtype == np.uint8:
        means = (2 * blocks.sum(axis=(2, 4), dtype=np.int64) + side**2) // (2 * side**2)
    else:
        means = blocks.mean(axis=(2, 4), dtype=np.float64)
    return means.astype(inputs.dtype).reshape(len(inputs), rows * columns * channels)
