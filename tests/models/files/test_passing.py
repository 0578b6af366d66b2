"""A temporary directory ends with its process, also if that is killed; nobody else's does."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from models.files import passing
from models.files.passing import PassingFolder

KIND = "hwsim-passing-test-"
HOLDING = f"""
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from models.files.passing import PassingFolder
held = PassingFolder({KIND!r})
(held.path / "content").write_text("x")
print(held.path, flush=True)
sys.stdin.read()
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no locks of folders")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder(place):
    """A process with a directory, and that."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.communicate()


def test_what_a_killed_process_leaves_goes_when_the_next_begins(holder, place):
    process, left = holder
    assert (left / "content").is_file()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert left.is_dir()
    ours = PassingFolder(KIND)
    assert not left.exists() and ours.path.is_dir() and [*place.iterdir()] == [ours.path]
    ours.remove()
    assert [*place.iterdir()] == []


def test_what_a_living_process_has_stays(holder, place):
    process, theirs = holder
    ours = PassingFolder(KIND)
    second = PassingFolder(KIND)
    assert (theirs / "content").is_file() and ours.path.is_dir()
    ours.remove()
    second.remove()
    process.communicate()
    assert [*place.iterdir()] == []


def test_only_folders_of_its_kind_and_its_user_go(place, monkeypatch):
    (place / "elsewhere").mkdir()
    (place / "elsewhere" / "content").touch()
    (place / f"{KIND}link").symlink_to(place / "elsewhere")
    (place / f"{KIND}file").touch()
    (place / "hwsim-other").mkdir()
    (place / f"{KIND}left").mkdir()
    PassingFolder(KIND).remove()
    names = {p.name for p in place.iterdir()}
    assert names == {"elsewhere", f"{KIND}link", f"{KIND}file", "hwsim-other"} and (place / "elsewhere/content").exists()
    (place / f"{KIND}left").mkdir()
    user = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    PassingFolder(KIND).remove()
    assert (place / f"{KIND}left").is_dir()


def test_a_folder_that_is_taken_before_it_is_locked_is_made_again(place, monkeypatch):
    """Between making and locking, another process may think that a dead one has left it."""
    lock, taken = passing._lock, []

    def late(handle):
        if not taken:
            taken.append(next(place.iterdir()))
            taken[0].rmdir()
        return lock(handle)

    monkeypatch.setattr(passing, "_lock", late)
    held = PassingFolder(KIND)
    assert taken and held.path != taken[0] and held.path.is_dir()
    held.remove()


def test_without_locks_nothing_is_removed(place, monkeypatch):
    (place / f"{KIND}left").mkdir()

    def none(*_):
        raise OSError("no locks available")

    monkeypatch.setattr(passing.fcntl, "flock", none)
    held = PassingFolder(KIND)
    assert held.path.is_dir() and (place / f"{KIND}left").is_dir()
    held.remove()
