"""The tutorial is walked as a stranger walks it: every command in order, and what it prints is what the page says."""

import pytest

from tests.documents import page
from tests.site import agrees, commands, follow


@pytest.mark.slow
def test_the_tutorial_is_right(tmp_path, monkeypatch, capfd):
    follow("docs/tutorial.md", tmp_path, monkeypatch, capfd)
    assert (tmp_path / "runs/study/report.md").is_file() and (tmp_path / "runs/verilog/accelerator.v").is_file()


def test_every_command_of_the_tutorial_is_seen():
    found = [command for command, _ in commands("docs/tutorial.md")]
    assert len(found) == page("docs/tutorial.md").count("\n$ ")
    assert [c.split()[1] for c in found if c.startswith("hwsim")] == [
        *("check", "check", "train", "train", "train", "simulate", "explore", "explore", "verilog"),
    ]
    assert found[1].endswith("\nEND")


def test_a_page_that_says_something_else_is_found():
    assert agrees("a  \nb\nc\n\n", "a\n...\nc") and agrees("a  1\n────\nb", "a 1\n──\nb")
    assert not agrees("a 12", "a 1") and not agrees("a 1 2", "a 12")
    assert not agrees("a\nb", "a\nc") and not agrees("a\nb\n", "a") and not agrees("", "a") and not agrees("a", "")
