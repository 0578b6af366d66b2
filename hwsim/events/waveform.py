"""An event log as a waveform: value change dump for GTKWave, Surfer and the like.

One unit of time is one clock. Every memory of the log has a scope of its own, ``junction2.activation.bank0.memory3`` under
the junction it belongs to (:attr:`hwsim.events.log.Event.owner`), with the signals of its two ports:

=============================== =====================================================================================
``read_enable, write_enable``   1 in the clocks of an access
``read_address, write_address`` the word; stays until the next access, as the following
``read_data, write_data``       the integer, signed
``read_lane, write_lane``       the lane served
=============================== =====================================================================================

The weight memory of a junction is one memory as wide as all lanes: data is ``lane5.read_data``, and so on. Where the number
formats are known, data says where its binary point is: ``read_data [23:-8]`` has eight bits behind it. What the junction
itself does is in ``junction2.control``: for each operation ``FF_active`` and ``FF_sample``, by the reads, and ``cycle``, the
junction cycle, if the log knows it.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from vcd import VCDWriter
from vcd.common import VarType

from hwsim.events.log import (
    ACCESS,
    ADDRESS,
    BANK,
    CLOCK,
    INDEX,
    JUNCTION,
    LANE,
    MEMORY,
    OPERATION,
    SAMPLE,
    VALUE,
    EventLog,
    Rows,
    owners,
)
from hwsim.vocabulary import (
    ACCESSES,
    ACTIVATION,
    BIAS,
    DELTA,
    DERIVATIVE,
    MEMORIES,
    OPERATIONS,
    PARTIAL,
    READ,
    WEIGHT,
)
from models.files.whole import write_whole
from models.numbers.system import NumberSystem

TOP = "accelerator"

_IntArray = npt.NDArray[np.int64]


class _Signals(NamedTuple):
    """Signals of one kind, and when they change.

    Attributes
    ----------
    names
        Scope and name of each.
    kind, size, initial
        As the file declares them.
    signal, clock, value
        int64 [changes]: which of the signals takes which value when; of two in one clock the later counts.
    """

    names: list[tuple[str, str]]
    kind: VarType
    size: int
    initial: int | str
    signal: _IntArray
    clock: _IntArray
    value: _IntArray


def write_vcd(path: Path, log: EventLog, numbers: NumberSystem | None = None) -> None:
    """Write a log as value change dump; equal logs make equal files.

    There are signals for the memories that occur in the log only. A million events take a few seconds.

    Parameters
    ----------
    numbers
        The formats of the data, so that viewers know where binary points are.
    """
    text = io.StringIO()
    source = "".join(c for c in log.header.source if c.isalnum() or c in " -_.")
    groups = [*_ports(log), *_operations(log), *_cycles(log)]
    version = f"hwsim, events recorded by {source}, one unit of time is one clock"
    with VCDWriter(text, "1 ns", date="", version=version, init_timestamp=log.header.first) as writer:
        variables: list[Any] = []
        starts = []
        for g in groups:
            starts.append(len(variables))
            for scope, name in g.names:
                ranged = name + _range(numbers, scope, g.size) if name.endswith("_data") else name
                variables.append(writer.register_var(f"{TOP}.{scope}", ranged, g.kind, g.size, g.initial))
        change = writer.change
        for signal, clock, value in _in_time(groups, starts):
            change(variables[signal], clock, value)
        writer.close(log.header.last)
    write_whole(path, text.getvalue().encode())


def _in_time(groups: list[_Signals], starts: list[int]) -> Iterator[tuple[int, int, int]]:
    """Signal, clock and value of every change of all groups, in order of time."""
    empty = [np.zeros(0, np.int64)]
    signal = np.concatenate(empty + [g.signal + s for g, s in zip(groups, starts, strict=True)])
    clock, value = (np.concatenate(empty + [getattr(g, name) for g in groups]) for name in ("clock", "value"))
    order = np.lexsort((clock, signal))
    signal, clock, value = signal[order], clock[order], value[order]
    last = np.append((signal[1:] != signal[:-1]) | (clock[1:] != clock[:-1]), True)[: len(signal)]
    signal, clock, value = signal[last], clock[last], value[last]
    new = np.append(True, (signal[1:] != signal[:-1]) | (value[1:] != value[:-1]))[: len(signal)]
    kept = np.flatnonzero(new)[np.argsort(clock[new], kind="stable")]
    return zip(signal[kept].tolist(), clock[kept].tolist(), value[kept].tolist(), strict=True)


def fraction_of(numbers: NumberSystem, owner: int, memory: int) -> int:
    """Bits behind the binary point of the words of a junction's memory."""
    if memory == ACTIVATION:
        return numbers.left_activation(owner - 1).fraction
    if memory == PARTIAL:
        return numbers.product_fraction
    formats = {WEIGHT: numbers.weight, BIAS: numbers.bias, DERIVATIVE: numbers.derivative, DELTA: numbers.delta}
    return formats[memory].fraction


def _range(numbers: NumberSystem | None, scope: str, size: int) -> str:
    """Numbers of the first and the last bit; those behind the binary point are negative."""
    if numbers is None:
        return ""
    junction, kind, *_ = scope.split(".")
    fraction = fraction_of(numbers, int(junction.removeprefix("junction")), MEMORIES.index(kind.replace("_", " ")))
    return f" [{size - 1 - fraction}:{-fraction}]" if fraction else ""


