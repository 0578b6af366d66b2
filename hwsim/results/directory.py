"""The directory of a run: which files it holds, whose they are, and who may write them."""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy.typing as npt

from hwsim.configuration import config_file, given_files
from hwsim.configuration.configuration import Configuration
from models.errors import ArgumentError, InputError
from models.files import json_text, regular
from models.files.npz import write_npz
from models.files.regular import is_file, is_folder, is_there, opened, read_bytes
from models.files.whole import lock, not_writable, write_whole

CONFIG = "config.yaml"
CONNECTIVITY = "connectivity.npz"
INPUTS = "inputs.json"
"""Which inputs of the data set the network has, where ``data.select`` leaves some out."""
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
REPORT = "report.html"
"""The whole run on one page."""
TRACES = ("trace.jsonl", "trace.vcd", "trace.gtkw", "trace.sucl", "trace.perfetto.json")
LOGS = tuple(f"{source}.{ending}" for ending in ("jsonl", "vcd", "gtkw", "sucl") for source in ("machine", "verilog"))
HARDWARE = ("accelerator.v", "accelerator.core", "lint.vlt", "names.json", "README.md", "testbench.v")
REGISTER_MAPS = ("registers.rdl", "registers.svd", "registers.h", "registers.json")
DRIVER = "driver.zip"
VENDOR_SCRIPTS = ("vivado.tcl", "accelerator.xdc", "quartus.tcl", "accelerator.sdc")
CROSSING_CONSTRAINTS = ("accelerator_crossing.xdc", "accelerator_crossing.sdc")
PACKAGING = ("package_ip.tcl", "litex_accelerator.py")
MEMORY_CONTENTS = ("weights_*.mem", "biases_*.mem", "testbench_*.mem")
SAMPLES = "samples.npz"
"""What a client trains a board on, and is judged by."""
PRETRAINED, NEWCOMER, ADAPTED = "pretrained.npz", "newcomer.npz", "adapted.npz"
"""Of a board that adapts: what it has learned from others, the newcomer's samples, what it has become."""
TERMINAL = "tty"
"""A link to the pseudo-terminal of a board that runs."""
FEATURES = "features.npz"
"""What a front end makes of the data set: the data set of the design that was exported from it."""
SCATTER, SCATTER_PICTURE = "scatter.json", "scatter.png"
SEARCH, SEARCH_PICTURE = "search.json", "search.png"
MUTANTS = "mutants.csv"
VIEW = "view.html"
PROOFS = "proofs.json"
SYNTHESIS = ("synthesis.json", "accelerator.bit", "accelerator.bin")
BOARD = "build.json", *(f"board.{ending}" for ending in ("v", "lpf", "pcf", "xdc", "tcl", "ipynb", "bit", "bin"))

_RESULTS = (
    *(CONNECTIVITY, INPUTS, INITIAL, FINAL, FRONT_END, STREAM, FEATURES, METRICS, TIMING, REPORT, CHECKPOINT),
    *(*PICTURES, *TRACES, *LOGS, *HARDWARE, *REGISTER_MAPS, DRIVER, *VENDOR_SCRIPTS, *CROSSING_CONSTRAINTS, *PACKAGING),
    *(*SYNTHESIS, *BOARD),
    *(PROOFS, SAMPLES, PRETRAINED, NEWCOMER, ADAPTED, TERMINAL),
    *(f"{name}.partial" for name in (FINAL, CHECKPOINT, ADAPTED)),
    *(SCATTER, SCATTER_PICTURE, SEARCH, SEARCH_PICTURE, MUTANTS, VIEW),
)
_HEADER = "# The resolved configuration of a run of hwsim: feeding it back reproduces the run.\n"
"""Tells the directory of a run from any other that happens to hold a file of the same name."""
_RECORD = "# run: "
"""Begins the second line of the configuration's file: which command, of which configuration, with which options."""
_LONGEST_RECORD = 1 << 16


