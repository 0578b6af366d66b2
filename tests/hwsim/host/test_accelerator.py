"""The driver against a board made of the model: the same bits, and a clear word for everything that goes wrong."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hwsim.host import Accelerator, BadValue, DesignMap, HostError, Refused, Silence, WrongDesign
from rtl.accelerator_model import Sample
from rtl.interfaced import Interfaced
from rtl.ports.packing import Packet
from tests.hwsim.host.board import Blocked, Dead, ModelBoard, Stuck, Unplugged
from tests.rtl.designs import design

DESIGNS = ("two_junctions", "three_junctions", "mixed_formats", "straddling", "one_junction", "short_beat")


def connected(name="two_junctions", board=ModelBoard, **options):
    of = design(name, interface="axi")
    here = board(of)
    return of, here, Accelerator(here, DesignMap.of(here.map), **({"patience": 0.05} | options))


def samples(of, n, seed=0):
    rng = np.random.default_rng(seed)
    left = of.junctions[0].left
    inputs = rng.integers(left.lowest, left.highest + 1, size=(n, of.junctions[0].n_left))
    return inputs, rng.integers(of.design.network.classes, size=n)


def model_of(of, inputs, labels, kappa, train=1):
    model = Interfaced(of).model()
    rows = [Sample(x.tolist(), int(y), kappa, train) for x, y in zip(inputs, labels, strict=True)]
    return model, model.run(rows)


@pytest.mark.parametrize("name", DESIGNS)
def test_what_is_learned_is_what_the_model_learns(name):
    of, _, accelerator = connected(name, window=3)
    inputs, labels = samples(of, 20)
    got = accelerator.train(inputs, labels, kappa=of.kappas[0])
    model, told = model_of(of, inputs, labels, of.kappas[0])
    assert got.prediction.tolist() == [r.prediction for r in told]
    assert got.label.tolist() == labels.tolist() and got.trained.all()
    assert got.outputs.tolist() == [r.outputs for r in told]
    learned, parameters = accelerator.read(), model.parameters
    for i, (w, b) in enumerate(zip(parameters.weights, parameters.biases, strict=True), 1):
        assert learned[f"weight_{i}"].tolist() == w.tolist() and learned[f"bias_{i}"].tolist() == b.tolist()


@pytest.mark.parametrize("window", [1, 2, 7, 1000])
def test_no_result_is_lost_however_many_samples_are_under_way(window):
    of, _, accelerator = connected(window=window)
    inputs, labels = samples(of, 25)
    got = accelerator.train(inputs, labels, kappa=3)
    assert got.label.tolist() == labels.tolist()
    assert accelerator.predict(inputs).prediction.shape == (25,)


def test_prediction_learns_nothing():
    of, _, accelerator = connected()
    before, (inputs, _) = accelerator.read(), samples(of, 9)
    got, after = accelerator.predict(inputs), accelerator.read()
    assert not got.trained.any() and got.label.tolist() == [0] * 9
    assert all((before[name] == after[name]).all() for name in before)


def test_parameters_come_back_as_they_were_loaded(tmp_path):
    _, board, accelerator = connected("mixed_formats")
    rng, given = np.random.default_rng(1), {}
    for kind, memories in (("weight", accelerator.map.weights), ("bias", accelerator.map.biases)):
        for i, m in enumerate(memories, 1):
            given[f"{kind}_{i}"] = rng.integers(m.format.lowest, m.format.highest + 1, size=m.words)
    accelerator.load(given)
    back = accelerator.read()
    assert all((back[name] == given[name]).all() for name in given)
    accelerator.checkpoint(tmp_path / "here.npz")
    board.model = Interfaced(board.plan).model()
    accelerator.load(tmp_path / "here.npz")
    assert all((accelerator.read()[name] == given[name]).all() for name in given)
    assert [p.name for p in tmp_path.iterdir()] == ["here.npz"]
    real = {name: array / 2.0 ** accelerator.map.weights[0].format.fraction for name, array in given.items() if "w" in name}
    accelerator.load(given | real)
    assert all((accelerator.read()[name] == given[name]).all() for name in given)


def test_it_goes_on_after_a_look_at_its_weights_if_it_ran_before():
    of, _, accelerator = connected()
    assert not accelerator.running
    accelerator.read()
    assert not accelerator.running
    accelerator.train(*samples(of, 3), kappa=3)
    assert accelerator.running
    accelerator.read()
    assert accelerator.running


def test_real_inputs_are_rounded_to_the_nearest_halves_up_and_clipped():
    of, _, accelerator = connected()
    unit = 2.0 ** -of.junctions[0].left.fraction
    inputs = np.zeros((1, of.junctions[0].n_left))
    inputs[0, :5] = [1.49 * unit, 1.5 * unit, 2.5 * unit, -3.0, 7.0]
    whole = np.zeros((1, of.junctions[0].n_left), int)
    whole[0, :5] = [1, 2, 3, of.junctions[0].left.lowest, of.junctions[0].left.highest]
    assert accelerator.predict(inputs).outputs.tolist() == accelerator.predict(whole).outputs.tolist()


BAD = {
    "shape": (lambda of, a: a.train(np.zeros((2, 3), int), [0, 0]), r"inputs have the shape \[2, 3\]"),
    "input": (lambda of, a: a.predict(samples(of, 2)[0] + 4096), "inputs: .* is outside"),
    "no number": (lambda of, a: a.predict(np.full((1, of.junctions[0].n_left), np.nan)), "holds what is no number"),
    "text": (lambda of, a: a.predict([["a"] * of.junctions[0].n_left]), "must be numbers"),
    "label": (lambda of, a: a.train(samples(of, 2)[0], [0, of.design.network.classes]), "labels: .* is outside 0"),
    "labels": (lambda of, a: a.train(samples(of, 2)[0], [0, 0, 0]), r"labels have the shape \[3\] instead of \[2\]"),
    "kappa": (lambda of, a: a.train(*samples(of, 2), kappa=of.kappas[1] + 1), "kappa: .* is outside"),
    "fraction": (lambda of, a: a.train(*samples(of, 2), kappa=3.5), "kappa: must be whole numbers"),
    "missing": (lambda of, a: a.load({"weight_1": [0]}), "weight_1 has 1 numbers|bias_1 is missing|weight_2 is missing"),
    "no file": (lambda of, a: a.load("nowhere.npz"), "nowhere.npz: cannot be read"),
    "register": (lambda of, a: a.register("STATE"), "has no register STATE; it has CONTROL"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_the_design_cannot_take_is_told_before_anything_is_sent(what):
    act, said = BAD[what]
    of, board, accelerator = connected()
    before = accelerator.read()
    with pytest.raises(BadValue, match=said):
        act(of, accelerator)
    after = accelerator.read()
    assert board.sent == 0 and all((before[name] == after[name]).all() for name in before)


def test_nothing_is_written_of_parameters_the_last_of_which_is_wrong():
    _, _, accelerator = connected()
    before = accelerator.read()
    wrong = {name: array + 1 for name, array in before.items()}
    wrong["bias_2"] = wrong["bias_2"] * 0 + 10**6
    with pytest.raises(BadValue, match="bias_2: 1000000 is outside"):
        accelerator.load(wrong)
    assert all((accelerator.read()[name] == before[name]).all() for name in before)


@pytest.mark.parametrize("name", ["MAGIC", "VERSION", "HASH", "PERIOD", "LANES_2"])
def test_another_design_is_recognised(name):
    of = design("two_junctions", interface="axi")
    board = ModelBoard(of)
    board.words[board.at[name]] ^= 4
    with pytest.raises(WrongDesign, match=f"{name} must be 0x"):
        Accelerator(board, DesignMap.of(board.map))
    board.broken.add(board.at[name])
    with pytest.raises(WrongDesign, match=f"{name} must be .* is nothing"):
        Accelerator(board, DesignMap.of(board.map))


def test_a_lost_sample_is_told_with_what_the_counters_know():
    of, board, accelerator = connected()
    board.swallows.add(3)
    with pytest.raises(Silence, match=r"of 6 samples 6 were sent and 5 results came .*: MISFRAMED has counted 1"):
        accelerator.train(*samples(of, 6), kappa=3)


def test_silence_has_an_end():
    of, _, accelerator = connected(board=Dead)
    with pytest.raises(Silence, match=r"0 results came within 0\.05 s: no sample was dropped"):
        accelerator.predict(samples(of, 2)[0])
    of, _, accelerator = connected(board=Stuck)
    with pytest.raises(Silence, match="does not come to a standstill within"):
        accelerator.stop()
    of, _, accelerator = connected(board=Unplugged)
    with pytest.raises(Silence, match="nothing takes"):
        accelerator.predict(samples(of, 2)[0])


@pytest.mark.parametrize("kind", [ModelBoard, Blocked])
def test_results_of_a_transfer_that_was_given_up_are_not_taken_for_those_of_the_next(kind):
    of, board, accelerator = connected(board=kind)
    inputs, labels = samples(of, 6)
    accelerator.start()
    board.results.extend([bytes(board.result.size)] * 3)
    assert accelerator.read().keys() == {"weight_1", "weight_2", "bias_1", "bias_2"}
    board.results.extend([bytes(board.result.size)] * 3)
    assert accelerator.train(inputs, labels, kappa=3).label.tolist() == labels.tolist()


def test_results_that_are_none_are_told():
    of, board, accelerator = connected()
    board.doubles = True
    with pytest.raises(HostError, match="more results have come than the 2"):
        accelerator.predict(samples(of, 2)[0])
    of, board, accelerator = connected()
    board.result = Packet(board.result.number, board.result.count + 4, 8)
    with pytest.raises(HostError, match="bytes instead of"):
        accelerator.predict(samples(of, 1)[0])


def test_a_refused_access_says_which():
    _, board, accelerator = connected()
    board.broken.add(accelerator.map.weights[0].addresses[5])
    with pytest.raises(Refused, match=f"a read of byte address {accelerator.map.weights[0].addresses[5]:#x} was refused"):
        accelerator.read()


def test_counters_have_the_names_of_the_map():
    _, board, accelerator = connected()
    board.words[board.at["SAMPLES"]] = 41
    told = accelerator.counters()
    assert told["SAMPLES"] == 41 and {"RESULTS", "CYCLES", "MISFRAMED", "SATURATED_WEIGHT_1"} <= told.keys()
    assert not {"CONTROL", "STATUS", "MAGIC", "PERIOD"} & told.keys()


def test_the_driver_needs_numpy_alone(tmp_path):
    """A copy of its directory works without the rest, and the original without all that the rest needs."""
    blocked = ["serial", "numba", "amaranth", "pydantic", "yaml", "typer", "rich", "matplotlib", "cocotb", "models", "rtl"]
    block = f"import sys; sys.modules.update(dict.fromkeys({blocked}))"
    source = Path(__file__).parents[3] / "hwsim" / "host"
    copy = tmp_path / "driver"
    copy.mkdir()
    for file in source.glob("*.py"):
        (copy / file.name).write_text(file.read_text())
    for name, where in (("hwsim.host", Path(__file__).parents[3]), ("driver", tmp_path)):
        code = f"{block}; import {name} as host, {name}.demo; print(host.Accelerator.__module__)"
        done = subprocess.run([sys.executable, "-c", code], cwd=where, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == f"{name}.accelerator"
