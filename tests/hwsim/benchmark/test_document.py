"""The page and the picture say what was measured."""

import json

import pytest

from hwsim import tables
from hwsim.benchmark import document
from hwsim.benchmark.commands import Command, CommandRow, CommandSection, Told
from hwsim.benchmark.engines import EVALUATION, TRAINING, Row
from hwsim.benchmark.report import Measured, write
from hwsim.benchmark.trees import Spent


def command(name, *spent, told=((), ()), **section):
    """A row for every state of the code."""
    known = Command(name, CommandSection(run=("check",), **section), None)
    return [CommandRow(known, one, dict(figures)) for one, figures in zip(spent, told, strict=False)]


@pytest.fixture
def measured(tmp_path):
    now = [Row("net", TRAINING, 600.0, 10), Row("net", EVALUATION, 2000.0, 4), Row("net", "machine", 100.0, 10, 34)]
    before = [Row("net", TRAINING, 240.0, 10), Row("net", EVALUATION, 400.0, 4)]
    left = {"put_1000": Told(25.0, "µs", "to put"), "tests": Told(40, "tests", "run")}
    rows = [
        command("fast", Spent(2.0, 3.0, 50_000_000), Spent(5.0, 5.0, 100_000_000), amount=10, of="edges"),
        command("slow before", Spent(0.5, 0.5, 10), Spent(60.0, 0.0, 0, "ended after 60 s", unfinished=True)),
        command("broken before", Spent(0.5, 0.5, 10), Spent(0.1, 0.0, 0, "exit code 2: a|b")),
        command("telling", Spent(1.0, 1.0, 10), Spent(1.0, 1.0, 10), told=(left, {"put_1000": Told(50.0, "µs", "to put")})),
    ]
    return Measured(now, before, rows, "v1")


def test_the_page_has_all_tables_and_leaves_out_empty_columns(measured):
    lines = document.page(measured, "hwsim bench x", True).splitlines()
    assert f"| net | {TRAINING} | 600 | 240 | 2.50 | 0 M |" in lines
    (clocks,) = [line for line in lines if "clocks per second" in line]
    (share,) = [line for line in lines if "evaluation share" in line]
    assert clocks.endswith("| 3,400 clocks/s |  |  |") and share.endswith("| 0.3 | 0.6 | 2.00 |")
    assert "| fast | 2.00 s | 5.00 s | 2.50 | 3.00 s | 5.00 s | 50 MB | 100 MB | 5 edges/s | 2 edges/s |  |" in lines
    (slow,) = [line for line in lines if line.startswith("| slow before")]
    assert "| > 120 |" in slow and slow.endswith("| before: ended after 60 s |")
    (broken,) = [line for line in lines if line.startswith("| broken before")]
    assert broken.endswith("| before: exit code 2: a\\|b |")
    (put,) = [line for line in lines if "put 1000" in line]
    (tests,) = [line for line in lines if "tests: run" in line]
    assert put.endswith("| 25 µs | 50 µs | 2.00 |") and tests.endswith("| 40 tests |  |  |")
    assert "`hwsim bench x`" in lines and "code of `v1`" in "\n".join(lines) and "(bench.png)" in lines[-1]
    measured.commands = measured.commands[:1]
    assert "| ended |" not in document.page(measured, "hwsim bench x", True)


def test_without_other_code_there_is_neither_gain_nor_picture(measured):
    alone = Measured(measured.engines, commands=[row[:1] for row in measured.commands])
    text = document.page(alone, "hwsim bench x", False)
    assert "gain" not in text and "before |" not in text.replace("slow before", "").replace("broken before", "")
    assert "bench.png" not in text and document.picture(alone) is None


def test_the_picture_has_a_mark_for_every_gain(measured):
    picture = document.picture(measured)
    assert picture is not None and picture.startswith(b"\x89PNG") and picture == document.picture(measured)
    groups = document._groups(measured)
    assert [(m.label, m.time, m.at_least) for m in groups["commands"]] == [
        ("fast", 2.5, False),
        ("slow before", 120.0, True),
        ("telling", 1.0, False),
    ]
    assert [m.time for m in groups["net"]] == [2.5, 5.0] and groups["commands"][0].memory == 2.0


def test_figures_of_the_file_are_those_of_the_page(measured, tmp_path):
    write(tmp_path, False, measured)
    found = json.loads((tmp_path / "bench.json").read_text())
    assert [row.get("evaluation_share", {}).get("value") for row in found["rows"]] == [None, 0.3, None]
    assert found["rows"][1]["before_evaluation_share"]["value"] == 0.6
    assert found["rows"][2]["clocks_per_second"]["value"] == 3400 and "gain" not in found["rows"][2]
    fast, slow, broken, telling = found["commands"]
    assert fast["gain"]["value"] == 2.5 and "gain" not in slow and "gain" not in broken
    assert telling["told"]["put_1000"]["value"] == 25.0 and telling["before_told"]["put_1000"]["value"] == 50.0


def test_a_table_of_markdown_keeps_what_stands_in_it():
    table = tables.table("some", "name", "figure", "nothing")
    table.add_row("a|b", "1", "")
    assert document.markdown(table) == "| name | figure |\n| --- | ---: |\n| a\\|b | 1 |"
