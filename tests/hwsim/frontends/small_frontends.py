"""Small networks with a front end for tests: pictures of four easy classes, and a configuration beside them."""

import json
from pathlib import Path

import numpy as np
import yaml

from hwsim.commands import app as cli

SIDE, CLASSES, TRAIN, TEST = 8, 4, 160, 60
FEATURES = 160  # of the small front end: 2 × 2 × 40


def write_images(path: Path, seed: int = 0, noise: float = 40) -> Path:
    """Noisy copies of one random picture per class, three colours."""
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 256, (CLASSES, SIDE, SIDE, 3))
    arrays = {}
    for split, n in (("train", TRAIN), ("test", TEST)):
        labels = rng.integers(0, CLASSES, n)
        images = np.clip(pictures[labels] + rng.normal(0, noise, (n, SIDE, SIDE, 3)), 0, 255)
        arrays |= {f"{split}_inputs": images.astype(np.uint8), f"{split}_labels": labels}
    np.savez(path, classes=CLASSES, **arrays)
    return path


def write_config(folder: Path, **sections: dict) -> Path:
    """A configuration file beside its images; ``sections`` add to its sections."""
    images = folder / "images.npz"
    if not images.exists():
        write_images(images)
    data = {
        "name": "fronted",
        "seed": 3,
        "network": {"layers": [FEATURES, 20, CLASSES], "out_degree": [2, 2], "activation": ["relu", "softmax"]},
        "hardware": {"z": [16, 2]},
        "training": {"engine": "float", "order": "sequential", "init": "he_normal"},
        "frontend": {"network": "small", "epochs": 4, "batch_size": 16, "learning_rate": 0.01, "dropout": 0.2},
        "data": {"name": str(images)},
    }
    for name, section in sections.items():
        data[name] = {**data.get(name, {}), **section}
    path = folder / "fronted.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def figures(folder: Path) -> dict:
    """The values of a run's ``metrics.json``."""
    entries = json.loads((folder / "metrics.json").read_text())
    return {k: v["value"] for k, v in entries.items() if isinstance(v, dict) and "value" in v}


def run(command: str, *arguments: object) -> int:
    """A command of hwsim in this process."""
    return cli.run([command, *map(str, arguments), "--quiet"])
