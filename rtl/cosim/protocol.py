"""What every clock of the streams, the pace and the port must be, from the contract and a script alone.

The protocol knows no data and no circuit: it plays the host's script against a model of the queues, of the junction cycles
and of the port, and says for every clock what the host sets and what it must see. So a test bench needs no judgement of its
own, and no loop that could wait for ever: a signal that never comes is a difference in its first clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.network.order import NO_SAMPLE
from rtl.cosim import protocol_kernel as kernel
from rtl.cosim.stimulus import StreamSamples
from rtl.plan.plan import Plan
from rtl.ports import register_map
from rtl.ports.register_map import AddressMap
from rtl.ports.registers_model import SATURATION, identification

_COUNTED = {
    register_map.SAMPLES: kernel.SAMPLES,
    register_map.RESULTS: kernel.RESULTS,
    register_map.CYCLES: kernel.CYCLES,
    register_map.ILLEGAL_KAPPAS: kernel.ILLEGAL,
    register_map.ILLEGAL_LABELS: kernel.ILLEGAL + 1,
    register_map.REFUSED_VALUES: kernel.ILLEGAL + 2,
}
_KINDS = {
    register_map.CONTROL: kernel.IS_CONTROL,
    register_map.STATUS: kernel.IS_STATUS,
    register_map.RATE: kernel.IS_RATE,
    register_map.ERRORS: kernel.IS_ERRORS,
}
SIGNALS = ("samples.ready", "results.valid", "bus.done", "bus.error", "advance", "standing")
"""What is compared in every clock, the lowest bit of ``sees`` first."""


def clipped_kinds(of: Plan) -> int:
    """Kinds of clipped numbers that each junction counts."""
    hardware = of.config.hardware
    assert hardware is not None
    return (4 if of.trains else 1) if hardware.counters else 0


def memory_clocks(of: Plan) -> tuple[int, int]:
    """Clocks from a request for a word of a memory to ``done``: if it reads, if it writes."""
    hardware = of.config.hardware
    assert hardware is not None
    read, update = hardware.latency.memory_read, max(j.timing.update for j in of.junctions)
    widest, picks = max(j.z for j in of.junctions), 1
    while 8**picks < widest:
        picks += 1
    return read + 7 + picks, update + read + 7


def write_lands(of: Plan, junction: int) -> int:
    """Clocks from a request that writes a word of junction ``junction`` to the write of its row: an update's way."""
    hardware = of.config.hardware
    assert hardware is not None
    read = hardware.latency.memory_read
    return 4 + (of.junctions[junction - 1].timing.update if of.trains else read + (read > 1))


def result_clocks(of: Plan) -> npt.NDArray[np.int64]:
    """int64 [beats]: clocks of the last junction's pass in which the beats of a result are written."""
    last, (starts, neurons) = of.junctions[-1], of.design.schedule.junctions[-1].ends
    ends = np.zeros(last.n_right, np.int64)
    ends[neurons] = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    result = np.maximum.reduceat(ends, np.arange(0, last.n_right, last.results_per_clock)) + last.timing.feedforward
    if last.n_right % last.results_per_clock:
        result[-1] += 1  # the group before it is complete in the same clock
    return result


