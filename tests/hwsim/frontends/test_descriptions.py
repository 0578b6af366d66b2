"""Foldings of FINN and topologies of SCALE-Sim: what maps becomes a configuration, all else is refused by its name."""

import json

import pytest

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from tests.hwsim import runs

FOLDING = {
    "Defaults": {},
    "Thresholding_rtl_0": {"PE": 4},
    "MVAU_hls_0": {"PE": 4, "SIMD": 4, "ram_style": "block", "resType": "lut"},
    "MVAU_rtl_1": {"PE": 2, "SIMD": 4},
    "LabelSelect_hls_0": {"PE": 1},
}
SIZES = ("--set", "network.layers=[16, 8, 4]", "--set", "connectivity.kind=full", "--set", "network.out_degree=full")
GEMM = "Layer,M,N,K,\nfc1,1,64,784,\nfc2,1,10,64,\n"
CONVOLUTION = (
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
    "fc1, 7, 7, 7, 7, 16, 60, 1,\nfc2, 1, 1, 1, 1, 60, 10, 1,\n"
)


def brought(path, content, *options):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return cli.run(["import-model", str(path), "--out", str(path.parent / "out"), *options])


def configuration(folder):
    return config_file.load(folder / "out/config.yaml")


def refusal(capsys, path, content, *options):
    capsys.readouterr()
    assert brought(path, content, *options) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and len(err) < 600 and not (path.parent / "out").exists(), err
    return err.removeprefix("hwsim: ").replace(f"{path}: ", "").rstrip("\n")


def test_a_folding_is_parallelism(tmp_path, capsys):
    assert brought(tmp_path / "f.json", FOLDING, *SIZES) == 0
    config, out = configuration(tmp_path), capsys.readouterr().out
    assert config.hardware.z == (16, 8) and config.network.layers == (16, 8, 4) and config.name == "f"
    assert "MVAU_hls_0: PE 4 x SIMD 4 is z = 16; 8 clocks for all of 16 x 8" in out
    assert "left out, as they multiply nothing: Thresholding_rtl_0, LabelSelect_hls_0" in out


def test_a_folding_goes_with_a_sparse_design(tmp_path):
    config = runs.write_config(tmp_path, "fixed pipelined")
    assert brought(tmp_path / "f.json", FOLDING, "--config", str(config), "--quiet") == 0
    found, base = configuration(tmp_path), config_file.load(config)
    assert found.hardware.z == (16, 8) and found.edges == base.edges and found.data == base.data
    assert cli.run(["check", str(tmp_path / "out/config.yaml"), "--quiet"]) == 0


@pytest.mark.parametrize(
    ("change", "options", "answer"),
    [
        ({}, (), "folds 2 layers and does not say their sizes: give a configuration"),
        ({}, ("--set", "network.layers=[16, 4]"), "folds 2 layers and does not say their sizes"),
        (
            {"ConvolutionInputGenerator_rtl_0": {"SIMD": 3}},
            SIZES,
            "ConvolutionInputGenerator_rtl_0: is no matrix-vector unit: conv",
        ),
        ({"AddStreams_hls_0": {"PE": 1}}, SIZES, "AddStreams_hls_0: is no matrix-vector unit"),
        ({"MVAU_hls_0": {"PE": 4}}, SIZES, "MVAU_hls_0 = [4, None]: must have PE and SIMD, positive whole numbers"),
        ({"MVAU_hls_0": {"PE": True, "SIMD": 4}}, SIZES, "MVAU_hls_0 = [True, 4]: must have PE and SIMD"),
        ({"MVAU_hls_0": {"PE": 10**30, "SIMD": 4}}, SIZES, "MVAU_hls_0 = [10000000000000000000"),
        (
            {"MVAU_hls_0": {"PE": 3, "SIMD": 4}},
            SIZES,
            "MVAU_hls_0.PE = 3: does not divide the 8 outputs of the layer; nearest: 2",
        ),
        (
            {"MVAU_hls_0": {"PE": 4, "SIMD": 5}},
            SIZES,
            "MVAU_hls_0.SIMD = 5: does not divide the 16 inputs of the layer; nearest: 4",
        ),
        (
            {"MVAU_rtl_1": {"PE": 4, "SIMD": 4}},
            SIZES,
            "MVAU_rtl_1 (PE 4 x SIMD 4) = 16: does not divide N_1 = 8; nearest: 4, 8",
        ),
        ({"Defaults": {"PE": [2, ["all"]]}}, SIZES, "Defaults: must be empty: give PE and SIMD of every node by itself"),
        ({"MVAU_hls_0": 3}, SIZES, "is JSON, but no folding of FINN"),
        ({}, (*SIZES, "--set", "hardware.z=[8, 4]"), "hardware.z = [8, 4]: cannot be chosen"),
    ],
)
def test_a_folding_that_does_not_map_is_told_in_one_line(change, options, answer, tmp_path, capsys):
    assert answer in refusal(capsys, tmp_path / "f.json", FOLDING | change, *options)


