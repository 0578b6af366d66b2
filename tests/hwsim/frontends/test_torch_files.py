"""Files given to ``hwsim import-torch``: the usual checkpoints are taken, all else is told by what it is, in one line."""

import argparse
import io
import os
import pickle
import random
import warnings
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from hwsim.commands import app as cli
from models.errors import InputError

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from hwsim.frontends.torch_state import read  # noqa: E402


def linear(left=16, right=4, name="fc"):
    return OrderedDict({f"{name}.weight": torch.ones(right, left), f"{name}.bias": torch.zeros(right)})


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))


def saved(tmp_path, content, **how):
    torch.save(content, tmp_path / "net.pt", **how)
    return tmp_path / "net.pt"


def refused(path, capsys):
    """The one line about a file."""
    out = path.parent / "out"
    assert cli.run(["import-torch", str(path), "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) < 600 and line.isprintable() and "weights_only" not in line and not out.exists()
    assert line.startswith(f"hwsim: {path}")
    return line.removeprefix(f"hwsim: {path}: ")


LIGHTNING = {
    "epoch": 3,
    "global_step": 120,
    "pytorch-lightning_version": "2.5.0",
    "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 3}}}},
    "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(0.5), "kth_best_model_path": ""}},
    "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(4)}}, "param_groups": [{"lr": 1e-3}]}],
    "lr_schedulers": [],
    "hparams_name": "kwargs",
    "hyper_parameters": {"lr": 1e-3, "sizes": [16, 4]},
}


@pytest.mark.parametrize(
    ("wrap", "entry"),
    [
        (lambda s: s, ()),
        (dict, ()),
        (lambda s: {"state_dict": s}, ("state_dict",)),
        (lambda s: {"epoch": 1, "model_state_dict": s, "optimizer_state_dict": {"state": {}}}, ("model_state_dict",)),
        (lambda s: {"model": s, "ema": dict(s), "best": torch.tensor(0.9)}, ("model",)),
        (lambda s: {"net": s, "acc": 0.9}, ("net",)),
        (lambda s: {"mine": s}, ("mine",)),
        (lambda s: {"checkpoint": {"state_dict": s}}, ("checkpoint", "state_dict")),
        (lambda s: LIGHTNING | {"state_dict": {f"model.{k}": v for k, v in s.items()}}, ("state_dict",)),
        (lambda s: {f"module._orig_mod.{k}": v for k, v in s.items()}, ()),
    ],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_usual_checkpoints_are_taken(wrap, entry, legacy, tmp_path):
    state = model().state_dict()
    found = read(saved(tmp_path, wrap(state), _use_new_zipfile_serialization=not legacy))
    assert found.entry == entry and [layer.name.rpartition(".")[2] for layer in found.layers] == ["0", "2"]
    for layer, name in zip(found.layers, ("0", "2"), strict=True):
        assert np.array_equal(layer.weight, state[f"{name}.weight"].numpy())
        assert np.array_equal(layer.bias, state[f"{name}.bias"].numpy())


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.half(),
        lambda t: t.bfloat16(),
        lambda t: t.double(),
        lambda t: t.repeat_interleave(2, dim=-1)[..., ::2],
        lambda t: t.t().contiguous().t(),
        nn.Parameter,
    ],
)
def test_every_kind_of_real_number_is_taken(change, tmp_path):
    state = {key: change(tensor) for key, tensor in model().state_dict().items()}
    for layer, name in zip(read(saved(tmp_path, state)).layers, ("0", "2"), strict=True):
        assert np.array_equal(layer.weight, state[f"{name}.weight"].detach().double().numpy())


def tied():
    """A checkpoint that holds itself, and lists that double."""
    knot = {"epoch": 1}
    knot["again"] = knot
    many = []
    for _ in range(40):
        many = [many, many]
    return knot | {"many": many}


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (lambda: [torch.ones(3)], "holds a list, not a state_dict"),
        (lambda: torch.ones(3), "holds a Tensor, not a state_dict"),
        (lambda: "text", "holds a str, not a state_dict"),
        (tied, "holds a dict (a dictionary with epoch, again, many), not a state_dict"),
        (lambda: {"a": linear(), "b": linear()}, "holds more than one state_dict (a, b): save the one that is meant"),
        (lambda: {"model": linear(), "net": linear()}, "holds more than one state_dict (model, net)"),
        (lambda: linear() | {3: torch.ones(1)}, "has a key of the type int among the names"),
        (lambda: linear() | {"fc._extra_state": {}}, "fc._extra_state: is no part of a linear layer"),
        (lambda: linear() | {"x.bias": "text"}, "x.bias: is of the type str, where a tensor must be"),
        (lambda: {"fc.weight": torch.ones(4, 16, device="meta")}, "fc.weight: has a shape but no numbers (device meta)"),
        (lambda: {"fc.weight": torch.zeros(1).expand(10**6, 10**6)}, "fc.weight = [1000000, 1000000]: makes more than"),
        (lambda: {f"{i}.weight": torch.zeros(1).expand(4096, 4096) for i in range(5)}, "4.weight = [4096, 4096]: makes"),
        (lambda: {"fc.weight": torch.eye(16).to_sparse()}, "fc.weight = torch.float32, torch.sparse_coo: must be a dense"),
        (lambda: {"fc.weight": torch.eye(16).to_sparse_csr()}, "fc.weight = torch.float32, torch.sparse_csr: must be a"),
        (
            lambda: {"fc.weight": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])},
            "fc.weight = torch.float32, nested: must be a dense tensor of real numbers",
        ),
        (lambda: {"fc.weight": torch.ones(4, 16) * 1j}, "fc.weight = torch.complex64, torch.strided: must be a dense"),
        (lambda: {"fc.weight": torch.ones(4, 16, dtype=torch.int8)}, "fc.weight = torch.int8: must hold floating-point"),
        (lambda: {"fc.weight": torch.ones(4, 16) > 0}, "fc.weight = torch.bool: must hold floating-point numbers"),
        (lambda: {"fc.weight": torch.full((4, 16), torch.inf)}, "fc.weight: holds values that are no finite numbers"),
        (lambda: linear() | {"fc.bias": torch.tensor([0, 0, torch.nan, 0])}, "fc.bias: holds values that are no finite"),
        (lambda: {"fc.weight": torch.ones(0, 16)}, "fc = [0, 16]: is no linear layer"),
        (lambda: {"fc.weight": torch.tensor(1.0)}, "fc = []: is no linear layer"),
        (lambda: {"c.weight": torch.ones(4, 3, 3, 3)}, "c = [4, 3, 3, 3]: is a convolution"),
        (lambda: {"ln.weight": torch.ones(4), "ln.bias": torch.ones(4)}, "such are LayerNorm, GroupNorm, batch normal"),
        (lambda: {"p.weight": torch.ones(1)}, "such are PReLU, RMSNorm"),
        (lambda: nn.MultiheadAttention(16, 2).state_dict(), "in_proj_weight: belongs to attention"),
        (lambda: nn.LSTM(16, 4).state_dict(), "weight_ih_l0: belongs to a recurrent layer (RNN, LSTM, GRU)"),
        (lambda: nn.GRUCell(16, 4).state_dict(), "weight_ih: belongs to a recurrent layer"),
        (lambda: {"embedding.weight": torch.ones(16, 4)}, "embedding.weight: belongs to an embedding"),
        (
            lambda: nn.utils.parametrizations.weight_norm(nn.Linear(16, 4)).state_dict(),
            "parametrizations.weight.original0: belongs to a parametrised weight (weight_norm): remove that first",
        ),
        (lambda: {"\x1b[31m\u202e\n.weight": torch.ones(4)}, r"\x1b[31m\u202e\n = [4]: is no linear layer"),
        (lambda: {"x" * 10**6: torch.ones(4)}, "x" * 57 + "...: is no part of a linear layer"),
        (lambda: {"x" * 10**6 + ".weight": torch.ones(4)}, "x" * 57 + "... = [4]: is no linear layer"),
        (model, "is a whole pickled model, an object of the class torch.nn.modules.container.Sequential, which only"),
        (
            lambda: linear() | {"args": argparse.Namespace(lr=1)},
            "holds objects of the class argparse.Namespace, which only running code could load: save torch.save(model",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_other_contents_are_told_in_one_line(content, answer, tmp_path, capsys):
    line = refused(saved(tmp_path, content()), capsys)
    assert answer in line, line


def archive(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED if "packed" in members else zipfile.ZIP_STORED) as file:
        for name, data in members.items():
            file.writestr(name.replace("__", "/").replace("_DOT_", "."), data)
    return content.getvalue()


def scripted():
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(model()), content)
    return content.getvalue()


