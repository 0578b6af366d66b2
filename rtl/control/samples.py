"""Which samples a junction works on: their tags move on by one junction cycle at a time."""

from typing import Any, NamedTuple

from amaranth.hdl import Const, Module, Signal, Value

from rtl.plan.plan import JunctionPlan, Plan
from rtl.plan.signatures import tag_layout


class SamplesAtWork(NamedTuple):
    """Tags, in registers, of the samples that are with a junction."""

    feeds: Value
    """Whether FF has a sample in this junction cycle."""
    learns: Value
    """Whether BP and UP have one; they never have if the design does not train."""
    forward: list[Any]
    """That of FF in this junction cycle, and those of the cycles before."""
    forward_next: Any
    """What the next junction takes over when its cycle begins."""
    backward: Any = None
    """That of BP and UP in this junction cycle, if the design trains."""
    backward_next: Any = None
    """What the junction before takes over, if the design trains."""


def samples_at_work(m: Module, of: Plan, j: JunctionPlan, advance: Signal, entering: Any, returning: Any) -> SamplesAtWork:
    """The samples of a junction, of which each cycle takes in ``entering`` for FF and ``returning`` for BP and UP.

    The last junction needs no ``returning``: its BP and UP follow its FF.
    """
    hops, layout = of.hops, tag_layout(of)

    def history(given: Any, length: int, name: str) -> list[Any]:
        stages = []
        for i in range(length):
            stage = Signal(layout, name=f"{name}_{i}")
            with m.If(advance):
                m.d.sync += stage.eq(given)
            stages.append(stage)
            given = stage
        return stages

    # A junction that begins its cycle later sees what this one has already replaced.
    behind = j if j.is_last else of.junctions[j.number]
    later = 1 if behind.timing.offset > j.timing.offset else 0
    forward = history(entering, max(1 + later, hops.turn if j.is_last else 0), "forward")
    if not of.trains:
        return SamplesAtWork(forward[0].valid, Const(0), forward, forward[later])
    # BP and UP of the last junction work on the sample of ``turn`` cycles before.
    backward = history(forward[hops.turn - 1] if j.is_last else returning, hops.backward, "backward")
    learns = backward[0].valid & backward[0].train
    return SamplesAtWork(forward[0].valid, learns, forward, forward[later], backward[0], backward[hops.backward - 1])
