"""What docs/boards.md says of the boards is what they are."""

import re

import pytest
import yaml

from hwsim.results.directory import BOARD, SAMPLES
from rtl.boards import session
from rtl.boards.board import SerialBoard
from rtl.boards.boards import BOARDS
from rtl.boards.built import built
from rtl.boards.instructions import MEANINGS
from rtl.boards.line import Line
from tests.documents import page, section, table
from tests.rtl.boards import measure

TEXT = page("docs/boards.md")


def test_the_table_is_what_the_list_prints():
    assert table(TEXT, "board") == [list(row.cells) for row in session.listed().rows]


def test_lights_mean_what_the_readme_says():
    assert table(TEXT, "light") == [[name, meaning] for name, meaning in MEANINGS.items()]


def test_every_file_of_a_board_is_named():
    named = {name for row in table(TEXT, "file") for name in row[0].split(", ")}
    assert named == {*BOARD, SAMPLES, "README.md"}


def test_the_measured_boards_are_those_that_were_built():
    assert measure.table(built()) in section(TEXT, "Measured")
    assert re.search(r"hwsim board ulx3s-85f sim_configs/ecp5\.yaml", TEXT)
    spread = sorted(built()["ulx3s-85f"].by_seed.values())
    assert f"{spread[0]:.2f} to {spread[-1]:.2f} MHz" in " ".join(section(TEXT, "Measured").split())


def test_every_board_that_claims_a_bitstream_was_built_at_its_own_clock():
    assert [name for name, board in BOARDS.items() if board.built] == [*built()] == [*measure.DESIGNS]
    for name, known in built().items():
        by_seed = sorted(known.by_seed.values())
        assert len(by_seed) == measure.DESIGNS[name].places and known.routed == by_seed[(len(by_seed) - 1) // 2]
        assert known.by_seed[str(known.seed)] == known.routed
        assert by_seed[0] >= known.clock == BOARDS[name].clock
        assert (known.config, known.settings) == measure.DESIGNS[name][:2]


def commands(name):
    """What docs/boards.md tells to do for a board, one command a line and without comments."""
    (shell,) = re.findall(r"```sh\n(.*?)```", section(TEXT, name), re.DOTALL)
    return [line.split("  # ")[0] for line in shell.replace(" \\\n ", "").splitlines()]


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_built_loaded_and_trained_like_that(name):
    board, (builds, enters, *others) = BOARDS[name], commands(name)
    design = measure.DESIGNS.get(name, measure.DESIGNS["colorlight-i9"])
    options = "".join(f" --set '{key}={flow(value)}'" for key, value in design.settings.items())
    assert builds == f"hwsim board {name} sim_configs/{design.config}.yaml{options} --out runs/board"
    assert enters == "cd runs/board"
    makes = [] if board.built else ["vivado -mode batch -source board.tcl"]
    if not isinstance(board, SerialBoard):
        assert others == makes
        return
    told = " ".join(section(TEXT, name).split())
    loads = [command for known in board.flash.values() for command in known]
    assert all(command in told for command in loads)
    *rest, trains = others
    assert set(rest) <= {*makes, *loads} and rest[: len(makes)] == makes and len(rest) > len(makes)
    baud = Line.of(board.clocking(board.clock).frequency, None, board.baud).asked
    assert trains == f"python -m hwsim.host.demo . --port {board.port} --baud {baud}"
    lamps = section(TEXT, "orangecrab-25f" if name == "orangecrab-85f" else name)
    assert all(light in lamps for light in board.lights)


def flow(value):
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000).strip()


@pytest.mark.slow
@pytest.mark.parametrize("name", measure.DESIGNS)
def test_what_was_built_is_what_would_be_built_now(name):
    """Else the figures are those of another design: measure them, look at the difference, and say what has changed."""
    assert measure.digest(*measure.generated(name)) == built()[name].digest, f"python -m tests.rtl.boards.measure {name}"
