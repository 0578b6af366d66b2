"""Large arrays are made by one process, read by all, and changed by none for another."""

import multiprocessing
from dataclasses import dataclass

import numpy as np
import pytest

from models.files.shared import SharedArrays


@dataclass
class Samples:
    inputs: np.ndarray
    labels: np.ndarray
    name: str
    nothing: None = None


def samples():
    rng = np.random.default_rng(0)
    inputs = rng.integers(-9, 9, (1000, 33)).astype(np.int16)
    return Samples(inputs, rng.integers(0, 9, 1000), "digits")


def taken(folder, start, told):
    """In a process of its own: the value, after which it writes over what it was given."""
    start.wait()
    value = SharedArrays(folder).value("key", lambda: told.put("made") or samples())
    told.put((value.inputs.copy(), value.labels.copy(), value.name))
    value.inputs[:] = 0


def test_one_of_many_processes_makes_it_and_all_have_it(tmp_path):
    context = multiprocessing.get_context("spawn")
    told, start = context.Queue(), context.Event()
    processes = [context.Process(target=taken, args=(tmp_path, start, told)) for _ in range(3)]
    for p in processes:
        p.start()
    start.set()
    found = [told.get(timeout=300) for _ in range(4)]
    for p in processes:
        p.join()
    assert sum(f == "made" for f in found if isinstance(f, str)) == 1
    for inputs, labels, name in (f for f in found if not isinstance(f, str)):
        assert np.array_equal(inputs, samples().inputs) and np.array_equal(labels, samples().labels) and name == "digits"


def test_what_one_writes_no_other_reads(tmp_path):
    one, other = (SharedArrays(tmp_path).value("key", samples) for _ in range(2))
    one.inputs[:] = 0
    assert np.array_equal(other.inputs, samples().inputs) and one.inputs.flags.writeable
    assert np.array_equal(SharedArrays(tmp_path).value("key", samples).inputs, samples().inputs)


@pytest.mark.parametrize(
    "value",
    [
        [np.zeros((0, 5)), np.arange(7, dtype=np.uint8), np.zeros(3, np.float32)],
        [np.asfortranarray(np.arange(12.0).reshape(3, 4)), np.arange(20).reshape(4, 5)[::2, 1:3]],
        [],
    ],
)
def test_arrays_of_any_size_and_order(value, tmp_path):
    shared = SharedArrays(tmp_path)
    for found in (shared.value("key", lambda: value), shared.value("key", lambda: 1 / 0)):
        assert len(found) == len(value)
        assert all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(found, value, strict=True))


def test_a_maker_that_fails_leaves_it_to_the_next(tmp_path):
    shared = SharedArrays(tmp_path)
    with pytest.raises(ZeroDivisionError):
        shared.value("key", lambda: 1 / 0)
    (half,) = tmp_path.glob("*.lock")
    half.with_suffix(".part").write_bytes(b"of a process that was killed")
    assert shared.value("key", lambda: [3]) == [3] and shared.value("another", lambda: [4]) == [4]


def test_where_nothing_can_be_written_a_value_is_ones_own(tmp_path):
    made = SharedArrays(tmp_path / "missing").value("key", samples)
    assert (made.inputs == samples().inputs).all() and not list(tmp_path.iterdir())


def test_where_there_is_no_room_a_value_is_ones_own_and_made_once(tmp_path, monkeypatch):
    write, times = type(tmp_path).write_bytes, []

    def filling(path, content):
        write(path, content[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(tmp_path), "write_bytes", filling)
    made = SharedArrays(tmp_path).value("key", lambda: times.append(1) or samples())
    assert (made.labels == samples().labels).all() and len(times) == 1
    assert {path.suffix for path in tmp_path.iterdir()} == {".lock"}  # nothing half-written
    monkeypatch.undo()
    assert SharedArrays(tmp_path).value("key", lambda: times.append(1) or samples()).name == "digits" and len(times) == 2


def test_what_cannot_be_made_is_told_as_it_is(tmp_path):
    def missing():
        raise FileNotFoundError("the data set")

    with pytest.raises(FileNotFoundError, match="the data set"):
        SharedArrays(tmp_path).value("key", missing)
