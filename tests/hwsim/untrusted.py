"""Files as nobody means them, to be put in the place of any that hwsim reads."""

import io
import os
import zipfile
from functools import cache
from pathlib import Path

import numpy as np


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 36)


@cache
def _bomb() -> bytes:
    """More than a gigabyte of zeros in a few megabytes."""
    size, head, whole = (1 << 30) + (1 << 20), io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": (size,)})
    with (
        zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("left_1.npy", "w") as member,
    ):
        member.write(head.getvalue())
        for _ in range(size >> 20):
            member.write(bytes(1 << 20))
    return whole.getvalue()


def _stored(array: np.ndarray) -> bytes:
    whole = io.BytesIO()
    np.savez(whole, left_1=array)
    return whole.getvalue()


def _laughs(path: Path) -> None:
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"a{k + 1}: &a{k + 1} [{', '.join([f'*a{k}'] * 9)}]" for k in range(20)]
    path.write_text("\n".join([*lines, "name: *a20", "schema_version: *a20", ""]))


KINDS = {
    "a circle of links": lambda path: path.symlink_to(path),
    "a link to nothing": lambda path: path.symlink_to(path.parent / "nothing"),
    "a pipe": lambda path: os.mkfifo(path),
    "an endless device": lambda path: path.symlink_to("/dev/zero"),
    "an empty device": lambda path: path.symlink_to("/dev/null"),
    "a folder": lambda path: path.mkdir(),
    "an empty file": lambda path: path.write_bytes(b""),
    "no UTF-8": lambda path: path.write_bytes(b"name: \xff\xfe\x80\n"),
    "zeros": lambda path: path.write_bytes(bytes(5000)),
    "an enormous file": _sparse,
    "deep JSON": lambda path: path.write_text("[" * 100_000),
    "JSON of 900 lists": lambda path: path.write_text('{"format": ' + "[" * 900 + "]" * 900 + "}\n"),
    "JSON of another kind": lambda path: path.write_text("[1, 2, 3]\n"),
    "a number with too many digits": lambda path: path.write_text("9" * 10_000),
    "aliases of aliases": _laughs,
    "an archive of much": lambda path: path.write_bytes(_bomb()),
    "structured arrays": lambda path: path.write_bytes(_stored(np.zeros(3, [("a", "i4")]))),
    "arrays of objects": lambda path: path.write_bytes(_stored(np.array([{}, None]))),
    "arrays of dates": lambda path: path.write_bytes(_stored(np.zeros(3, "M8[s]"))),
}


def put(kind: str, path: Path) -> Path:
    """Put a file of that kind there, whatever has been there."""
    if path.exists() or path.is_symlink():
        path.unlink()
    KINDS[kind](path)
    return path