def _room(of: Plan) -> int:
    """Samples that the queue of results has room for: four, or as many junction cycles as a sample's room is taken for."""
    taken = of.junctions[-1].timing.offset + int(result_clocks(of).max()) + 6 + min(of.period - 1, 2)
    return max(4, -(-taken // of.period))


def circuit(of: Plan) -> kernel.Circuit:
    """An accelerator as its streams, pace and port see it."""
    where, n = AddressMap.of(of), len(of.junctions)
    clipped = [SATURATION + 4 * i + k for i in range(n) for k in range(clipped_kinds(of))]
    constants = identification(of)
    kinds = np.full(max(constants) + 1, kernel.NOT_THERE, np.int64)
    kinds[list(_COUNTED)], kinds[clipped] = kernel.READ_ONLY, kernel.COUNTS_CLIPPED
    kinds[list(_KINDS)], kinds[list(constants)] = list(_KINDS.values()), kernel.IS_CONSTANT
    counted = np.zeros(kinds.size, np.int64)
    counted[list(_COUNTED)], counted[list(constants)] = list(_COUNTED.values()), list(constants.values())
    formats = [of.numbers.weight] * n + [of.numbers.bias] * n
    regions = [
        (r.rows, r.lanes, r.lane_bits, f.lowest, f.highest, r.lanes - r.short)
        for r, f in zip((*where.weights, *where.biases), formats, strict=True)
    ]
    last = of.junctions[-1]
    reading, writing = memory_clocks(of)
    return kernel.Circuit(
        beats=of.inputs.groups,
        result_beats=last.groups,
        held=max(2 * of.inputs.groups + 3, of.inputs.groups + 6),
        period=of.period,
        skew=of.skew,
        permission=min(of.period - 1, 2),
        begins=1 + last.timing.offset,
        lag=last.forward_lag,
        in_flight=1 + (of.hops.drain(n) if of.trains else last.forward_lag),
        result_clock=result_clocks(of),
        room=_room(of),
        trains=of.trains,
        least=of.kappas[0],
        greatest=of.kappas[1],
        classes=of.design.network.classes,
        reading=reading,
        writing=writing,
        block=1 << where.block_bits,
        registers=kinds,
        counted=counted,
        regions=np.array(regions, np.int64),
    )


@dataclass(frozen=True, eq=False)
class Era:
    """What lies between two resets.

    Attributes
    ----------
    first, last
        Its first clock, and the first clock of the reset that ends it: that one is still part of it.
    advances
        int64 [n, 2]: clock before a junction cycle; sample that the cycle loads, -1 for none.
    accesses
        Numbers of its accesses of the bus: from the first to before the second.
    """

    first: int
    last: int
    advances: npt.NDArray[np.int64]
    accesses: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Protocol:
    """The record of a script, all arrays as long as what they hold; see :class:`rtl.cosim.protocol_kernel.Record`."""

    record: kernel.Record
    clocks: int

    @property
    def eras(self) -> list[Era]:
        """What lies between the resets, in order."""
        r = self.record
        begins, ends = [0, *r.resets[:, 1].tolist()], [*r.resets[:, 0].tolist(), self.clocks]
        result = []
        for first, last in zip(begins, ends, strict=True):
            a, b = np.searchsorted(r.advances[:, 0], (first, last + 1))
            result.append(
                Era(first, last, r.advances[a:b], tuple(np.searchsorted(r.accesses[:, 0], (first, last + 1)).tolist()))
            )
        return result


def play(
    of: Plan, steps: npt.NDArray[np.int64], samples: StreamSamples, pauses: Sequence[npt.NDArray[np.bool_]]
) -> Protocol:
    """Play a script.

    Parameters
    ----------
    steps
        int64 [n, 4], as :mod:`rtl.cosim.protocol_kernel` has them.
    pauses
        Patterns of clocks in which a stream pauses.

    Raises
    ------
    ValueError
        If the script has no end: it waits for something that does not come.
    """
    first = np.cumsum([0, *(p.size for p in pauses)])
    label, kappa, train = (np.asarray(a, np.int64) for a in (samples.label, samples.kappa, samples.train))
    stimulus = kernel.Stimulus(steps, label, kappa, train, np.concatenate(pauses), first)
    made, room = circuit(of), 1 << 16
    while True:
        record = _record(of, steps, samples, room)
        kernel.play(made, stimulus, record)
        if not record.filled[6]:
            return Protocol(_cut(record), int(record.filled[0]))
        if record.filled[6] == 2:
            raise ValueError("the script waits for what does not come")
        room *= 4


def _record(of: Plan, steps: npt.NDArray[np.int64], samples: StreamSamples, clocks: int) -> kernel.Record:
    events = clocks // min(of.period, 2) + 2
    kinds = steps[:, 0]
    return kernel.Record(
        sets=np.zeros(clocks, np.uint8),
        sees=np.zeros(clocks, np.uint8),
        access=np.zeros(clocks, np.int32),
        beat=np.zeros(clocks, np.int32),
        sent=np.zeros(len(samples) * of.inputs.groups + 1, np.int32),
        advances=np.full((clocks // of.period + 2, 2), NO_SAMPLE, np.int64),
        accesses=np.zeros((events, 6), np.int64),
        answers=np.zeros(events, np.int64),
        marks=np.zeros(int((kinds == kernel.MARK).sum()), np.int64),
        resets=np.zeros((max(int((kinds == kernel.RESET).sum()), 1), 2), np.int64),
        kappa=np.asarray(samples.kappa, np.int64).copy(),
        filled=np.zeros(7, np.int64),
    )


def _cut(r: kernel.Record) -> kernel.Record:
    clocks, beats, advances, accesses, marks, resets, _ = r.filled.tolist()
    return kernel.Record(
        r.sets[:clocks],
        r.sees[:clocks],
        r.access[:clocks],
        r.beat[:clocks],
        r.sent[:beats],
        r.advances[:advances],
        r.accesses[:accesses],
        r.answers[:accesses],
        r.marks[:marks],
        r.resets[:resets],
        r.kappa,
        r.filled,
    )
