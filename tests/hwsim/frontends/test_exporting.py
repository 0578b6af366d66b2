"""``hwsim export-frontend``: every engine takes what it leaves, and predicts what the trained network predicts."""

import json
import shutil

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.training.engines import CycleTrainer, FixedTrainer
from models.connectivity.files import read_connectivity
from models.files.npz import read_npz, write_npz
from models.files.regular import digest
from models.files.whole import lock
from tests.hwsim.frontends import small_frontends
from tests.hwsim.runs import files

pytest.importorskip("torch")

from hwsim.frontends.engine import FrontendTrainer, images

pytestmark = pytest.mark.usefixtures("no_pictures")


def trained(folder, **sections):
    """The directory of a run of ``hwsim frontend``."""
    out = folder / "run"
    assert small_frontends.run("frontend", small_frontends.write_config(folder, **sections), "--out", out) == 0
    return out


def exported(run, *options, out="design"):
    """The directory of its export, its design, and its samples."""
    folder = run.parent / out
    assert small_frontends.run("export-frontend", run, "--out", folder, *options) == 0
    design = Design(config_file.load(folder / "config.yaml"))
    return folder, design, design.dataset(None)


def network_of(run):
    """The trained network and its images, read back by hand."""
    design = Design(config_file.load(run / "config.yaml"))
    data = images(design, None)
    trainer = FrontendTrainer(design, data)
    trainer.restore_front(read_npz(run / "frontend.npz"))
    final = read_npz(run / "final.npz")
    for i, layer in enumerate(trainer.network.classifier.junctions, 1):
        layer.load(final[f"weight_{i}"], final[f"bias_{i}"])
    return trainer, data


def test_reference_and_machine_predict_what_the_trained_network_predicts(tmp_path):
    run = trained(tmp_path)
    folder, design, data = exported(run)
    trainer, pictures = network_of(run)
    fixed, cycle = (kind(design, data.train).judge(data.test) for kind in (FixedTrainer, CycleTrainer))
    assert fixed == cycle
    figures, before = small_frontends.figures(folder), trainer.judge(pictures.test)[0]
    assert figures["test_accuracy"] == fixed[0] and figures["test_accuracy_float"] == before
    assert before == small_frontends.figures(run)["test_accuracy"] > 0.9
    assert figures["same_predictions"] >= 0.95 and abs(fixed[0] - before) <= 0.05
    assert np.array_equal(data.test.labels, pictures.test.labels)


def test_every_command_takes_the_directory(tmp_path):
    folder, design, _ = exported(trained(tmp_path))
    config = folder / "config.yaml"
    for command, *options in (
        ("check",),
        ("train", "--epochs", "1"),
        ("train", "--epochs", "1", "--engine", "cycle"),
        ("train", "--epochs", "1", "--engine", "float"),
        ("simulate", "--samples", "30"),
    ):
        out = tmp_path / "-".join([command, *options])
        assert small_frontends.run(command, config, "--out", out, *options) == 0, command
        found = read_connectivity(out / "connectivity.npz", design.config.network.layers)
        assert all(np.array_equal(a.left, b.left) for a, b in zip(found, design.patterns, strict=True))
    assert files(tmp_path / "train---epochs-1")["initial.npz"] == files(folder)["initial.npz"]


@pytest.mark.slow
def test_verilog_of_the_directory_is_the_machine(tmp_path):
    pytest.importorskip("amaranth")
    if shutil.which("iverilog") is None:
        pytest.skip("needs Icarus Verilog")
    folder, *_ = exported(trained(tmp_path))
    assert small_frontends.run("verilog", folder / "config.yaml", "--out", tmp_path / "verilog") == 0
    assert (
        small_frontends.run(
            "cosim", folder / "config.yaml", "--out", tmp_path / "cosim", "--samples", "8", "--scenarios", "data"
        )
        == 0
    )


def test_the_design_holds_the_trained_patterns_and_parameters(tmp_path):
    run = trained(tmp_path)
    folder, design, data = exported(run)
    patterns = read_connectivity(run / "connectivity.npz", [160, 20, 4])
    assert all(np.array_equal(a.left, b.left) for a, b in zip(patterns, design.patterns, strict=True))
    final, initial, numbers = read_npz(run / "final.npz"), read_npz(folder / "initial.npz"), design.config.numbers.system
    divisors = small_frontends.figures(folder)["signal_divisors"]
    for i in (1, 2):
        weights = numbers.weight.quantise(final[f"weight_{i}"] * divisors[i - 1] / divisors[i])
        assert np.array_equal(initial[f"weight_{i}"], weights)
        assert np.array_equal(initial[f"bias_{i}"], numbers.bias.quantise(final[f"bias_{i}"] / divisors[i]))
        assert np.array_equal(design.initial.weights[i - 1], weights)
    trainer, pictures = network_of(run)
    for split in ("train", "test"):
        features = trainer.features(getattr(pictures, split)) / np.float32(divisors[0])
        wanted = numbers.input.quantise(np.minimum(features, 1))
        assert np.abs(getattr(data, split).integers(numbers.input) - wanted).max() <= 1  # divided in another precision
    assert design.config.network.activations == ("relu", "sigmoid") and design.config.frontend is None


