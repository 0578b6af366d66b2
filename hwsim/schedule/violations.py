"""What can go wrong in a schedule or a clock: typed errors that name clock, junction, memory, lanes and operations."""

from collections.abc import Sequence


class Violation(Exception):
    """An access that the hardware could not do, or that would read the wrong word.

    Attributes
    ----------
    clock
        Of the pass for a static check, of the simulation otherwise.
    junction
        i, from 1.
    memory
        Which memory, in words.
    lanes
        Lanes (or right neurons) involved.
    operations
        What they were doing.
    detail
        What was found in place of what was expected.
    """

    rule = "violates the schedule"

    def __init__(
        self, clock: int, junction: int, memory: str, lanes: Sequence[int], operations: Sequence[str], detail: str = ""
    ) -> None:
        self.clock, self.junction, self.memory = clock, junction, memory
        self.lanes, self.operations, self.detail = tuple(lanes), tuple(operations), detail
        super().__init__(
            f"clock {clock}, junction {junction}, {memory}: lanes {', '.join(map(str, self.lanes))} "
            f"({', '.join(self.operations)}): {self.rule}{f': {detail}' if detail else ''}"
        )


class PortConflict(Violation):
    """Two accesses on one port in one clock."""

    rule = "two accesses on one port"


class StaleWord(Violation):
    """A word that belongs to another sample than the reader's: overwritten too early, or not yet written."""

    rule = "the word read belongs to another sample"


class PendingWrite(Violation):
    """A word read while a write to it is still on its way: the update would be lost."""

    rule = "read before a pending write has landed"


class IncompleteSum(Violation):
    """A partial delta used before all its contributions have arrived."""

    rule = "a sum lacks contributions"
