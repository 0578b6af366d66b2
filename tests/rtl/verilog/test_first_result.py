"""The description of a design says when results come."""

import re

import pytest

from rtl.cosim.capture import Script, simulate
from rtl.verilog.description import description
from tests.rtl.cosim.driving import samples, verilog
from tests.rtl.designs import design

SLOW = ("one_junction", "overlap", "inference", "deepest", "straddling_ends", "straddling_groups", "clashing")


@pytest.mark.parametrize(
    "name",
    [
        "two_junctions",
        *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW),
    ],
)
def test_the_clock_of_the_first_result_that_the_description_gives(name, tmp_path):
    """Clock 0 begins the junction cycle in which the sample's beats come; the second cycle after it feeds the sample."""
    of = design(name)
    emitted = verilog(name)
    told = re.search(r"first beat in clock (\d+) at the earliest, then (\d+) beats", description(emitted))
    assert told is not None
    script = Script(of, samples(of, 1))
    script.run(1)
    seen = simulate(emitted, script, "icarus", tmp_path)
    loading = next(a for a in seen.advances.tolist() if a > seen.taken[-1]) + 1
    last_beat = int(seen.left[0]) - (loading - of.period)
    assert int(told[2]) == of.junctions[-1].groups == len(seen.results)
    last = of.junctions[-1]
    assert int(told[1]) == last_beat - int(last.group_clocks[-1] - last.group_clocks[0]) - last.late