@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [
        (["numbers.input={width: 8, fraction: 8, signed: false}"], np.uint8),
        (["numbers.input={width: 4, fraction: 4, signed: false}"], np.float32),
        (["numbers.width=16", "numbers.fraction=11"], np.float32),
        (["numbers.input={width: 12, fraction: 12}"], np.float32),
    ],
)
def test_features_lie_in_the_input_format(numbers, dtype, tmp_path):
    _, design, data = exported(trained(tmp_path), *[x for text in numbers for x in ("--set", text)])
    to = design.config.numbers.system.input
    assert data.train.inputs.dtype == dtype
    integers = data.train.integers(to)
    assert np.array_equal(to.real(integers), data.train.real()) and integers.min() == 0
    assert integers.max() == min(to.one, to.highest)


def test_more_bits_predict_more_alike(tmp_path):
    small_frontends.write_images(tmp_path / "images.npz", noise=150)
    run, same = trained(tmp_path), []
    for width, fraction in ((6, 3), (16, 11)):
        options = ("--set", f"numbers.width={width}", "--set", f"numbers.fraction={fraction}")
        same.append(small_frontends.figures(exported(run, *options, out=f"bits{width}")[0])["same_predictions"])
    assert same[0] < 0.95 < 0.98 < same[1]


def test_networks_that_end_in_a_sigmoid_are_exported_as_they_are(tmp_path):
    run = trained(tmp_path, network={"activation": ["sigmoid", "sigmoid"]}, training={"engine": "fixed"})
    folder, design, _ = exported(run)
    assert design.config.network.activations == ("sigmoid", "sigmoid")
    assert (
        small_frontends.figures(folder)["same_predictions"] >= 0.95
        and small_frontends.figures(folder)["signal_divisors"][1] == 1
    )


def test_another_parallelism_makes_the_pattern_a_structured_one(tmp_path):
    options = ("--set", "connectivity.kind=structured", "--set", "hardware.z=[32, 2]")
    folder, design, data = exported(trained(tmp_path), *options)
    assert design.config.hardware.z == (32, 2) and all(p.seeds is None for p in design.patterns)
    assert CycleTrainer(design, data.train).judge(data.test)[0] == small_frontends.figures(folder)["test_accuracy"]


def test_held_out_images_stay_held_out(tmp_path):
    _, _, data = exported(trained(tmp_path, data={"validation": 30}))
    assert (len(data.train), len(data.validation), len(data.test)) == (130, 30, 60)


