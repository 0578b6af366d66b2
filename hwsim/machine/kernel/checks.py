"""Checks of ports and words, what is noted of the first that fails, and the log of accesses."""

import numpy as np

from hwsim.machine.columns import *
from hwsim.machine.kernel.arithmetic import stamp
from hwsim.machine.kernel.compiling import compiled, inlined
from hwsim.machine.kernel.groups import Place
from hwsim.vocabulary import BP, READ, WEIGHT

NOBODY = np.zeros(0, np.bool_)
"""No lane is idle."""


@compiled
def note_fault(fault, code, here, place, lane, operation, expected, found):
    """Count a violation, and note the first."""
    fault[0] += 1
    if fault[0] == 1:
        fault[1] = code
        fault[2], fault[3] = here.clock, here.number
        fault[4], fault[5], fault[6], fault[7] = place
        fault[8], fault[9] = lane, operation
        fault[10], fault[11] = expected, found


@compiled
def log_event(log, here, operation, access, place, lane, value, sample):
    """Append one access to the event log if there is room; the last row counts, and says whether reads are left out."""
    if access == READ and log[-1, 1] != 0:
        return
    n = log[-1, 0]
    if n < log.shape[0] - 1:
        row = log[n]
        row[0], row[1] = here.clock, here.number
        row[2], row[3] = operation, access
        row[4], row[5], row[6], row[7] = place
        row[8], row[9], row[10] = lane, value, sample
    log[-1, 0] = n + 1


@inlined
def place_of(here, bank, lanes, i):
    """The word of one lane in a bank of left neurons."""
    return Place(bank.kind, bank.bank, np.int64(lanes.memory[i]), np.int64(lanes.word[i]) // here.p[Z])


@compiled
def log_lanes(log, here, operation, access, bank, lanes, values, sample):
    """Log one access per lane to the memories of left neurons."""
    if access == READ and log[-1, 1] != 0:
        return
    for i in range(lanes.word.size):
        log_event(log, here, operation, access, place_of(here, bank, lanes, i), lanes.lane[i], values[i], sample)


@compiled
def log_row(log, here, operation, access, row, weights, sample):
    """Log one access to a weight row, lane by lane."""
    if access == READ and log[-1, 1] != 0:
        return
    for m in range(weights.size):
        log_event(log, here, operation, access, Place(WEIGHT, 0, 0, row), m, weights[m], sample)


@inlined
def use_port(fault, code, here, place, ports, at, lane, operation):
    """Use the port of one memory; a fault of this code if it has been used before in this clock."""
    before, now = ports[at], stamp(here.clock, 0, 0)
    ports[at] = stamp(here.clock, lane, operation)
    if before >= now:
        note_fault(fault, code, here, place, lane, operation, 0, before - now)


@compiled
def blame_ports(fault, code, here, bank, ports, operation, lanes, idle):
    """Note the first lane whose memory another access of this clock uses as well; whether there is one.

    Lanes that ``idle`` names access nothing; the access before is noted as it stands at the port.
    """
    now = stamp(here.clock, 0, 0)
    for i in range(lanes.word.size):
        if idle.size and idle[i]:
            continue
        used, lane = ports[lanes.memory[i]], lanes.lane[i]
        if used >= now and used != stamp(here.clock, lane, operation):
            note_fault(fault, code, here, place_of(here, bank, lanes, i), lane, operation, 0, used - now)
            return True
    return False


@compiled
def blame_owner(fault, here, bank, owner, operation, lanes, words):
    """Note the first lane that reads the activation of another sample."""
    for i in range(lanes.word.size):
        found = words[lanes.word[i]] >> OWNER_BITS
        if found != owner:
            note_fault(fault, STALE, here, place_of(here, bank, lanes, i), lanes.lane[i], operation, owner, found)
            return


@compiled
def blame_sum(fault, here, bank, sample, lanes, tags, landing):
    """Note the first lane that adds to a sum of another sample, or to one that is on its way; ``landing``: until when."""
    for i in range(lanes.word.size):
        found = tags[lanes.word[i]] >> COUNT_BITS
        if not lanes.first_visit[i] and landing[i] >= here.clock:
            note_fault(fault, PENDING, here, place_of(here, bank, lanes, i), lanes.lane[i], BP, 0, 0)
            return
        if not lanes.first_visit[i] and found != sample:
            note_fault(fault, STALE, here, place_of(here, bank, lanes, i), lanes.lane[i], BP, sample, found)
            return


@compiled
def meet(ports, clock, operation, memory, lane, idle):
    """Use one port per lane, except ``idle`` ones; True if two accesses of this clock meet.

    Then no port, or each that several of these lanes share, shows an access that is not the asking lane's own.
    """
    busy, now = memory.size, stamp(clock, 0, 0)
    for i in range(idle.size):
        busy -= np.int64(idle[i])
    if busy == ports.size:
        # Where every lane goes to the memory of its own number, all of this takes a few vector instructions.
        elsewhere, free = np.int64(0), np.int64(0)
        for i in range(ports.size):
            elsewhere |= np.int64(memory[i]) ^ np.int64(i)
            free |= now - 1 - ports[i]  # negative if used in this clock
        if elsewhere == 0:
            if free < 0:
                return True
            for i in range(ports.size):
                ports[i] = stamp(clock, i, operation)
            return False
    twice = False
    for i in range(memory.size):
        if idle.size == 0 or not idle[i]:
            twice |= ports[memory[i]] >= now
    if twice:
        return True
    for i in range(memory.size):
        if idle.size == 0 or not idle[i]:
            ports[memory[i]] = stamp(clock, lane[i], operation)
    for i in range(memory.size):  # a lane that does not find itself shares its memory
        if idle.size == 0 or not idle[i]:
            twice |= ports[memory[i]] != stamp(clock, lane[i], operation)
    return twice


@inlined
def use_ports(fault, code, here, bank, ports, operation, lanes, idle):
    """Use one port of a bank per lane, except ``idle`` ones; True, and a fault of this code, if two accesses meet."""
    clash = meet(ports, here.clock, operation, lanes.memory, lanes.lane, idle)
    if clash:
        blame_ports(fault, code, here, bank, ports, operation, lanes, idle)
    return clash
