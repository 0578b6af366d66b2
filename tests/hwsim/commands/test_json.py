"""``--json``: one document of every command, and the same tables for people, at every width."""

import io
import json
import math
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import cache

import jsonschema
import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.commands import document
from hwsim.figure import registered
from hwsim.schedule.figures import JUNCTION
from hwsim.tables import NOTHING, Column, columns, number, percent, table
from tests.hwsim.commands.drawn import drawn, raw, uncut
from tests.hwsim.commands.examples import DEMO, ROOT, TOOLS, commands, examples

SCHEMA = json.loads(re.search(r"<!-- schema -->\n```json\n(.*?)```", (ROOT / "docs/json.md").read_text(), re.DOTALL)[1])
WALKED = sorted(set(commands()) - TOOLS - {"schema"})


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Runs the example of a command with ``--json``, once; returns what it printed, and the tables as they were given."""
    known = examples(tmp_path_factory.mktemp("examples"))
    assert sorted(known) == WALKED, "a new command needs an example"

    @cache
    def run(name):
        kept, patch = [], pytest.MonkeyPatch()
        text = document.Document.text
        patch.setattr(document.Document, "text", lambda self, *given: (kept.append(self), text(self, *given))[1])
        out, beside = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(beside):
            code = cli.run([*name.split(), *known[name], "--json"])
        patch.undo()
        return code, out.getvalue(), beside.getvalue(), kept[0].tables

    return run


def test_every_command_takes_json_unless_it_speaks_json_anyway():
    lacking = {name for name, c in commands().items() if not any(document.OPTION in p.opts for p in c.params)}
    assert lacking == {command.__name__ for command in cli.SPEAK_JSON} == {"schema"}


@pytest.mark.parametrize("name", WALKED)
def test_standard_output_is_one_document_of_the_schema(name, said):
    code, out, beside, tables = said(name)
    told = json.loads(out, parse_constant=pytest.fail)
    jsonschema.validate(told, SCHEMA)
    assert told["command"] == name and told["exit_code"] == code == 0 and told["error"] is None
    assert len(told["tables"]) == len(tables) and all(line in beside for text in told["lines"] for line in text.splitlines())
    assert told["tables"] or told["lines"], "it has found nothing?"


@pytest.mark.parametrize("name", WALKED)
def test_cells_are_raw_values_with_unit_and_meaning(name, said):
    for rows in json.loads(said(name)[1])["tables"]:
        raw(rows, labels=name == "explore")


@pytest.mark.parametrize("name", WALKED)
def test_figures_have_the_names_and_texts_of_the_registry(name, said):
    known = {}
    for key, figure in registered().items():
        known.setdefault(key.rpartition(".")[2], []).append(figure)
    told = json.loads(said(name)[1])
    seen = [(f, v["unit"], v["meaning"]) for f, v in told["figures"].items()]
    seen += [(c["name"], c["unit"], c["meaning"]) for t in told["tables"] for c in t["columns"] if c["unit"]]
    for figure, unit, meaning in seen:
        if unit == "as its row says" or "." in figure or figure in ("designs", "line"):
            continue  # of another figure in every row; of a study's measurement; listed
        texts = [(re.escape(k.unit), re.escape(k.meaning)) for k in known.get(figure, [])]
        filled = [tuple(re.sub(r"\\{\w+\\}", ".+", t) for t in pair) for pair in texts]
        assert any(re.fullmatch(u, unit) and re.fullmatch(m, meaning) for u, m in filled), figure


@pytest.mark.parametrize("name", WALKED)
def test_no_figure_is_cut_at_any_width(name, said):
    for rows in said(name)[3]:
        uncut(rows)


def test_a_figure_that_does_not_fit_stands_below_its_row():
    rows = table("t", "what", *columns(JUNCTION, edges="edges", density="density"), caption="a remark below the table")
    rows.add_row("first", number(123_456_789), percent(0.25))
    assert drawn(rows, 24).splitlines() == [
        "t", "", "  what first", "    edges 123,456,789", "    density 25.00 %", "", "a remark below the table",
    ]  # fmt: skip
    rows.add_row("", NOTHING, NOTHING)
    assert "  \n" not in drawn(rows, 24)
    assert "123,456,789" in drawn(rows, 1) and drawn(table("empty", "a"), 5)


def test_texts_fold_where_figures_stay_whole():
    rows = table("t", Column("what", left=True, wraps=True), *columns(JUNCTION, edges="edges of it"))
    rows.add_row("a long text of many words that folds", number(1_234_567))
    text = drawn(rows, 30)
    assert "1,234,567" in text and max(map(len, text.splitlines())) <= 30
    assert all(word in text for word in ["a", "long", "text", "of", "many", "words", "that", "folds"])
    assert "first" not in text and text.count("edges") == 1


def test_values_are_what_json_can_say():
    kept = document.Document()
    values = [math.nan, math.inf, np.int64(3), np.float32(0.5), True, None, [np.arange(2), (1, -math.inf)], {1: ROOT}]
    kept.figures = {"x": values}
    told = json.loads(kept.text("check", 0), parse_constant=pytest.fail)["figures"]["x"]
    assert told == [None, None, 3, 0.5, True, None, [[0, 1], [1, None]], {"1": str(ROOT)}]
    assert type(told[2]) is int and type(told[4]) is bool


def test_columns_of_one_name_stay_apart():
    rows = table("t", "a", "a", "")
    rows.add_row("1", "2", "3")
    kept = document.Document(tables=[rows])
    assert json.loads(kept.text("", 0))["tables"][0]["rows"] == [{"a": "1", "a_2": "2", "mark": "3"}]


@pytest.mark.parametrize(
    ("words", "command", "field", "nearest"),
    [
        (["check", DEMO, "--set", "hardware.z=[100,32]"], "check", "hardware.z[0]", [64, 128]),
        (["simulate", DEMO, "--trace", "5"], "simulate", "--trace", ["0:100"]),
        (["train", DEMO, "--resume", "--force"], "train", "--force", []),
        (["data", "info", "mnist-mino"], "data info", None, None),
        (["check", DEMO, "--frobnicate"], "check", None, []),
        (["xyzzy"], "", None, []),
        (["check", "nowhere.yaml"], "check", "nowhere.yaml", []),
    ],
)
def test_an_error_is_told_in_the_document_and_in_its_line(words, command, field, nearest, capsys):
    plain = cli.run(words)
    line = capsys.readouterr().err
    assert cli.run([*words, "--json"]) == plain == 2
    out, err = capsys.readouterr()
    told = json.loads(out)
    jsonschema.validate(told, SCHEMA)
    assert err == line == f"hwsim: {told['error']['line']}\n"
    assert (told["command"], told["exit_code"]) == (command, 2) and told["figures"] == {} and told["tables"] == []
    if field is not None:
        assert told["error"]["field"] == field and told["error"]["nearest"] == nearest and told["error"]["rule"]
        assert "<" not in told["error"]["rule"]


def test_a_failed_check_has_a_document(capsys):
    assert cli.run(["solve", DEMO, "--multipliers", "1", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == 1 and told["tables"][0]["rows"] == [] and told["lines"]


def test_quiet_silences_what_stands_beside_and_not_the_document(capsys):
    assert cli.run(["check", DEMO, "--json", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and len(json.loads(out)["tables"]) == 2
    assert cli.run(["check", DEMO, "--quiet"]) == 0 and capsys.readouterr() == ("", "")
    assert document.current() is None


def test_help_is_help(capsys):
    assert cli.run(["check", "--json", "--help"]) == 0
    assert "Usage:" in (told := capsys.readouterr().out) and "--json" in told and '"hwsim"' not in told


def test_it_works_in_a_pipe_and_says_if_nobody_reads():
    words = [sys.executable, "-m", "hwsim", "check", DEMO, "--json"]
    made = subprocess.run(words, capture_output=True, check=True, env=os.environ | {"FORCE_COLOR": "1"})
    assert json.loads(made.stdout)["command"] == "check" and b"\x1b" not in made.stdout
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        assert subprocess.run(words, stdout=closed, stderr=subprocess.PIPE, check=False).returncode == 141
