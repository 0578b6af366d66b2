"""What a page plays: the machine's event log of some clocks, and what memories held before."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsim.design import Design
from hwsim.events.log import CLOCK, JUNCTION, MEMORY, EventLog, Rows, owners
from hwsim.machine.machine import Machine
from hwsim.vocabulary import ACTIVATION, PARTIAL
from models.data.dataset import Split
from models.errors import ArgumentError, InputError

MOST_EVENTS = 80_000
"""Accesses that a page holds: about a megabyte, of which a browser makes a picture without delay."""
MOST_RECORDED = 4_000_000
"""Accesses that are recorded to know what memories hold when a page begins."""


@dataclass(frozen=True, eq=False)
class Recording:
    """The machine at work on real samples.

    Attributes
    ----------
    design
        Which accelerator.
    log
        Every access from some junction cycles before ``first`` on, so that it knows the sample of every word.
    first, last
        Clocks to play: ``first .. last - 1``.
    labels
        int [samples]: class of each sample by the number that the log knows it by.
    shortened
        Whether the page has less than a junction cycle for want of room.
    """

    design: Design
    log: EventLog
    first: int
    last: int
    labels: npt.NDArray[np.integer]
    shortened: bool = False


def record(
    design: Design, data: Split, clocks: tuple[int, int] | None = None, junctions: tuple[int, ...] | None = None
) -> Recording:
    """Train for as many samples as needed and write down what the machine does.

    Parameters
    ----------
    data
        Training samples, which enter in the order of the first epoch.
    clocks
        First clock to play, and first one behind; two steady junction cycles when left out, less where they are too long.
    junctions
        Those that are looked at; all when left out.

    Raises
    ------
    InputError
        If there is no such junction, the design has no machine, or the clocks lie behind the last sample or are too many.
    """
    machine = design.machine()
    chosen = _chosen(machine, junctions)
    period, drain = machine.timing.period, design.config.hops.drain(len(design.patterns))
    steady = (drain + 3) * period
    first, last = clocks or (steady, steady + 2 * period)
    if not 0 <= first < last:
        raise ArgumentError("clocks", f"{first}:{last}", "must be two clocks in ascending order", [f"0:{period}"])
    if last > len(data) * period:
        rule = f"must end by {len(data) * period}, with the last of {len(data)} samples"
        raise ArgumentError("clocks", f"{first}:{last}", rule)
    count = min(-(-last // period) + 2, len(data))
    order = design.epoch_order(0, len(data))[:count]
    inputs = data.integers(design.config.numbers.system.input)[order]
    samples = machine.samples(inputs.astype(np.int32), data.labels[order], design.config.training.kappa(0))
    before = (max(machine.banks.activation) + 2) * period
    machine.record(max(first - before, 0), last + period, MOST_RECORDED)
    machine.feed(samples)
    machine.settle()
    log = machine.accesses
    fits = _fits(log, chosen, first, min(last, log.header.last), clocks)
    return Recording(design, log, first, fits, data.labels[order], clocks is None and fits < first + period)


def concerns(rows: Rows, junction: int) -> npt.NDArray[np.bool_]:
    """Whether each event is of a junction: it does it, or the memory is its own or lies between it and the next one."""
    owner, memory = owners(rows), rows[:, MEMORY]
    between = (owner == junction + 1) & ((memory == ACTIVATION) | (memory == PARTIAL))
    return (rows[:, JUNCTION] == junction) | (owner == junction) | between


def _chosen(machine: Machine, junctions: tuple[int, ...] | None) -> tuple[int, ...]:
    there = tuple(j.number for j in machine.schedule.junctions)
    for j in junctions or ():
        if j not in there:
            raise ArgumentError("junction", j, "does not exist", list(there))
    return junctions or there


def _fits(log: EventLog, junctions: tuple[int, ...], first: int, last: int, asked: tuple[int, int] | None) -> int:
    """The last clock for which there is room; where somebody has asked for more, that is an error."""
    rows = log.within(first, last).rows
    concern = sum(concerns(rows, j).astype(np.int64) for j in junctions)
    total = np.cumsum(np.bincount(rows[:, CLOCK] - first, weights=concern, minlength=max(last - first, 1)))
    if total[-1] <= MOST_EVENTS:
        return last
    fits = first + int(np.searchsorted(total, MOST_EVENTS, "right"))
    if fits <= first:
        rule = f"makes {int(total[0]):,} accesses in a clock, and a page holds {MOST_EVENTS:,}: give fewer"
        raise InputError("hardware.z", None, rule)
    if asked is not None:
        rule = f"has {int(total[-1]):,} accesses, and a page holds {MOST_EVENTS:,}: fewer clocks, or a single <junction>"
        raise ArgumentError("clocks", f"{asked[0]}:{asked[1]}", rule, [f"{first}:{fits}"])
    period = log.header.clocking.period if log.header.clocking else 1
    return first + period if first + period <= fits else fits
