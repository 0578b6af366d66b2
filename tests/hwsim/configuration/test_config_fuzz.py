"""Shipped configurations changed at random: accepted, or refused in one line, but never anything else."""

import copy
import datetime

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.commands import describe
from hwsim.commands.console import console_of
from hwsim.configuration.config_file import as_yaml, load, parse, resolved
from hwsim.design import Design
from models.errors import InputError
from tests.hwsim.shipped import SHIPPED

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.sampled_from([10**9, 2**63, -(2**63), 10**30, 10**400, 2**20, 1024, 4096]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["full", "relu", "softmax", "float", "fixed", "cycle", "random", "structured", "sequential", "1e5", "~"]
    ),
    st.sampled_from([datetime.date(2018, 1, 2), b"bytes", (1, 2), {1, 2}, 1j, float, ...]),
    st.lists(st.one_of(st.integers(0, 70), st.floats(0, 1), st.just("relu"), st.none()), max_size=4),
    st.lists(st.lists(st.integers(-1, 40), max_size=3), max_size=3),
    st.dictionaries(
        st.sampled_from(["width", "fraction", "signed", "family", "layers", "z", "x"]), st.integers(0, 30), max_size=3
    ),
)


def places(data, path=()):
    """Every place of nested data, as a path of keys."""
    found = [path]
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            found += places(value, (*path, key))
    return found


def mutate(data, draw):
    """Replace, delete or insert a value anywhere."""
    *path, last = draw(st.sampled_from([p for p in places(data) if p]))
    at = data
    for key in path:
        at = at[key]
    action = draw(st.sampled_from(["replace", "replace", "replace", "delete", "insert"]))
    if action == "delete":
        del at[last]
    elif action == "replace":
        at[last] = draw(ODD)
    elif isinstance(at, dict):
        at[draw(st.one_of(st.text(max_size=5), st.sampled_from(["z", "density", "morse", "engine", "batch_size"])))] = draw(
            ODD
        )
    else:
        at.insert(last, draw(ODD))


def accept_or_tell(make):
    """Only a design that can be described and written, or one line, may come out."""
    try:
        config = make()
    except InputError as e:
        assert len(str(e).splitlines()) == 1 and str(e).strip() and len(str(e)) < 1000
        return
    describe.describe(console_of(quiet=True), config, Design(config))
    describe.sequences(config)
    assert parse(resolved(config)) == config
    assert parse(yaml.safe_load(as_yaml(config))) == config


DATA = [resolved(load(p)) for p in SHIPPED] + [yaml.safe_load(p.read_text()) for p in SHIPPED]


@settings(max_examples=300)
@given(st.sampled_from(DATA), st.integers(1, 4), st.data())
def test_mutated_configurations_are_accepted_or_told_in_one_line(shipped, times, data):
    changed = copy.deepcopy(shipped)
    for _ in range(times):
        mutate(changed, data.draw)
    accept_or_tell(lambda: parse(changed))


@settings(max_examples=300)
@given(st.sampled_from([p.read_text() for p in SHIPPED]), st.integers(1, 4), st.data())
def test_mutated_files_are_accepted_or_told_in_one_line(tmp_path_factory, text, times, data):
    for _ in range(times):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(start + 12, len(text))))
        piece = st.sampled_from(
            ["", "-", ":", "\n", " ", "{", "}", "[", "]", "&a ", "*a", "!!int ", "0", "1e9", "'", '"', "#", "? "]
        )
        text = text[:start] + data.draw(st.one_of(piece, st.text(max_size=3))) + text[end:]
    path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    accept_or_tell(lambda: load(path))
