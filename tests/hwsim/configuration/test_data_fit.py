"""Networks that do not fit their data set are told by `check` and by all that needs samples, before anything long."""

import json
import os

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.configuration import data_fit
from hwsim.configuration.config_file import load, parse
from hwsim.configuration.scatter_windows import real_inputs
from hwsim.design import Design
from hwsim.results.directory import CONFIG
from hwsim.studies.definition import study
from hwsim.studies.definition.points import Space
from hwsim.studies.measuring.workshop import task
from models.data import catalogue
from models.errors import InputError
from tests.hwsim import runs
from tests.hwsim.frontends import small_frontends
from tests.hwsim.shipped import DEMO, SHIPPED
from tests.hwsim.studies import small_studies

NEEDS_SAMPLES = ("train", "simulate", "search")


@pytest.fixture
def demo(tmp_path, monkeypatch):
    monkeypatch.delenv("HWSIM_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo.yaml").write_text(DEMO)
    return tmp_path / "demo.yaml"


def refusal(capsys, *arguments):
    assert cli.run([*map(str, arguments)]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    return line.removeprefix("hwsim: ").rstrip("\n")


MISFITS = [
    ("network.classes=7", "network.classes = 7: does not cover the 10 classes of mnist-mini; nearest: 10"),
    ("network.layers=[512, 64, 32]", "network.layers[0] = 512: has fewer neurons than the 784 features of mnist-mini; ..."),
    ("data.validation=5000", "data.validation = 5000: must leave a training sample: 0..4999; nearest: 4999"),
    ("training.samples=5001", "training.samples = 5001: exceeds the 5000 training samples of mnist-mini; nearest: 5000"),
    ("data.pool=5", "data.pool = 5: does not divide the 28×28 pixels of mnist-mini; nearest: 4, 7"),
    ("data.name=[0]*10**9", "..."),
    ("data.name='[0]*10**9'", "data.name = [0]*10**9: unknown data set; known are mnist, ..."),
    ("data.name=mnits", "data.name = mnits: unknown data set; ...; nearest: mnist, digits, mnist-mini"),
    ("data.name=nowhere/", "data.name = nowhere/: unknown data set; ..."),
    ("data={name: morse, validation: 1}", "data.validation = 1: morse has 64000 validation samples of its own; nearest: 0"),
    (
        "data={name: morse, morse: {per_class: [1, 1, 1]}}",
        "network.classes = 10: does not cover the 64 classes of morse; ...",
    ),
]


@pytest.mark.parametrize(("sets", "answer"), MISFITS, ids=[sets for sets, _ in MISFITS])
def test_a_network_that_does_not_fit_is_refused_by_check_and_before_long_work(sets, answer, demo, capsys):
    more = ["--set", "network.classes=64", "--set", "network.layers=[1024, 64, 64]"] if "validation: 1" in sets else []
    if more:
        more += ["--set", "network.out_degree=[4, 32]", "--set", "hardware.z=[128, 64]"]
    for command in ("check", *NEEDS_SAMPLES):
        line = refusal(capsys, command, demo, "--set", sets, *more, *([] if command == "check" else ["--out", "out"]))
        start, *rest = answer.split("...")
        assert line.startswith(start) and (not rest or line.endswith(rest[-1]))
        if not rest:
            assert line == answer
    assert not (demo.parent / "out").exists()


@pytest.mark.parametrize("hidden", [0x202E, 0x2066, 0x200B, 0x2028, 0x2029, 0xE000, 0x0, 0x1B, 0x7F, 0xFEFF, 0x10FFFF])
@pytest.mark.parametrize("name", ["mni{}st", "x{}.npz"])
def test_characters_that_are_not_seen_are_in_no_name(hidden, name, demo):
    with pytest.raises(InputError, match=rf"must not contain the invisible character U\+{hidden:04X}"):
        load(demo, {"data.name": name.format(chr(hidden))})


def test_pooled_images_fit_smaller_networks(demo, capsys):
    small = ["--set", "network.layers=[64, 64, 32]", "--set", "network.out_degree=[16, 16]", "--set", "hardware.z=[32, 32]"]
    assert refusal(capsys, "check", demo, *small).startswith(
        "network.layers[0] = 64: has fewer neurons than the 784 features"
    )
    assert cli.run(["check", str(demo), *small, "--set", "data.pool=4", "-q"]) == 0
    config = load(demo, {"data.pool": 4})
    assert data_fit.outline(config).image == Design(config).unpadded(None).image == (7, 7)
    assert real_inputs(config) == (49, (7, 7)) and real_inputs(load(demo, {"data.pool": 3})) == (784, None)


def test_check_works_without_the_data(demo, capsys):
    for name, more in (("mnist", []), ("cifar10", ["--set", "network.layers=[4096, 64, 32]"])):
        assert cli.run(["check", str(demo), "--set", f"data.name={name}", *more]) == 0
        assert "not checked" not in capsys.readouterr().out
    assert "60000" in refusal(capsys, "check", demo, "--set", "data.name=mnist", "--set", "training.samples=60001")
    assert cli.run(["check", str(demo), "--set", "data.name=elsewhere.npz"]) == 0
    assert "data.name = elsewhere.npz: is not here, so that its features" in capsys.readouterr().out
    for command in NEEDS_SAMPLES[:2]:
        line = refusal(capsys, command, demo, "--set", "data.name=elsewhere.npz")
        assert "elsewhere.npz: cannot be read: No such file" in line


def test_files_that_are_there_are_read(tmp_path, capsys):
    config = runs.write_config(tmp_path, "fixed pipelined")
    assert cli.run(["check", str(config), "-q"]) == 0
    line = refusal(capsys, "check", config, "--set", "network.classes=3")
    assert line == "network.classes = 3: does not cover the 4 classes of samples; nearest: 4"
    (tmp_path / "inside").mkdir()
    (tmp_path / "samples.npz").rename(tmp_path / "inside" / "moved.NPZ")
    moved = ["--set", "data.name=moved.NPZ"]
    assert cli.run(["check", str(config), *moved, "--set", "network.classes=3"]) == 0  # nobody knows better
    assert "4 classes of moved" in refusal(
        capsys, "check", config, *moved, "--set", "network.classes=3", "--data-dir", tmp_path / "inside"
    )
    (tmp_path / "inside" / "moved.NPZ").write_bytes(b"PK")
    assert "moved.NPZ: is no sound archive" in refusal(capsys, "check", config, *moved, "--data-dir", tmp_path / "inside")
    os.mkfifo(tmp_path / "pipe.npz")
    assert "pipe.npz: cannot be read: it is no file" in refusal(
        capsys, "check", config, "--set", f"data.name={tmp_path / 'pipe.npz'}"
    )


def test_a_configuration_that_says_nothing_about_data_can_be_about_hardware_alone(tmp_path, capsys):
    path = tmp_path / "hardware.yaml"
    path.write_text("network: {layers: [8, 4], out_degree: [2]}\nhardware: {z: [4]}\n")
    assert cli.run(["check", str(path)]) == 0
    assert "the default data set does not fit" in capsys.readouterr().out
    path.write_text(path.read_text() + "data: {name: mnist-mini}\n")
    assert refusal(capsys, "check", path).startswith("network.layers[0] = 8: has fewer neurons than the 784 features")


def test_a_front_end_must_fit_its_images(tmp_path, capsys):
    config = small_frontends.write_config(tmp_path)
    assert cli.run(["check", str(config), "-q"]) == 0
    line = refusal(capsys, "check", config, "--set", "data.name=morse", "--set", "network.classes=4")
    assert line == "data.name = morse: has no images, which a front end needs"
    line = refusal(capsys, "check", config, "--set", "data.name=fashion-mnist")
    assert line.startswith("network.layers[0] = 160: must be the 1960 features that the front end small makes of an image")


def test_images_with_channels_first_are_the_same_to_a_front_end(tmp_path):
    pytest.importorskip("torch")
    from hwsim.design import Design
    from hwsim.frontends.engine import images

    design = Design(load(small_frontends.write_config(tmp_path)))
    last = images(design, None)
    arrays = {k: v.transpose(0, 3, 1, 2) if v.ndim == 4 else v for k, v in np.load(tmp_path / "images.npz").items()}
    np.savez(tmp_path / "images.npz", **arrays)
    first = images(design, None)
    assert first.image == last.image and np.array_equal(first.train.inputs, last.train.inputs)


def test_points_that_do_not_fit_are_listed_as_illegal_where_samples_are_needed(tmp_path):
    axes = {"classes": {"key": "network.classes", "grid": [3, 4]}}
    changes = {"axes": axes, "search": None, "seeds": [0]}
    found = Space(study.load(small_studies.write(tmp_path, measure=["check", "fixed"], **changes))).all()
    assert [p.config.classes for p in found.legal] == [4]
    assert [i.reason for i in found.illegal] == ["network.classes = 3: does not cover the 4 classes of samples; nearest: 4"]
    found = Space(study.load(small_studies.write(tmp_path, measure=["check", "costs"], **changes))).all()
    assert [p.config.classes for p in found.legal] == [3, 4]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_configurations_fit(path):
    assert data_fit.check(load(path)) == []


def test_sizes_of_morse_follow_its_options():
    morse = {"family": 4, "per_class": [3, 2, 1]}
    config = parse(
        {"network": {"layers": [256, 64]}, "connectivity": {"kind": "full"}, "data": {"name": "morse", "morse": morse}}
    )
    known = data_fit.outline(config)
    loaded = catalogue.outline_of(catalogue.load("morse", None, 0, morse_options=data_fit.morse_options(config)))
    assert (known.features, known.classes, known.counts) == (loaded.features, loaded.classes, loaded.counts)


def test_data_in_a_table_trains_like_the_same_in_an_archive(tmp_path, monkeypatch):
    monkeypatch.setattr("hwsim.pictures.training.all_of_training", lambda *_: None)
    config = runs.write_config(tmp_path, "fixed pipelined")
    arrays = np.load(tmp_path / "samples.npz")
    (tmp_path / "table").mkdir()
    for split in ("train", "test"):
        rows = np.column_stack([arrays[f"{split}_labels"], arrays[f"{split}_inputs"]])
        header = ",".join(["label", *(f"p{k}" for k in range(runs.FEATURES))])
        np.savetxt(tmp_path / "table" / f"{split}.csv", rows, "%d", ",", header=header, comments="")
    assert runs.train(config, tmp_path / "one") == 0
    assert runs.train(config, tmp_path / "two", "--set", "data.name=table", "--data-dir", str(tmp_path)) == 0
    assert (tmp_path / "one" / "final.npz").read_bytes() == (tmp_path / "two" / "final.npz").read_bytes()
    values = [json.loads((tmp_path / run / "metrics.json").read_text())["test_accuracy"] for run in ("one", "two")]
    assert values[0] == values[1]
    assert (tmp_path / "two" / CONFIG).is_file()


def test_the_files_of_a_folder_by_name_and_content_are_what_a_measurement_depends_on(tmp_path):
    runs.write_config(tmp_path, "fixed pipelined")
    folder = tmp_path / "arrays"
    folder.mkdir()
    (folder / "loop.npy").symlink_to(folder / "loop.npy")
    (folder / "pipe").symlink_to("/dev/zero")
    for name, array in np.load(tmp_path / "samples.npz").items():
        np.save(folder / f"{name}.npy", array)
    config = load(tmp_path / "fixed-pipelined.yaml", {"data.name": str(folder)})
    assert data_fit.check(config) == []
    key = task("fixed", config, None).key
    assert task("fixed", config, None).key == key
    for split in ("validation", "other"):
        for what in ("inputs", "labels"):
            old = "test" if split == "validation" else "validation"
            (folder / f"{old}_{what}.npy").rename(folder / f"{split}_{what}.npy")
        assert task("fixed", config, None).key != key


def test_a_folder_beside_the_configuration_is_found_from_anywhere(tmp_path, monkeypatch):
    config = runs.write_config(tmp_path, "fixed pipelined")
    (tmp_path / "mine").mkdir()
    config.write_text(config.read_text().replace(str(tmp_path / "samples.npz"), "mine"))
    monkeypatch.chdir("/")
    assert load(config).data.name == str(tmp_path / "mine")
    (tmp_path / "mnist").mkdir()
    config.write_text(config.read_text().replace("name: mine", "name: mnist"))
    assert load(config).data.name == "mnist"
    config.write_text(config.read_text().replace("name: mnist", "name: ''"))
    with pytest.raises(InputError, match="must have at least 1 character"):
        load(config)
