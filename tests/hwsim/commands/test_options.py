"""Options in groups: what the command-line library sees of a command, and what the command gets."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from hwsim.commands.options import Common, Where, expanded, given, overrides


@dataclass(frozen=True)
class Colours:
    red: Annotated[int, typer.Option(metavar="R", help="how much of it")] = 3
    blue: Annotated[str | None, given("how much", "B")] = None


def test_the_fields_of_a_group_stand_where_the_group_stood():
    def paint(wall: Path, colours: Colours, *, force: bool = False, common: Common) -> None:
        pass

    seen = inspect.signature(expanded(paint)).parameters
    assert list(seen) == ["wall", "red", "blue", "force", "assign", "seed", "quiet", "as_json"]
    assert seen["red"].default == 3 and seen["blue"].default is None and seen["wall"].default is inspect.Parameter.empty
    assert {name: p.annotation for name, p in seen.items()} == expanded(paint).__annotations__
    assert seen["red"].annotation.__metadata__[0].help == "how much of it"
    assert expanded(paint).__name__ == "paint"


@pytest.fixture
def painted():
    """Runs a command on words; returns its exit code and what it was given."""
    app, got = typer.Typer(), []

    def paint(wall: str, colours: Colours, where: Where) -> None:
        """Paint a wall."""
        got.append((wall, colours, where))

    app.command()(expanded(paint))

    def run(*words):
        got.clear()
        result = CliRunner().invoke(app, words)
        return result.exit_code, got[:], result.output

    return run


def test_a_command_gets_its_groups(painted, monkeypatch):
    monkeypatch.delenv("HWSIM_DATA", raising=False)
    assert painted("left")[:2] == (0, [("left", Colours(), Where())])
    words = ("left", "--blue", "x", "--out", "here", "--red", "7")
    assert painted(*words)[:2] == (0, [("left", Colours(7, "x"), Where(Path("here")))])
    monkeypatch.setenv("HWSIM_DATA", "there")
    assert painted("left")[1] == [("left", Colours(), Where(None, Path("there")))]


def test_a_command_refuses_and_explains_as_any_other(painted):
    assert painted("left", "--red", "dark")[0] == 2 and painted("left", "--green", "1")[0] == 2 and painted()[0] == 2
    code, got, said = painted("--help")
    assert code == 0 and not got
    assert all(text in said for text in ("Paint a wall.", "how much of it", "[default: 3]", "--data-dir"))


def test_two_groups_cannot_have_the_same_option():
    def paint(colours: Colours, others: Colours) -> None:
        pass

    with pytest.raises(ValueError, match="duplicate parameter name: 'red'"):
        expanded(paint)


def test_what_is_said_of_a_configuration():
    assert overrides(["a.b=[1, 2]", "seed=4"], 7) == {"a.b": [1, 2], "seed": 7}
    assert overrides(None) == {}
