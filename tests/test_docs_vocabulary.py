"""Every name in docs/vocabulary.md that is said to stand for a word exists, and no word stands there twice."""

import re

import pytest

from tests.documents import cells, defined, page

TEXT = page("docs/vocabulary.md")
ROWS = [cells(line) for line in TEXT.splitlines() if line.startswith("|") and not line.startswith(("| ---", "| word"))]


@pytest.mark.parametrize("name", sorted({name for row in ROWS for name in re.findall(r"`([^`]+)`", row[3])}))
def test_a_name_exists(name):
    assert name in defined()


def test_every_word_is_there_once():
    words = [word for row in ROWS for word in row[0].split(", ")]
    assert len(words) > 60 and len(words) == len(set(words))


def test_every_row_says_what_the_word_means():
    assert all(len(row) == 4 and row[2] and row[3] for row in ROWS)
