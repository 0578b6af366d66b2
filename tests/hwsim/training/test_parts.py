"""Samples that are not held: padded when they are needed, read from where they lie, fed and judged in parts."""

import json
import tracemalloc

import numpy as np
import pytest
import yaml

from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.results.directory import RunDirectory
from hwsim.training.engines import FixedTrainer
from hwsim.training.run import TrainingRun
from models.data import catalogue, dataset, user_npz, user_table
from models.data.dataset import LaterSplit, Split, pad, padded
from models.errors import InputError
from models.files import stored_arrays
from tests.hwsim import runs

SAME_FIGURES = ("fixed", "cycle", "float adam")  # others add up their losses in parts


@pytest.fixture
def nothing_held(monkeypatch):
    """As if 12 samples of the small runs filled the memory."""
    monkeypatch.setattr(dataset, "MOST_HELD", 0)
    monkeypatch.setattr(dataset, "PART", 200)
    for module in (user_npz, user_table):
        monkeypatch.setattr(module, "MOST_READ", 0)


def wide(folder, kind, style):
    """A small run with a wider input layer than there are inputs."""
    data = yaml.safe_load(runs.write_config(folder, kind).read_text())
    data["network"]["layers"][0] = 24
    data["data"]["pad"] = style
    (folder / "wide.yaml").write_text(yaml.safe_dump(data))
    return folder / "wide.yaml"


@pytest.mark.parametrize("style", ["end", "spread"])
@pytest.mark.parametrize("kind", runs.KINDS)
def test_parts_train_like_all_at_once(kind, style, tmp_path, request, no_pictures):
    config, stream = wide(tmp_path, kind, style), () if "float" in kind else ("--save-stream",)
    assert runs.train(config, tmp_path / "held", *stream) == 0
    request.getfixturevalue("nothing_held")
    data = Design(config_file.load(config)).dataset()
    assert type(data.train) is type(data.test) is LaterSplit and not data.train.held
    assert runs.train(config, tmp_path / "parts", *stream) == 0
    held, parts = (runs.files(tmp_path / name) for name in ("held", "parts"))
    exact = {name for name in held if name.endswith(".npz")} | ({"metrics.json"} if kind.startswith(SAME_FIGURES) else set())
    assert {name: parts[name] for name in exact} == {name: held[name] for name in exact}
    for name in ("test_accuracy", "test_loss", "train_accuracy", "train_loss"):
        one, other = (json.loads(files["metrics.json"])[name]["value"] for files in (held, parts))
        assert one == pytest.approx(other, rel=1e-12)


def test_outputs_that_no_memory_holds_are_judged_in_parts(tmp_path, monkeypatch):
    design = Design(config_file.load(runs.write_config(tmp_path, "fixed pipelined")))
    data = design.dataset()
    trainer = FixedTrainer(design, data.train)
    accuracy, loss = trainer.judge(data.test)
    monkeypatch.setattr(dataset, "MOST_HELD", 0)
    monkeypatch.setattr(dataset, "PART", 100)
    assert len(list(data.test.parts())) == 7
    in_parts = trainer.judge(data.test)
    assert in_parts[0] == accuracy and in_parts[1] == pytest.approx(loss, rel=1e-12)


def test_a_run_knows_its_samples_again_whether_they_are_held_or_not(tmp_path, request):
    """What a checkpoint says of them is the same."""
    design = Design(config_file.load(wide(tmp_path, "fixed pipelined", "spread")))
    held = TrainingRun(design, design.dataset(), RunDirectory(tmp_path / "held", design.config, "train"))
    request.getfixturevalue("nothing_held")
    parts = TrainingRun(design, design.dataset(), RunDirectory(tmp_path / "parts", design.config, "train"))
    assert parts.data.train.held is False and parts._digest == held._digest


def samples(n=40, features=6):
    rng = np.random.default_rng(0)
    return rng.integers(256, size=(n, features), dtype=np.uint8), rng.permutation(np.arange(n) % 4)


@pytest.mark.parametrize("style", ["end", "spread"])
def test_padded_later_is_padded(style, monkeypatch):
    monkeypatch.setattr(dataset, "MOST_HELD", 0)
    monkeypatch.setattr(dataset, "PART", 60)
    inputs, labels = samples()
    later, now = padded(Split(inputs, labels), 9, style), Split(pad(inputs, 9, style), labels)
    assert isinstance(later, LaterSplit) and later.features == 9 and len(later) == 40
    order = np.random.default_rng(1).permutation(40)
    for index in (slice(None), slice(3, 17), slice(30, 99), slice(0, 0), order, order[:5], labels == 2):
        for split in (later[index], later[index][:], later[order][index], later[5:][: len(now)]):
            assert split.inputs.shape == (len(split), 9) and split.inputs.dtype == np.uint8
        assert np.array_equal(later[index].inputs, now[index].inputs) and np.array_equal(
            later[index].labels, now[index].labels
        )
        assert np.array_equal(later[order][index].inputs, now[order][index].inputs)
    for multiple in (1, 4):
        parts = list(later.parts(multiple))
        assert {len(p) % multiple for p in parts[:-1]} == {0} and len(parts) == (7 if multiple == 1 else 10)
        assert np.array_equal(np.concatenate([p.inputs for p in parts]), now.inputs)
    assert len(list(later[:0].parts())) == 1


