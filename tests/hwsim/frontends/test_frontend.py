"""``hwsim frontend``: what it trains, leaves and refuses."""

import json
import os
import signal
import sys

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.frontends.figures import FRONTEND_FIGURES
from hwsim.frontends.measure import frontend_figures
from hwsim.results.directory import RunDirectory
from models.connectivity.files import read_connectivity
from models.errors import InputError
from models.files.npz import read_npz
from models.floating.engine import FloatEngine
from tests.hwsim.frontends import small_frontends
from tests.hwsim.machine import forgeries
from tests.hwsim.runs import files

torch = pytest.importorskip("torch")

from hwsim.frontends.engine import FrontendTrainer, images  # noqa: E402
from hwsim.frontends.run import FrontendRun  # noqa: E402
from models.torch_layers.flat_parameters import FlatParameters  # noqa: E402


def make(path, **overrides):
    """Design and images of a configuration file."""
    design = Design(config_file.load(path, {k.replace("__", "."): v for k, v in overrides.items()}))
    return design, images(design, None)


def trained(path, **overrides):
    design, data = make(path, **overrides)
    trainer = FrontendTrainer(design, data)
    for epoch in range(design.config.frontend.epochs):
        seen = trainer.advance(design.epoch_order(epoch, len(data.train)), epoch)
    return trainer, data, seen


