"""Tables of the library, and how the command line draws them."""

import os
import re
import subprocess
import sys

import pytest

from hwsim.commands.console import console_of
from hwsim.tables import Row, bits, loss, percent, table


def filled():
    result = table("things", "name", "count", "remark", caption="all of them")
    result.columns[-1].left = True
    result.add_row("[bold]a[/bold]", "5", "x")
    result.add_row("b", "1,000", "yz", bold=True)
    return result


def test_a_table_knows_its_cells_without_being_drawn():
    assert [(c.name, c.left, c.wraps) for c in filled().columns] == [
        ("name", True, False),
        ("count", False, False),
        ("remark", True, False),
    ]
    assert filled().rows == [Row(("[bold]a[/bold]", "5", "x")), Row(("b", "1,000", "yz"), bold=True)]


def test_a_table_is_drawn_as_it_is(capsys):
    console_of().print(filled())
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines() if "──" not in line] == [
        "things",
        "",
        "  name             count   remark",
        "  [bold]a[/bold]       5   x",
        "  b                1,000   yz",
        "",
        "all of them",
    ]
    console_of(quiet=True).print(filled())
    assert capsys.readouterr().out == ""


def test_figures_as_text():
    assert [percent(x) for x in (0.5, 0.01, 0.001)] == ["50.00 %", "1.00 %", "0.100 %"]
    assert [loss(x) for x in (0.5, 2e6)] == ["0.5000", "2.000e+06"]
    assert [bits(n) for n in (999, 20_000, 2 * 10**7)] == ["999 bit", "20.0 kbit", "20.0 Mbit"]


def printed(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", columns)
    console = console_of()
    console.print(filled())
    console.print("a line that is a little longer than that")
    console.print("a command to copy: it stays whole", soft_wrap=True)
    return capsys.readouterr().out


def test_columns_says_how_long_lines_are_in_a_pipe_too(monkeypatch, capsys):
    narrow = printed(monkeypatch, capsys, "20")
    whole = "a command to copy: it stays whole"
    assert whole in narrow and max(len(line) for line in narrow.splitlines() if line != whole) <= 20
    assert "a line that is a little longer than that" in printed(monkeypatch, capsys, "80")
    for nonsense in ("", "0", "-5", "wide"):
        assert "a line that is a little longer than that" in printed(monkeypatch, capsys, nonsense)


@pytest.mark.parametrize("no_color", [True, False])
def test_only_a_terminal_gets_control_characters(no_color):
    pty = pytest.importorskip("pty")
    code = "from tests.hwsim.test_tables import filled, console_of; console_of().print(filled())"
    environment = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "NO_COLOR", "COLUMNS")}
    environment |= {"TERM": "xterm-256color"} | ({"NO_COLOR": "1"} if no_color else {})
    words = [sys.executable, "-c", code]
    piped = subprocess.run(words, capture_output=True, check=True, env=environment)
    assert b"\x1b" not in piped.stdout + piped.stderr
    ours, theirs = pty.openpty()
    subprocess.run(words, stdout=theirs, check=True, env=environment)
    os.close(theirs)
    told = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "\x1b[1m" in told, "bold"
    assert not re.search(r"\x1b\[[\d;]*[34]\d", told) or not no_color, "no colours"
