"""Registers in a row."""

from collections import deque
from typing import Any

from amaranth.hdl import Module, Signal


def delayed(m: Module, value: Any, clocks: int, name: str, *, valid: bool = False) -> Any:
    """``value`` as it was ``clocks`` clocks ago.

    ``valid`` marks control that must be 0 after reset; data need no reset, which lets shift registers hold them.
    """
    for i in range(clocks):
        register = Signal(value.shape(), name=f"{name}_{i + 1}", reset_less=not valid, src_loc_at=1)
        m.d.sync += register.eq(value)
        value = register
    return value


class DelayModel:
    """What :func:`delayed` does, clock by clock; ``init`` comes first."""

    def __init__(self, clocks: int, init: Any = 0) -> None:
        self._line = deque([init] * clocks)

    def clock(self, value: Any) -> Any:
        """The value of so many clocks ago."""
        self._line.append(value)
        return self._line.popleft()
