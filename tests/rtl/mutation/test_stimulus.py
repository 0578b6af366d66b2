"""Parts of the stimulus that show what no other part does."""

import re

import pytest

from rtl.cosim.capture import SimulationError
from rtl.mutation.recording import record
from rtl.mutation.stimulus import COUNTING, PARTS
from tests.rtl.cosim.driving import generate
from tests.rtl.designs import planned
from tests.rtl.mutation.test_campaign import TINY


@pytest.mark.slow
def test_a_write_that_outlives_reset_shows_where_writes_are_broken_off_and_nowhere_else(tmp_path):
    emitted = generate(planned([6, 4], [2], [3], numbers=TINY, classes=3, rate_shift=((0, 1), (1, 2))))
    faulty, places = re.subn(r"if \(rst\) (replaced_\d+) <= 1'h0;\s+else ", "", emitted.text)
    assert places == 1
    others = tuple(name for name in ("few", "checkpoint", "registers", "reset", "restarts", "refusals") if name in PARTS)
    assert len(others) == 6 and COUNTING not in others
    record(emitted, faulty, others, "icarus", tmp_path / "others", lambda _: None)
    with pytest.raises(SimulationError, match="junction 1, UP write to weight memory"):
        record(emitted, faulty, ("broken_off",), "icarus", tmp_path / "broken_off", lambda _: None)
    record(emitted, emitted.text, ("broken_off",), "icarus", tmp_path / "whole", lambda _: None)
