"""Files of samples: what is read is what is there, or it is refused.

A checksum (ZIP, gzip) shows damage: what does not unpack soundly must not be read. Formats without one (CSV, ``.npy``, plain
IDX, CIFAR's batches) may hold other samples than before, and only have to be read without a fault.
"""

import gzip
import io
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import yaml

from tests.fuzz import archives, damage, values
from tests.fuzz.case import Answer, Case, command
from tests.hwsim import runs
from tests.models.data.test_cifar import python_batch

_PIXELS = {"mnist": 784, "cifar10": 3072, "cifar10-part": 3072}


def training_of(folder: Path, name: str, features: int, classes: int) -> Callable[[], Answer]:
    """A short training on a data set below a folder."""
    data = {
        "network": {"layers": [features, classes, classes], "out_degree": "full", "activation": ["relu", "softmax"]},
        "connectivity": {"kind": "full"},
        "training": {"engine": "float", "order": "sequential", "epochs": 1, "samples": 4},
        "data": {"name": name},
    }
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump(data))
    return partial(command, "train", path, "--out", folder / "out", "--data-dir", folder, "--quiet")


class Own:
    """``hwsim train`` and ``hwsim data info`` on a user's ``.npz``, ``.npy``, ``.csv`` file or folder of ``.npy`` files."""

    def __init__(self, suffix: str, home: Path) -> None:
        home.mkdir(parents=True)
        self._suffix, self._content = suffix, []
        for seed in (0, 1):
            runs.write_samples(home / f"{seed}.npz", seed)
            self._content.append(_made(suffix, home / f"{seed}.npz", home))

    def case(self, rng: Random, folder: Path, change: bool = True) -> Case:
        """A changed file, and a command that reads it."""
        path = folder / f"own{self._suffix}"
        path.write_bytes(self._content[0])
        if not change:
            what = "nothing"
        elif self._suffix == ".npy" and rng.random() < 0.6:
            what, array = values.changed(archives.array_of(self._content[0]), rng)
            path.write_bytes(archives.npy(array))
        elif self._suffix == ".csv" and rng.random() < 0.6:
            what, text = _changed_table(self._content[0].decode(), rng)
            path.write_text(text)
        elif self._suffix == ".npz" and rng.random() < 0.6:
            what, content = archives.mutated(*self._content, rng)
            path.write_bytes(content)
        else:
            what, content = damage.damaged(self._content[0], rng)
            path.write_bytes(content)
        if rng.random() < 0.5:
            return Case(f"info, {what}", partial(command, "data", "info", path), _no_failed_check)
        return Case(f"train, {what}", training_of(folder, str(path), 16, 4), _no_failed_check)


class Public:
    """``hwsim train`` on files of MNIST's or CIFAR's format."""

    def __init__(self, kind: str, home: Path) -> None:
        home.mkdir(parents=True)
        self._name, self._files = kind, _FORMATS[kind](Random(0))

    def case(self, rng: Random, folder: Path, change: bool = True) -> Case:
        """One file of a data set changed."""
        chosen = rng.choice(sorted(self._files))
        whole, what = True, ""
        for name, content in self._files.items():
            if change and name == chosen:
                what, content, whole = _changed_public(name, content, rng)
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        run = training_of(folder, self._name.partition(" ")[0], _PIXELS[self._name.partition(" ")[0]], 10)
        return Case(f"{chosen}: {what}", run, lambda a: _no_failed_check(a) or (None if whole else "a damaged file is read"))


def _no_failed_check(answer: Answer) -> str | None:
    return f"exit code 1: {answer.err[:200]!r}" if answer.code else None


def _changed_public(name: str, content: bytes, rng: Random) -> tuple[str, bytes, bool]:
    """What was done, what came of it, and whether a checksum still tells it sound."""
    if not name.endswith(".gz"):
        if name.endswith(".npz"):
            what, changed = archives.mutated(content, content, rng)
        elif rng.random() < 0.5 or name.endswith(".bin") or "idx" in name:
            what, changed = _at_its_head(content, rng)
        else:
            what, changed = damage.damaged(content, rng)
        return what, changed, True
    if rng.random() < 0.5:
        what, changed = _at_its_head(gzip.decompress(content), rng)
        return f"inside, {what}", gzip.compress(changed, 1, mtime=0), True
    what, changed = damage.damaged(content, rng)
    try:
        gzip.decompress(changed)
    except Exception:  # gzip's faults are varied
        return what, changed, False
    return what, changed, True


