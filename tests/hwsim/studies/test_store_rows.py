"""A store whose rows somebody has changed, and one that cannot be written."""

import json
import sqlite3

import pytest

from hwsim.studies.measuring.store import _TABLE, Store, _seal
from hwsim.studies.measuring.task import Result
from models.errors import InputError

GOOD = {"train_accuracy": 0.5, "train_loss": float("nan"), "test_accuracy": 0.75}
COLUMNS = ("key", "measurement", "configuration", "code", "figures", "error", "seconds", "engine_seconds", "samples")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "study.sqlite"
    with Store(path) as store:
        store.put(Result("k", GOOD, None, 1.5, 1.0, 100), "fixed", "c", "v")
        store.put(Result("e", error="fixed: no"), "fixed", "c", "v")
    return path


def test_what_was_written_is_read_back(path):
    with Store(path) as store:
        found = store.get({"k": "fixed", "e": "fixed", "other": "fixed"})
    assert found["e"] == Result("e", error="fixed: no") and set(found) == {"k", "e"}
    assert str(found["k"].figures) == str(GOOD) and found["k"].samples == 100


CHANGES = {
    "figures": ["5", "[]", "{}", '{"test_accuracy": "x"}', '{"test_accuracy": NaN}', '{"edges": 3}', '{"test_loss": null}',
                '{"test_accuracy": true}', "[" * 100_000, "", b"{}", json.dumps(GOOD | {"test_accuracy": 0.99})],
    "error": ["x", 5, b"\xff"],
    "seconds": ["x", -1.0, float("inf"), b"1"],
    "engine_seconds": ["x", -1.0],
    "samples": ["x", -1, 0.5, 2**62],
    "measurement": ["float", "check", "x", b"fixed"],
}  # fmt: skip
CASES = [(column, value) for column, values in CHANGES.items() for value in values]


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize(("column", "value"), CASES, ids=[f"{c}-{str(v)[:30]}" for c, v in CASES])
def test_a_changed_row_is_refused_and_says_what_to_do(column, value, sealed, path):
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE results SET {column} = ? WHERE key = 'k'", (value,))
        if sealed:  # as good as a forger can
            row = db.execute(f"SELECT {', '.join(COLUMNS)} FROM results WHERE key = 'k'").fetchone()
            try:
                db.execute("UPDATE results SET seal = ? WHERE key = 'k'", (_seal(row),))
            except TypeError:  # a row of bytes cannot have a seal
                return
    db.close()
    plausible = (column, value) in {("samples", 2**62), ("figures", CHANGES["figures"][-1])} or value == "{}"
    with Store(path) as store:
        if sealed and plausible:
            store.get({"k": "fixed"})
            return
        with pytest.raises(InputError, match="holds a row that is not what fixed has left there: force measures all again"):
            store.get({"k": "fixed"})


def test_a_full_disk_is_told_and_leaves_a_sound_store(path):
    with Store(path) as store:
        pages = store._db.execute("PRAGMA page_count").fetchone()[0]
        store._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(InputError, match=r"cannot be written: no space is left for study\.sqlite; .*resume continues"):
            for k in range(1000):
                store.put(Result(f"key {k}", error="x" * 500), "fixed", "c", "v")
    with Store(path) as store:
        assert store.get({"k": "fixed"})["k"].samples == 100


def test_a_store_of_the_former_format_begins_again(path):
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 1")
    db.close()
    with Store(path) as store:
        assert len(store) == 0 and store.unreadable == 2


def test_a_store_whose_rows_lie_in_the_order_of_their_keys_is_used_as_it_is(tmp_path):
    """As stores were once made."""
    path = tmp_path / "study.sqlite"
    with sqlite3.connect(path) as db:
        db.execute(_TABLE.rstrip() + " WITHOUT ROWID")
        db.execute("PRAGMA user_version = 2")
    db.close()
    for k in range(2):
        with Store(path) as store:
            assert len(store) == k and store.unreadable == 0
            store.put(Result(f"key {k}", GOOD, None, 1.5, 1.0, 100), "fixed", "c", "v")
            store.put(Result("key 0", error="again"), "fixed", "c", "v")
    with Store(path) as store:
        assert {r.error for r in store.get({"key 0": "fixed", "key 1": "fixed"}).values()} == {"again", None}
    with sqlite3.connect(path) as db:
        assert "WITHOUT ROWID" in db.execute("SELECT sql FROM sqlite_master").fetchone()[0]
    db.close()
