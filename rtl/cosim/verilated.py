"""How Verilator's model of the bench is built: no part twice.

A model is kept by the content of all that it is made of, so that a design that was simulated before is not built at all; for
a new one, the objects of Verilator's own library are kept. What is left is compiled in few units: most of what a small one
costs is to read the same headers.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from models.files import kept
from rtl.cosim.testbench import DRIVER, MODEL, TOP_BENCH

ARGUMENTS = ("-Wno-fatal", "-Wno-lint", "-O3", "--x-assign", "fast", "--x-initial", "fast")
FOLDER = "verilator"
Run = Callable[[Sequence[Sequence[Any]], Path], None]
"""Runs commands, one after the other, in a folder."""

_CLASSES = f"{MODEL}_classes.mk"
_UNIT = 1 << 20
"""Bytes of C++ from which a second unit is worth its headers."""
_WHERE = ("VERILATOR_ROOT", "MAKEFLAGS", "CXXFLAGS", "CPPFLAGS")
"""Of the environment: what the compiler is, and is told."""


def program(folder: Path) -> Path:
    """Where the model is built in the folder of a bench."""
    return folder / FOLDER / TOP_BENCH


def build(folder: Path, sources: Sequence[str], waves: bool, run: Run) -> bool:
    """Build the model of a bench in its folder; whether that was necessary.

    Parameters
    ----------
    sources
        Names of the Verilog's files, the bench's first.
    run
        Raises an exception if a command fails.

    Raises
    ------
    OSError
        If a tool cannot be run.
    """
    place, target = folder / FOLDER, program(folder)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    verilate = [
        *(shutil.which("verilator") or "verilator", "--cc", "--exe", "-Mdir", FOLDER),
        *("--top-module", TOP_BENCH, "--prefix", MODEL, "-o", TOP_BENCH, "--timescale", "1ns/1ps"),
        *(["--trace"] if waves else []),
        *ARGUMENTS,
        *(DRIVER, *sources),
    ]
    tools = _tools()
    texts = [(folder / name).read_bytes() for name in (DRIVER, *sources)]
    model = kept.key("model", *verilate[1:], *tools, *texts)
    if kept.load(model, target, 0o755):
        return False
    run([verilate], folder)
    classes = (place / _CLASSES).read_text()
    library = _listed(classes, "VM_GLOBAL_FAST") + _listed(classes, "VM_GLOBAL_SLOW")
    (place / _CLASSES).write_text(classes + _units(place, classes))
    keys = {name: kept.key("library", name, str(waves), *tools) for name in library}
    missing = [name for name in library if not kept.load(keys[name], place / f"{name}.o")]
    run([["make", "-j", str(os.cpu_count() or 1), "-C", FOLDER, "-f", f"{MODEL}.mk"]], folder)
    for name in missing:
        kept.store(keys[name], place / f"{name}.o")
    kept.store(model, target)
    return True


def _tools() -> list[str]:
    """What Verilator and the compiler are."""
    compiler = re.search(r"\bCXX=(\S+)", os.environ.get("MAKEFLAGS", ""))
    commands = (["verilator", "--version"], [compiler[1] if compiler else os.environ.get("CXX", "g++"), "--version"])
    told = [subprocess.run(c, capture_output=True, text=True, check=False).stdout for c in commands]
    return told + [os.environ.get(name, "") for name in _WHERE] + [os.uname().machine if hasattr(os, "uname") else os.name]


def _listed(classes: str, variable: str) -> list[str]:
    found = re.search(rf"^{variable} \+= *((?:.*\\\n)*.*)$", classes, re.MULTILINE)
    return found[1].replace("\\", " ").split() if found else []


def _units(place: Path, classes: str) -> str:
    """Write units that include the model's files; what Make is told of them."""
    fast = _listed(classes, "VM_CLASSES_FAST") + _listed(classes, "VM_SUPPORT_FAST")
    slow = _listed(classes, "VM_CLASSES_SLOW") + _listed(classes, "VM_SUPPORT_SLOW")
    sizes = {name: (place / f"{name}.cpp").stat().st_size for name in fast}
    count = min(os.cpu_count() or 1, 1 + sum(sizes.values()) // _UNIT)
    parts: list[list[str]] = [[] for _ in range(count)]
    for name in sorted(fast, key=lambda name: -sizes[name]):
        min(parts, key=lambda part: sum(sizes[n] for n in part)).append(name)
    units = {f"fast_{k}": part for k, part in enumerate(parts) if part} | {"slow": slow}
    for unit, names in units.items():
        (place / f"{unit}.cpp").write_text("".join(f'#include "{name}.cpp"\n' for name in names))
    nothing = "".join(f"{v} =\n" for v in ("VM_CLASSES_FAST", "VM_CLASSES_SLOW", "VM_SUPPORT_FAST", "VM_SUPPORT_SLOW"))
    # Its rules without precompiled headers, which cost more than they save for so few units, are those for a user's files.
    return f"{nothing}VM_USER_CLASSES += {' '.join(units)}\nslow.o: override OPT_FAST = $(OPT_SLOW)\n"
