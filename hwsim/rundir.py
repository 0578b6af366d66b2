"""The directory of a run: which files it holds, and how they are written without ever being half there."""

import json
import math
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hwsim import config_file, given_files
from hwsim.config import Configuration
from models.errors import ArgumentError, InputError

if sys.platform != "win32":  # two runs in one directory go unnoticed there
    import fcntl

CONFIG = "config.yaml"
CONNECTIVITY = "connectivity.npz"
INITIAL = "initial.npz"
FINAL = "final.npz"
FRONT_END = "frontend.npz"
"""Kernels and batch normalisation of a convolutional front end, as PyTorch names them."""
STREAM = "stream.npz"
GIVEN = {given_files.PATTERNS: "given_connectivity.npz", given_files.PARAMETERS: "given_initial.npz"}
"""Copies of the files that the configuration names, by its key, so that the directory stands alone."""
METRICS = "metrics.json"
TIMING = "timing.json"
CHECKPOINT = "checkpoint.npz"
"""Present only while a run is unfinished."""
PICTURES = ("training.png", "connectivity.png", "weights.png", "timeline.png", "occupancy.png", "utilisation.png")
TRACES = ("trace.jsonl", "trace.vcd")
LOGS = ("machine.jsonl", "verilog.jsonl", "machine.vcd", "verilog.vcd")
HARDWARE = ("accelerator.v", "accelerator.core", "lint.vlt", "names.json", "README.md")
SCATTER, SCATTER_PICTURE = "scatter.json", "scatter.png"
SEARCH, SEARCH_PICTURE = "search.json", "search.png"
SYNTHESIS = ("synthesis.json", "accelerator.bit", "accelerator.bin")

_RESULTS = (
    *(CONNECTIVITY, INITIAL, FINAL, FRONT_END, STREAM, METRICS, TIMING, CHECKPOINT),
    *(*PICTURES, *TRACES, *LOGS, *HARDWARE, *SYNTHESIS),
    *(SCATTER, SCATTER_PICTURE, SEARCH, SEARCH_PICTURE),
)
_HEADER = "# The resolved configuration of a run of hwsim: feeding it back reproduces the run.\n"
"""Tells the directory of a run from any other that happens to hold a file of the same name."""


