"""Lights against their model, and what a person sees of them."""

import numpy as np
import pytest

from rtl.boards.lights import STAYS, Lights, tick_bits
from rtl.ports.interface_table import DRAINED, ERROR, RESULT
from tests.rtl.driving import play
from tests.rtl.test_models import check

QUIET = {"rx": 1, "tx": 1, "causes": 1 << DRAINED}


@pytest.mark.parametrize("bits", [1, 3])
def test_lights_follow_their_model(bits):
    rng = np.random.default_rng(bits)
    rare = [rng.random() < 0.7 for _ in range(3000)]
    stimulus = [
        QUIET if r else {n: int(rng.integers(1 << w)) for n, w in (("rx", 1), ("tx", 1), ("causes", 3))} for r in rare
    ]
    seen = check(Lights(bits), stimulus)
    for name in ("alive", "busy", "result", "error", "line"):
        assert len({lamp[name] for lamp in seen}) == 2


@pytest.mark.parametrize(
    ("light", "event"),
    [
        ("busy", QUIET | {"causes": 0}),
        ("result", QUIET | {"causes": 1 << DRAINED | 1 << RESULT}),
        ("error", QUIET | {"causes": 1 << DRAINED | 1 << ERROR}),
        ("line", QUIET | {"rx": 0}),
        ("line", QUIET | {"tx": 0}),
    ],
)
def test_what_lasts_a_clock_is_seen_for_two_ticks_at_least(light, event):
    bits = 4
    for phase in range(1 << bits):
        seen = play(Lights(bits), [QUIET] * phase + [event] + [QUIET] * (STAYS + 1 << bits))
        lit = [getattr(lamp, light) for lamp in seen]
        assert lit.index(1) == phase + 1
        assert STAYS - 1 << bits <= sum(lit) <= STAYS << bits
        for other in {"busy", "result", "error", "line"} - {light}:
            assert not any(getattr(lamp, other) for lamp in seen)


def test_a_tick_is_as_long_at_every_clock():
    for megahertz in (1, 12, 25, 100, 133.3, 400):
        assert 32 <= megahertz * 1e6 / (1 << tick_bits(megahertz)) <= 64
