"""When junction cycles begin, against the rules."""

import numpy as np
import pytest

from rtl.control.pacer import Pacer
from tests.rtl.designs import NONE, design
from tests.rtl.driving import play


def paced(of, go):
    """Outputs of the clocks that these permissions are for: out of reset the accelerator stands, however long."""
    pacer = Pacer(of)
    return play(pacer, [{"go": g} for g in go] + [{"go": 0}] * pacer.latency)[pacer.latency :]


@pytest.mark.parametrize("name", ["two_junctions", "full", "overlap"])
def test_a_cycle_every_period_as_long_as_it_may(name):
    of = design(name)
    seen = paced(of, [1] * (5 * of.period))
    assert [t for t, s in enumerate(seen) if s.advance] == [k * of.period for k in range(5)]
    assert [s.clock for s in seen] == [(t - 1) % of.period for t in range(5 * of.period)]
    assert [s.standing for s in seen] == [1] + [0] * (5 * of.period - 1)


@pytest.mark.parametrize("name", ["two_junctions", "full"])
def test_without_skew_a_late_cycle_begins_at_once(name):
    of = design(name)
    for late in (1, 2, 7):
        go = [1] + [0] * (of.period - 1 + late) + [1]
        seen = paced(of, go)
        assert [t for t, s in enumerate(seen) if s.advance] == [0, of.period + late]
        assert [s.standing for s in seen] == [1] + [0] * of.period + [1] * late


def test_with_skew_a_late_cycle_waits_for_the_last_junction():
    of = design("overlap")
    assert of.skew > 2
    end = of.period  # the last clock of the first cycle
    for late in (1, of.skew - 1, of.skew, of.skew + 1, of.skew + 5):
        go = [1] + [0] * (end + late - 1) + [1] * (of.skew + 1)
        advances = [t for t, s in enumerate(paced(of, go)) if s.advance]
        assert advances[:2] == [0, end + max(late, of.skew)]


def test_it_stands_only_once_the_last_junction_has_finished():
    of = design("overlap")
    seen = paced(of, [int(t == 0) for t in range(of.period + of.skew + 5)])
    assert [t for t, s in enumerate(seen) if s.standing] == [0, *range(of.period + of.skew + 1, len(seen))]
    assert {s.clock for s in seen[of.period :]} == {of.period - 1}


@pytest.mark.parametrize("name", ["depth_1", "one_row", "three_junctions", "overlap", "overlap_three"])
def test_any_order_of_permissions(name):
    check_any_order(design(name))


def test_cycles_of_one_clock():
    of = design("one_row", latency=NONE)
    assert of.period == 1 and not Pacer(of).latency
    check_any_order(of)


def check_any_order(of):
    rng = np.random.default_rng(1)
    pacer = Pacer(of)
    begun = -of.period - of.skew - 1  # out of reset it has been standing since before the first clock
    permitted = [0] * pacer.latency

    def clocks():
        nonlocal begun
        for t in range(1000):
            go = int(rng.random() < (0.9 if t // 200 % 2 else 0.1))
            seen = yield {"go": go}
            permitted.append(go)
            over = t - begun - of.period  # clocks since the last one of the cycle
            may = over == 0 or over >= max(of.skew, 1)
            assert seen.advance == int(bool(permitted[t]) and over >= 0 and may)
            assert seen.standing == int(over > of.skew)
            assert seen.clock == min(t - begun, of.period) - 1
            begun = t if seen.advance else begun

    play(pacer, clocks())
