"""When results land: latencies of the datapath, the junction cycle, and where each junction stands in it.

A latency is the number of clocks from the clock in which a weight row is read to the clock in which a result of it is
written; a word written in one clock can be read in the next.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hwsim.configuration.configuration import Configuration
from hwsim.configuration.sections import HardwareSection, LatencySection
from hwsim.edge_processors import lanes_per_neuron
from hwsim.schedule.outline import Outline
from hwsim.schedule.passes import Schedule
from models.errors import InputError


@dataclass(frozen=True)
class JunctionTiming:
    """Latencies of one junction in clocks.

    Attributes
    ----------
    feedforward
        Weight row read to activation written: memory read, multiplier, adder tree, table, write-back.
    backward
        Weight row read to partial delta read for accumulation: memory read, two multipliers in turn (derivative, weight),
        write-back register.
    accumulate
        Length of the accumulation loop: 1 when a partial delta is read and written in the same clock.
    update
        Weight row read to weight row (or bias) written: memory read, two multipliers in turn, write-back.
    offset
        Clocks that this junction runs behind the first one.
    """

    feedforward: int
    backward: int
    accumulate: int
    update: int
    offset: int = 0

    @property
    def accumulated(self) -> int:
        """Weight row read to partial delta written: ``backward`` and the rest of the accumulation loop."""
        return self.backward + self.accumulate - 1

    @property
    def longest(self) -> int:
        """The longest latency."""
        return max(self.feedforward, self.accumulated, self.update)


@dataclass(frozen=True)
class Timing:
    """Latencies of all junctions and the clocks of a junction cycle.

    Attributes
    ----------
    pass_clocks
        Clocks of the slowest junction's pass: C, or more where a pattern is not clash-free.
    flush
        Clocks added so that all results have landed before the next junction cycle starts; 0 under ``overlap``.
    """

    junctions: tuple[JunctionTiming, ...]
    pass_clocks: int
    flush: int

    @property
    def period(self) -> int:
        """Clocks between the entries of two samples."""
        return self.pass_clocks + self.flush

    @property
    def skew(self) -> int:
        """Clocks from the end of the first junction's cycle until the last junction has finished and all has landed."""
        return 0 if self.flush else self.junctions[-1].offset + max(j.longest for j in self.junctions)


LANDING_CLOCKS = 2
"""Of a beat, beside those in the queue of samples: registers in front of it and behind it, since the ways are long."""
QUEUE_CLOCKS = 3
"""From a word's coming into a queue of the streams to its coming out, if nothing waits in front of it."""


@dataclass(frozen=True)
class SampleLatency:
    """Clocks from the first beat of a sample, if nothing is in its way and its last one comes just in time for a cycle.

    A sample whose beats come at another time waits for the next junction cycle to begin: up to a period more.

    Attributes
    ----------
    prediction
        To the offer of the last beat of its results, which has the prediction.
    update
        To the write of the last weight that is changed for its sake; ``None`` if the accelerator does not train.
    """

    prediction: int
    update: int | None


def latencies(stages: LatencySection, z: int, d_in: int) -> JunctionTiming:
    """Latencies of a junction with ``z`` lanes; its adder tree spans the lanes that one right neuron can have in a row."""
    levels = (lanes_per_neuron(z, d_in) - 1).bit_length()
    registers = levels // stages.tree_every if stages.tree_every else 0
    forward = stages.memory_read + stages.multiplier + registers + stages.table + stages.write_back
    back = stages.memory_read + 2 * stages.multiplier + stages.write_back
    return JunctionTiming(forward, back, stages.accumulate, back)


def flush(hardware: HardwareSection, junctions: Iterable[JunctionTiming]) -> int:
    """Clocks added to a junction cycle until all results have landed: the longest latency, none under ``overlap``."""
    return 0 if hardware.schedule == "overlap" else max(j.longest for j in junctions)


def timing(config: Configuration, schedule: Schedule | Outline) -> Timing:
    """Work out the timing of a configuration, and refuse latencies that would lose a result.

    Raises
    ------
    InputError
        If the accumulation loop is longer than the shortest revisit distance of a partial delta, or if the latencies are
        too long for ``overlap``.
    """
    assert config.hardware is not None
    overlap = config.hardware.schedule == "overlap"
    stages = config.hardware.latency
    junctions: list[JunctionTiming] = []
    offset = 0
    for j in schedule.junctions:
        own = replace(latencies(stages, j.z, j.d_in), offset=offset)
        junctions.append(own)
        offset += own.feedforward if overlap else 0
        # No neuron is visited twice in a clock: where one clock is enough, nothing need be drawn to know it.
        if j.number > 1 and stages.accumulate > 1 and stages.accumulate > j.revisit_distance:
            rule = (
                f"exceeds the shortest revisit distance of junction {j.number}'s partial deltas: contributions would be lost"
            )
            raise InputError("hardware.latency.accumulate", stages.accumulate, rule, [j.revisit_distance])
    pass_clocks = max(j.clocks for j in schedule.junctions)
    if overlap:
        _check_overlap(junctions, pass_clocks, [j.longest_row for j in schedule.junctions])
    return Timing(tuple(junctions), pass_clocks, flush(config.hardware, junctions))


def _check_overlap(junctions: list[JunctionTiming], clocks: int, longest_rows: list[int]) -> None:
    for i, (j, row) in enumerate(zip(junctions, longest_rows, strict=True), 1):
        # A row is read in its first clock, and written so many clocks after its last one.
        if j.update + row > clocks:
            rule = f"overlap allows {clocks} clocks from a weight's read to the next, junction {i} needs {j.update + row}"
            raise InputError("hardware.schedule", "overlap", rule, ["flush"])
        behind = junctions[i] if i < len(junctions) else None
        both = j.feedforward + (behind.accumulated if behind else 0)
        if both > clocks:
            rule = f"feedforward and backward latencies of junction {i} add up to {both} clocks, overlap allows C = {clocks}"
            raise InputError("hardware.schedule", "overlap", rule, ["flush"])
