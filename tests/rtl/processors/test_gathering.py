"""Results of rows that end in the middle of groups, against the groups by definition."""

import numpy as np
import pytest
from amaranth.hdl import signed

from rtl.processors.gathering import Gathering
from tests.rtl.designs import design, planned, row, slots
from tests.rtl.driving import integers, play

DESIGNS = {
    "two_a_group": design("straddling_groups"),
    "the_last_group_is_short": design("straddling_ends"),
    "seven_neurons": planned([7, 7], [4], [7], classes=3),
    "three_a_group": planned([10, 15], [6], [10], classes=3),
    "four_a_group": planned([20, 30], [9], [20], classes=3),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_groups_are_whole_as_soon_as_their_last_neuron_has_come(name):
    j, rng = DESIGNS[name].junctions[-1], np.random.default_rng(0)
    q, clocks, expected = j.results_per_clock, [], []
    component = Gathering(j, signed(6))
    assert j.straddles and q > 1
    for k in range(6):
        words = integers(rng, signed(6), j.n_right)
        groups = component.model(words).tolist()
        ended = [row(j, c).end for c in range(j.rows)]
        for c in range(j.rows):
            noise = integers(rng, signed(6), q)
            while k > 2 and rng.random() < 0.3:  # passes with and without pauses
                clocks.append({"valid": 0, "given": noise.tolist(), "phase": c % j.routing.phases})
            clocks.append(
                {"valid": int(len(ended[c]) > 0), "ends": int(j.n_right - 1 in ended[c]), "phase": c % j.routing.phases}
                | {"given": slots(j, ended[c], words, noise)}
            )
            complete = [g for g in range(j.groups) if min((g + 1) * q, j.n_right) - 1 in ended[c]]
            for late, g in enumerate(complete):
                expected.append((len(clocks) - 1 + late, groups[g][: j.n_right - g * q], int(g == j.groups - 1)))
    seen = play(component, [*clocks, {}])
    short = j.n_right - (j.groups - 1) * q
    got = [(t, s.taken[: short if s.last else q], s.last) for t, s in enumerate(seen) if s.full]
    assert got == expected
    assert component.late == int(j.n_right % q > 0)