def memory_scope(owner: int, memory: int, bank: int, index: int) -> str:
    """Where the signals of a memory are, below :data:`TOP`."""
    return f"junction{owner}.{MEMORIES[memory].replace(' ', '_')}.bank{bank}.memory{index}"


def _ports(log: EventLog) -> Iterator[_Signals]:
    """Enable, address, lane and data of the ports of all memories."""
    of_port = np.stack([owners(log.rows), log.rows[:, MEMORY], log.rows[:, ACCESS]], 1)
    keys, which = _distinct(of_port)
    order = np.argsort(which, kind="stable")
    for key, picked in zip(keys, np.split(order, np.searchsorted(which[order], np.arange(1, len(keys)))), strict=False):
        owner, memory, access = key
        yield from _port(log.rows[picked], owner, memory, ACCESSES[access], log.header.last)


def _port(rows: Rows, owner: int, memory: int, access: str, last: int) -> Iterator[_Signals]:
    """Signals of one port of all memories of a kind that belong to one junction."""
    clock, address, lane, value = (rows[:, c] for c in (CLOCK, ADDRESS, LANE, VALUE))
    places, place = _distinct(rows[:, [BANK, INDEX]])
    scopes = [memory_scope(owner, memory, bank, index) for bank, index in places]

    def named(name: str) -> list[tuple[str, str]]:
        return [(s, f"{access}_{name}") for s in scopes]

    yield _active(named("enable"), place, clock, last)
    yield _Signals(named("address"), VarType.wire, _bits(address), "x", place, clock, address)
    if memory == WEIGHT:
        lanes, place = _distinct(rows[:, [BANK, INDEX, LANE]])
        scopes = [f"{memory_scope(owner, memory, bank, index)}.lane{lane}" for bank, index, lane in lanes]
    else:
        yield _Signals(named("lane"), VarType.wire, _bits(lane), "x", place, clock, lane)
    yield _Signals(named("data"), VarType.integer, _integer_bits(value), "x", place, clock, value)


def _active(names: list[tuple[str, str]], signal: _IntArray, clock: _IntArray, last: int) -> _Signals:
    """One bit per signal, 1 in the clocks given and 0 in all others before ``last``."""
    order = np.lexsort((clock, signal))
    signal, clock = signal[order], clock[order]
    follows = (signal[1:] == signal[:-1]) & (clock[1:] - clock[:-1] <= 1)
    begins, ends = np.append(True, ~follows), np.append(~follows, True)
    ends &= clock + 1 < last
    on, off = np.ones(int(begins.sum()), np.int64), np.zeros(int(ends.sum()), np.int64)
    return _Signals(
        names,
        VarType.wire,
        1,
        0,
        np.concatenate([signal[begins], signal[ends]]),
        np.concatenate([clock[begins], clock[ends] + 1]),
        np.concatenate([on, off]),
    )


def _operations(log: EventLog) -> Iterator[_Signals]:
    """Whether each operation of each junction works, and on which sample."""
    rows = log.rows[(log.rows[:, ACCESS] == READ) & (log.rows[:, SAMPLE] >= 0)]
    if not len(rows):
        return
    pairs, signal = _distinct(rows[:, [JUNCTION, OPERATION]])
    scopes = [(f"junction{junction}.control", OPERATIONS[operation]) for junction, operation in pairs]
    clock, sample = rows[:, CLOCK], rows[:, SAMPLE]
    yield _active([(s, f"{name}_active") for s, name in scopes], signal, clock, log.header.last)
    names = [(s, f"{name}_sample") for s, name in scopes]
    yield _Signals(names, VarType.integer, _integer_bits(sample), "x", signal, clock, sample)


def _cycles(log: EventLog) -> Iterator[_Signals]:
    """The junction cycle of each junction."""
    clocking = log.header.clocking
    if clocking is None or log.header.first == log.header.last:
        return
    for junction in range(1, len(clocking.offsets) + 1):
        cycle = clocking.between(junction, log.header.first, log.header.last)
        clock = np.maximum(cycle * clocking.period + clocking.begin(0, junction), log.header.first)
        name = [(f"junction{junction}.control", "cycle")]
        yield _Signals(name, VarType.integer, _integer_bits(cycle), "x", np.zeros_like(cycle), clock, cycle)


def _bits(values: _IntArray) -> int:
    return max(int(values.max()).bit_length(), 1)


def _integer_bits(values: _IntArray) -> int:
    """Viewers expect an integer to have 32 bits, or 64."""
    return 32 if -(2**31) <= int(values.min()) and int(values.max()) < 2**31 else 64


def _distinct(rows: Rows) -> tuple[list[list[int]], _IntArray]:
    """The distinct rows in order, and which of them each row is; quicker than NumPy's for rows."""
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    new = np.append(True, np.any(ordered[1:] != ordered[:-1], axis=1))[: len(rows)]
    which = np.empty(len(rows), np.int64)
    which[order] = np.cumsum(new) - 1
    return ordered[new].tolist(), which