VARIANTS = {
    "bytes": lambda a: a,
    "whole numbers": lambda a: a.astype(np.int16),
    "big-endian": lambda a: a.astype(">i4"),
    "float32": lambda a: (a / 255).astype(np.float32),
    "float64, hardly beyond": lambda a: a / 255 + 1e-7,
    "by columns": np.asfortranarray,
    "channels first": lambda a: a.reshape(len(a), 3, 4, 5),
    "images": lambda a: a.reshape(len(a), 12, 5),
}


@pytest.mark.parametrize("form", ["folder", "archive", "whole", "packed"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_what_stays_where_it_lies_is_what_would_be_read(variant, form, tmp_path, request):
    inputs, labels = samples(50, 60)
    given = VARIANTS[variant](inputs)
    arrays = {"x_train": given[:40], "y_train": labels[:40], "x_test": given[40:], "y_test": labels[40:]}
    if form == "folder":
        path = tmp_path / "mine"
        path.mkdir()
        for name, array in arrays.items():
            np.save(path / f"{name}.npy", array)
    else:
        path = tmp_path / "mine.npz"
        write = np.savez_compressed if form == "packed" else np.savez
        write(path, **({"x": given, "y": labels} if form == "whole" else arrays))
    read = catalogue.load(str(path), None, 0)
    request.getfixturevalue("nothing_held")
    left = catalogue.load(str(path), None, 0)
    assert (left.features, left.classes, left.image) == (read.features, read.classes, read.image)
    for name in ("train", "test", "validation"):
        one, other = getattr(left, name), getattr(read, name)
        assert one.held == (form == "packed")
        assert one.inputs.dtype == other.inputs.dtype and np.array_equal(one.inputs, other.inputs)
        assert np.array_equal(one.labels, other.labels) and type(one.inputs) is np.ndarray
        assert np.array_equal(one[np.arange(len(one))[::-2]].inputs, other[np.arange(len(other))[::-2]].inputs)


@pytest.mark.parametrize("label_first", [False, True])
def test_a_table_that_stays_where_it_lies(label_first, tmp_path, nothing_held):
    inputs, labels = samples(80)
    columns = [labels[:, None], inputs] if label_first else [inputs, labels[:, None]]
    np.save(tmp_path / "table.npy", np.concatenate(columns, axis=1).astype(np.int32))
    left = catalogue.load(str(tmp_path / "table.npy"), None, 0)
    assert not left.train.held and len(left.train) == 64
    both = np.concatenate([left.train.inputs, left.test.inputs])
    assert sorted(map(bytes, both)) == sorted(map(bytes, inputs))


def test_damage_of_what_stays_in_an_archive_is_told(tmp_path, nothing_held):
    inputs, labels = samples(2000, 60)
    path = tmp_path / "mine.npz"
    np.savez(path, x=inputs, y=labels)
    content = bytearray(path.read_bytes())
    at = bytes(content).index(inputs.tobytes())
    content[at + 90_000] ^= 1
    path.write_bytes(content)
    assert not stored_arrays.of_archive(path)["x"].packed
    with pytest.raises(InputError, match="is no sound archive of arrays: Bad CRC-32"):
        catalogue.load(str(path), None, 0)


def test_a_data_set_on_the_disk_is_never_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(user_npz, "MOST_READ", 1 << 20)
    monkeypatch.setattr(dataset, "MOST_HELD", 1 << 20)
    monkeypatch.setattr(dataset, "PART", 1 << 16)
    rng = np.random.default_rng(0)
    for split, n in (("train", 40_000), ("test", 1_000)):
        labels = rng.integers(4, size=n)
        labels[:4] = range(4)
        np.save(tmp_path / f"{split}_inputs.npy", np.repeat(rng.integers(256, size=(n, 1), dtype=np.uint8), 1000, axis=1))
        np.save(tmp_path / f"{split}_labels.npy", labels)
    sections = runs.FIXED | {"hardware": {"z": [150, 4]}, "data": {"name": str(tmp_path)}}
    sections["network"] = {"layers": [1200, 8, 4], "out_degree": [1, 1], "activation": "sigmoid"}
    FixedTrainer(Design(config_file.parse(sections)), Split(np.zeros((1, 1200), np.uint8), np.zeros(1, int)))
    tracemalloc.start()
    try:
        design = Design(config_file.parse(sections))
        data = design.dataset()
        trainer = FixedTrainer(design, data.train)
        trainer.advance(np.random.default_rng(1).permutation(len(data.train))[:2000], 0)
        assert 0 <= trainer.judge(data.test)[0] <= 1
        assert tracemalloc.get_traced_memory()[1] < 8 << 20 < 40_000 * 1000
    finally:
        tracemalloc.stop()


def test_samples_that_are_judged_again_are_made_once(tmp_path, monkeypatch):
    design = Design(config_file.load(runs.write_config(tmp_path, "fixed pipelined")))
    data = design.dataset()
    trainer = FixedTrainer(design, data.train)
    first = [trainer.judge(split) for split in (data.test, data.train)]
    again = FixedTrainer(design, data.train)
    made = []
    monkeypatch.setattr(again, "_prepared", lambda split: made.append(len(split)) or FixedTrainer._prepared(again, split))
    assert [again.judge(split) for _ in range(3) for split in (data.test, data.train)] == first * 3
    assert made == [len(data.test), len(data.train)]
    assert again.judge(data.test[:5]) == again.judge(data.test[:5]) and made[2:] == [5, 5]  # other samples each time
