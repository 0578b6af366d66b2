"""An external memory followed request by request, with no clock and no ring: when it would let the machine go on."""

from collections import defaultdict
from typing import NamedTuple


class Junction(NamedTuple):
    """``rows``: the weight row in work in each clock of a pass; ``update``: clocks to its write-back."""

    rows: list
    bits: int
    ahead: int
    update: int
    offset: int


def junctions_of(design, inventory):
    """Those of a design with an external memory."""
    streams, passes, times = inventory.external.streams, design.schedule.junctions, design.timing.junctions
    return [
        Junction(p.row.tolist(), s.row_bits, s.held.ahead, t.update, t.offset)
        for s, p, t in zip(streams, passes, times, strict=True)
    ]


def lost_before(junctions, bandwidth, latency, begins, learns, until):
    """Clocks lost before each junction cycle of the machine's clocks ``begins``, and in all before its clock ``until``."""
    needs, writes, reads = defaultdict(list), defaultdict(list), defaultdict(list)
    for cycle, begin in enumerate(begins):
        for j, of in enumerate(junctions):
            for row in range(of.rows[-1] + 1):
                at = [begin + of.offset + clock for clock, worked in enumerate(of.rows) if worked == row]
                needs[at[0]].append((j, cycle * (of.rows[-1] + 1) + row))
                reads[at[-1]].append(j)
                if learns[cycle][j]:
                    writes[at[-1] + of.update].append(j)
    moved, there, now, lost = 0, [[] for _ in junctions], 0, {}

    def transfer(j, since, read):
        nonlocal moved
        moved = max(moved, bandwidth * since) + junctions[j].bits
        if read:
            there[j].append(-(-moved // bandwidth) + latency)

    for row in range(max(of.ahead for of in junctions)):
        for j, of in enumerate(junctions):
            if row < of.ahead:
                transfer(j, 0, True)
    for clock in range(until):
        now = max([now, *(there[j][k] for j, k in needs[clock])])
        lost[clock] = now - clock
        for j in sorted(writes[clock]):
            transfer(j, now + 1, False)
        for j in sorted(reads[clock]):
            transfer(j, now + 1, True)
        now += 1
    return [lost[b] for b in begins], now - until
