"""Commands in processes of their own, killed at a moment that depends on no clock: the n-th touch of a file."""

import signal
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os, signal, sys

def touched(event, details):
    global left
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "sqlite3.connect", "fcntl.flock"):
        if event == "fcntl.flock" or out in str(details[0]):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":  # not in its workers, which read this file, too
    left, out = int(sys.argv[1]), sys.argv[2]
    del sys.argv[1:3]
    sys.addaudithook(touched)
    from hwsim.__main__ import main
    main()
"""


def killed(moment: int, out: Path, program: Path, *arguments: object) -> bool:
    """Run a command, which is killed when it touches ``out`` for the ``moment``-th time; whether it was."""
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(moment), str(out), *map(str, arguments), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def begun(*arguments: object) -> subprocess.Popen:
    """A command that goes on by itself."""
    command = [sys.executable, "-m", "hwsim", *map(str, arguments), "--quiet"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
