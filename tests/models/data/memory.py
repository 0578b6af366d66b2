"""Reading something hostile under a limit on memory."""

import subprocess
import sys
from pathlib import Path

_READ = """
import resource, sys
from pathlib import Path
from models.data import catalogue
from models.errors import InputError
catalogue.load("mnist-mini", None, 0)  # what is imported late
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[3]),) * 2)
try:
    catalogue.load(sys.argv[1], Path(sys.argv[2]), 0)
except InputError as e:
    print(e)
"""


def refusal(name: str, data_dir: Path, more: int = 1 << 26) -> str:
    """The line that loading a data set ends in, in a process that may take ``more`` bytes beyond what imports took."""
    command = [sys.executable, "-c", _READ, name, str(data_dir), str(more)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
