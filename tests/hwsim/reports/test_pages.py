"""Reports hold what their directories hold: every figure with its meaning, whatever names there are, whatever is missing."""

import csv
import json
import os
import re
import shlex
import shutil
from html import unescape

import pytest
import yaml

from hwsim.commands import app as cli
from hwsim.commands.report import repeated, run_page
from hwsim.configuration import config_file
from hwsim.reports import html, page
from hwsim.reports import study as study_report
from hwsim.reports.study_content import StudyContent
from hwsim.reports.values import figures
from hwsim.studies.findings.tables import front_of
from hwsim.studies.report.pictures import pairs_of
from models.files import json_text
from tests.hwsim import runs
from tests.hwsim.reports import large_study
from tests.hwsim.studies import small_studies

HOSTILE = "<script>alert('1')</script>&\"x%{y}"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A configuration and the directory of its run."""
    folder = tmp_path_factory.mktemp("trained")
    config = runs.write_config(folder, "fixed pipelined", epochs=2, rate_shift=[[0, 3]])
    assert runs.train(config, folder / "out") == 0
    return config, folder / "out"


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    """The directory of a study whose labels are hostile."""
    folder = tmp_path_factory.mktemp("explored")
    axes = {
        "rule": {"list": {HOSTILE: {"training.init": "he_normal"}, "plain": {"training.init": "glorot_normal"}}},
        "z": {"key": "hardware.z", "grid": [[8, 4], [4, 2]]},
    }
    path = small_studies.write(folder, axes=axes, measure=["check", "fixed"], seeds=[3, 1])
    assert small_studies.explore(path, folder / "out", "--workers", "1") == 0
    return folder / "out"


@pytest.fixture
def copy(tmp_path):
    return lambda directory: shutil.copytree(directory, tmp_path / "copy")


def body(content):
    """The page without the library and without the data of its programs."""
    return re.sub(r"<script.*?</script>", "", content.decode(), flags=re.DOTALL)


def report(*arguments):
    return cli.run(["report", *map(str, arguments), "--quiet"])


def test_a_page_of_very_many_designs_has_the_first_and_the_fronts(tmp_path, monkeypatch):
    monkeypatch.setattr(study_report, "_MOST_DESIGNS", 5)
    directory = large_study.write(tmp_path, large_study.AXES | {"epochs": {"key": "training.epochs", "grid": [1, 2]}})
    content = StudyContent(directory)
    best = {r.design for w in pairs_of(content.study) for r in front_of(content.designs, (w.x, w.y))}
    (data,) = re.findall(rb'"designs": ?(\[\{.*?\}\])', (directory / "report.html").read_bytes())
    shown = {d["design"] for d in json.loads(data)}
    assert len(content.designs) == 80 and {*range(5)} | best == shown and len(shown) < 80
    assert f"<b>{80 - len(shown)} designs</b>: none of them on a front" in (directory / "report.html").read_text()


def test_the_command_makes_what_train_has_left(trained):
    _, out = trained
    left = (out / "report.html").read_bytes()
    (out / "report.html").unlink()
    assert report(out) == 0 and (out / "report.html").read_bytes() == left
    (out / "timing.json").unlink()
    assert run_page(out) == left and str(out).encode() not in left


def test_every_figure_has_value_unit_and_meaning(trained):
    _, out = trained
    text = body((out / "report.html").read_bytes())
    told = [t for t in figures(json_text.read(out / "metrics.json")) if t.name not in ("history", "files")]
    assert len(told) > 20
    for t in told:
        row = next(row for row in re.findall(r"<tr>.*?</tr>", text) if f">{t.title}</span></th>" in row)
        assert unescape(row).count(t.meaning) >= 2 and t.shown_unit in unescape(row), t.name
    config = config_file.load(out / "config.yaml")
    assert (
        "of the test samples are predicted right after 2 epochs" in unescape(text) and f"{sum(config.edges):,} edges" in text
    )
    assert json.loads((out / "metrics.json").read_text())["configuration_hash"] in text


def test_a_page_needs_nothing_else(trained, explored):
    for out in (trained[1], explored):
        content = (out / "report.html").read_bytes()
        assert not re.search(r"(src|href)=\"(?!#|data:)", body(content)) and "url(" not in body(content)
        assert "default-src 'none'" in unescape(content[:2000].decode()) and len(content) < 3e6


@pytest.mark.parametrize("text", [HOSTILE, "</SCRIPT><!--", "\u2028\u2029", "' onload='x", "&lt;"])
def test_text_stays_text(text):
    element = html.tag("p", text, title=text)
    assert "<s" not in element.lower()[1:] and "<!" not in element
    assert re.fullmatch(r'<p title="([^"]*)">([^<>]*)</p>', element) and unescape(element).count(text) == 2
    inside = html.data("x", [text])
    content = inside.removeprefix('<script type="application/json" id="x">').removesuffix("</script>")
    assert json.loads(content) == [text] and not set("<>&\u2028\u2029") & set(content)
    with pytest.raises(ValueError, match="JSON"):
        html.data("x", float("nan"))


def test_names_of_users_are_no_programs(explored, trained, copy):
    page_of_study = (explored / "report.html").read_text()
    assert HOSTILE not in page_of_study and "<script>alert" not in page_of_study
    assert HOSTILE in unescape(body((explored / "report.html").read_bytes()))
    there = copy(trained[1])
    content = json.loads((there / "metrics.json").read_text())
    content |= {
        HOSTILE: {"value": HOSTILE, "unit": HOSTILE, "meaning": HOSTILE},
        "status": HOSTILE,
        "tools": {HOSTILE: HOSTILE},
    }
    content["history"]["value"][HOSTILE] = [0.5, 0.25]
    (there / "metrics.json").write_text(json.dumps(content))
    made = run_page(there)
    assert b"<script>alert" not in made and unescape(body(made)).count(HOSTILE) > 5


@pytest.mark.parametrize("name", ["metrics.json", "connectivity.npz", "training.png", "weights.png", "connectivity.png"])
@pytest.mark.parametrize("damage", ["gone", "empty", "other"])
def test_what_is_missing_is_named(trained, copy, name, damage):
    there = copy(trained[1])
    (there / name).unlink()
    if damage != "gone":
        (there / name).write_text({"empty": "", "other": '["a list"]'}[damage])
    assert report(there) == 0
    text = body((there / "report.html").read_bytes())
    if name == "metrics.json":
        says = "is not there" if damage == "gone" else "is damaged"
        assert f"<li><b>metrics.json</b>: {says}" in text and "A run without figures." in text
    assert 'id="configuration"' in text and 'id="connectivity"' in text


def test_pieces_of_another_shape_are_no_reason_to_fail(trained, copy):
    there = copy(trained[1])
    content = json.loads((there / "metrics.json").read_text())
    odd = {"value": [None, [1], {"a": [True]}], "unit": 3, "meaning": None}
    for history in ({"value": 3}, {"value": {"test_accuracy": []}}, {"value": {"test_accuracy": ["x", None], "a": [1]}}):
        told = {"history": content["history"] | history, "odd": odd, "tools": 7, "files": odd, "notes": "none"}
        (there / "metrics.json").write_text(json.dumps(content | told))
        assert report(there) == 0


def test_a_directory_that_is_none_is_refused_in_one_line(tmp_path, capsys, trained):
    assert report(tmp_path) == 2
    assert "lacks config.yaml" in capsys.readouterr().err
    (tmp_path / "notes.html").write_text("mine")
    assert report(trained[1], "--out", tmp_path / "notes.html") == 2
    assert capsys.readouterr().err.endswith("is there and is no report: give another name\n")
    assert (tmp_path / "notes.html").read_text() == "mine"
    assert report(trained[1], "--out", tmp_path / "new.html") == 0 == report(trained[1], "--out", tmp_path / "new.html")
    assert report(*[trained[1]] * 25, "--out", tmp_path / "many.html") == 2


def test_the_command_in_the_page_repeats_the_run(trained, monkeypatch):
    _, out = trained
    command = unescape(re.search(r'<code id="repeat">(.*?)</code>', (out / "report.html").read_text())[1])
    monkeypatch.chdir(out)
    assert cli.run([*shlex.split(command)[1:], "--quiet"]) == 0
    assert runs.files(out.parent / "again")["final.npz"] == runs.files(out)["final.npz"]


def test_options_are_repeated_as_they_were_given():
    told = {"target": "xc7", "dsp": True, "seeds": 2, "frequency": 50.0}
    assert repeated("synth", "config.yaml", told).endswith(
        "--target xc7 --seeds 2 --frequency 50.0 --no-place --out ../again"
    )
    assert "--save-stream" in repeated("train", "config.yaml", {"save_stream": True})


def settings_of(out):
    """The designs in the data of a study's page, and the commands."""
    found = re.search(r'id="study">(.*?)</script>', (out / "report.html").read_text())[1]
    return json.loads(found)


