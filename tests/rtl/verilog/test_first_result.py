"""The description of a design says when results come."""

import re

import pytest

from rtl.blocks.queues import Queue
from rtl.cosim import protocol_kernel as kernel
from rtl.cosim.script import Script
from rtl.verilog.description import description
from tests.rtl.cosim.driving import samples, simulated, verilog
from tests.rtl.designs import design


@pytest.mark.parametrize(
    "name",
    [
        "two_junctions",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("one_junction", "overlap", "inference", "deepest")),
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
    run = simulated(emitted, script, tmp_path)
    assert run.mismatch is None, str(run.mismatch)
    record = run.expected.protocol.record
    taken = ((record.sees & kernel.READY) > 0) & ((record.sets & kernel.SENT) > 0)
    offered = ((record.sees & kernel.VALID) > 0).nonzero()[0]
    loading = next(a for a in run.advances.tolist() if a >= taken.nonzero()[0][-1] + Queue.latency) + 1
    last_beat = int(offered[-1]) - (loading - of.period)
    assert int(told[2]) == of.junctions[-1].groups == len(offered)
    gap = of.junctions[-1].rows_per_neuron
    assert int(told[1]) == last_beat - gap * (int(told[2]) - 1)
