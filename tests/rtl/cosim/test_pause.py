"""CONTROL cleared in the middle of a run: samples stay where they are, and the run goes on as if nothing had been.

In Amaranth's simulator; the scenario `checkpoint` of co-simulations does the like with the Verilog.
"""

import numpy as np
import pytest

from rtl.ports.register_map import CONTROL, CYCLES, EMPTY, STANDING, STATUS
from tests.rtl.cosim.driving import known, loud, machine, samples
from tests.rtl.cosim.test_grid import OVERLAP_SMALL, sizes
from tests.rtl.designs import DESIGNS, planned
from tests.rtl.host import Host, beats_of, words_of

DESIGN = {"flush": DESIGNS["two_junctions"], "overlap": sizes([16, 8, 4], [4, 4], [4, 2], **OVERLAP_SMALL)}


def fields(fed):
    return [
        {"inputs": x.tolist(), "label": int(label), "kappa": int(kappa), "train": int(train)}
        for x, label, kappa, train in zip(fed.input, fed.label, fed.kappa, fed.train, strict=True)
    ]


@pytest.mark.parametrize("sixths", [40, pytest.param(53, marks=pytest.mark.slow)])
@pytest.mark.parametrize("schedule", ["flush", pytest.param("overlap", marks=pytest.mark.slow)])
def test_a_pause_in_mid_flight_shows_and_keeps_everything(schedule, sixths):
    of = planned(**DESIGN[schedule])
    fed, start, seen = samples(of, 14), loud(of), {}

    async def scenario(host):
        await host.load(start)
        host.beats.extend(beat for sample in fields(fed) for beat in beats_of(of, sample))
        await host.ctx.tick().repeat(2 * of.inputs.groups + 2)  # until two samples wait
        await host.write(CONTROL, 1)
        await host.ctx.tick().repeat(of.period * sixths // 6)
        await host.write(CONTROL, 0)
        await host.until(STATUS, STANDING)
        seen["cycles"], seen["status"] = await host.read(CYCLES), await host.read(STATUS)
        seen["paused"] = await host.read_parameters()
        await host.write(CONTROL, 1)
        await host.until(STATUS, EMPTY)
        await host.write(CONTROL, 0)
        await host.until(STATUS, STANDING)
        seen["final"] = await host.read_parameters()

    Host(of).play(scenario)
    assert 3 < seen["cycles"] < 14 and not seen["status"] >> EMPTY & 1

    expected = machine(of, start)
    expected.feed(known(expected, fed), np.arange(seen["cycles"]))
    expected.stand(max(1, expected.skew))
    assert seen["paused"] == words_of(expected.parameters) != words_of(start)
    expected.feed(known(expected, fed), np.arange(seen["cycles"], 14))
    expected.drain()
    assert seen["final"] == words_of(expected.parameters)
