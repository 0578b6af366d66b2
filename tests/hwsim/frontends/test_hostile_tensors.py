"""Files of Keras and safetensors as nobody means them: refused in one line; nothing is unpacked, followed or written."""

import io
import json
import struct
import zipfile

import h5py
import numpy as np
import pytest
from safetensors import numpy as safetensors

from hwsim.commands import app as cli
from tests.hwsim.frontends.small_models import arrays, dense, functional, keras, kernels, layer, sequential

LAYERS = arrays()
(W1, B1), (W2, B2) = LAYERS
PLAIN = (dense("dense", 8, "relu"), dense("dense_1", 4, "sigmoid"))


def refusal(capsys, path):
    capsys.readouterr()
    out = path.parent / "out"
    assert cli.run(["import-model", str(path), "--out", str(out)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and len(err) < 600 and not out.exists(), err
    return err.removeprefix("hwsim: ").removeprefix(f"{path}: ").rstrip("\n")


def h5(change, config=None):
    """The small HDF5 file after a change of what is in it."""

    def write(folder):
        path = keras(folder / "net.h5", config or sequential(*PLAIN), kernels(LAYERS))
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    return write


def replaced(make):
    """The first kernel is something else."""

    def change(file):
        group = file["model_weights/dense/sequential/dense"]
        del group["kernel"]
        make(group)

    return h5(change)


def archive(*members, compress=zipfile.ZIP_STORED):
    def write(folder):
        with zipfile.ZipFile(folder / "net.keras", "w", compress) as file:
            for name, content in members:
                file.writestr(name, content)
        return folder / "net.keras"

    return write


def model(*layers, how=sequential, weights=None, **more):
    return lambda folder: keras(folder / "net.keras", how(*layers, **more), kernels(LAYERS) if weights is None else weights)


def external(group):
    group.create_dataset("kernel", shape=(16, 8), dtype="f4", external=[("/etc/passwd", 0, 512)])


def virtual(group):
    layout = h5py.VirtualLayout(shape=(16, 8), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "a", shape=(16, 8))
    group.create_virtual_dataset("kernel", layout)


def tied(group):
    group["kernel"] = h5py.SoftLink("/model_weights/dense/sequential/dense/kernel")


CLASSIFIER = {"class_name": "Classifier", "config": {}}
CONFIG = json.dumps(sequential(*PLAIN))
KERAS = {
    "weights alone": (h5(lambda f: f.attrs.pop("model_config")), "holds no configuration of a model, only weights"),
    "a configuration that is no JSON": (
        h5(lambda f: f.attrs.modify("model_config", "{")),
        "holds a configuration that is no sound JSON",
    ),
    "a deep configuration": (
        h5(lambda f: f.attrs.modify("model_config", "[" * 60_000)),
        "holds a configuration that is no sound JSON",
    ),
    "a list": (h5(lambda f: f.attrs.modify("model_config", "[]")), "holds a configuration of no model"),
    "a number": (h5(lambda f: f.attrs.__setitem__("model_config", 3)), "holds no configuration of a model"),
    "a class of the user's": (
        h5(lambda f: f.attrs.modify("model_config", json.dumps(CLASSIFIER))),
        "is a model of the class Classifier",
    ),
    "a link to another file": (
        replaced(lambda g: g.__setitem__("kernel", h5py.ExternalLink("/etc/passwd", "/"))),
        "is a link, which is",
    ),
    "a circle of links": (replaced(tied), "is a link, which is not followed"),
    "numbers in another file": (replaced(external), "dense.kernel: lies in another file, which is not read"),
    "a view of another file": (replaced(virtual), "dense.kernel: lies in another file, which is not read"),
    "nothing": (replaced(lambda g: None), "dense.kernel: is missing"),
    "a folder": (replaced(lambda g: g.create_group("kernel")), "dense.kernel: is missing"),
    "integers": (
        replaced(lambda g: g.create_dataset("kernel", data=np.ones((16, 8), int))),
        "dense.kernel = int64: must hold floating",
    ),
    "text": (
        replaced(lambda g: g.create_dataset("kernel", data=["a"])),
        "dense.kernel = object: must hold floating-point numbers",
    ),
    "NaN": (
        replaced(lambda g: g.create_dataset("kernel", data=np.full((16, 8), np.nan))),
        "dense.kernel: holds values that are no finite",
    ),
    "an enormous kernel": (
        replaced(lambda g: g.create_dataset("kernel", shape=(1 << 30, 1 << 30), dtype="f4", chunks=(1, 1024))),
        "dense.kernel = (1073741824, 1073741824): makes more than 67108864 numbers",
    ),
    "another shape": (
        replaced(lambda g: g.create_dataset("kernel", data=np.ones((16, 9), "f4"))),
        "dense (Dense): says 8 units, but has",
    ),
    "one axis": (
        replaced(lambda g: g.create_dataset("kernel", data=np.ones(8, "f4"))),
        "must have a kernel [inputs, outputs] and a bias",
    ),
    "no member": (archive(("readme", "a")), "lacks config.json, which every .keras file has"),
    "an archive in itself": (
        archive(("config.json", CONFIG), ("model.weights.h5", b"PK\x03\x04")),
        "is a damaged or cut off file of Keras",
    ),
    "a bomb": (
        archive(("config.json", CONFIG), ("model.weights.h5", bytes(1 << 24)), compress=zipfile.ZIP_DEFLATED),
        "is a compressed archive, which Keras never makes",
    ),
    "code": (model(layer("Lambda", name="f", function="__import__('os')")), "f (Lambda): holds code, which is never run"),
    "a convolution": (model(layer("Conv2D", name="c")), "c (Conv2D): is a convolution: only linear layers can be imported"),
    "a model within": (model(layer("Functional", name="m")), "m (Functional): is a model within the model"),
    "a recurrent layer": (model(layer("LSTM", name="r")), "r (LSTM): is no layer that is imported: such are Dense"),
    "scaled inputs": (
        model(layer("Rescaling", name="s", scale=0.1)),
        "s (Rescaling): scales the inputs: leave it out, and say mean",
    ),
    "another activation": (
        model(dense("dense", 8, "gelu")),
        "dense (Dense) = gelu: has an activation that the accelerator does not",
    ),
    "a leaky ReLU": (
        model(PLAIN[0] | {"config": PLAIN[0]["config"] | {"activation": None}}, layer("ReLU", name="r", negative_slope=0.1)),
        "r (ReLU): must be",
    ),
    "ReLU to 6": (
        model(dense("dense", 8), layer("ReLU", name="r", max_value=6.0)),
        "r (ReLU): must be the plain max(x, 0), or clip",
    ),
    "no activation": (
        model(dense("dense", 8), dense("dense_1", 4)),
        "dense_1 (Dense): follows dense without an activation between",
    ),
    "two of one name": (model(PLAIN[0], PLAIN[0]), "has a layer without a name, or two of the name dense"),
    "a layer without class": (model({"config": {}}), "has a layer without class and configuration: it is damaged"),
    "a layer without weights": (
        model(*PLAIN, weights={}),
        "dense (Dense) = {}: must have a kernel [inputs, outputs] and a bias",
    ),
    "a branch": (
        model(*PLAIN, how=functional, sources={"dense_1": ["input_layer"]}),
        "dense_1 (Dense): is joined to several layers, or to one that others take",
    ),
    "a sum": (
        model(*PLAIN, layer("Add", name="sum"), how=functional, sources={"sum": ["dense", "dense_1"]}),
        "sum (Add): is joined to several layers",
    ),
    "a circle": (
        model(*PLAIN, how=functional, sources={"dense": ["dense_1"], "dense_1": ["dense"]}),
        "has layers that are in no line from one input on: a circle, or several parts",
    ),
    "a source that is not there": (
        model(*PLAIN, how=functional, sources={"dense": ["z"]}),
        "dense (Dense): is joined to several",
    ),
    "an epsilon below 0": (
        model(
            PLAIN[0],
            layer("BatchNormalization", name="bn", epsilon=-1),
            weights=kernels(LAYERS) | {"bn": dict.fromkeys("abcd", B1)},
        ),
        "bn (BatchNormalization): must have gamma, beta, moving_mean, moving_variance and an epsilon",
    ),
    "nothing at all": (model(how=sequential), "holds no layer"),
}


@pytest.mark.parametrize("case", KERAS)
def test_a_file_of_keras_that_cannot_be_mapped_is_told_in_one_line(case, tmp_path, capsys):
    write, answer = KERAS[case]
    line = refusal(capsys, write(tmp_path))
    assert answer in line, line


def raw(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(kind="F32", shape=(8, 16), begin=0, end=512):
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


TENSORS = {
    "a header that is cut off": (raw({"0.weight": entry()})[:20], "is a damaged safetensors file"),
    "data that are cut off": (raw({"0.weight": entry()}, bytes(500)), "is a damaged safetensors file"),
    "a header beyond the end": (struct.pack("<Q", 1 << 30) + b"{}", "is a damaged safetensors file"),
    "a header that is no JSON": (raw(b"{" * 40), "is a damaged safetensors file"),
    "huge sizes": (raw({"0.weight": entry(shape=(1 << 40, 1 << 40))}, bytes(512)), "is a damaged safetensors file"),
    "overlapping tensors": (raw({"0.weight": entry(), "2.weight": entry()}, bytes(512)), "is a damaged safetensors file"),
    "nothing": (raw({}), "holds no layer"),
    "integers": (safetensors.save({"0.weight": W1.astype(np.int32)}), "0.weight = I32: must hold floating-point numbers"),
    "an unknown type": (raw({"0.weight": entry(kind="X9")}, bytes(512)), "is a damaged safetensors file"),
    "infinity": (
        safetensors.save({"0.weight": W1 * np.float32("inf")}),
        "0.weight: holds values that are no finite numbers",
    ),
    "an embedding": (safetensors.save({"embed.weight": W1}), "embed.weight: belongs to an embedding"),
    "both masks": (
        safetensors.save({"0.weight": W1, "0.mask": W1 > 0, "0.weight_mask": W1 > 0}),
        "0: has both weight_mask and mask",
    ),
    "a mask of halves": (
        safetensors.save({"0.weight": W1, "0.mask": W1}),
        "0.mask = [8, 16]: must hold zeros and ones only",
    ),
    "layers in no order": (
        safetensors.save({"a.weight": W1, "b.weight": W1}),
        "holds layers that fit each other in no order",
    ),
    "layers in two orders": (
        safetensors.save(
            {"a.weight": np.ones((4, 4), "f4"), "b.weight": np.ones((4, 8), "f4"), "c.weight": np.ones((4, 4), "f4")}
        ),
        "holds layers that fit each other in more than one order; name them in that in which they are used",
    ),
    "batch normalisation of no place": (
        safetensors.save({"fc.weight": W1} | {f"bn.{p}": B1 for p in ("weight", "bias", "running_mean", "running_var")}),
        "bn: is no linear layer, and names in a safetensors file do not tell where it stands",
    ),
    "twenty layers of one size": (
        safetensors.save(
            {f"l{i}.weight": np.ones((2, 2), "f4") for i in range(20)}
            | {"z.weight": np.ones((2, 3), "f4"), "zz.weight": np.ones((3, 5), "f4")}
        ),
        "holds layers that fit each other in",
    ),
}


@pytest.mark.parametrize("case", TENSORS)
def test_a_safetensors_file_that_cannot_be_mapped_is_told_in_one_line(case, tmp_path, capsys):
    content, answer = TENSORS[case]
    (tmp_path / "net.safetensors").write_bytes(content)
    line = refusal(capsys, tmp_path / "net.safetensors")
    assert answer in line, line


@pytest.mark.parametrize("name", ["net.h5", "net.keras", "net.safetensors"])
def test_any_cut_and_any_damage_ends_in_one_line_or_a_network(name, tmp_path, capsys):
    path = tmp_path / name
    if name.endswith("safetensors"):
        path.write_bytes(safetensors.save({"0.weight": W1, "0.bias": B1, "2.weight": W2, "2.bias": B2}))
    else:
        keras(path, sequential(*PLAIN), kernels(LAYERS))
    whole, rng = path.read_bytes(), np.random.default_rng(1)
    damaged = [whole[:cut] for cut in rng.integers(8, len(whole), 6)]
    for place in rng.integers(8, len(whole), 16):
        damaged.append(whole[:place] + bytes([whole[place] ^ 1 << rng.integers(8)]) + whole[place + 1 :])
    for content in damaged:
        path.write_bytes(content)
        code = cli.run(["import-model", str(path), "--out", str(tmp_path / "out"), "--quiet", "--set", "data.name=none"])
        err = capsys.readouterr().err
        assert code == 2 and err.count("\n") == 1, err


def test_what_is_no_model_is_told_by_what_it_is(tmp_path, capsys):
    for content, answer in (
        (b"", "is empty"),
        (b"hello\n", "is no model that is read"),
        (b"version https://git-lfs", "is a pointer of Git LFS"),
    ):
        (tmp_path / "net.onnx").write_bytes(content)
        line = refusal(capsys, tmp_path / "net.onnx")
        assert answer in line or "is no ONNX model, or is damaged" in line
        (tmp_path / "net").write_bytes(content)
        assert answer in refusal(capsys, tmp_path / "net")


def test_a_missing_package_is_told(tmp_path, capsys, monkeypatch):
    import sys

    path = keras(tmp_path / "net.h5", sequential(*PLAIN), kernels(LAYERS))
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert refusal(capsys, path) == "package h5py: is missing: install what reads models with pip install 'hwsim[models]'"


def test_bytes_of_an_archive_are_not_unpacked_twice():
    """The bomb above is one: a thousandth of what it unpacks to."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("model.weights.h5", bytes(1 << 24))
    assert len(whole.getvalue()) < (1 << 24) / 500
