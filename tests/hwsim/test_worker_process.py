"""Processes that work for another one, which is killed."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import multiprocessing, os, sys, time
from concurrent.futures import ProcessPoolExecutor
from hwsim import worker_process

def busy(told=None):
    while True:
        sum(range(1000))

if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(2, context, worker_process.begin) as pool:
        found = {pool.submit(os.getpid).result() for _ in range(50)}
        if sys.argv[1] == "busy":
            [pool.submit(busy) for _ in range(2)]
        print(*found, flush=True)
        time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no /proc")
@pytest.mark.parametrize("doing", ["busy", "idle"])
def test_they_end_when_their_starter_is_killed(doing, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with subprocess.Popen([sys.executable, str(program), doing], stdout=subprocess.PIPE, text=True) as starter:
        working = {int(pid) for pid in starter.stdout.readline().split()}
        assert working and all(alive(pid) for pid in working)
        starter.kill()
    waited = 0
    while any(alive(pid) for pid in working):
        assert (waited := waited + 1) < 6000, working  # five minutes, of which an instant is used
        time.sleep(0.05)


def alive(pid):
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
