"""Estimates of area: features of a design, the fit to synthesized ones, and its errors."""

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.costs import area, operations
from hwsim.costs.resources import RESOURCES
from hwsim.design import Design
from hwsim.studies import area_fit
from hwsim.studies.definition import study
from hwsim.studies.directory import StudyDirectory
from hwsim.studies.findings.tables import write
from hwsim.studies.measuring.explore import explored
from models.errors import InputError
from tests.hwsim.shipped import SHIPPED
from tests.hwsim.studies import small_studies
from tests.hwsim.studies.fake_synthesis import WEIGHTS

DEMO = next(p for p in SHIPPED if p.stem == "demo")


def features(**sets):
    plain = config_file.resolved(config_file.load(DEMO))
    config = config_file.parse(config_file.with_overrides(plain, {k.replace("__", "."): v for k, v in sets.items()}))
    return area.features(operations.costs(config, Design(config).inventory))


def test_features_of_the_published_network():
    f = features()
    assert f.keys() == set(area.FEATURES)
    assert f["multipliers"] == 352
    # 5 x 128 lanes of 8 words x 8 bits take 3 cells each, and so on for every shallow memory.
    shallow = [(640, 8), (1, 1536), (1, 12), (96, 12), (3, 12), (64, 28), (1, 384), (1, 12), (2, 12)]
    assert f["shallow_cells"] == sum(n * -(-width // 3) for n, width in shallow)
    assert f["deep_cells"] == 0
    assert f["register_bits"] == 0
    assert f["crossbar_bits"] == 0


def test_what_costs_more_counts_more():
    base = features()
    assert features(connectivity__dither=True)["crossbar_bits"] > 0
    assert features(connectivity__dither=True, connectivity__type=1)["crossbar_bits"] == 0
    assert features(connectivity__kind="structured")["crossbar_bits"] > 0
    assert features(hardware__latency__multiplier=2)["register_bits"] > 0
    assert features(hardware__latency__tree_every=1)["register_bits"] > 0
    assert features(hardware__lut_ram_depth=4)["deep_cells"] > 0
    assert features(numbers__width=14)["operand_bits"] > base["operand_bits"]


@given(st.integers(0, 2**31))
@settings(max_examples=20)
def test_the_fit_finds_weights_that_are_none_negative(seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 100, (40, len(area.FEATURES)))
    truth = np.where(rng.random(x.shape[1]) < 0.4, rng.uniform(0.5, 2, x.shape[1]), 0)
    truth[0] = 1
    found = area_fit._weights(x, x @ truth)
    assert (found >= 0).all()
    assert np.allclose(x @ found, x @ truth, rtol=1e-3)


def test_the_fit_is_the_best_one():
    """No step of any weight, up or down to 0, makes the sum of squared relative errors less."""
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 50, (35, len(area.FEATURES))), rng.uniform(10, 900, 35)
    found = area_fit._weights(x, y)

    def cost(w):
        return (((x @ w - y) / y) ** 2).sum()

    for k in range(len(found)):
        for step in (1e-3, -1e-3):
            other = found.copy()
            other[k] = max(0, other[k] + step)
            assert cost(other) >= cost(found) - 1e-12


def test_a_design_without_a_feature_does_not_matter():
    x, y = np.zeros((30, len(area.FEATURES))), np.arange(1.0, 31)
    x[:, 0], x[:, 1] = 1, y
    assert np.allclose(area_fit._weights(x, y)[:2], [0, 1], atol=1e-9)
    assert area_fit._left_out(x, y) == [0.0] * 30


@pytest.fixture
def synthesized(tmp_path, monkeypatch):
    """A finished study of 36 designs."""
    small_studies.replace(monkeypatch, "synth", "tests.hwsim.studies.fake_synthesis:SYNTH")
    data = {
        "name": "fake",
        "base": str(DEMO.resolve()),
        "axes": {
            "width": {"key": "numbers.width", "grid": [8, 9, 10, 11, 12, 13]},
            "multiplier": {"key": "hardware.latency.multiplier", "grid": [0, 1, 2]},
            "z": {"key": "hardware.z", "grid": [[64, 16], [128, 32]]},
        },
        "seeds": [0, 1],
        "measure": ["check", "synth"],
    }
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(data))
    loaded = study.load(file)
    directory = StudyDirectory(tmp_path / "fake", loaded)
    with explored(loaded, directory) as found:
        write(found, directory)
    return found, directory.path


def test_the_command_fits_what_a_study_synthesized(synthesized, tmp_path, capsys):
    _, directory = synthesized
    assert cli.run(["fit-area", str(directory), "--out", str(tmp_path / "area.yaml")]) == 0
    assert "36 designs" in capsys.readouterr().out
    made = area.load(tmp_path / "area.yaml")
    assert made.resources.keys() == WEIGHTS.keys()  # no design has block RAM
    known = operations.costs(config_file.load(DEMO))
    for name, weights in WEIGHTS.items():
        assert made.resources[name].worst_error < 0.02
        truth = sum(w * area.features(known)[f] for f, w in weights.items())
        assert made.figures(known)[name] == pytest.approx(truth, rel=0.01, abs=1)


def test_synthesis_is_measured_for_the_first_seed_only(synthesized):
    found, _ = synthesized
    assert all((found.result(p, "synth") is not None) == (p.seed == 0) for p in found.points.legal)
    assert all(found.result(p, "check") is not None for p in found.points.legal)


def test_too_few_designs_and_other_directories_are_refused(synthesized, tmp_path, capsys):
    _, directory = synthesized
    rows = (directory / "results.csv").read_text().splitlines(keepends=True)
    (directory / "results.csv").write_text("".join(rows[:20]))
    assert cli.run(["fit-area", str(directory), "--out", str(tmp_path / "area.yaml")]) == 2
    blank = [rows[0]] + [
        line if k < 20 else line.split(",")[0] + "," * rows[0].count(",") + "\n" for k, line in enumerate(rows[1:])
    ]
    (directory / "results.csv").write_text("".join(blank))
    assert cli.run(["fit-area", str(directory), "--out", str(tmp_path / "area.yaml")]) == 2
    assert "at least 30" in capsys.readouterr().err
    assert cli.run(["fit-area", str(tmp_path), "--out", str(tmp_path / "area.yaml")]) == 2
    assert not (tmp_path / "area.yaml").exists()


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"xc7_lutz": {"weights": {}, "median_error": 0, "worst_error": 0}}, "xc7_lutz"),
        ({"xc7_luts": {"weights": {"nothing": 1}, "median_error": 0, "worst_error": 0}}, "nothing"),
        ({"xc7_luts": {"weights": {"one": "x"}, "median_error": 0, "worst_error": 0}}, "must be a number"),
    ],
)
def test_a_broken_table_is_refused(resources, message, tmp_path):
    file = tmp_path / "area.yaml"
    file.write_text(yaml.safe_dump({"source": "x", "designs": 1, "tools": {}, "resources": resources}))
    with pytest.raises(InputError, match=message):
        area.load(file)


def test_the_shipped_table_says_how_good_it_is():
    areas = area.load()
    assert areas.designs >= area_fit.FEWEST
    assert {"xc7_luts", "xc7_ffs", "xc7_dsps", "xc7_lut_ram", "ecp5_luts", "ecp5_ffs", "ecp5_dsps"} <= areas.resources.keys()
    assert areas.resources.keys() <= set(RESOURCES)
    for name, fitted in areas.resources.items():
        assert 0 <= fitted.median_error < 0.5, name
