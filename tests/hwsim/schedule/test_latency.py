"""How long one sample takes, against a machine that takes one."""

import numpy as np
import pytest

from hwsim import Design, parse
from hwsim.schedule.timing import LANDING_CLOCKS, QUEUE_CLOCKS
from models.network.order import NO_SAMPLE

SMALL = {"network": {"layers": [16, 8, 4], "out_degree": [2, 2], "classes": 4}, "hardware": {"z": [8, 4]}}
DEEP = {"network": {"layers": [24, 12, 8, 6], "out_degree": [4, 4, 3], "classes": 5}, "hardware": {"z": [12, 6, 2]}}
LATE = {"memory_read": 2, "multiplier": 3, "tree_every": 1, "table": 2, "write_back": 2}
DESIGNS = {
    "two junctions": SMALL,
    "three junctions": DEEP,
    "registers": DEEP | {"hardware": {"z": [12, 6, 2], "latency": LATE}},
    "overlap": DEEP | {"hardware": {"z": [2, 1, 1], "schedule": "overlap", "latency": LATE}},
    "one junction": {"network": {"layers": [12, 6], "out_degree": [3], "classes": 6}, "hardware": {"z": [6]}},
}


@pytest.mark.parametrize("name", DESIGNS)
def test_a_sample_takes_as_long_as_the_machine_needs_and_its_queues(name):
    design = Design(parse(DESIGNS[name]))
    machine, n_0 = design.machine(), design.config.network.layers[0]
    # The machine begins with the cycle that loads the first sample; a cycle's first clock follows the one that begins it.
    beats = -(-n_0 // -(-n_0 // design.inventory.pass_clocks))
    before = beats - 1 + LANDING_CLOCKS + QUEUE_CLOCKS + 1
    machine.record()
    # Under overlap the last writes land in the cycle behind.
    sample = machine.samples(np.full((1, n_0), 100, np.int32), labels=[1], kappa=3)
    (ends,) = machine.feed(sample, [0, *[NO_SAMPLE] * (design.inventory.drain + 2)]).clock
    accesses = machine.accesses.array
    written = accesses["clock"][(accesses["memory"] == "weight") & (accesses["access"] == "write")]
    latency = design.inventory.latency
    assert (latency.prediction, latency.update) == (before + int(ends) + QUEUE_CLOCKS, before + int(written.max()))


def test_an_accelerator_that_only_infers_updates_nothing():
    latency = Design(parse(SMALL | {"hardware": {"z": [8, 4], "build": "inference"}})).inventory.latency
    assert latency.update is None and latency.prediction > 0
