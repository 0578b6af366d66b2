"""Narrowing and saturation against exact fractions, over every input."""

import itertools

import pytest
from amaranth.hdl import signed, unsigned

from models.numbers.format import NEAREST, Format, Rounding
from rtl.blocks.arithmetic import Narrow, less_narrowed, narrow, plus_narrowed, shape_of
from tests.models.fixed import naive
from tests.rtl.driving import clip, evaluate, play

SOURCES = [unsigned(4), signed(1), signed(2), signed(7), signed(8)]
TARGETS = [*(Format(width, 0) for width in (1, 2, 3)), Format(4, 2), Format(12, 8), Format(1, 0, False), Format(4, 4, False)]
DROPS = [-2, 0, 1, 2, 3, 5, 6, 7, 8, 9]


def values(shape):
    return range(-(1 << (shape.width - 1)), 1 << (shape.width - 1)) if shape.signed else range(1 << shape.width)


@pytest.mark.parametrize("rounding", list(NEAREST))
@pytest.mark.parametrize("source", SOURCES, ids=repr)
def test_every_number_is_narrowed_and_clipped(source, rounding):
    for drop, to in itertools.product(DROPS, TARGETS):
        component = Narrow(source, drop, rounding, to)
        got = play(component, [{"x": x} for x in values(source)])
        wide = [naive.narrow(x, drop, rounding) for x in values(source)]
        expected = [(clip(w, to), int(clip(w, to) != w)) for w in wide]
        assert [(s.y, s.saturated) for s in got] == expected, (drop, to)
        y, clipped = component.model(list(values(source)))
        assert list(zip(y.tolist(), clipped.tolist(), strict=True)) == expected, (drop, to)


@pytest.mark.parametrize("rounding", list(NEAREST))
@pytest.mark.parametrize("source", SOURCES, ids=repr)
def test_narrowed_numbers_are_as_wide_as_they_must_be(source, rounding):
    for drop in DROPS:
        got = evaluate({"x": source}, lambda x, drop=drop: narrow(x, drop, rounding), [{"x": x} for x in values(source)])
        assert got == [naive.narrow(x, drop, rounding) for x in values(source)], drop


@pytest.mark.parametrize("rounding", list(NEAREST))
@pytest.mark.parametrize("x", [signed(4), unsigned(3)], ids=["signed", "unsigned"])
def test_a_narrowed_step_is_subtracted(x, rounding):
    step = signed(6)
    pairs = [{"x": a, "step": b} for a in values(x) for b in values(step)]
    for drop in (-2, 0, 1, 2, 5, 6, 7, 9):
        got = evaluate({"x": x, "step": step}, lambda x, step, drop=drop: less_narrowed(x, step, drop, rounding), pairs)
        assert got == [p["x"] - naive.narrow(p["step"], drop, rounding) for p in pairs], drop


@pytest.mark.parametrize("adds", [False, True], ids=["subtracted", "added with its sign turned"])
def test_a_step_is_rounded_by_random_bits(adds):
    step, x, bits = signed(4), signed(2), 8
    for drop in (1, 2, 4, 6) if adds else (-1, 0, 1, 2, 4, 6):
        # What lies above the bits that are taken must not matter.
        random = [r | (r * 37 % 5 << max(drop, 0)) & 0xFF for r in range(1 << max(drop, 0))]
        pairs = [{"x": a, "step": b, "random": r} for a in values(x) for b in values(step) for r in random]
        form = plus_narrowed if adds else less_narrowed

        def build(x, step, random, drop=drop, form=form):
            return form(x, -step if adds else step, drop, Rounding.STOCHASTIC, random)

        got = evaluate({"x": x, "step": step, "random": unsigned(bits)}, build, pairs)
        assert got == [p["x"] - naive.narrow(p["step"], drop, "stochastic", f"{p['random']:032b}") for p in pairs], drop


def test_shapes_of_formats():
    assert shape_of(Format(8, 8, signed=False)) == unsigned(8)
    assert shape_of(Format(12, 8)) == signed(12)
