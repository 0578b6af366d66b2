"""The directory of a run: which files it holds, and how they are written without ever being half there."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hwsim import config_file
from hwsim.config import Configuration
from models.errors import InputError

CONFIG = "config.yaml"
CONNECTIVITY = "connectivity.npz"
INITIAL = "initial.npz"
FINAL = "final.npz"
STREAM = "stream.npz"
METRICS = "metrics.json"
TIMING = "timing.json"
CHECKPOINT = "checkpoint.npz"
"""Present only while a run is unfinished."""


class RunDirectory:
    """A directory that belongs to one run.

    Raises
    ------
    InputError
        If the directory cannot be used, or holds what this run must not overwrite.
    """

    def __init__(self, path: Path, config: Configuration, resume: bool = False, force: bool = False) -> None:
        self.path = path
        try:
            self._claim(config, resume, force)
        except OSError as e:
            raise _unusable(path, e) from None

    def _claim(self, config: Configuration, resume: bool, force: bool) -> None:
        path = self.path
        if path.exists() and not path.is_dir():
            raise InputError("--out", str(path), "is not a directory")
        known = (path / CONFIG).is_file()
        unfinished = (path / CHECKPOINT).is_file()
        if resume and not unfinished:
            raise InputError("--resume", str(path), "holds no interrupted run")
        if path.is_dir() and any(path.iterdir()) and not known:
            raise InputError("--out", str(path), "is neither empty nor the directory of a run")
        if known and not force:
            same = self._holds(config)
            if resume and not same:
                raise InputError("--resume", str(path), f"holds a run of another configuration, see {CONFIG} there")
            if unfinished and not resume:
                rule = "holds an interrupted run: --resume continues it, --force starts again"
                raise InputError("--out", str(path), rule)
            if not same:
                rule = f"holds a run of another configuration, see {CONFIG} there: --force replaces it"
                raise InputError("--out", str(path), rule)
        path.mkdir(parents=True, exist_ok=True)
        if not resume:
            # What a former run left must not be taken for this one's.
            for name in (CHECKPOINT, FINAL, STREAM, METRICS, TIMING):
                (path / name).unlink(missing_ok=True)
        self.write_text(CONFIG, config_file.as_yaml(config))

    def _holds(self, config: Configuration) -> bool:
        try:
            return config_file.fingerprint(config_file.load(self.path / CONFIG)) == config_file.fingerprint(config)
        except (InputError, yaml.YAMLError):
            return False

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def write_text(self, name: str, text: str) -> None:
        """Write a text file; it appears under its name only when it is whole."""
        self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a file; it appears under its name only when it is whole."""
        target = self.path / name
        part = target.with_name(f".{name}.{secrets.token_hex(4)}")
        try:
            with part.open("wb") as f:
                f.write(data)
                f.flush()
                os.fsync(f.fileno())
            part.replace(target)
        except OSError as e:
            raise _unusable(target, e) from None
        finally:
            part.unlink(missing_ok=True)

    def write_json(self, name: str, data: Mapping[str, Any]) -> None:
        """Write JSON, two spaces a level."""
        self.write_text(name, json.dumps(data, indent=2, allow_nan=False) + "\n")


def _unusable(path: Path, error: OSError) -> InputError:
    return InputError("--out", str(path), f"cannot be written: {error.strerror or error}")
