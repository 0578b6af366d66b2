"""Compiling at installation, and what is told while inner loops are compiled."""

import importlib
import json
import math
import os
import subprocess
import sys

import pytest

from hwsim.commands import app as cli
from hwsim.commands import progress
from hwsim.commands.compile import steps
from models import compiled
from tests.hwsim import runs

KERNELS = (
    "models.fixed.kernel",
    "models.fixed.inference",
    "models.floating.kernels",
    "models.sparse_kernels",
    *(f"hwsim.machine.kernel.{name}" for name in ("checks", "lanes", "clocks", "passes")),
)


def signatures():
    """Of every function that has been compiled, or read back, in this process."""
    found = {}
    for name in KERNELS:
        module = importlib.import_module(name)
        for function in vars(module).values():
            if hasattr(function, "py_func") and function.__module__ == name:
                found[f"{name}.{function.__name__}"] = {str(s) for s in function.signatures}
    return found


def lacking(folder):
    """Signatures that small runs of every kind need beyond those that ``hwsim compile`` has made."""
    for prepare in steps().values():
        prepare()
    before = signatures()
    for kind in runs.KINDS:
        path = runs.write_config(folder, kind, epochs=1)
        assert cli.run(["train", str(path), "--out", str(folder / kind), "-q", "--samples", "20"]) == 0
    assert (
        cli.run(
            ["simulate", str(runs.write_config(folder, "fixed overlap")), "--samples", "9", "-q", "--out", str(folder / "m")]
        )
        == 0
    )
    return {name: more for name, known in signatures().items() if (more := known - before.get(name, set()))}


@pytest.mark.slow
def test_no_run_needs_what_has_not_been_compiled(tmp_path):
    code = (
        "import sys, pathlib; from hwsim.pictures import training; training.all_of_training = lambda *_: []; "
        "from tests.hwsim.commands.test_compile import lacking; print(lacking(pathlib.Path(sys.argv[1])))"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert run.stdout == "{}\n"


def test_code_is_compiled_anew_when_a_function_in_another_file_has_changed(tmp_path):
    """Also a constant that it names, and the fields of a tuple that it is given."""
    (tmp_path / "outer_loops.py").write_text(
        "from inner_loops import inner, Pair\nfrom models.compiled import njit\n"
        "@njit(cache=True)\ndef outer(pair):\n    return inner(pair.a) - pair.b\n"
        "if __name__ == '__main__':\n    import outer_loops\n    print(outer_loops.outer(Pair(3, 7)))\n"
        "    print(sum(outer_loops.outer.stats.cache_misses.values()))\n"
    )
    inner = tmp_path / "inner_loops.py"
    source = (
        "from typing import NamedTuple\nfrom models.compiled import njit\nSTEP = 1\n"
        "class Pair(NamedTuple):\n    a: int\n    b: int\n"
        "@njit(cache=True)\ndef inner(x):\n    return x + STEP\n"
    )
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
    }

    def found():
        inner.write_text(source)
        told = subprocess.run(
            [sys.executable, "-B", str(tmp_path / "outer_loops.py")],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return [int(line) for line in told.stdout.split()]

    assert found() == [4 - 7, 1]
    assert found() == [4 - 7, 0]
    source = source.replace("STEP = 1", "STEP = 5")
    assert found() == [8 - 7, 1]
    source = source.replace("x + STEP", "x * STEP")
    assert found() == [15 - 7, 1]
    source = source.replace("    a: int\n    b: int\n", "    b: int\n    a: int\n")
    assert found() == [35 - 3, 1]


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """Three functions that call each other, to be compiled anew."""
    source = tmp_path / "inner_loops.py"
    source.write_text(
        "from models.compiled import njit\n"
        "@njit()\ndef inner(x):\n    return x + 1\n"
        "@njit()\ndef other(x):\n    s = 0\n    for i in range(x):\n        s += inner(i)\n    return s\n"
        "@njit()\ndef outer(x):\n    return inner(x) + other(x)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("inner_loops")
    sys.modules.pop("inner_loops")


def test_a_watcher_is_told_what_share_is_done(fresh):
    seen = []
    with compiled.watched(seen.append):
        assert fresh.outer(3) == 4 + 6
        assert seen[0] == 0 and seen[-1] == 1 and seen == sorted(seen) and 0 < seen[1] < 1
        told = len(seen)
        assert fresh.outer(4) == 5 + 10
    assert len(seen) == told, "nothing was compiled any more"
    assert fresh.outer(2.0 > 1) and len(seen) == told, "nobody watches any more"


def test_without_a_terminal_lines_say_how_long_it_takes(fresh, capsys, monkeypatch):
    clock = iter(range(0, 10_000, 11))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.preparing(quiet=False):
        fresh.outer(3)
    first, *others = capsys.readouterr().err.splitlines()
    assert first == "preparing: the inner loops are compiled once after installation"
    assert others and all(line.startswith("preparing: ") and line.endswith(" s left") for line in others)
    with progress.preparing(quiet=True):
        fresh.outer(3.0)
    with progress.preparing(quiet=False):
        fresh.outer(3.0)
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar_that_vanishes():
    pty = pytest.importorskip("pty")
    code = (
        "from hwsim.commands import progress\nfrom models.compiled import njit\n"
        "@njit()\ndef loop(x):\n    return x + 1\n"
        "with progress.preparing(False):\n    loop(1)\n"
    )
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True, env=os.environ | {"TERM": "xterm"})
    os.close(theirs)
    told = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "preparing: the inner loops are" in told and "\x1b[2K" in told


def test_the_time_left_is_that_of_the_rest_at_the_pace_so_far():
    assert progress._left(6, 0.25) == 18 and progress._left(6, 1) == 0 and math.isclose(progress._left(1, 0.9), 1 / 9)


def test_the_command_says_how_long_each_engine_took(capsys, monkeypatch):
    from hwsim.commands import compile

    monkeypatch.setattr(compile, "steps", lambda: {"one": int, "another": int})
    assert cli.run(["compile"]) == 0
    out, err = capsys.readouterr()
    assert err == "one\nanother\n" and "compiled inner loops" in out and "another" in out
    assert cli.run(["compile", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["tables"][0]
    assert [row["of"] for row in rows["rows"]] == ["one", "another"] and rows["columns"][1]["unit"] == "s"
    assert cli.run(["compile", "-q"]) == 0 and capsys.readouterr() == ("", "")
