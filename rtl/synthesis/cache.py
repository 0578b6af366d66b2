"""Results that have been computed before, kept for the user, not for a run."""

import base64
import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from models.errors import InputError
from models.files import json_text
from models.files.user_cache import folder
from models.files.whole import write_whole

_LARGEST = 1 << 28


def key(*parts: Any) -> str:
    """SHA-256 over everything that a result depends on."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def load(name: str) -> tuple[dict[str, Any], bytes | None] | None:
    """A result and its bitstream, if they are there and whole."""
    try:
        entry = json_text.read(_path(name), _LARGEST)
        bitstream = entry["bitstream"]
        if entry["seal"] != key(entry["result"], bitstream):
            return None
        return dict(entry["result"]), None if bitstream is None else base64.b64decode(bitstream, validate=True)
    except (ValueError, KeyError, TypeError):
        return None


def store(name: str, result: dict[str, Any], bitstream: bytes | None) -> None:
    """Keep a result; where nothing can be written, nothing is kept."""
    text = None if bitstream is None else base64.b64encode(bitstream).decode()
    entry = {"result": result, "bitstream": text, "seal": key(result, text)}
    with suppress(OSError, InputError):
        path = _path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(entry).encode())


def _path(name: str) -> Path:
    return folder() / "synthesis" / f"{name}.json"
