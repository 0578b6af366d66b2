import contextlib
import gzip
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from models.data import cifar, idx
from models.data import fetch as fetching
from models.data.fetch import FetchError, RemoteFile, Source, State, fetch, verify
from models.errors import InputError
from tests.models.data import idx_files, real

SIZE = 400_000
PLAIN = np.random.default_rng(0).integers(0, 256, SIZE, dtype=np.uint8).tobytes()
NAME = "images.gz"
PIECE = 1 << 16  # what the client reads at a time


class Mirror:
    """A web server on the loopback that counts what it serves and misbehaves as told.

    ``fault`` gets the number of the request (0, 1, ..) and returns what is wrong with the answer, or an empty string.
    """

    def __init__(self, content: bytes, fault: Callable[[int], str] = lambda _: "") -> None:
        self.content, self.fault = content, fault
        self.served: list[int] = []  # bytes of each answer
        self.ranges: list[str | None] = []  # the range each request asked for
        self.gate = threading.Event()  # lets go of the stalled ones at the end
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/data/"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        fault = self.fault(len(self.ranges))
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        self.served.append(0)
        turn = len(self.served) - 1
        if fault.isdecimal():
            request.send_error(int(fault))
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and fault != "no ranges" else 0
        if start >= len(self.content):
            request.send_error(416)
            return
        body = self.content[start:]
        request.send_response(206 if start else 200)
        if start:
            first = start + 1 if fault == "wrong range" else start
            request.send_header("Content-Range", f"bytes {first}-{len(self.content) - 1}/{len(self.content)}")
        if fault != "no length":
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if fault == "corrupt":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if fault in ("truncate", "stall"):
            body = body[: len(body) // 2]
        with contextlib.suppress(OSError):  # the client may be gone
            for k in range(0, len(body), 10_000):
                request.wfile.write(body[k : k + 10_000])
                self.served[turn] += len(body[k : k + 10_000])
                if fault == "slow":
                    time.sleep(0.002)
        if fault == "stall":
            self.gate.wait()

    def close(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def mirror() -> Iterator[Callable[..., Mirror]]:
    """Starts mirrors, and stops them after the test."""
    running: list[Mirror] = []

    def start(content: bytes = PLAIN, fault: str | Callable[[int], str] = "") -> Mirror:
        running.append(Mirror(content, (lambda _: fault) if isinstance(fault, str) else fault))
        return running[-1]

    yield start
    for server in running:
        server.close()


@pytest.fixture(autouse=True)
def one_small_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes ``mnist`` one file of random bytes, and keeps proxies away from the loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    use(monkeypatch, RemoteFile(NAME, SIZE, hashlib.sha256(PLAIN).hexdigest()))


def use(monkeypatch: pytest.MonkeyPatch, *files: RemoteFile) -> None:
    monkeypatch.setitem(fetching.SOURCES, "mnist", Source("mnist", files, ("http://127.0.0.1:9/unused",)))


def dead_address() -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.server_close()
    return f"http://127.0.0.1:{server.server_port}"


def part_of(data_dir: Path, content: bytes) -> Path:
    (data_dir / "mnist").mkdir(parents=True)
    path = data_dir / "mnist" / f"{NAME}.part"
    path.write_bytes(content)
    return path


def visible(data_dir: Path) -> list[str]:
    return sorted(path.name for path in (data_dir / "mnist").iterdir() if not path.name.startswith("."))


def test_a_download_with_progress(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    steps: list[tuple[str, int, int | None]] = []

    paths = fetch("mnist", tmp_path / "new" / "folder", [mirror().address], lambda *step: steps.append(step))

    assert paths == [tmp_path / "new" / "folder" / "mnist" / NAME]
    assert paths[0].read_bytes() == PLAIN
    assert steps[-1] == (NAME, SIZE, SIZE)
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)
    assert visible(tmp_path / "new" / "folder") == [NAME]


def test_what_is_there_is_not_fetched_again(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    server = mirror()
    fetch("mnist", tmp_path, [server.address])

    fetch("mnist", tmp_path, [server.address])

    assert server.served == [SIZE]


def test_a_corrupt_file_is_replaced(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    part_of(tmp_path, b"")
    (tmp_path / "mnist" / NAME).write_bytes(PLAIN[:-1])

    [path] = fetch("mnist", tmp_path, [mirror().address])

    assert path.read_bytes() == PLAIN


def test_an_interrupted_client_continues_where_it_stopped(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    server = mirror()

    def interrupt(_: str, done: int, total: int | None) -> None:
        if done > SIZE // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("mnist", tmp_path, [server.address], interrupt)
    assert visible(tmp_path) == [f"{NAME}.part"]
    there = (tmp_path / "mnist" / f"{NAME}.part").stat().st_size
    assert SIZE // 2 < there < SIZE

    [path] = fetch("mnist", tmp_path, [server.address])

    assert path.read_bytes() == PLAIN
    assert server.ranges == [None, f"bytes={there}-"]
    assert server.served[1] == SIZE - there
    assert visible(tmp_path) == [NAME]


def test_a_connection_that_breaks_is_taken_up_again_at_once(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    server = mirror(fault=lambda turn: "truncate" if turn < 3 else "")

    [path] = fetch("mnist", tmp_path, [server.address])

    assert path.read_bytes() == PLAIN
    assert server.ranges[0] is None
    assert len(server.ranges) == 4
    # Each continuation serves again at most the piece that the break cut in two.
    assert SIZE <= sum(server.served) < SIZE + 3 * PIECE


def test_the_next_mirror_continues_what_the_first_began(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    first = mirror(fault=lambda turn: "truncate" if turn == 0 else "500")
    second = mirror()

    [path] = fetch("mnist", tmp_path, [first.address, second.address])

    assert path.read_bytes() == PLAIN
    assert SIZE // 2 <= second.served[0] < SIZE // 2 + PIECE


@pytest.mark.parametrize("fault", ["no ranges", "no length"])
def test_servers_without_ranges_or_lengths_will_do(tmp_path: Path, mirror: Callable[..., Mirror], fault: str) -> None:
    part_of(tmp_path, PLAIN[:1000])

    [path] = fetch("mnist", tmp_path, [mirror(fault=fault).address])

    assert path.read_bytes() == PLAIN


@pytest.mark.parametrize("left", [b"something else", PLAIN[:-1] + b"x", PLAIN + b"more"])
def test_a_wrong_part_is_noticed_and_begun_anew(tmp_path: Path, mirror: Callable[..., Mirror], left: bytes) -> None:
    part_of(tmp_path, left)
    server = mirror()

    [path] = fetch("mnist", tmp_path, [server.address])

    assert path.read_bytes() == PLAIN
    assert server.ranges == [f"bytes={len(left)}-", None]


def test_a_whole_part_needs_no_server(tmp_path: Path) -> None:
    part_of(tmp_path, PLAIN)

    [path] = fetch("mnist", tmp_path, [dead_address()])

    assert path.read_bytes() == PLAIN


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("404", "HTTP 404 Not Found"),
        ("500", "HTTP 500 Internal Server Error"),
        ("corrupt", "its checksum is not that of the official file"),
        ("endless", "sent more than twice the 400000 bytes"),
    ],
)
def test_faults_lead_to_the_next_mirror_or_are_named(
    tmp_path: Path, mirror: Callable[..., Mirror], fault: str, cause: str
) -> None:
    bad = mirror(PLAIN * 3 if fault == "endless" else PLAIN, fault)

    with pytest.raises(FetchError, match=cause) as caught:
        fetch("mnist", tmp_path, [bad.address])
    assert bad.address in str(caught.value)
    assert NAME not in visible(tmp_path)

    [path] = fetch("mnist", tmp_path, [bad.address, mirror().address])

    assert path.read_bytes() == PLAIN


def test_all_mirrors_failing_is_one_line_naming_each(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    dead, gone = dead_address(), mirror(fault="404").address

    with pytest.raises(FetchError, match="no mirror delivered it") as caught:
        fetch("mnist", tmp_path, [dead, gone, "no-address"])

    message = str(caught.value)
    assert f"{dead} (Connection refused)" in message
    assert f"{gone} (HTTP 404 Not Found)" in message
    assert "no-address (Invalid URL" in message
    assert "\n" not in message
    assert isinstance(caught.value, InputError)


def test_a_server_that_says_no_more_times_out(
    tmp_path: Path, mirror: Callable[..., Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT", (0.2, 0.2))

    with pytest.raises(FetchError, match="timed out"):
        fetch("mnist", tmp_path, [mirror(b"x", "stall").address])  # half of one byte is none


def test_what_came_before_a_stall_is_kept(
    tmp_path: Path, mirror: Callable[..., Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT", (5.0, 5.0))  # a busy machine must have got half of it by then
    stalling = mirror(fault=lambda turn: "404" if turn else "stall")

    with pytest.raises(FetchError, match="HTTP 404"):
        fetch("mnist", tmp_path, [stalling.address])

    assert (tmp_path / "mnist" / f"{NAME}.part").stat().st_size > SIZE // 2 - PIECE


def test_a_wrong_range_is_not_appended(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    part = part_of(tmp_path, PLAIN[:1000])

    with pytest.raises(FetchError, match="answered with another range"):
        fetch("mnist", tmp_path, [mirror(fault="wrong range").address])
    assert part.read_bytes() == PLAIN[:1000]


def test_two_at_a_time_do_the_work_once(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    server = mirror(fault="slow")

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: fetch("mnist", tmp_path, [server.address]), range(4)))

    assert results == [[tmp_path / "mnist" / NAME]] * 4
    assert (tmp_path / "mnist" / NAME).read_bytes() == PLAIN
    assert server.served == [SIZE]


def test_an_unwritable_directory_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")

    with pytest.raises(InputError, match="Not a directory"):
        fetch("mnist", tmp_path / "file", [dead_address()])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_bad_input(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / f"{NAME}.part").symlink_to("/dev/full")

    with pytest.raises(InputError, match="No space left on device") as caught:
        fetch("mnist", tmp_path, [mirror().address])
    assert not isinstance(caught.value, FetchError)
    assert NAME not in visible(tmp_path)


def test_a_packed_file_counts_by_its_content(
    tmp_path: Path, mirror: Callable[..., Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, RemoteFile(NAME, SIZE, hashlib.sha256(PLAIN).hexdigest(), unpacked=True))
    fast, small = gzip.compress(PLAIN, 1, mtime=1), gzip.compress(PLAIN, 9, mtime=2)
    assert fast != small

    [path] = fetch("mnist", tmp_path, [mirror(small).address])
    assert path.read_bytes() == small
    path.unlink()

    # Half of one packing continued with the other is neither; the second try gets all of it.
    (tmp_path / "mnist" / f"{NAME}.part").write_bytes(fast[: SIZE // 2])
    server = mirror(small)
    [path] = fetch("mnist", tmp_path, [server.address])
    assert gzip.decompress(path.read_bytes()) == PLAIN


def test_names_that_cannot_be_downloaded(tmp_path: Path) -> None:
    for act in (fetch, verify):
        with pytest.raises(InputError, match="not one that can be downloaded; nearest: mnist, fashion-mnist, cifar10"):
            act("morse", tmp_path)


def test_verify_tells_present_missing_and_corrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = idx_files.contents()
    use(
        monkeypatch,
        *(RemoteFile(f"{base}.gz", 5000, hashlib.sha256(c).hexdigest(), unpacked=True) for base, c in files.items()),
    )
    idx_files.write(tmp_path / "mnist", files)
    (tmp_path / "mnist" / f"{idx.TRAIN_LABELS}.gz").write_bytes(gzip.compress(b"other"))
    (tmp_path / "mnist" / f"{idx.TEST_IMAGES}.gz").write_bytes(gzip.compress(files[idx.TEST_IMAGES])[:-20])
    (tmp_path / "mnist" / f"{idx.TEST_LABELS}.gz").unlink()

    statuses = verify("mnist", tmp_path)

    assert [status.state for status in statuses] == [State.PRESENT, State.CORRUPT, State.CORRUPT, State.MISSING]
    assert statuses[3].path == tmp_path / "mnist" / f"{idx.TEST_LABELS}.gz"


def test_verify_cifar(tmp_path: Path) -> None:
    assert [status.state for status in verify("cifar10", tmp_path)] == [State.MISSING]
    (tmp_path / cifar.BINARY_ARCHIVE).write_bytes(b"half")
    assert [status.state for status in verify("cifar10", tmp_path)] == [State.CORRUPT]
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(b"")
    assert [status.state for status in verify("cifar10", tmp_path)] == [State.UNCHECKED]


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_every_source_is_stated_in_full(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the real table
    source = fetching.SOURCES[name]

    assert source.folder == name
    assert len(source.mirrors) >= 2
    for file in source.files:
        assert len(bytes.fromhex(file.sha256)) == 32


def test_the_real_mnist_files_match_their_checksums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    assert {status.state for status in verify("mnist", real.mnist_dir())} == {State.PRESENT}
