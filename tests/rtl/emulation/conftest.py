from pathlib import Path

import numpy as np
import pytest

from hwsim.commands import app as cli
from rtl.emulation import program

TRAINED, EVERY = 60, 25
"""Samples that the board of :func:`trained` has learned, more than an epoch; and of a batch."""

CONFIG = """
name: small
network: {layers: [16, 8, 4], out_degree: [4, 4], classes: 3}
hardware: {z: [2, 2], interface: wishbone, beat_bits: 64}
numbers: {width: 12, fraction: 8, input: {width: 8, fraction: 8, signed: false}}
training: {rate_shift: [[0, 2], [1, 3]], epochs: 1}
data: {name: samples.npz}
"""


@pytest.fixture(scope="session")
def echo(tmp_path_factory) -> Path:
    """The program of a design that sends back what it gets."""
    text = Path(__file__).with_name("echo.v").read_text()
    return program.build(text, "echo", tmp_path_factory.mktemp("echo"), bit_clocks=4, quiet_clocks=200_000)


@pytest.fixture(scope="session")
def config(tmp_path_factory) -> Path:
    """A small network, and samples of three classes."""
    folder = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(3)
    labels = np.arange(65) % 3
    inputs = np.clip(rng.normal(60 + 60 * labels[:, None] * (np.arange(16) % 3), 30), 0, 255).astype(np.uint8)
    train = {"train_inputs": inputs[:40], "train_labels": labels[:40]}
    np.savez(folder / "samples.npz", **train, test_inputs=inputs[40:], test_labels=labels[40:])
    (folder / "small.yaml").write_text(CONFIG)
    return folder / "small.yaml"


@pytest.fixture
def built(trained, monkeypatch):
    """From now on the program of the board need not be compiled again."""
    monkeypatch.setattr(program, "build", lambda *_, **__: trained / "emulation/board")


@pytest.fixture(scope="session")
def trained(config, tmp_path_factory) -> Path:
    """The directory of a board that a client has trained."""
    out = tmp_path_factory.mktemp("board") / "trained"
    assert cli.run(["emulate", str(config), "--out", str(out), "--train", str(TRAINED), "--every", str(EVERY)]) == 0
    return out
