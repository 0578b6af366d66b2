"""Processes that work for another one: they leave the interrupt key to it, and end when it does."""

import multiprocessing
import os
import signal
from threading import Thread


def begin() -> None:
    """To be called first in such a process.

    Otherwise it would work on for nobody, to the end of what it has been given, when its starter was killed; that may take
    hours, and a pool's process would wait for more for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started it decides
    Thread(target=_end_with_starter, daemon=True).start()


def _end_with_starter() -> None:
    starter = multiprocessing.parent_process()
    if starter is not None:
        starter.join()
        os._exit(0)
