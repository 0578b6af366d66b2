"""Left activations that come in several clocks, against the rows that they make."""

import numpy as np
import pytest
from amaranth.hdl import signed

from rtl.processors.collection import Collection
from tests.rtl.designs import design
from tests.rtl.driving import integers, play


@pytest.mark.parametrize(("name", "number"), [("clashing", 1), ("clashing", 2), ("clashing_straddling", 1)])
def test_a_row_is_complete_in_its_last_clock(name, number):
    j, rng = design(name).junctions[number - 1], np.random.default_rng(0)
    component, clocks, expected = Collection(j, signed(6)), [], []
    for _ in range(4):
        rows, given = integers(rng, signed(6), j.rows, j.z), integers(rng, signed(6), j.clocks, j.z)
        for clock, lane in zip(j.schedule.clock.tolist(), j.schedule.lane.tolist(), strict=True):
            given[clock, lane] = rows[j.schedule.row[clock], lane]
        assert component.model(given).tolist() == rows.tolist()
        for c in range(j.clocks):
            if c + 1 == j.clocks or j.schedule.row[c + 1] > j.schedule.row[c]:
                expected.append((len(clocks), rows[j.schedule.row[c]].tolist()))
            clocks.append({"clock": c, "given": given[c]})
    seen = play(component, clocks)
    assert [(t, seen[t].taken) for t, _ in expected] == expected
    assert j.stalls