def test_the_commands_of_a_design_repeat_its_points(explored, monkeypatch, capsys):
    known, rows = settings_of(explored), [*csv.DictReader((explored / "results.csv").read_text().splitlines())]
    monkeypatch.chdir(explored)
    design = known["designs"][2]
    assert dict(design["keys"]) == {"training.init": "glorot_normal", "hardware.z": "[8, 4]"}
    for measurement, command in known["commands"]:
        words = shlex.split(f"{command} {design['settings']} {known['seed']} {known['seeds'][1]}")
        assert cli.run([*words[1:], "--set", "name=toy", "--quiet", *(["--force"] if measurement == "fixed" else [])]) == 0
    accuracy = json.loads((explored.parent / "again" / "metrics.json").read_text())["test_accuracy"]["value"]
    (row,) = [r for r in rows if r["design"] == "2" and r["seed"] == "1"]
    assert float(row["fixed.test_accuracy"]) == accuracy
    loaded = yaml.safe_load((explored / "base.yaml").read_text())
    assert loaded["numbers"]["fraction"] == 6 and len(json.loads((explored / "designs.json").read_text())) == 4


@pytest.mark.parametrize("name", ["summary.csv", "results.csv", "designs.json", "base.yaml", "report.md"])
@pytest.mark.parametrize("damage", ["gone", "other"])
def test_what_a_study_lacks_is_named(explored, copy, name, damage):
    there = copy(explored)
    (there / name).unlink()
    if damage == "other":
        (there / name).write_text("seeds,design,failed\nx,y")
    assert report(there) == 0
    text = body((there / "report.html").read_bytes())
    if name != "report.md" and not (name in ("base.yaml", "results.csv") and damage == "other"):
        assert name in re.search(r'id="missing".*', text, re.DOTALL)[0]