@pytest.mark.parametrize(
    ("text", "answer"),
    [("{", "is no sound JSON"), ("[" * 10**5, "is no sound JSON"), ("{}", "has 0 matrix-"), ("[]", "is JSON, but")],
)
def test_json_of_another_kind_is_refused(text, answer, tmp_path, capsys):
    assert answer in refusal(capsys, tmp_path / "f.json", text)


@pytest.mark.parametrize(
    ("text", "layers"), [(GEMM, (784, 64, 10)), (CONVOLUTION, (784, 60, 10)), (GEMM.replace(",\n", "\n"), (784, 64, 10))]
)
def test_a_topology_is_layers(text, layers, tmp_path, capsys):
    assert brought(tmp_path / "t.csv", text) == 0
    config, out = configuration(tmp_path), capsys.readouterr().out
    assert config.network.layers == layers and config.connectivity.kind == "full" and config.hardware is None
    assert (
        f"row 1 (fc1): 784 inputs, {layers[1]} outputs, density 1" in out
        and "does not say how many edges work at once" in out
    )
    assert cli.run(["check", str(tmp_path / "out/config.yaml"), "--quiet"]) == 0


def test_a_sparse_topology_is_a_sparse_design(tmp_path):
    text = "Layer name, M, N, K, Sparsity,\nfc1, 1, 64, 784, 1:4,\nfc2, 1, 10, 64, 1:1,\n"
    assert brought(tmp_path / "t.csv", text, "--set", "hardware.z=[196, 16]", "--quiet") == 0
    config = configuration(tmp_path)
    assert config.edges == (784 * 16, 640) and config.out_degrees == (16, 10) and config.hardware.z == (196, 16)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (GEMM.replace("fc2,1,10,64", "fc2,1,10,32"), "row 2 (fc2) = 32: inputs do not follow 64 outputs of the row before"),
        (GEMM.replace("784", "0"), "row 1 (fc1) = 0: must be a positive whole number (K)"),
        (GEMM.replace("784", "many"), "row 1 (fc1) = many: must be a positive whole number (K)"),
        (GEMM.replace("784", "9" * 5000), "must be a positive whole number (K)"),
        (GEMM.replace("784", "99999999"), "network.layers[0] = 99999999: must be at most"),
        (GEMM.replace(",\n", "\n").replace("fc1,1", "fc1"), "row 1 (fc1): has 3 cells, where the head has 4"),
        (GEMM.replace("fc1,1,64,784,", "fc1,1,64,784,7,7"), "row 1 (fc1): has 6 cells, where the head has 4"),
        ("Layer,M,N,K\n", "lists 0 layers, where 1 to 32 must be"),
        ("Layer,M,N,K\n" + "a,1,2,2\n" * 40, "lists 40 layers, where 1 to 32 must be"),
        ("Layer,A,B\nfc,1,2\n", "row 1 (fc): has neither the columns M, N, K nor those of a convolution in the head"),
        (
            CONVOLUTION.replace("7, 7, 7, 7, 16", "7, 7, 3, 3, 16"),
            "row 1 (fc1): is a convolution of 3 x 3 over 7 x 7: only layers",
        ),
        ("Layer,M,N,K,Sparsity\nfc,1,10,784,5:4\n", "row 1 (fc) = 5:4: must keep at most all of as many weights"),
        ("Layer,M,N,K,Sparsity\nfc,1,10,784,1:5\n", "row 1 (fc) = 1:5: must keep at most all"),
        ("Layer,M,N,K,Sparsity\nfc,1,10,784,half\n", "must be a positive whole number (Sparsity)"),
    ],
)
def test_a_topology_that_does_not_map_is_told_in_one_line(text, answer, tmp_path, capsys):
    assert answer in refusal(capsys, tmp_path / "t.csv", text).replace(
        "has 4 cells, where the head has 4", "has 4 cells, where the head has 4"
    )
