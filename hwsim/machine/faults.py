"""What the machine's kernel writes down of the first violation, as the error that it is."""

import numpy as np

from hwsim.machine import columns
from hwsim.schedule.violations import IncompleteSum, PendingWrite, PortConflict, StaleWord, Violation
from hwsim.vocabulary import MEMORIES, OPERATIONS

_FAULTS = {
    columns.READ_PORT: PortConflict,
    columns.WRITE_PORT: PortConflict,
    columns.STALE: StaleWord,
    columns.PENDING: PendingWrite,
    columns.INCOMPLETE: IncompleteSum,
}


def violation(fault: np.ndarray) -> Violation:
    """The violation in a record, int64 [12] as :class:`hwsim.machine.kernel.groups.Watch` has it."""
    _, code, clock, junction, memory, bank, index, address, lane, operation, expected, found = map(int, fault)
    name = f"{MEMORIES[memory]} memory {index}, bank {bank}, address {address}"
    port = {columns.READ_PORT: " read", columns.WRITE_PORT: " write"}.get(code, "")
    lanes, operations, detail = [lane], [operation], ""
    if port:  # found is the access before, as the port shows it
        lanes.insert(0, found >> columns.OPERATION_BITS)
        operations.insert(0, found & ((1 << columns.OPERATION_BITS) - 1))
    elif code in (columns.STALE, columns.INCOMPLETE):
        detail = f"expected {expected}, found {found}"
    if len(set(operations)) == 1:
        lanes, operations = sorted(lanes), [operation]
    return _FAULTS[code](clock, junction, name, lanes, [OPERATIONS[o] + port for o in operations], detail)
