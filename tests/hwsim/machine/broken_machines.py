"""Machines with broken schedules, latencies or banks: how to make them, and what they are to say."""

import dataclasses

import numpy as np
import pytest

from hwsim.design import Design
from hwsim.schedule.banks import Banks
from hwsim.schedule.passes import JunctionSchedule, Schedule
from tests.hwsim.machine import machines
from tests.hwsim.machine.machines import Pair, configuration

CONFIG = configuration(seed=4)
"""Junctions of 12 and 6 clocks; junction cycles of 12 + 2."""
OVERLAP = configuration(seed=4, hardware={"schedule": "overlap"})
"""Junction cycles of 12 clocks."""


def parts(config):
    """Schedule, timing and banks as they should be."""
    design = Design(config)
    return design.schedule, design.timing, Banks.of(config.hops, config.network.junctions)


def fault(config, kind, **replaced):
    """The error that ends a run over twelve samples; what is not replaced is as it should be."""
    plan, times, banks = parts(config)
    machine = Pair(config).new_machine(**{"schedule": plan, "timing": times, "banks": banks} | replaced)
    stream = machines.samples_only(config, 12)
    with pytest.raises(kind) as caught:
        machine.feed(machines.machine_samples(machine, stream), stream.source)
    return caught.value


def at(times, junction, cycle, clock=0):
    """The clock of the simulation; in the first period only the host works."""
    return times.period * (1 + cycle) + times.junctions[junction - 1].offset + clock


def with_latency(times, junction, **latencies):
    junctions = list(times.junctions)
    junctions[junction - 1] = dataclasses.replace(junctions[junction - 1], **latencies)
    return dataclasses.replace(times, junctions=tuple(junctions))


def fewer(banks, kind, layer=0, by=1):
    counts = getattr(banks, kind)
    if isinstance(counts, int):
        return dataclasses.replace(banks, **{kind: counts - by})
    return dataclasses.replace(banks, **{kind: tuple(n - by * (i == layer) for i, n in enumerate(counts))})


def reads(junction):
    """(clock, lane, left neuron) of every access of a pass, in order."""
    neuron = junction.address * junction.z + junction.memory
    return zip(junction.clock.tolist(), junction.lane.tolist(), neuron.tolist(), strict=True)


def clocks_of(grouped, clocks):
    """The clock of every right neuron in ``begins`` or ``ends``."""
    start, neurons = grouped
    return dict(zip(neurons.tolist(), np.repeat(np.arange(clocks), np.diff(start)).tolist(), strict=True))


def word(kind, neuron, memories=4):
    """Where a neuron's word of sample 0 lives, as messages say it."""
    address, memory = divmod(neuron, memories)
    return f"{kind} memory {memory}, bank 0, address {address}"


CONFLICT = "two accesses on one port"
PENDING = "read before a pending write has landed"


def stale(expected, found):
    return f"the word read belongs to another sample: expected {expected}, found {found}"


def line(clock, junction, place, lane, operation, problem):
    return f"clock {clock}, junction {junction}, {place}: lanes {lane} ({operation}): {problem}"


class OneBiasMemory(JunctionSchedule):
    """A junction whose biases all lie in one memory, however many results there are in a clock."""

    results_per_clock = 1


def one_bias_memory(config):
    """The schedule of a configuration with the biases of junction 1 in one memory."""
    first, *others = parts(config)[0].junctions
    fields = {f.name: getattr(first, f.name) for f in dataclasses.fields(first)}
    return Schedule((OneBiasMemory(**fields), *others))


TWO_RESULTS = configuration(network={"layers": [16, 8, 4], "out_degree": [2, 2]}, hardware={"z": [8, 8]})
"""z = 8 and d_in = 4: two results in every one of the 4 clocks of junction 1, and in the 2 of junction 2."""
