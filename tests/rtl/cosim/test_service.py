"""The accelerator in service: late inputs, blocked outputs, pauses, resets, checkpoints and a bus that says no."""

import numpy as np
import pytest

from rtl.cosim.script import Script
from rtl.ports import register_map
from rtl.ports.register_map import AddressMap
from tests.rtl.cosim.driving import cosimulate, generate, known, loud, machine, part, play, samples, simulated, verilog
from tests.rtl.cosim.test_grid import OVERLAP_SMALL, sizes
from tests.rtl.designs import planned

LONG = 3000  # clocks


@pytest.fixture(scope="module")
def flush():
    return verilog("two_junctions")


@pytest.fixture(scope="module")
def overlap():
    return generate(planned(**sizes([16, 8, 4], [4, 4], [4, 2], **OVERLAP_SMALL)))


@pytest.fixture(scope="module")
def inference():
    return verilog("inference")


def arrays(parameters):
    return {name: a.tolist() for name, a in parameters.arrays().items()}


@pytest.mark.parametrize("design", ["flush", *(pytest.param(d, marks=pytest.mark.slow) for d in ("overlap", "inference"))])
def test_after_a_reset_in_mid_run_nothing_is_left_of_it(design, request, tmp_path):
    emitted = request.getfixturevalue(design)
    of = emitted.accelerator.plan
    fed, start = samples(of, 22, inference=0.2), loud(of, 7)
    script = Script(of, fed, idle=0.2, blocked=0.4)
    script.load(loud(of))
    script.abort(6, 5 * of.period + 2)
    script.abort(4, 3 * of.period)
    script.load(start)
    script.run(12)
    run = play(emitted, script, tmp_path)
    assert run.mismatch is None and len(run.expected.results[-1]) == 12


@pytest.mark.slow
@pytest.mark.parametrize("design", ["flush", "overlap"])
def test_an_output_blocked_for_very_long_loses_and_changes_nothing(design, request, tmp_path):
    emitted = request.getfixturevalue(design)
    of = emitted.accelerator.plan
    fed, start = samples(of, 16), loud(of)
    script = Script(of, fed)
    script.pause_by(np.zeros(1, np.bool_), np.repeat([True, False, True, False], [LONG, of.period, LONG, LONG]))
    script.load(start)
    script.run(16)
    run = play(emitted, script, tmp_path)
    assert run.mismatch is None and run.expected.standing > LONG
    assert len(run.expected.results[-1]) == 16

    free = machine(of, start)
    free.feed(known(free, fed))
    free.drain()
    assert arrays(run.parameters) == arrays(free.parameters)


@pytest.mark.slow
def test_an_input_that_is_hardly_ever_there_makes_bubbles_and_nothing_else(flush, tmp_path):
    run = cosimulate(flush, tmp_path, idle=0.95, start=loud(flush.accelerator.plan))
    assert run.mismatch is None and run.expected.bubbles > 12


@pytest.mark.slow
@pytest.mark.parametrize("design", ["flush", "overlap"])
def test_a_checkpoint_goes_from_machine_to_hardware_and_back(design, request, tmp_path):
    emitted = request.getfixturevalue(design)
    of = emitted.accelerator.plan
    fed = samples(of, 30, inference=0.2)
    on_and_on = machine(of, loud(of))
    on_and_on.feed(known(on_and_on, part(fed, 0, 10)))
    on_and_on.drain()
    handed_over, second = on_and_on.parameters, part(fed, 10, 20)

    script = Script(of, second)
    script.load(handed_over)
    script.run(10)
    run = play(emitted, script, tmp_path)
    assert run.mismatch is None
    on_and_on.feed(known(on_and_on, second))
    on_and_on.drain()
    assert arrays(run.parameters) == arrays(on_and_on.parameters)

    restored = of.design.machine()
    restored.restore(on_and_on.arrays() | run.parameters.arrays())
    for one in (on_and_on, restored):
        one.feed(known(one, part(fed, 20)))
        one.drain()
    assert arrays(restored.parameters) == arrays(on_and_on.parameters) != arrays(run.parameters)


@pytest.mark.slow
def test_parameters_that_were_written_can_be_read(flush, tmp_path):
    of, start = flush.accelerator.plan, loud(flush.accelerator.plan, 3)
    script = Script(of, samples(of, 1))
    script.load(start)
    script.read_parameters()
    run = simulated(flush, script, tmp_path)
    assert run.mismatch is None and not any(error for _, error in run.reads)
    assert arrays(run.parameters) == arrays(start)


def refusals(emitted, folder, addresses: list[int]) -> list[int]:
    """The error flags of reads: while standing, while running, and after a stop."""
    script = Script(emitted.accelerator.plan, samples(emitted.accelerator.plan, 1))
    for running in (0, 1, 0):
        script.poke([register_map.CONTROL], [running])
        script.peek([register_map.STATUS] * emitted.accelerator.plan.period)  # until the junction cycle is over
        script.peek(addresses)
    run = simulated(emitted, script, folder)
    assert run.mismatch is None, str(run.mismatch)
    errors = np.array(run.reads)[:, 1].reshape(3, -1)
    return errors[:, -len(addresses) :].tolist()


def test_memories_are_refused_while_running_and_holes_always(tmp_path):
    emitted = verilog("one_junction")  # 6 rows of 6 lanes
    of = emitted.accelerator.plan
    where = AddressMap.of(of)
    weights, biases = where.weights[0], where.biases[0]
    holes = [6, 30, weights.base + 6, weights.base + (weights.rows << weights.lane_bits), biases.base - 1, 2**where.bits - 1]
    memories, own = (
        [weights.base, weights.address(35), biases.address(5)],
        [register_map.CONTROL, register_map.RATE, register_map.CYCLES],
    )
    found = refusals(emitted, tmp_path, memories + own + holes)
    free, busy = [0] * 6 + [1] * 6, [1] * 3 + [0] * 3 + [1] * 6
    assert found == [free, busy, free]


def test_the_rate_register_replaces_the_samples_own_rates(flush, tmp_path):
    of = flush.accelerator.plan
    fed, start, fixed = samples(of, 12), loud(of), of.kappas[0]
    script = Script(of, fed)
    script.load(start)
    script.poke([register_map.RATE], [fixed | 1 << register_map.RATE_FIXED])
    script.peek([register_map.RATE])
    script.run(6)
    script.poke([register_map.RATE], [fixed])
    script.peek([register_map.RATE])
    script.run(6)
    run = play(flush, script, tmp_path)
    assert run.mismatch is None
    replies = [read for read, access in zip(run.reads, reading(run), strict=True) if access == register_map.RATE]
    assert replies[:2] == [(fixed | 256, 0), (fixed, 0)]
    entered = run.expected.protocol.record.kappa
    assert entered.tolist() == [fixed] * 6 + fed.kappa[6:].tolist() and (fed.kappa[:6] != fixed).any()


def reading(run):
    """Addresses of all requests that read."""
    accesses = run.expected.protocol.record.accesses
    return accesses[accesses[:, 4] == 0, 2].tolist()