def written(content, **how):
    stream = io.BytesIO()
    torch.save(content, stream, **how)
    return stream.getvalue()


def flipped():
    """One bit of a weight is another; PyTorch itself loads this."""
    content = bytearray(written(linear()))
    content[content.index(torch.ones(16).numpy().tobytes()) + 3] ^= 0x40
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (lambda: b"", "is empty: save torch.save(model.state_dict(), FILE) instead"),
        (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "is a pointer of Git LFS"),
        (lambda: b"\x89HDF\r\n\x1a\n\0\0", "is an HDF5 file, as Keras and h5py write them"),
        (lambda: (60).to_bytes(8, "little") + b'{"fc.weight":{"dtype":"F32"}}', "is a safetensors file: load it"),
        (lambda: b"\x08\x08\x12\x07pytorch\x1a\x052.5.0", "is an ONNX model"),
        (lambda: pickle.dumps(linear()), "is a plain pickle, which is not loaded because that can run any code"),
        (lambda: pickle.dumps({"a": 1}, protocol=4), "is a plain pickle"),
        (scripted, "is a TorchScript program: save torch.save(model.state_dict(), FILE) instead"),
        (lambda: archive(archive_format=b"pt2", models__model_DOT_json=b"{}"), "is an exported program (torch.export)"),
        (lambda: archive(config_DOT_json=b"{}", model_DOT_weights_DOT_h5=b""), "is a Keras model"),
        (lambda: archive(weight_1_DOT_npy=b""), "is an .npz archive of NumPy arrays"),
        (lambda: archive(readme=b"hello"), "is a ZIP archive, but none that torch.save made"),
        (lambda: archive(x__data_DOT_pkl=b"0" * 10**7, packed=b""), "is a compressed archive, which torch.save never makes"),
        (lambda: archive(x__data_DOT_pkl=b"\x80\x02c" + b"x" * 1000), "is damaged, or holds more than tensors"),
        (flipped, "is damaged: a checksum does not fit"),
        (lambda: written(model().state_dict())[:-300], "is a damaged or cut off ZIP archive"),
        (lambda: written(linear(), _use_new_zipfile_serialization=False)[:-30], "is damaged, or holds more than tensors"),
        (lambda: written(model(), _use_new_zipfile_serialization=False), "is a whole pickled model, an object of the class"),
        (lambda: b"PK\x03\x04 no archive", "is a damaged or cut off ZIP archive"),
        (lambda: b"\x80\x02}q\x00.", "is a plain pickle"),
        (lambda: b"\x93NUMPY\x01\0", "is a NumPy array"),
        (lambda: b"\x1f\x8b\x08", "is compressed by gzip: unpack it first"),
        (lambda: b"<!DOCTYPE html>", "is a web page or XML"),
        (lambda: b"hello world", "is a text file, no file of tensors"),
        (lambda: bytes(range(255, 0, -1)), "is of no known kind, no file of tensors"),
    ],
)
def test_other_files_are_told_by_what_they_are(content, answer, tmp_path, capsys):
    path = tmp_path / "net.pt"
    path.write_bytes(content())
    assert refused(path, capsys).startswith(answer)


