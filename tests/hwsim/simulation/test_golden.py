"""Clocks, storage and utilisation of every shipped accelerator, compared with the file in review."""

import json

import pytest

from tests.hwsim.simulation.golden import FILE, figures, with_hardware

GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))


def test_every_shipped_accelerator_has_its_figures():
    assert sorted(GOLDEN) == [p.stem for p in with_hardware()]


@pytest.mark.parametrize("path", with_hardware(), ids=lambda p: p.stem)
def test_figures(path):
    assert figures(path) == GOLDEN[path.stem]


def test_published_clocks_per_input():
    assert (GOLDEN["reconfig2018"]["clocks_per_input"], GOLDEN["reconfig2018"]["flush"]) == (34, 2)
    assert GOLDEN["overlap"]["clocks_per_input"] == 32
