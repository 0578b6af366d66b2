"""Changes to ``.npz`` archives whose checksums are right: members that are missing, renamed, twice there, or another's."""

import io
import random
import warnings
import zipfile

import numpy as np

from tests.fuzz import damage
from tests.fuzz.values import changed, odd_array

Members = list[tuple[str, bytes]]
_NAMES = (
    "",
    "x",
    "../up.npy",
    "/root.npy",
    "a/b.npy",
    "weight_1.npy",
    "weight_99.npy",
    "left_0.npy",
    "run",
    "\u202e.npy",
    "seal",
)


def members(data: bytes) -> Members:
    """Names with suffix and contents, as they stand."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def packed(content: Members, method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive with sound checksums."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that are there twice are meant
        for name, data in content:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    """A member."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=True)
    return stream.getvalue()


def array_of(member: bytes) -> np.ndarray:
    """What a member holds."""
    return np.lib.format.read_array(io.BytesIO(member), allow_pickle=False)


def mutated(data: bytes, other: bytes, rng: random.Random) -> tuple[str, bytes]:
    """What was done to an archive; ``other`` is of the same kind, and some of it may be taken over."""
    content, foreign = members(data), dict(members(other))
    at = rng.randrange(len(content))
    name, member = content[at]
    what = rng.choice(("dropped", "renamed", "twice", "swapped", "added", "taken", "damaged", "values", "values", "header"))
    if what == "dropped":
        del content[at]
    elif what == "renamed":
        content[at] = (rng.choice((*_NAMES, name.upper(), name.removesuffix(".npy"), name + ".npy")), member)
    elif what == "twice":
        content.append((name, rng.choice((member, foreign.get(name, member), npy(changed(array_of(member), rng)[1])))))
    elif what == "swapped":
        to = rng.randrange(len(content))
        content[at], content[to] = (name, content[to][1]), (content[to][0], member)
    elif what == "added":
        content.append((rng.choice(_NAMES), rng.choice((b"", rng.randbytes(30), npy(odd_array(rng))))))
    elif what == "taken":
        content[at] = (name, foreign.get(name, member))
    elif what == "damaged":
        how, member = damage.damaged(member, rng)
        what += f", {how}"
        content[at] = (name, member)
    elif what == "header":
        content[at] = (name, _other_header(member, rng))
    else:
        how, array = changed(array_of(member), rng)
        what += f", {how}"
        content[at] = (name, npy(array))
    if rng.random() < 0.1:
        rng.shuffle(content)
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    return f"{name}: {what}", packed(content, method)


def _other_header(member: bytes, rng: random.Random) -> bytes:
    """A header of the same length that says something else."""
    size = int.from_bytes(member[8:10], "little")
    text = rng.choice(
        (
            "{'descr': '<i4', 'fortran_order': False, 'shape': (99999999999,), }",
            "{'descr': '<i4', 'fortran_order': False, 'shape': (-1,), }",
            "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
            "{'descr': [('a', '<i4'), ('a', '<i4')], 'fortran_order': False, 'shape': (3,), }",
            "{'descr': '<i4', 'fortran_order': 'x', 'shape': (3,), }",
            "{'descr': '|V0', 'fortran_order': False, 'shape': (9999999,), }",
            "{'descr': '<U999999999', 'fortran_order': False, 'shape': (3,), }",
            "{'descr': '<i4', 'fortran_order': False, 'shape': (0, 9223372036854775807, 3), }",
            "{'shape': (True,), 'descr': '<f8', 'fortran_order': True}",
            "(" * 100,
            "[]",
        )
    )
    return member[:10] + text.encode().ljust(size - 1)[: size - 1] + b"\n" + member[10 + size :]
