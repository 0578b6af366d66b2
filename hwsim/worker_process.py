"""Processes that work for another one: they leave the interrupt key to it, and end when it does."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def begin() -> None:
    """To be called first in such a process.

    Otherwise it would work on for nobody, to the end of what it has been given, when its starter was killed; that may take
    hours, and a pool's process would wait for more for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started it decides
    threading.Thread(target=_end_with_starter, daemon=True).start()


def _end_with_starter() -> None:
    starter = multiprocessing.parent_process()
    if starter is not None:
        starter.join()
        os._exit(0)


@contextmanager
def ended_like_an_interrupt() -> Iterator[None]:
    """Whoever ends us must end the tool, too, which is in another group and may run for hours."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread() or sys.platform == "win32":
        yield
        return
    before = {s: signal.signal(s, interrupt) for s in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