class RunDirectory:
    """A directory that belongs to one run; it is neither made nor touched before :meth:`locked`.

    All commands own their directory in this way: what is there already is looked at when the object is made, so that nobody
    prepares for long in vain, and once more under the lock, which stays until everything has been written.

    Parameters
    ----------
    path
        Where it is; None: in ``runs``, with a name that no other configuration, command or options share.
    config
        Of the run.
    command
        What fills the directory. None only adds to what a run of the same configuration has left or is going to leave, so
        that even an interrupted run can stay.
    options
        What the files depend on beside configuration and command; what is None, False or 0 is left out.
    resume
        Whether an interrupted run there is to be continued.
    force
        Whether another run there may be replaced.

    Raises
    ------
    InputError
        If the directory cannot be used, or holds what this run must not overwrite.
    """

    def __init__(
        self,
        path: Path | None,
        config: Configuration,
        command: str | None = "train",
        options: Mapping[str, Any] | None = None,
        *,
        resume: bool = False,
        force: bool = False,
    ) -> None:
        self._config, self._command = config, command
        self._options = {name: value for name, value in (options or {}).items() if value}
        self.path = path or Path("runs") / self._own_name()
        self._resume, self._force = resume, force
        self._holds = False  # whether this object is inside its lock
        if resume and force:
            raise ArgumentError("force", None, "starts again and <resume> continues: give one of them")
        self._check()

    @property
    def fingerprint(self) -> str:
        """Of the run's configuration, and of the files that it names, as they are now."""
        return config_file.fingerprint(self._config)

    @property
    def recorded_options(self) -> dict[str, Any]:
        """With which options the run that is there was begun; none if there is none."""
        return dict(recorded(self.path).get("options", {})) if self._is_run() else {}

    def _own_name(self) -> str:
        digest = self.fingerprint
        if self._options:
            digest = hashlib.sha256(json.dumps([digest, self._options], sort_keys=True).encode()).hexdigest()
        return f"{self._config.name}-{digest[:8]}" + ("" if self._command == "train" else f"-{self._command}")

    def _check(self) -> None:
        try:
            self._claim()
        except OSError as e:
            raise not_writable(self.path, e) from None
        except ValueError as e:  # a name that no file can have
            if isinstance(e, InputError):
                raise
            raise ArgumentError("out", str(self.path), f"cannot be written: {e}") from None

    def _claim(self) -> None:
        path = self.path
        check_usable(path)
        known = self._is_run()
        unfinished = known and (path / CHECKPOINT).is_file()
        if self._resume and not unfinished:
            raise ArgumentError("resume", str(path), "holds no interrupted run: leave <resume> out to begin one")
        if path.is_dir() and not known and any(not _is_left_over(p) for p in path.iterdir()):
            raise ArgumentError("out", str(path), "is neither empty nor the directory of a run: give a new one")
        if not known or self._force:
            return
        if unfinished and not self._resume and self._command is not None:
            raise ArgumentError("out", str(path), "holds an interrupted run: <resume> continues it, <force> starts again")
        self._compare()

    def _compare(self) -> None:
        """Refuse the run that is there if it is not this one."""
        field, tail = (
            ("resume", ": give its own options, or a new directory")
            if self._resume
            else ("out", ": <force> replaces it" if self._command else "")
        )
        there = recorded(self.path)
        try:
            written = config_file.fingerprint(config_file.load(self.path / CONFIG))
        except InputError:
            raise ArgumentError(field, str(self.path), f"holds a run with an unusable {CONFIG}{tail}") from None
        if there.get("configuration", written) != written:
            rule = f"holds a run whose {CONFIG} or files named there have been changed since it was written"
            raise ArgumentError(field, str(self.path), f"{rule}{tail}")
        # A command that adds to a directory goes by the configuration that stands there, all others by what they were given.
        own = written if self._command is None else there.get("of", written)
        try:
            same = own == self.fingerprint
        except InputError:  # names a file that is to be written here
            same = False
        if not same:
            raise ArgumentError(field, str(self.path), f"holds a run of another configuration, see {CONFIG} there{tail}")
        if self._command is None or "command" not in there:
            return
        # Whoever resumes is told by the checkpoint which options differ.
        same = self._resume or there.get("options", {}) == self._options
        if there["command"] != self._command or not same:
            options = "".join(f" {name}={value}" for name, value in sorted(there.get("options", {}).items()))
            raise ArgumentError(field, str(self.path), f"holds results of {there['command']}{options}{tail}")

    def _is_run(self) -> bool:
        if not is_file(self.path / CONFIG):
            return False
        with opened(self.path / CONFIG) as file:
            return file.read(len(_HEADER)) == _HEADER.encode()

    def begin(self) -> None:
        """Start a run: remove what a former one left, lest it be taken for this one's, and write the configuration."""
        self._owned()
        given = self._write_given()  # from where it is now, which may be here
        try:
            # The configuration is replaced last, so that a crash in between leaves no mixture of two runs.
            for path in [p for p in self.path.iterdir() if _is_ours(p.name) and p.name not in given.values()]:
                path.unlink(missing_ok=True)
        except OSError as e:
            raise not_writable(self.path, e) from None
        self.write_config()

    def _own_data(self) -> dict[str, str]:
        """The name of the file of the data set by key, if it is one of this directory, as after an export."""
        data = Path(self._config.data.name)
        ours = data.is_absolute() and is_there(data.parent) and data.parent.samefile(self.path)
        return {"data.name": data.name} if ours else {}

    def write_config(self, using: Configuration | None = None) -> None:
        """Write ``config.yaml``, and copies of the files it names.

        Parameters
        ----------
        using
            The configuration to write where it is not the one that was given, but what the command has made of it.
        """
        self._owned()
        if self._command is None and self._is_run():
            return  # that of the run whose directory this is stays, with its record
        config = using or self._config
        text = config_file.as_yaml(config, self._write_given(config))
        self.write_text(CONFIG, _HEADER + self._record_line(config) + text)

    def _record_line(self, config: Configuration) -> str:
        if self._command is None:
            return ""
        record: dict[str, Any] = {"command": self._command, "configuration": config_file.fingerprint(config)}
        if config is not self._config:
            record["of"] = self.fingerprint
        if self._options:
            record["options"] = self._options
        return f"{_RECORD}{json.dumps(record, sort_keys=True)}\n"

    def _write_given(self, config: Configuration | None = None) -> dict[str, str]:
        """Copy the files that the configuration names; returns by key what this directory calls them."""
        given = given_files.of(config or self._config)
        for key, source in given.items():
            target = self.path / GIVEN[key]
            # A run can be repeated from its own directory, whose drawn files have been removed by now.
            if is_file(source) and not (is_there(target) and target.samefile(source)):
                write_whole(target, read_bytes(source, regular.MOST_BYTES))
        return {key: GIVEN[key] for key in given} | self._own_data()

    def _owned(self) -> None:
        if not self._holds:
            raise RuntimeError("a directory is written to only inside locked()")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Own the directory: others are kept out, and what a killed run had half written is swept up.

        The lock ends with the process, however that ends, and leaves no file. It can be entered again inside itself.

        Raises
        ------
        InputError
            If another process holds it, or has left there by now what this run must not overwrite.
        """
        if self._holds:
            yield
            return
        with lock(self.path):
            self._check()
            self._sweep()
            self._holds = True
            try:
                yield
            finally:
                self._holds = False

    def _sweep(self) -> None:
        """Remove the unfinished files of a run that was killed while it wrote them."""
        try:
            for left_over in [p for p in self.path.iterdir() if _is_left_over(p)]:
                left_over.unlink(missing_ok=True)
        except OSError as e:
            raise not_writable(self.path, e) from None

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def write_text(self, name: str, text: str) -> None:
        """Write a text file; it appears under its name only when it is whole."""
        self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a file; it appears under its name only when it is whole."""
        self._owned()
        write_whole(self.path / name, data)

    def write_arrays(self, name: str, arrays: Mapping[str, npt.ArrayLike]) -> None:
        """Write an ``.npz`` archive; it appears under its name only when it is whole."""
        self._owned()
        write_npz(self.path / name, arrays)

    def digests(self, *names: str) -> dict[str, str]:
        """SHA-256 of those of the files that are there."""
        return {name: regular.digest(self.path / name) for name in names if is_file(self.path / name)}

    def write_json(self, name: str, data: Mapping[str, Any]) -> None:
        """Write JSON, two spaces a level; what is no finite number becomes ``null``, as JSON has no name for it."""
        self.write_text(name, json.dumps(_finite(data), indent=2, allow_nan=False) + "\n")