def test_what_is_no_file_is_told(tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    assert refused(tmp_path / "folder", capsys).startswith("is a directory")
    assert refused(tmp_path / "missing", capsys) == "cannot be read: No such file or directory"
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe", capsys) == "is no regular file"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert refused(tmp_path / "loop", capsys).startswith("cannot be read: Too many levels of symbolic links")


class Booby:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (os.environ["BOOBY"],)


@pytest.mark.parametrize("legacy", [False, True])
def test_nothing_in_a_file_is_run(legacy, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("BOOBY", str(tmp_path / "ran"))
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    path = saved(tmp_path, linear() | {"x": Booby()}, _use_new_zipfile_serialization=not legacy)
    assert "holds objects of the class posix.mkdir, which only running code could load" in refused(path, capsys)
    (tmp_path / "net.pt").write_bytes(pickle.dumps(Booby()))
    assert refused(path, capsys).startswith("is a plain pickle")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("legacy", [False, True])
def test_damage_anywhere_is_told_or_harmless(legacy, tmp_path):
    whole = written(model().state_dict(), _use_new_zipfile_serialization=not legacy)
    path, rng = tmp_path / "net.pt", random.Random(0)
    for _ in range(int(os.environ.get("HWSIM_FUZZ", "150"))):
        content = bytearray(whole)
        for _ in range(rng.choice((1, 1, 4, 30))):
            content[rng.randrange(len(content))] = rng.randrange(256)
        if rng.random() < 0.2:
            del content[rng.randrange(len(content)) :]
        path.write_bytes(bytes(content))
        try:
            read(path)
        except InputError as e:
            assert len(str(e)) < 700 and "weights_only" not in str(e)


NAMES = [
    "weight",
    "bias",
    "weight_mask",
    "weight_orig",
    "mask",
    "running_mean",
    "running_var",
    "scale",
    "_packed_params",
    "x",
]
PREFIXES = ["", "0.", "1.", "2.", "fc1.", "bn1.", "a.b.", "_packed_params._packed_params", "\x00.", "state_dict"]


def anything(rng, depth=3):
    """Tensors of odd kinds in containers of odd shapes, under names that layers have."""
    kind = rng.randrange(12)
    if depth and kind < 5:
        keys = [
            rng.choice(PREFIXES) + rng.choice(NAMES) if rng.random() < 0.95 else rng.choice([3, None, (1,)])
            for _ in range(5)
        ]
        return {key: anything(rng, depth - 1) for key in keys}
    if depth and kind == 5:
        return [anything(rng, depth - 1) for _ in range(2)]
    if kind == 6:
        return rng.choice([None, 3, "text", True, float("nan"), torch.float32, torch.Size([2]), (torch.ones(2, 3), None)])
    shape = rng.choice([(), (0,), (4,), (4, 4), (4, 16), (2, 4), (1, 2, 3)])
    dtype = rng.choice([torch.float32, torch.float16, torch.int64, torch.bool, torch.complex64, torch.float8_e5m2])
    tensor = rng.choice([torch.zeros, torch.ones])(shape, dtype=dtype)
    return rng.choice([lambda t: t, lambda t: t.expand(3, *t.shape), lambda t: t.to("meta"), lambda t: t.to_sparse()])(
        tensor
    )


@pytest.mark.filterwarnings("ignore")
def test_whatever_a_file_holds_is_read_or_told(tmp_path):
    rng, path, refusals = random.Random(1), tmp_path / "net.pt", set()
    for _ in range(int(os.environ.get("HWSIM_FUZZ", "300"))):
        try:
            torch.save(content := anything(rng), path)
        except Exception:
            continue  # PyTorch cannot make or save such a thing
        try:
            assert read(path).layers, content
        except InputError as e:
            refusals.add(e.rule)
            assert len(str(e)) < 700, e
    assert len(refusals) > 15
