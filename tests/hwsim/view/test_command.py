"""``hwsim view``, and what docs/view.md says of it."""

import json
import re
import shlex

import pytest

from hwsim.commands import app as cli
from hwsim.commands.simulate import parse_window
from hwsim.view.recording import MOST_EVENTS
from tests.documents import ROOT, page
from tests.hwsim import runs

DOCUMENT = page("docs/view.md")


@pytest.fixture
def config(tmp_path):
    return runs.write_config(tmp_path, "fixed pipelined")


def recording_of(path):
    return json.loads(re.search(r'id="recording">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)[1])


def test_the_page_lies_in_a_directory_of_its_own(config, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.run(["view", str(config), "--out", str(out)]) == 0
    assert re.fullmatch(rf"clocks \d+ to \d+: open {out}/view.html in a browser\n", capsys.readouterr().out)
    assert {p.name for p in out.iterdir()} == {"config.yaml", "view.html"}
    whole = (out / "view.html").read_bytes()
    shown = recording_of(out / "view.html")
    assert [j["number"] for j in shown["junctions"]] == [1, 2] and shown["last"] - shown["first"] == 2 * shown["clocking"][
        "period"
    ]
    assert cli.run(["view", str(config), "--out", str(out), "-q"]) == 0 and (out / "view.html").read_bytes() == whole
    assert cli.run(["view", str(config), "--out", str(out), "-q", "--junction", "2", "--clocks", "8:20"]) == 2
    assert "holds results of view: --force replaces it" in capsys.readouterr().err
    assert cli.run(["view", str(config), "--out", str(out), "-q", "--junction", "2", "--clocks", "8:20", "--force"]) == 0
    shown = recording_of(out / "view.html")
    assert ([j["number"] for j in shown["junctions"]], shown["first"], shown["last"]) == ([2], 8, 20)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--clocks", "9"), "--clocks = 9: must read FIRST:LAST, two clocks in ascending order; nearest: 0:100"),
        (("--clocks", "20:8"), "--clocks = 20:8: must read FIRST:LAST, two clocks in ascending order; nearest: 0:100"),
        (("--clocks", "0:99999"), "--clocks = 0:99999: must end by 900, with the last of 150 samples"),
        (("--junction", "3"), "--junction = 3: does not exist; nearest: 1, 2"),
        (("--set", "training.order=sequential"), "training.order = sequential: has no machine; nearest: pipelined"),
    ],
)
def test_what_cannot_be_seen_is_refused_in_a_line(config, tmp_path, capsys, options, line):
    out = tmp_path / "out"
    assert cli.run(["view", str(config), "--out", str(out), *options]) == 2
    assert capsys.readouterr().err == f"hwsim: {line}\n"
    assert not (out / "view.html").exists()


@pytest.fixture(scope="module")
def documented(tmp_path_factory):
    """The pages of the commands in the document, run as they stand there."""
    made = []
    for line in re.findall(r"^hwsim (view .*)$", DOCUMENT, re.MULTILINE):
        words = shlex.split(line)
        out = tmp_path_factory.mktemp("view")
        words[1], words[-1] = str(ROOT / words[1]), str(out)
        assert words[-2] == "--out" and cli.run([*words, "-q"]) == 0
        made.append(recording_of(out / "view.html"))
    return made


def test_the_pictures_show_what_the_document_says(documented):
    free, clashing = documented
    clocks = [int(c) for c in re.findall(r"#junction=1&clock=(\d+)", DOCUMENT)]
    first, second = free["junctions"][0], clashing["junctions"][0]
    assert (first["z"], first["edges"], first["rows"], first["stalls"]) == (16, 1024, 64, 0)
    assert (second["stalls"], second["rows"] + second["stalls"]) == (72, 136)
    now = first["clocks"][clocks[0] - free["first"]]
    activations = [
        (a[1], a[2], free["operations"][a[3]], a[5]) for a in now["accesses"] if first["memories"][a[0]]["kind"] == 2
    ]
    assert {(0, 0, "FF", 5), (2, 0, "UP", 2), (1, 1, "host", 6)} <= set(activations)
    assert all(len(a[6]) == 64 for a in now["accesses"] if a[2] == 0 and a[0] == 0)
    held = first["memories"][0]["held"]
    assert {held[3][0], held[4][0]} == {3, 4} and 1 in held[1]
    turns = second["passes"][second["clocks"][clocks[1] - clashing["first"]]["pass"]]["clashes"]
    assert turns and any(served[0] > clocks[1] for clash in turns for served in clash["served"])


def test_limits_are_those_that_hold():
    drawing = (ROOT / "hwsim/view/drawing.js").read_text(encoding="utf-8")
    assert f"A page holds {MOST_EVENTS:,} accesses" in DOCUMENT.replace("\n", " ")
    assert "MOST_WIRED = 32, MOST_WORDS = 16, MOST_SQUARES = 512" in drawing
    assert "beyond 32 memories or 16 words" in DOCUMENT and "beyond 512 memories" in DOCUMENT
    assert parse_window("3:5", to_play=True) == (3, 5)
