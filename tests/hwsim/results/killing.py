"""Commands in processes of their own, killed at a moment that depends on no clock: the n-th touch of a file."""

import signal
from pathlib import Path

from tests import warm

PROGRAM = """
import os, signal, sys

def touched(event, details):
    global left
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "sqlite3.connect", "fcntl.flock"):
        if event == "fcntl.flock" or out in str(details[0]):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

left, out = int(sys.argv[1]), sys.argv[2]
del sys.argv[1:3]
sys.addaudithook(touched)
from hwsim.__main__ import main
main()
"""


def killed(moment: int, out: Path, *arguments: object) -> bool:
    """Run a command, which is killed when it touches ``out`` for the ``moment``-th time; whether it was."""
    code, complaint = warm.run(PROGRAM, moment, out, *arguments, "--quiet")
    assert "Traceback" not in complaint, complaint
    assert code in (0, -signal.SIGKILL), complaint
    return code != 0