def test_runs_are_compared(trained, tmp_path):
    config, out = trained
    other = tmp_path / "other"
    assert runs.train(config, other, "--set", "numbers.width=10", "--seed", "4") == 0
    assert report(out, other, "--out", tmp_path / "both.html") == 0
    text = body((tmp_path / "both.html").read_bytes())
    differing = re.search(r'id="configuration".*?</section>', text, re.DOTALL)[0]
    keys = [re.sub("<.*?>", "", k) for k in re.findall(r'<th scope="row">(.*?)</th>', differing)]
    assert keys == ["seed", "numbers.width"] and "<code>10</code>" in differing
    assert 'data-chart="accuracy"' in text and "2 runs compared" in text
    first = (tmp_path / "both.html").read_bytes()
    os.utime(out / "metrics.json", (0, 0))
    assert report(out, other, "--out", tmp_path / "both.html") == 0 and (tmp_path / "both.html").read_bytes() == first


def test_a_page_without_charts_has_no_library(trained, copy):
    there = copy(trained[1])
    (there / "metrics.json").unlink()
    assert len(run_page(there)) < 800_000 < 1_500_000 < len((trained[1] / "report.html").read_bytes())


def test_the_library_is_that_of_the_package():
    import base64
    import gzip
    from importlib.util import find_spec
    from pathlib import Path

    packed = gzip.decompress(base64.b64decode(page._library()))
    assert packed == (Path(find_spec("plotly").origin).parent / "package_data" / "plotly.min.js").read_bytes()
