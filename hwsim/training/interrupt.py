"""The interrupt key while a run must not be torn: it is noted, and answered at the next sound place."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def interrupt_flag() -> Iterator[Callable[[], bool]]:
    """The first interrupt only raises a flag, so that a chunk is finished; a second one acts as usual."""
    pressed = False

    def note(_signal: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, before)

    try:
        before: Any = signal.getsignal(signal.SIGINT) or signal.SIG_DFL
        signal.signal(signal.SIGINT, note)
    except ValueError:  # not in the main thread: whoever runs us there handles interrupts
        yield lambda: False
        return
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def interrupt_later() -> Iterator[None]:
    """Hold an interrupt back until the end: compiled code is loaded through callbacks in which it would only be printed."""
    with interrupt_flag() as pressed:
        yield
        late = pressed()
    if late:
        raise KeyboardInterrupt
