"""The published network at full size, on Verilator and real digits."""

import os

import numpy as np
import pytest

from hwsim.configuration import config_file
from hwsim.design import Design
from rtl.cosim import protocol_kernel as kernel
from rtl.cosim.cosimulation import Asked, cosimulate
from rtl.cosim.scenarios import DATA, names
from tests.hwsim.shipped import SHIPPED
from tests.models.data.real import mnist_dir

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path, monkeypatch):
    """``hwsim cosim`` on Verilator as a function of a shipped configuration, samples and changes."""
    for name in ("PATH", "MAKEFLAGS", "VERILATOR_ROOT"):  # put back afterwards
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.delenv("VERILATOR_ROOT")

    def cosim(name, samples, scenarios=None, data_dir=None, **changes):
        path = next(p for p in SHIPPED if p.stem == name)
        design = Design(config_file.load(path, changes))
        data = design.dataset(data_dir).train
        return cosimulate(design, data, "verilator", samples, tmp_path, asked=Asked(scenarios or names()))

    return cosim


def mnist():
    """The real data set if this machine has it, else the digits that come with the package."""
    try:
        return {"data_dir": mnist_dir()}
    except pytest.skip.Exception:
        return {"data.name": "mnist-mini", "training.samples": None}


def steps(done):
    """Clocks between the junction cycles of the samples' own run."""
    record = done.expected.protocol.record
    end = record.marks[1] if len(record.marks) > 1 else done.expected.protocol.clocks
    return set(np.diff(record.advances[record.advances[:, 0] < end, 0]).tolist())


def test_a_thousand_digits_through_the_published_network(run):
    done = run("reconfig2018", 1000, **mnist())
    assert done.outcome.mismatch is None, str(done.outcome.mismatch)
    assert done.plan.period == 34 and [j.z for j in done.plan.junctions] == [128, 32]
    assert steps(done) == {34} and len(done.expected.results[1]) == 1000
    edges = sum(j.pattern.n_edges for j in done.plan.junctions)
    assert done.outcome.by_memory["weight"] > 1000 * edges == 1000 * (4096 + 1024)
    assert [p.verdict for p in done.parts] == ["agrees"] * 13


def test_overlapping_junctions_take_a_sample_every_32_clocks(run):
    done = run("overlap", 100, (DATA,))
    assert done.outcome.mismatch is None, str(done.outcome.mismatch)
    assert done.plan.period == 32 and done.expected.bubbles == 0
    assert steps(done) == {32}
    record = done.expected.protocol.record
    beats = ((record.sees & kernel.READY) > 0) & ((record.sets & kernel.SENT) > 0)
    per_sample = done.plan.inputs.groups
    taken = beats.nonzero()[0][per_sample - 1 :: per_sample]
    assert (taken[-1] - taken[10]) / (len(taken) - 11) == 32.0