def recorded(path: Path) -> dict[str, Any]:
    """By which ``command`` with which ``options`` the run was made that is in a directory.

    That is what the second line of the configuration's file says; empty if there is none, as after ``hwsim check``.
    """
    with opened(path / CONFIG) as file:
        file.readline(len(_HEADER))
        line = file.readline(_LONGEST_RECORD).decode(errors="replace")
    if not line.startswith(_RECORD):
        return {}
    try:
        found = json_text.parsed(line.removeprefix(_RECORD))
    except ValueError:
        found = None
    sound = isinstance(found, dict) and isinstance(found.get("options", {}), dict)
    # A line that nobody can read belongs to no configuration.
    return found if sound else {"configuration": None}


def check_finished(path: Path, *names: str) -> None:
    """Refuse the directory of a run unless its configuration and the files ``names`` are what the run has left.

    Raises
    ------
    InputError
        If a file is missing, damaged or of another run, or if the run has not ended.
    """
    for name in (CONFIG, METRICS, *names):
        if not is_file(path / name):
            raise InputError(str(path), None, f"lacks {name}: it must be the directory of a finished run")
    try:
        left = json_text.read(path / METRICS)
        of, digests = left["configuration_hash"], dict(left["files"]["value"])
    except (ValueError, KeyError, TypeError):
        rule = "does not tell which files the run has left: it is damaged, or of an older version"
        raise InputError(str(path / METRICS), None, rule) from None
    if of != config_file.fingerprint(config_file.load(path / CONFIG)):
        raise InputError(str(path / CONFIG), None, f"is not the configuration of the run that {METRICS} tells of")
    for name in names:
        if regular.digest(path / name) != digests.get(name):
            raise InputError(str(path / name), None, f"is damaged, or of another run than {METRICS} beside it")


