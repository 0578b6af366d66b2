"""What docs/boards.md says of the boards is what they are."""

import re

from hwsim.results.directory import BOARD, SAMPLES
from rtl.boards import session
from rtl.boards.boards import BOARDS
from rtl.boards.instructions import MEANINGS
from tests.documents import page, section, table

TEXT = page("docs/boards.md")


def test_the_table_is_what_the_list_prints():
    assert table(TEXT, "board") == [list(row.cells) for row in session.listed().rows]


def test_lights_mean_what_the_readme_says():
    assert table(TEXT, "light") == [[name, meaning] for name, meaning in MEANINGS.items()]


def test_every_file_of_a_board_is_named():
    named = {name for row in table(TEXT, "file") for name in row[0].split(", ")}
    assert named == {*BOARD, SAMPLES, "README.md"}


def test_measured_boards_are_boards():
    rows = table(section(TEXT, "Measured"), "board")
    assert {row[0] for row in rows} <= BOARDS.keys()
    for name, _, clock, routed, *_ in rows:
        assert float(routed) >= float(clock) and float(clock) == BOARDS[name].clock
    assert re.search(r"hwsim board ulx3s-85f sim_configs/ecp5\.yaml", TEXT)
