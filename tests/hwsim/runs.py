"""Small training runs for tests: samples of four easy classes, configurations of every engine, and what a run leaves."""

from pathlib import Path

import numpy as np
import yaml

from hwsim.commands import app as cli
from hwsim.results.directory import TIMING

TRAIN, TEST, FEATURES, CLASSES = 150, 40, 16, 4

FIXED = {
    "network": {"layers": [16, 8, 4], "out_degree": [2, 2], "activation": "sigmoid"},
    "hardware": {"z": [8, 4]},
    "numbers": {"width": 12, "fraction": 8, "input": {"width": 8, "fraction": 8, "signed": False}},
    "training": {"engine": "fixed", "order": "pipelined", "epochs": 4, "rate_shift": [[0, 3], [2, 4]]},
}
FLOAT = {
    "network": {"layers": [16, 8, 4], "out_degree": [4, 2], "activation": ["relu", "softmax"]},
    "connectivity": {"kind": "structured"},
    "training": {"engine": "float", "order": "sequential", "epochs": 4, "precision": "float32"},
}
KINDS = {
    "fixed pipelined": FIXED,
    "fixed overlap": FIXED | {"hardware": {"z": [8, 4], "schedule": "overlap"}},
    "fixed sequential": FIXED | {"training": FIXED["training"] | {"order": "sequential"}},
    "fixed stochastic": FIXED | {"numbers": FIXED["numbers"] | {"rounding": {"weight_step": "stochastic"}}},
    "cycle": FIXED | {"training": FIXED["training"] | {"engine": "cycle"}},
    "float adam batches": FLOAT | {"training": FLOAT["training"] | {"optimiser": "adam", "batch_size": 8, "decay": 1e-4}},
    "float momentum": FLOAT | {"training": FLOAT["training"] | {"optimiser": "momentum", "learning_rate": 0.01}},
    "float single samples": FLOAT,
    "float pipelined": FLOAT | {"training": FLOAT["training"] | {"order": "pipelined"}},
}


def write_samples(path: Path, seed: int = 0) -> Path:
    """Noisy copies of one random picture per class."""
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 256, (CLASSES, FEATURES))
    arrays = {}
    for split, n in (("train", TRAIN), ("test", TEST)):
        labels = rng.integers(0, CLASSES, n)
        inputs = np.clip(pictures[labels] + rng.normal(0, 30, (n, FEATURES)), 0, 255)
        arrays |= {f"{split}_inputs": inputs.astype(np.uint8), f"{split}_labels": labels}
    np.savez(path, classes=CLASSES, **arrays)
    return path


def write_config(folder: Path, kind: str, **training: object) -> Path:
    """A configuration file beside its samples."""
    design = KINDS[kind]
    samples = folder / "samples.npz"
    if not samples.exists():
        write_samples(samples)
    data = design | {"name": kind.replace(" ", "-"), "data": {"name": str(samples)}}
    data["training"] = design["training"] | training
    path = folder / f"{data['name']}.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def train(config: Path, out: Path, *options: str) -> int:
    """``hwsim train`` in this process."""
    return cli.run(["train", str(config), "--out", str(out), "--quiet", *options])


def files(directory: Path) -> dict[str, bytes]:
    """Every file of a run but the one that tells how fast the machine was."""
    return {p.name: p.read_bytes() for p in sorted(directory.iterdir()) if p.name != TIMING}
