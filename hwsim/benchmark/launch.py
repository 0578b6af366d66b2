"""``python launch.py FD COMMAND...``: run a command and write what it took to a file descriptor, as JSON.

A process counts among its own memory what its starter had when it was started; this one has next to nothing. Processes whose
starters have ended before them come to this one, which waits for them: a study's workers are not waited for by the study.
"""

import json
import os
import sys
import time

_LEFT = 5.0
"""Seconds in which what a command has left behind must end to be counted."""
_SET_CHILD_SUBREAPER = 36


def adopt() -> None:
    """Become the parent of processes below whose own have ended; Linux alone knows that."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def launch(words: list[str]) -> dict[str, float]:
    """Run a command to its end and that of its processes; returns what they took together."""
    began = time.perf_counter()
    process = os.posix_spawn(words[0], words, os.environ)
    told = {"processor_seconds": 0.0, "peak_memory": 0.0}
    while not ("code" in told and time.perf_counter() > began + told["seconds"] + _LEFT):
        try:
            ended, status, used = os.wait4(-1, os.WNOHANG if "code" in told else 0)
        except ChildProcessError:
            break
        if ended == 0:
            time.sleep(0.01)
            continue
        told["processor_seconds"] += used.ru_utime + used.ru_stime
        told["peak_memory"] = max(told["peak_memory"], used.ru_maxrss * 1024)
        if ended == process:
            told |= {"code": os.waitstatus_to_exitcode(status), "seconds": time.perf_counter() - began}
    return told


if __name__ == "__main__":
    adopt()
    os.write(int(sys.argv[1]), json.dumps(launch(sys.argv[2:])).encode())