def test_an_export_repeats_byte_for_byte_and_can_be_moved(tmp_path):
    run = trained(tmp_path)
    one, *_ = exported(run, out="one")
    before = files(one)
    for options in (), ("--force",):
        assert small_frontends.run("export-frontend", run, "--out", one, *options) == 0
    assert files(one) == before
    (tmp_path / "elsewhere").mkdir()
    one.rename(tmp_path / "elsewhere" / "moved")
    assert (
        small_frontends.run("train", tmp_path / "elsewhere/moved/config.yaml", "--out", tmp_path / "out", "--epochs", "1")
        == 0
    )
    other = ("--set", "numbers.width=14")
    assert small_frontends.run("export-frontend", run, "--out", tmp_path / "elsewhere/moved", *other) == 2
    assert small_frontends.run("export-frontend", run, "--out", tmp_path / "elsewhere/moved", *other, "--force") == 0


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (["numbers.width=99"], "numbers.width = 99: must be at most 24"),
        (["network.activation=[relu, softmax]"], "network.activation = softmax: needs the float engine"),
        (["network.out_degree=[1, 2]"], "has out-degree 2 in junction 1, where the network section says 1"),
        (["hardware.z=[32, 4]"], "has hardware.z 16 in junction 1, not 32; nearest: hardware.z 16"),
        (["connectivity.type=1"], "has connectivity.type 2 in junction 1, not 1"),
        (["network.layers=[320, 20, 4]", "hardware=null", "connectivity.kind=structured"], "must be those of the trained"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(options, answer, tmp_path, capsys):
    run = trained(tmp_path)
    sets = [x for text in options for x in ("--set", text)]
    assert cli.run(["export-frontend", str(run), "--out", str(tmp_path / "out"), *sets]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and answer in lines[0]


def test_what_is_no_run_of_a_front_end_is_refused(tmp_path, capsys):
    assert cli.run(["export-frontend", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "lacks config.yaml: it must be the directory of a finished run" in capsys.readouterr().err


def test_a_run_is_exported_as_it_was_left_or_not_at_all(tmp_path, capsys):
    """A file of a run with another seed fits in every shape; it is refused all the same."""
    run = trained(tmp_path)
    other = tmp_path / "other"
    config = small_frontends.write_config(tmp_path)
    assert small_frontends.run("frontend", config, "--out", other, "--seed", "4") == 0
    for name in ("final.npz", "frontend.npz", "connectivity.npz", "config.yaml", "metrics.json"):
        own = (run / name).read_bytes()
        shutil.copy(other / name, run / name)
        capsys.readouterr()
        assert small_frontends.run("export-frontend", run, "--out", tmp_path / "design") == 2, name
        shown = capsys.readouterr().err
        assert shown.count("\n") == 1 and str(run) in shown
        for content in b"", b"{}", b"[" * 100_000, own[:-20]:
            (run / name).write_bytes(content)
            assert small_frontends.run("export-frontend", run, "--out", tmp_path / "design") == 2, name
        (run / name).write_bytes(own)
    assert not (tmp_path / "design").exists()
    exported(run)


def test_commands_of_front_ends_own_their_directories_too(tmp_path, capsys):
    run = trained(tmp_path)
    folder, *_ = exported(run)
    before = files(folder), files(run)
    for command in (
        ("frontend", small_frontends.write_config(tmp_path), "--out", run, "--force"),
        ("export-frontend", run, "--out", folder, "--force"),
    ):
        with lock(command[-2]):
            capsys.readouterr()
            assert small_frontends.run(*command) == 2
            assert "is in use by another run" in capsys.readouterr().err
    config = folder / "config.yaml"
    for command in ("train", config, "--out", folder), ("verilog", config, "--out", folder):
        assert small_frontends.run(*command) == 2
        assert "holds results of export-frontend" in capsys.readouterr().err
    assert (files(folder), files(run)) == before
    # Trained where it lies, it keeps the features that it is trained on.
    assert small_frontends.run("train", config, "--out", folder, "--force", "--set", "training.epochs=1") == 0
    assert small_frontends.run("train", config, "--out", tmp_path / "again") == 0


def damaged(run, name, change):
    """The run, one file of which says something else, as if the run itself had left it so."""
    arrays = read_npz(run / name)
    change(arrays)
    write_npz(run / name, arrays)
    left = json.loads((run / "metrics.json").read_text())
    left["files"]["value"][name] = digest(run / name)
    (run / "metrics.json").write_text(json.dumps(left))


@pytest.mark.parametrize(
    ("name", "change", "answer"),
    [
        ("frontend.npz", lambda a: a["layers.0.weight"].fill(np.nan), "layers.0.weight: holds values that are no finite"),
        ("frontend.npz", lambda a: a["layers.0.weight"].fill(3e38), "makes features that are no finite numbers"),
        ("frontend.npz", lambda a: a["layers.1.running_var"].fill(-1), "layers.1.running_var: is a variance and must not"),
        (
            "frontend.npz",
            lambda a: a.update({"layers.0.weight": np.array("x")}),
            "layers.0.weight = <U1 []: must be float32",
        ),
        ("frontend.npz", lambda a: a.update({"more": np.ones(3)}), "more: belongs to no part of the network"),
        ("frontend.npz", lambda a: a.pop("layers.1.bias"), "layers.1.bias: is missing"),
        ("final.npz", lambda a: a["weight_1"].fill(np.nan), "weight_1: holds values that are no finite numbers"),
        ("final.npz", lambda a: a["bias_2"].fill(1e300), "bias_2: holds values that are no finite numbers"),
        ("final.npz", lambda a: a.update(weight_1=np.ones(320, np.int32)), "weight_1 = int32 [320]: must be float64 of"),
        ("final.npz", lambda a: a.update(weight_1=np.full(320, "x")), "weight_1 = <U1 [320]: must be float64"),
        ("final.npz", lambda a: a.update(weight_1=np.ones(320) * 1j), "weight_1 = complex128 [320]: must be float64"),
        (
            "final.npz",
            lambda a: a.update(weight_1=np.zeros(320, [("a", "i4")])),
            "weight_1 = [('a', '<i4')]: is not read",
        ),
        ("connectivity.npz", lambda a: a.update(left_1=a["left_1"] + 1000), "left_1: must lie in 0..159"),
    ],
)
def test_damaged_files_of_the_run_are_told_in_one_line(name, change, answer, tmp_path, capsys):
    run = trained(tmp_path, frontend={"epochs": 1})
    damaged(run, name, change)
    assert cli.run(["export-frontend", str(run), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"hwsim: {run / name}: {answer}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("key", ["connectivity.file=x.npz", "training.init=he_normal", "training={init_file: x.npz}"])
def test_an_export_keeps_its_own_files(key, tmp_path, capsys):
    run = trained(tmp_path, frontend={"epochs": 1})
    assert cli.run(["export-frontend", str(run), "--out", str(tmp_path / "out"), "--set", key]) == 2
    assert "cannot be chosen: patterns and parameters are the trained network's" in capsys.readouterr().err
