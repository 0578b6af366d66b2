"""Every file of a run's directory is that run's: others, damaged or swapped, are noticed before anything is made of them."""

import json
import shutil

import numpy as np
import pytest

from hwsim.results import seal
from hwsim.training import loop
from models.files.npz import read_npz, write_npz
from tests.hwsim import runs
from tests.hwsim.training.test_interrupted import interrupted, refusal

KINDS = ["fixed pipelined", "cycle", "float adam batches"]


def stopped(tmp_path, monkeypatch, kind):
    """Two interrupted runs that differ in the seed alone."""
    config, out = interrupted(tmp_path, monkeypatch, kind)
    shutil.copytree(out, tmp_path / "kept")
    with monkeypatch.context() as patch:
        patch.setattr(loop, "CHUNK", 64)
        text = config.read_text()
        config.write_text(text + "seed: 1\n")
        shutil.rmtree(out)
        interrupted_again(patch, config, out)
        config.write_text(text)
    other = tmp_path / "other"
    out.rename(other)
    (tmp_path / "kept").rename(out)
    return config, out, other


def interrupted_again(patch, config, out):
    from tests.hwsim.training.test_interrupted import interrupting

    patch.setattr("hwsim.commands.train.train_watcher", interrupting([5]))
    assert runs.train(config, out) == 130


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_a_run_with_another_seed_are_refused(kind, tmp_path, monkeypatch, capsys, no_pictures):
    config, out, other = stopped(tmp_path, monkeypatch, kind)
    answers = {
        "checkpoint.npz": "belongs to a run of another configuration than config.yaml beside it",
        "connectivity.npz": "is damaged, or of another run",
        "initial.npz": "is damaged, or of another run",
    }
    for name, answer in answers.items():
        own = (out / name).read_bytes()
        assert own != (other / name).read_bytes(), name
        shutil.copy(other / name, out / name)
        before = runs.files(out)
        line = refusal(capsys, "train", config, "--out", out, "--resume")
        assert line.startswith(f"hwsim: {out / name}: {answer}")
        assert runs.files(out) == before
        (out / name).write_bytes(own)
    shutil.copy(other / "config.yaml", out / "config.yaml")
    assert "another configuration" in refusal(capsys, "train", config, "--out", out, "--resume")
    refusal(capsys, "train", out / "config.yaml", "--out", out, "--resume")  # nor by its own word


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_run_began_with_is_written_again_if_it_is_missing(kind, tmp_path, monkeypatch, no_pictures):
    monkeypatch.setattr(loop, "CHUNK", 64)
    config, out = interrupted(tmp_path, monkeypatch, kind)
    (out / "connectivity.npz").unlink()
    (out / "initial.npz").unlink()
    assert runs.train(config, out, "--resume") == 0
    assert runs.train(config, tmp_path / "whole") == 0
    assert runs.files(out) == runs.files(tmp_path / "whole")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["connectivity.npz", "initial.npz"])
def test_a_damaged_file_is_not_left_in_a_finished_run(kind, name, tmp_path, monkeypatch, capsys, no_pictures):
    config, out = interrupted(tmp_path, monkeypatch, kind)
    content = (out / name).read_bytes()
    for damage in b"", content[:-9], content[:200] + bytes([content[200] ^ 1]) + content[201:]:
        (out / name).write_bytes(damage)
        assert refusal(capsys, "train", config, "--out", out, "--resume").startswith(f"hwsim: {out / name}: is damaged")
    (out / name).unlink()
    assert runs.train(config, out, "--resume") == 0


def test_any_change_of_a_checkpoint_is_noticed(tmp_path, monkeypatch, capsys, no_pictures):
    config, out = interrupted(tmp_path, monkeypatch, "fixed pipelined")
    whole = read_npz(out / "checkpoint.npz")
    for name, array in whole.items():
        changed = dict(whole)
        if array.dtype.kind in "iufb" and array.size:
            changed[name] = array.copy()
            changed[name].flat[array.size // 2] += 1
        else:
            del changed[name]
        write_npz(out / "checkpoint.npz", changed)
        assert "is not a checkpoint of this version" in refusal(capsys, "train", config, "--out", out, "--resume"), name
    write_npz(out / "checkpoint.npz", whole | {"more": np.zeros(3)})
    refusal(capsys, "train", config, "--out", out, "--resume")
    write_npz(out / "checkpoint.npz", whole)
    assert runs.train(config, out, "--resume") == 0


def test_a_seal_covers_names_types_shapes_and_values():
    arrays = {"a": np.arange(6, dtype=np.int32), "b": np.array("text")}
    whole = seal.sealed(arrays, {"epoch": 1})
    again = dict(whole)
    assert seal.opened(again) == {"epoch": 1}
    assert again.keys() == arrays.keys()
    for change in (
        {"a": arrays["a"].astype(np.int64)},
        {"a": arrays["a"].reshape(2, 3)},
        {"a": arrays["a"] + 1},
        {"b": np.array("texts")},
        {"run": np.array(json.dumps({"epoch": 2}))},
        {"c": np.zeros(0)},
        {"seal": np.array("")},
    ):
        with pytest.raises(ValueError, match="its content is not what was written"):
            seal.opened(whole | change)
    with pytest.raises(KeyError):
        seal.opened({k: v for k, v in whole.items() if k != "seal"})


@pytest.mark.parametrize("state", ["3", "[]", "{", "[" * 100_000, "null", '"a"'])
def test_a_sealed_state_that_is_none_is_refused(state, tmp_path, monkeypatch, capsys, no_pictures):
    config, out = interrupted(tmp_path, monkeypatch, "fixed pipelined")
    arrays = read_npz(out / "checkpoint.npz")
    seal.opened(arrays)
    arrays["run"] = np.array(state)
    write_npz(out / "checkpoint.npz", arrays | {"seal": np.array(seal._digest(arrays))})
    refusal(capsys, "train", config, "--out", out, "--resume")
