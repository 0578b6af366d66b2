"""How many flags are set, and how often something has happened."""

from typing import Any

from amaranth.hdl import Module, Signal, Value

from rtl.blocks.delay import delayed

ADDED = 4
"""Terms that a clock adds: one more clock for each time that there are more."""


def count(m: Module, name: str, flags: Any, valid: Any) -> Any:
    """How many bits were set a clock ago, if it was ``valid``; many bits take more clocks."""
    bits = delayed(m, Value.cast(flags) & Value.cast(valid).replicate(len(flags)), 1, f"clipped_{name}", valid=True)
    terms, level = list(bits), 0
    while len(terms) > ADDED:
        level += 1
        sums = [sum(terms[i + 1 : i + ADDED], start=terms[i]) for i in range(0, len(terms), ADDED)]
        terms = [delayed(m, x, 1, f"counted_{name}_{level}_{i}", valid=True) for i, x in enumerate(sums)]
    return sum(terms[1:], start=terms[0])


def flag(m: Module, event: Value, clear: Value) -> Signal:
    """Whether anything has happened since it was cleared: that a counter is not 0, without a look at all of its bits."""
    raised = Signal(name="flag")
    with m.If(clear | event):
        m.d.sync += raised.eq(event)
    return raised


def error_counter(m: Module, name: str, event: Value, clear: Value, width: int = 32) -> Signal:
    """A counter that stays at its greatest value; what happens in the clock in which it is cleared counts."""
    total = Signal(width, name=name)
    with m.If(clear):
        m.d.sync += total.eq(event)
    with m.Elif(event & ~total.all()):
        m.d.sync += total.eq(total + 1)
    return total
