"""The published network at full size, on Verilator and real digits."""

import os

import numpy as np
import pytest

from hwsim.configuration import config_file
from hwsim.design import Design
from rtl.cosim.cosimulation import cosimulate
from tests.hwsim.shipped import SHIPPED
from tests.models.data.real import mnist_dir

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path, monkeypatch):
    """``hwsim cosim`` on Verilator as a function of a shipped configuration, samples and changes."""
    for name in ("PATH", "MAKEFLAGS", "VERILATOR_ROOT"):  # put back afterwards
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.delenv("VERILATOR_ROOT")

    def cosim(name, samples, data_dir=None, **changes):
        path = next(p for p in SHIPPED if p.stem == name)
        design = Design(config_file.load(path, changes))
        data = design.dataset(data_dir).train
        return cosimulate(design, data, "verilator", samples, tmp_path)

    return cosim


def mnist():
    """The real data set if this machine has it, else the digits that come with the package."""
    try:
        return {"data_dir": mnist_dir()}
    except pytest.skip.Exception:
        return {"data.name": "mnist-mini", "training.samples": None}


def test_a_thousand_digits_through_the_published_network(run):
    done = run("reconfig2018", 1000, **mnist())
    assert done.outcome.mismatch is None, str(done.outcome.mismatch)
    assert done.plan.period == 34 and [j.z for j in done.plan.junctions] == [128, 32]
    assert set(np.diff(done.capture.advances).tolist()) == {34}
    assert len(done.capture.results) == 1000 * done.plan.junctions[-1].groups
    edges = sum(j.pattern.n_edges for j in done.plan.junctions)
    assert done.outcome.by_memory["weight"] == 1000 * edges == 1000 * (4096 + 1024)


def test_overlapping_junctions_take_a_sample_every_32_clocks(run):
    done = run("overlap", 100)
    assert done.outcome.mismatch is None, str(done.outcome.mismatch)
    assert done.plan.period == 32 and done.outcome.bubbles == 0
    assert set(np.diff(done.capture.advances).tolist()) == {32}
    per_sample = done.plan.inputs.groups
    taken = done.capture.taken[per_sample - 1 :: per_sample]
    assert (taken[-1] - taken[10]) / (len(taken) - 11) == 32.0