def _at_its_head(content: bytes, rng: Random) -> tuple[str, bytes]:
    """Damage where the format speaks, not only among thousands of pixels."""
    n = rng.choice((20, 200, len(content)))
    what, head = damage.damaged(content[:n], rng)
    return f"{what} within {n}", head + content[n:]


_CELLS = (
    "",
    "nan",
    "inf",
    "-1",
    "1e400",
    "0x10",
    "1_000",
    "é",
    '"',
    '"a,b"',
    "a\nb",
    "\0",
    "1.5",
    "9" * 400,
    "٣",
    "4",
    "1e3",
    " 7 ",
)


def _changed_table(text: str, rng: Random) -> tuple[str, str]:
    rows = [line.split(",") for line in text.splitlines()]
    at = rng.randrange(len(rows))
    column = rng.randrange(len(rows[at]))
    what = rng.choice(("cell", "cell", "row shorter", "row longer", "column", "separator", "no header", "blank", "swapped"))
    if what == "cell":
        rows[at][column] = rng.choice(_CELLS)
    elif what == "row shorter":
        rows[at].pop(column)
    elif what == "row longer":
        rows[at].insert(column, rng.choice(_CELLS))
    elif what == "column":
        for row in rows:
            row[column] = rng.choice(_CELLS[:8])
    elif what == "no header":
        rows.pop(0)
    elif what == "blank":
        rows[at] = []
    elif what == "swapped":
        rows[0], rows[at] = rows[at], rows[0]
    separator = rng.choice((";", "\t", " ", "|")) if what == "separator" else ","
    return what, rng.choice(("\n", "\n", "\r\n", "\r")).join(separator.join(row) for row in rows)


def _made(suffix: str, samples: Path, home: Path) -> bytes:
    if suffix == ".npz":
        return samples.read_bytes()
    with np.load(samples) as arrays:
        table = np.column_stack([arrays["train_inputs"], arrays["train_labels"]])
    if suffix == ".npy":
        return archives.npy(table.astype(np.int64))
    text = io.StringIO()
    np.savetxt(text, table, "%d", ",", header=",".join([*(f"p{k}" for k in range(16)), "label"]), comments="")
    return text.getvalue().encode()


def _idx(rng: Random, packed: bool) -> dict[str, bytes]:
    files = {}
    for split, n in (("train", 12), ("t10k", 6)):
        images = (0x803).to_bytes(4) + n.to_bytes(4) + (28).to_bytes(4) * 2 + rng.randbytes(784 * n)
        labels = (0x801).to_bytes(4) + n.to_bytes(4) + bytes(k % 10 for k in range(n))
        for name, content in ((f"{split}-images-idx3-ubyte", images), (f"{split}-labels-idx1-ubyte", labels)):
            files[f"mnist/{name}" + ".gz" * packed] = gzip.compress(content, 1, mtime=0) if packed else content
    return files


def _batches(rng: Random, kind: str) -> dict[str, bytes]:
    files = {}
    for k, name in enumerate((*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")):
        labels, images = [(j + k) % 10 for j in range(4)], rng.randbytes(4 * 3072)
        if kind == "bin":
            rows = (bytes([label]) + images[j * 3072 : (j + 1) * 3072] for j, label in enumerate(labels))
            files[f"cifar-10-batches-bin/{name}.bin"] = b"".join(rows)
        else:
            files[f"cifar-10-batches-py/{name}"] = python_batch(k)
    return files


def _archive(rng: Random) -> dict[str, bytes]:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in _batches(rng, "py").items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return {"cifar-10-python.tar.gz": gzip.compress(stream.getvalue(), 1, mtime=0)}


def _part(rng: Random) -> dict[str, bytes]:
    content: list[tuple[str, bytes]] = []
    for split, n in (("train", 10), ("test", 5)):
        images = np.frombuffer(rng.randbytes(n * 3072), np.uint8).reshape(n, 3, 32, 32)
        content += [(f"x{split}.npy", archives.npy(images)), (f"y{split}.npy", archives.npy(np.arange(n) % 10))]
    return {"cifar10_first1017_per_batch.npz": archives.packed(content)}


_FORMATS: dict[str, Callable[[Random], dict[str, bytes]]] = {
    "mnist": lambda rng: _idx(rng, False),
    "mnist packed": lambda rng: _idx(rng, True),
    "cifar10": lambda rng: _batches(rng, "py"),
    "cifar10 binary": lambda rng: _batches(rng, "bin"),
    "cifar10 packed": _archive,
    "cifar10-part": _part,
}
