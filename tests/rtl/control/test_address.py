"""Addresses and dither against the pattern itself: lane m of clock c handles edge c z + m."""

import numpy as np
import pytest
from amaranth.hdl import signed

from rtl.control.address import ADDER, TABLE, AddressGenerator
from rtl.control.dither import Dither
from tests.rtl.designs import clash_free, design, junctions, planned
from tests.rtl.driving import play

NAMES = (
    "two_junctions",
    "type_1",
    "type_1_dither",
    "type_2_dither",
    "type_3",
    "type_3_dither",
    "full",
    "depth_1",
    "short_beat",
    "clashing",
    "clashing_straddling",
    "one_lane",
)


def clocks(j):
    if not j.sweeps:
        return [{"clock": c} for c in range(j.clocks)]
    return [{"clock": c, "sweep": c // j.depth, "step": c % j.depth} for c in range(j.rows)]


def words_read(j):
    """For every clock: the address that each memory is given, and the lane that it serves; ``None`` if it is not asked.

    A row's lanes that ask the same memory are served one after the other, the first lane first.
    """
    result = []
    for c in range(j.rows):
        asking = list(enumerate(j.pattern.left[c * j.z : (c + 1) * j.z].tolist()))
        while asking:
            served = {}
            for m, q in asking:
                served.setdefault(q % j.z, (m, q // j.z))
            asking = [(m, q) for m, q in asking if served[q % j.z][0] != m]
            found = [served.get(k, (None, None)) for k in range(j.z)]
            result.append(([address for _, address in found], [m for m, _ in found]))
    assert len(result) == j.clocks
    return result


def told(got, expected):
    """What is got where something is expected."""
    return [None if e is None else g for g, e in zip(got, expected, strict=True)]


@pytest.mark.parametrize(("name", "number"), junctions(*NAMES))
def test_every_memory_is_given_the_address_of_its_left_neuron(name, number):
    j = design(name).junctions[number - 1]
    expected = [addresses for addresses, _ in words_read(j)]
    for form in (TABLE, "auto", *([ADDER] if j.has_seeds else [])):
        generator = AddressGenerator(j, form)
        rest, once = [{}] * 3, [{"active": 1} | at for at in clocks(j)]
        got = [s.address for s in play(generator, once + once + rest + once)]
        passes = (got[: j.clocks], got[j.clocks : 2 * j.clocks], got[-j.clocks :])
        assert got[2 * j.clocks : -j.clocks] == [got[0]] * 3  # at rest the first addresses are there
        for addresses in (*passes, generator.model().tolist()):
            assert [told(a, e) for a, e in zip(addresses, expected, strict=True)] == expected, form


@pytest.mark.parametrize(("kind", "seeds"), [(1, True), (2, True), (3, False)])
def test_types_1_and_2_count_up_from_seeds(kind, seeds):
    j = planned([40, 20], [2], [4], connectivity=clash_free(kind)).junctions[0]
    assert j.has_seeds is seeds


@pytest.mark.parametrize(
    ("layers", "z", "kind", "form"),
    [([64, 32], 2, 2, TABLE), ([66, 33], 2, 2, ADDER), ([66, 33], 2, 3, TABLE)],
    ids=["64_rows", "66_rows", "66_rows_without_seeds"],
)
def test_long_tables_give_way_to_adders(layers, z, kind, form):
    j = planned(layers, [2], [z], connectivity=clash_free(kind)).junctions[0]
    generator = AddressGenerator(j)
    assert generator.form == form
    assert [s.address for s in play(generator, [{"active": 1} | at for at in clocks(j)])] == [
        addresses for addresses, _ in words_read(j)
    ]


@pytest.mark.parametrize("to_lanes", [True, False], ids=["to_lanes", "to_memories"])
@pytest.mark.parametrize(("name", "number"), junctions(*NAMES))
def test_dither_joins_lanes_and_memories(name, number, to_lanes):
    j = design(name).junctions[number - 1]
    words = np.random.default_rng(0).integers(-32, 32, (j.clocks, j.z))
    turn = [c // j.depth if j.sweeps else c for c in range(j.clocks)]
    component = Dither(j, signed(6), to_lanes)
    got = play(component, [{"turn": t, "given": w} for t, w in zip(turn, words, strict=True)])
    expected = []
    for given, (_, lanes) in zip(words.tolist(), words_read(j), strict=True):
        memories = [lanes.index(m) if m in lanes else None for m in range(j.z)]
        expected.append([None if k is None else given[k] for k in (memories if to_lanes else lanes)])
    for taken in ([s.taken for s in got], component.model(np.array(turn), words).tolist()):
        assert [told(a, e) for a, e in zip(taken, expected, strict=True)] == expected


def test_dithered_designs_are_dithered():
    moved = {name: design(name).junctions[0].memory.tolist() for name in ("type_1_dither", "type_2_dither", "type_3_dither")}
    assert all(row != list(range(len(row))) for rows in moved.values() for row in rows[:1])
    assert len({tuple(row) for row in moved["type_1_dither"]}) == 1
    assert len({tuple(row) for row in moved["type_2_dither"]}) > 1
