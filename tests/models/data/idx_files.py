"""Small IDX files like those of MNIST."""

import gzip
import struct
from pathlib import Path

import numpy as np

from models.data.idx import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS


def images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def image_file(pixels: np.ndarray) -> bytes:
    return struct.pack(">4I", 0x0803, *pixels.shape) + pixels.tobytes()


def label_file(labels: list[int]) -> bytes:
    return struct.pack(">2I", 0x0801, len(labels)) + bytes(labels)


def contents() -> dict[str, bytes]:
    """Base name to unpacked content: three training and two test digits."""
    return {
        TRAIN_IMAGES: image_file(images(3)),
        TRAIN_LABELS: label_file([7, 0, 9]),
        TEST_IMAGES: image_file(images(2, seed=1)),
        TEST_LABELS: label_file([1, 2]),
    }


def write(folder: Path, files: dict[str, bytes], packed: bool = True) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for base, content in files.items():
        path = folder / (f"{base}.gz" if packed else base)
        path.write_bytes(gzip.compress(content) if packed else content)