class RunDirectory:
    """A directory that belongs to one run; it is neither made nor touched before :meth:`locked` or :meth:`write_config`.

    Parameters
    ----------
    path
        Where it is.
    config
        Of the run.
    resume
        Whether an interrupted run there is to be continued.
    force
        Whether another run there may be replaced.
    adding
        Whether nothing is going to be replaced, so that even an interrupted run of the same configuration can stay.

    Raises
    ------
    InputError
        If the directory cannot be used, or holds what this run must not overwrite.
    """

    def __init__(
        self, path: Path, config: Configuration, resume: bool = False, force: bool = False, adding: bool = False
    ) -> None:
        self.path, self._config = path, config
        if resume and force:
            raise ArgumentError("force", None, "starts again and <resume> continues: give one of them")
        try:
            self._claim(resume, force, adding)
        except OSError as e:
            raise _unusable(path, e) from None
        except ValueError as e:  # a name that no file can have
            if isinstance(e, InputError):
                raise
            raise ArgumentError("out", str(path), f"cannot be written: {e}") from None

    def _claim(self, resume: bool, force: bool, adding: bool) -> None:
        path = self.path
        if path.exists() and not path.is_dir():
            raise ArgumentError("out", str(path), "is not a directory")
        above = next(p for p in (path, *path.parents, Path()) if p.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):  # better told now than after long preparations
            raise ArgumentError("out", str(path), f"cannot be written: {above} is no directory that can be written to")
        known = self._is_run()
        unfinished = known and (path / CHECKPOINT).is_file()
        if resume and not unfinished:
            raise ArgumentError("resume", str(path), "holds no interrupted run")
        if path.is_dir() and not known and any(not _is_left_over(p) for p in path.iterdir()):
            raise ArgumentError("out", str(path), "is neither empty nor the directory of a run")
        if known and not force:
            same = self._holds_this()
            if resume and not same:
                raise ArgumentError("resume", str(path), f"holds a run of another configuration, see {CONFIG} there")
            if unfinished and not (resume or adding):
                rule = "holds an interrupted run: <resume> continues it, <force> starts again"
                raise ArgumentError("out", str(path), rule)
            if not same:
                rule = f"holds a run of another configuration, see {CONFIG} there: <force> replaces it"
                raise ArgumentError("out", str(path), rule)

    def _is_run(self) -> bool:
        if not (self.path / CONFIG).is_file():
            return False
        with (self.path / CONFIG).open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER.encode()

    def _holds_this(self) -> bool:
        try:
            return config_file.fingerprint(config_file.load(self.path / CONFIG)) == config_file.fingerprint(self._config)
        except InputError:
            return False

    def begin(self) -> None:
        """Start a run: remove what a former one left, lest it be taken for this one's, and write the configuration."""
        self._make()
        given = self._write_given()  # from where it is now, which may be here
        try:
            # The configuration is replaced last, so that a crash in between leaves no mixture of two runs.
            for name in {*_RESULTS, *GIVEN.values()} - set(given.values()):
                (self.path / name).unlink(missing_ok=True)
        except OSError as e:
            raise _unusable(self.path, e) from None
        self.sweep()
        self.write_config()

    def write_config(self) -> None:
        """Write ``config.yaml``, and copies of the files it names."""
        self._make()
        self.write_text(CONFIG, _HEADER + config_file.as_yaml(self._config, self._write_given()))

    def _write_given(self) -> dict[str, str]:
        """Copy the files that the configuration names; returns the copies' names by key."""
        given = given_files.of(self._config)
        for key, source in given.items():
            target = self.path / GIVEN[key]
            # A run can be repeated from its own directory, whose drawn files have been removed by now.
            if source.is_file() and not (target.exists() and target.samefile(source)):
                write_whole(target, source.read_bytes())
        return {key: GIVEN[key] for key in given}

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise _unusable(self.path, e) from None

    def sweep(self) -> None:
        """Remove the unfinished files of a run that was killed while it wrote them."""
        try:
            for left_over in [p for p in self.path.iterdir() if _is_left_over(p)]:
                left_over.unlink(missing_ok=True)
        except OSError as e:
            raise _unusable(self.path, e) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out; the lock ends with the process, however that ends, and leaves no file."""
        self._make()
        with lock(self.path):
            yield

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def write_text(self, name: str, text: str) -> None:
        """Write a text file; it appears under its name only when it is whole."""
        self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a file; it appears under its name only when it is whole."""
        write_whole(self.path / name, data)

    def write_json(self, name: str, data: Mapping[str, Any]) -> None:
        """Write JSON, two spaces a level; what is no finite number becomes ``null``, as JSON has no name for it."""
        self.write_text(name, json.dumps(_finite(data), indent=2, allow_nan=False) + "\n")


@contextmanager
def lock(directory: Path, what: str = "run") -> Iterator[None]:
    """Keep others out of a directory; the lock ends with the process, however that ends, and leaves no file.

    Raises
    ------
    InputError
        If another process holds it.
    """
    if sys.platform == "win32":
        yield
        return
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError as e:
        raise _unusable(directory, e) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ArgumentError("out", str(directory), f"is in use by another {what}") from None
    except OSError:  # some network file systems have no locks; that is no reason not to run
        pass
    try:
        yield
    finally:
        os.close(handle)


def write_whole(target: Path, data: bytes) -> None:
    """Write a file that appears under its name only when it is whole; until then a former one stays.

    A link stays a link, and devices and pipes are written to, never replaced.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            _replace(target.resolve(), data)
    except OSError as e:
        raise _unusable(target, e) from None


def _replace(target: Path, data: bytes) -> None:
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with part.open("wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        part.replace(target)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _is_left_over(path: Path) -> bool:
    """Whether a file was being written when its writer was killed; see :func:`write_whole` and :func:`write_npz`."""
    return path.name.startswith(tuple(f".{name}." for name in (CONFIG, *_RESULTS, *GIVEN.values())))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _unusable(path: Path, error: OSError) -> InputError:
    return ArgumentError("out", str(path), f"cannot be written: {error.strerror or error}")
