"""Installed where nothing can be written, for a user whose home cannot be written either; and what a start loads."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from numba.core import caching

from hwsim import __main__ as entry
from models.files import temporary
from tests.documents import ROOT
from tests.hwsim import runs
from tests.hwsim.studies import small_studies

# Nobody, the superuser included, can write outside the folders given.
LOCKED = """
import os, sys
allowed = tuple(sys.argv[1].split(os.pathsep)) + ("/dev/", "/proc/")
access = os.access
os.access = lambda path, mode, **more: access(path, mode, **more) and (
    not mode & os.W_OK or os.path.realpath(path).startswith(allowed)
)

def veto(event, details):
    if event == "open":
        path, mode, flags = details
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if isinstance(flags, int) else set(mode or "") & set("wax+")
    else:
        path, writes = details[0], event in ("os.mkdir", "os.rename")
    if writes and isinstance(path, (str, bytes)) and not os.path.abspath(os.fsdecode(path)).startswith(allowed):
        raise PermissionError(13, "Permission denied", os.fsdecode(path))

sys.addaudithook(veto)
del sys.argv[1]
from hwsim.__main__ import main
if __name__ == "__main__":
    main()
"""


@pytest.fixture
def locked(tmp_path):
    """Run a command there; returns what it said on standard error."""
    # Sockets between processes lie there, and their names must be short.
    program, here = tmp_path / "locked.py", Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    program.write_text(LOCKED)
    (tmp_path / "out").mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "XDG_", "MPL", "YOWASP"))}
    environment |= {"HOME": str(tmp_path / "none"), "TMPDIR": str(here), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["NUMBA_OPT"] = "1"  # everything is compiled anew, for a few samples

    def run(*arguments, code=0, writable=(tmp_path / "out", here)):
        command = [sys.executable, str(program), os.pathsep.join(map(str, writable)), *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/")
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    run.here, run.cache = here, here / f"hwsim-{os.getuid()}"
    yield run
    shutil.rmtree(here)


def copy_compiled(cache):
    """Code that is kept where it can be, as if it had been compiled into this folder: that takes a minute.

    Where none is kept it is compiled there, which is as good and slow.
    """
    for source in (p for name in ("hwsim", "models") for p in (ROOT / name).rglob("*.py")):
        for code in (source.parent / "__pycache__").glob(f"{source.stem}.*.nb?"):
            folder = cache / caching._CacheLocator.get_suitable_cache_subpath(str(source))
            folder.mkdir(exist_ok=True)
            if not (folder / code.name).exists():
                shutil.copy2(code, folder)


def test_every_command_works_and_says_once_where_its_cache_is(locked, tmp_path):
    config = runs.write_config(tmp_path, "fixed pipelined", epochs=1, rate_shift=[[0, 3]])
    said = locked("--help") + locked("check", config) + locked("train", config, "--out", tmp_path / "out" / "train")
    assert any(locked.cache.glob("**/*.nbi"))  # compiled once, and kept
    copy_compiled(locked.cache)
    for name, *more in (["simulate"], ["verilog"], ["scatter"], ["search", "--trials", "2", "--draws", "2"]):
        said += locked(name, config, "--out", tmp_path / "out" / name, *more)
    notes = [line for line in said.splitlines() if " is kept in " in line]
    assert len(notes) == 1, said
    assert notes[0].startswith("hwsim: ") and str(locked.cache) in notes[0]
    assert locked.cache.stat().st_mode & 0o777 == 0o700
    assert "Matplotlib" not in said


def test_workers_say_nothing_of_their_own(locked, tmp_path):
    study = small_studies.write(tmp_path)
    said = locked("explore", study, "--out", tmp_path / "out" / "study", "--workers", "2")
    assert said.count(" is kept in ") == 1, said


def test_quiet_is_quiet(locked, tmp_path):
    config = runs.write_config(tmp_path, "fixed pipelined", epochs=1, rate_shift=[[0, 3]])
    said = locked("scatter", config, "--quiet")
    copy_compiled(locked.cache)
    said += locked("train", config, "--out", tmp_path / "out" / "a", "--quiet")
    assert said.count("\n") <= 1  # what is said before the options are read


def test_without_any_place_code_is_compiled_each_time(locked, tmp_path):
    config = runs.write_config(tmp_path, "fixed pipelined", epochs=1, rate_shift=[[0, 3]])
    locked("check", config, "--set", "connectivity.kind=structured", writable=(tmp_path / "out",))


@pytest.mark.parametrize("plant", ["link", "open to all", "file"])
def test_a_planted_directory_is_not_used(plant, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    name = tmp_path / f"hwsim-{os.getuid()}"
    if plant == "link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        name.symlink_to(tmp_path / "theirs")
    elif plant == "file":
        name.write_text("")
    else:
        name.mkdir()
        name.chmod(0o777)
    temporary._new.cache_clear()
    found = temporary.folder("compiled code")
    assert found is not None and found != name and found.parent == tmp_path and found.stat().st_mode & 0o777 == 0o700
    temporary._new.cache_clear()


def test_what_a_user_says_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", "mine")
    temporary.stand_in("MPLCONFIGDIR", "XDG_CONFIG_HOME", "~/.config")
    assert os.environ["MPLCONFIGDIR"] == "mine"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["check", "sim_configs/demo.yaml", "--help"], ["train", "--help"], ["data", "--help"], ["--version"]],
)
def test_whoever_asks_for_help_waits_for_nothing_else(arguments):
    program = "import sys; from hwsim.commands import app; app.run(sys.argv[1:]); sys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    heavy = {"numpy", "numba", "llvmlite", "yaml", "matplotlib", "torch", "scipy", "amaranth", "rtl"}
    assert "typer" in loaded and not loaded & heavy
    assert not any(name.startswith("hwsim.configuration") for name in loaded)


INTERRUPTED = """
import os, signal, sys

class Key:
    def find_spec(self, name, *_):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)

from hwsim import __main__
sys.meta_path.insert(0, Key())
__main__.main()
"""


@pytest.mark.parametrize(
    "module", ["typer", "numpy", "hwsim.configuration.sections", "pydantic", "hwsim.tables", "hwsim.commands.app"]
)
def test_the_interrupt_key_while_anything_is_loaded(module):
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, module, "check", "none.yaml"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "hwsim: interrupted\n")


def test_nothing_is_loaded_before_the_interrupt_key_is_minded():
    program = "import sys; before = set(sys.modules); import hwsim.__main__; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "numpy" not in done.stdout and "typer" not in done.stdout and "hwsim.__main__" in done.stdout
    assert entry.main