def add_file(out: Path, name: str, data: bytes, force: bool = False) -> None:
    """Write one file into a directory, whatever else is there; other content under that name stays unless forced.

    Raises
    ------
    InputError
        If that cannot be done, or the directory is in use.
    """
    check_usable(out)
    with lock(out):
        target = out / name
        same = is_file(target) and target.stat().st_size == len(data) and read_bytes(target, len(data)) == data
        if not force and target.exists() and not same:
            raise ArgumentError("out", str(target), "is there and holds something else: <force> replaces it")
        write_whole(target, data)


def check_usable(path: Path) -> None:
    """Refuse a directory that cannot be written to, whether it is there yet or not: better now than after long work."""
    if is_there(path) and not is_folder(path):
        raise ArgumentError("out", str(path), "is not a directory: give another name")
    above = next(p for p in (path, *path.parents, Path()) if is_there(p))
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise ArgumentError(
            "out", str(path), f"cannot be written: {above} is no directory that can be written to: give another place"
        )


def _is_ours(name: str) -> bool:
    """Whether a run leaves a file of this name, its configuration apart."""
    return name in _RESULTS or name in GIVEN.values() or any(fnmatch(name, pattern) for pattern in MEMORY_CONTENTS)


def _is_left_over(path: Path) -> bool:
    """Whether a file was being written when its writer was killed; see :func:`write_whole` and :func:`write_npz`."""
    if not path.name.startswith("."):
        return False
    whole = path.name[1:].removesuffix(".part").rpartition(".")[0]
    return whole == CONFIG or _is_ours(whole)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
