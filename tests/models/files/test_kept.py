"""What tools have made is found again whole, or not at all."""

import pytest

from models.files import kept


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HWSIM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "made"


def made(tmp_path, name, content):
    file = tmp_path / "made"
    file.write_bytes(content)
    kept.store(name, file)
    return kept.load(name, tmp_path / "found")


def test_what_is_kept_comes_back_as_a_program(tmp_path):
    assert not kept.load("a", tmp_path / "found")
    assert made(tmp_path, "a", b"#!/bin/sh\nexit 0\n")
    assert kept.load("a", tmp_path / "found", 0o755)
    assert (tmp_path / "found").read_bytes() == b"#!/bin/sh\nexit 0\n" and (tmp_path / "found").stat().st_mode & 0o111


def test_a_damaged_one_is_not_taken(folder, tmp_path):
    assert made(tmp_path, "a", bytes(1000))
    content = (folder / "a").read_bytes()
    for damaged in (content[:-1], content[:10], b"", content[:500] + b"\1" + content[501:], b"\1" + content[1:]):
        (folder / "a").write_bytes(damaged)
        assert not kept.load("a", tmp_path / "other") and not (tmp_path / "other").exists()
    assert made(tmp_path, "a", bytes(1000))


def test_what_was_not_used_for_longest_goes_first(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "MOST", 3000)
    for name in ("a", "b"):
        assert made(tmp_path, name, bytes(1000))
    assert kept.load("a", tmp_path / "found")
    assert made(tmp_path, "c", bytes(1000))
    assert sorted(f.name for f in folder.iterdir()) == ["a", "c"]


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert not made(tmp_path, "a", b"x")


def test_a_key_tells_where_one_part_ends_and_the_next_begins():
    assert len({kept.key("ab", "c"), kept.key("a", "bc"), kept.key("abc"), kept.key("ab", b"c", "")}) == 4
    assert kept.key("a", b"b") == kept.key(b"a", "b")