def refusal(capsys, *arguments):
    assert cli.run([*map(str, arguments)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_run_learns_and_leaves_its_files(tmp_path, no_pictures):
    path, out = small_frontends.write_config(tmp_path), tmp_path / "out"
    assert small_frontends.run("frontend", path, "--out", out) == 0
    assert sorted(files(out)) == [
        "config.yaml", "connectivity.npz", "final.npz", "frontend.npz", "initial.npz", "metrics.json"
    ]  # fmt: skip
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["test_accuracy"]["value"] > 0.95 > metrics["history"]["value"]["train_accuracy"][0]
    assert metrics["classification_edges"]["value"] == 160 * 2 + 20 * 2
    assert metrics["convolution_weights"]["value"] == 16 * 3 * 9 + 40 * 16 * 9
    assert metrics["network_density"]["value"] == (6192 + 360) / (6192 + 160 * 20 + 20 * 4)
    assert metrics["parameters"]["value"] == 6192 + 2 * (16 + 40) + 360 + 24
    assert metrics["configuration_hash"] == config_file.fingerprint(config_file.load(path))
    assert metrics["tools"]["torch"] == torch.__version__
    patterns = read_connectivity(out / "connectivity.npz", [160, 20, 4])
    assert [p.d_out for p in patterns] == [2, 2] and all(p.seeds is not None for p in patterns)
    assert read_npz(out / "final.npz")["weight_1"].shape == (320,)


def test_the_same_configuration_gives_the_same_bytes(tmp_path, no_pictures):
    path = small_frontends.write_config(tmp_path)
    for name in ("one", "two"):
        assert small_frontends.run("frontend", path, "--out", tmp_path / name) == 0
    assert small_frontends.run("frontend", tmp_path / "one" / "config.yaml", "--out", tmp_path / "three") == 0
    assert files(tmp_path / "one") == files(tmp_path / "two") == files(tmp_path / "three")
    assert small_frontends.run("frontend", path, "--out", tmp_path / "other", "--seed", "4") == 0
    assert files(tmp_path / "one")["frontend.npz"] != files(tmp_path / "other")["frontend.npz"]


@pytest.mark.parametrize("epochs", [1, 3])
def test_an_interrupted_run_goes_on_to_the_same_bytes(epochs, tmp_path, no_pictures):
    path = small_frontends.write_config(tmp_path)
    assert small_frontends.run("frontend", path, "--out", tmp_path / "whole") == 0
    design, data = make(path)
    stopped = FrontendRun(design, data, RunDirectory(tmp_path / "out", design.config, "frontend"))

    def interrupt(progress):
        if progress.finished_epoch and progress.epoch == epochs:
            os.kill(os.getpid(), signal.SIGINT)

    assert not stopped.run(interrupt).finished
    assert (tmp_path / "out" / "checkpoint.npz").is_file()
    assert small_frontends.run("frontend", path, "--out", tmp_path / "out") == 2
    assert small_frontends.run("frontend", path, "--out", tmp_path / "out", "--resume") == 0
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_judging_is_the_float_engine_on_the_features(tmp_path):
    trainer, data, _ = trained(small_frontends.write_config(tmp_path))
    features = trainer.features(data.test).astype(np.float64)
    assert features.shape == (60, 160) and features.min() >= 0
    engine = FloatEngine(trainer.classification.network, trainer.parameters, dtype=np.float64)
    accuracy, loss = engine.evaluate(features, data.test.labels)
    assert np.array_equal(engine.predict(features), trainer.predictions(data.test))
    assert trainer.judge(data.test) == pytest.approx((accuracy, loss), rel=1e-4)


def test_both_forms_train_alike(tmp_path):
    path = small_frontends.write_config(tmp_path)
    forms = ("masked", "gathered")
    masked, gathered = (trained(path, frontend__form=form, frontend__epochs=1)[0] for form in forms)
    for name, array in masked.parameters.arrays().items():
        np.testing.assert_allclose(array, gathered.parameters.arrays()[name], atol=2e-3)


def test_the_learning_rate_falls_to_zero_as_a_cosine(tmp_path, monkeypatch):
    rates, step = [], FlatParameters.step

    def noting(self, rate):
        rates.append(rate)
        step(self, rate)

    monkeypatch.setattr(FlatParameters, "step", noting)
    trained(small_frontends.write_config(tmp_path))
    wanted = 0.005 * (1 + np.cos(np.pi * np.arange(40) / 40))  # 4 epochs of 10 batches
    np.testing.assert_allclose(rates, wanted)


def test_dropout_draws_from_the_seed_and_leaves_other_draws_alone(tmp_path):
    path = small_frontends.write_config(tmp_path)
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    first, second, without = (trained(path, frontend__dropout=d)[2].loss for d in (0.2, 0.2, 0.0))
    assert first == second != without
    assert torch.equal(torch.rand(3), wanted)


def test_sparse_layers_may_learn_faster(tmp_path):
    """One step of Adam is the rate, times 1 / sqrt(density) for weights of the classification layers only."""
    path = small_frontends.write_config(tmp_path)
    one = {"frontend__batch_size": 1000, "frontend__schedule": "constant", "frontend__dropout": 0.0}
    steps = []
    for scale in ("none", "density"):
        design, data = make(path, **one, frontend__rate_scale=scale)
        trainer = FrontendTrainer(design, data)
        before, kernels = trainer.parameters, trainer.front_arrays()["layers.0.weight"]
        trainer.advance(np.arange(len(data.train)), 0)
        after = trainer.parameters
        steps.append([np.abs(b - a).max() for a, b in zip(before.weights, after.weights, strict=True)])
        steps[-1] += [np.abs(b - a).max() for a, b in zip(before.biases, after.biases, strict=True)]
        steps[-1].append(np.abs(trainer.front_arrays()["layers.0.weight"] - kernels).max())
    densities = [p.density for p in trainer.classification.patterns]
    assert steps[0] == pytest.approx([0.01] * 5, rel=1e-2)
    assert steps[1] == pytest.approx([0.01 * d**-0.5 for d in densities] + [0.01] * 3, rel=1e-2)


def test_settings_of_pytorch_come_back(tmp_path):
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    trained(small_frontends.write_config(tmp_path), frontend__threads=2, frontend__epochs=1)
    assert before == (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())


def test_figures_of_a_study_are_those_of_a_run(tmp_path, no_pictures):
    path, out = small_frontends.write_config(tmp_path, data={"validation": 20}), tmp_path / "out"
    assert small_frontends.run("frontend", path, "--out", out) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    figures = frontend_figures(Design(config_file.load(path)), None)
    assert figures.keys() == FRONTEND_FIGURES.keys()
    assert figures == {name: metrics[name]["value"] for name in figures}
    assert figures["training_samples"] == 140


@pytest.mark.parametrize(
    ("overrides", "answer"),
    [
        (
            ["network.layers=[320, 20, 4]"],
            "network.layers[0] = 320: must be the 160 features that the front end small makes",
        ),
        (["frontend=null"], "frontend: is missing: it names the convolutional layers; nearest: network: small"),
        (["frontend.network=tiny"], 'frontend.network = "tiny": must be small or shallow or deep'),
        (["frontend.batch=3"], "frontend.batch: is an unknown key; nearest: batch_size"),
        (["frontend.dropout=1"], "frontend.dropout = 1: must be less than 1"),
        (["data.name=morse"], "data.name = morse: has no images, which a front end needs"),
        (["network.classes=3"], "network.classes = 3: does not cover the 4 classes"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(overrides, answer, tmp_path, capsys):
    sets = [x for text in overrides for x in ("--set", text)]
    line = refusal(capsys, "frontend", small_frontends.write_config(tmp_path), "--out", tmp_path / "out", *sets)
    assert line.removeprefix("hwsim: ").startswith(answer)
    assert not (tmp_path / "out").exists()


def test_an_image_that_is_too_small_is_told_in_one_line(tmp_path, capsys):
    path = small_frontends.write_config(tmp_path, frontend={"network": "shallow"})
    cut = {k: v[:, :4] if v.ndim == 4 else v for k, v in np.load(tmp_path / "images.npz").items()}
    np.savez(tmp_path / "images.npz", **cut)
    assert "image = 4×8×3: is too small" in refusal(capsys, "frontend", path, "--out", tmp_path / "out")


def test_other_commands_refuse_images_in_place_of_features(tmp_path, capsys):
    path = small_frontends.write_config(tmp_path)
    for command in ("train", "simulate"):
        line = refusal(capsys, command, path, "--out", tmp_path / "out", "--quiet")
        assert "frontend.network = small: makes the inputs: `hwsim frontend` trains both" in line


def test_without_pytorch_the_commands_say_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for arguments in (
        ("frontend", small_frontends.write_config(tmp_path), "--out", tmp_path / "out"),
        ("export-frontend", tmp_path, "--out", tmp_path / "out"),
        ("import-torch", tmp_path / "x.pt", "--out", tmp_path / "out"),
    ):
        assert refusal(capsys, *arguments).startswith("hwsim: package torch: is missing: install PyTorch")


@pytest.mark.parametrize("damage", ["layers.0.weight", "optimiser_second", "classifier"])
def test_a_checkpoint_of_something_else_is_refused(damage, tmp_path):
    trainer, *_ = trained(small_frontends.write_config(tmp_path), frontend__epochs=1)
    arrays = {k: v for k, v in trainer.arrays().items() if damage not in k}
    with pytest.raises(InputError, match="is missing"):
        trainer.restore(arrays)


def test_forged_checkpoints_are_refused_and_change_nothing_or_are_trained_on(tmp_path):
    trainer, *_ = trained(small_frontends.write_config(tmp_path), frontend__epochs=1)
    arrays, rng = trainer.arrays(), np.random.default_rng(0)
    refused = set()
    for i, (what, forged) in enumerate(forgeries.forgeries(arrays, rng)):
        try:
            trainer.restore(forged)
        except InputError as error:
            assert "\n" not in str(error) and forgeries.same(trainer.arrays(), arrays), what
            refused.add(what)
            continue
        assert forgeries.same(trainer.arrays(), {k: a.astype(arrays[k].dtype) for k, a in forged.items()}), what
        if i % 20 == 0:
            with np.errstate(all="ignore"):
                trainer.advance(np.arange(20), 0)
        trainer.restore(arrays)
    norms = [name for name in arrays if name.endswith("running_var")]
    assert norms and {f"{name} all -1.0" for name in norms} <= refused
    counters = [name for name in arrays if name.endswith("num_batches_tracked")]
    assert counters and {f"{name} all -1" for name in (*counters, "optimiser_iterations")} <= refused


@pytest.mark.parametrize("network", ["shallow", "deep"])
def test_the_published_front_ends_train(network, tmp_path):
    path = small_frontends.write_config(tmp_path, frontend={"network": network, "epochs": 1, "dropout": None})
    trainer, data, seen = trained(path, network__layers=[250, 50, 4], network__out_degree=[10, 2], hardware__z=[10, 2])
    assert np.isfinite(seen.loss) and trainer.features(data.test).shape == (60, 250)


def test_initial_parameters_are_those_of_the_project(tmp_path):
    design, data = make(small_frontends.write_config(tmp_path))
    ours = FrontendTrainer(design, data).parameters
    plain = config_file.resolved(design.config) | {"frontend": None}
    wanted = Design(config_file.parse(plain)).initial_real
    for name, array in wanted.arrays().items():
        np.testing.assert_allclose(ours.arrays()[name], array, rtol=1e-6)
