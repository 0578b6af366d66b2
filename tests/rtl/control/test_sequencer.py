"""The walk over the weight rows, against the definition of rows, sweeps and right neurons."""

from collections import Counter
from itertools import pairwise

import pytest

from rtl.control.sequencer import Sequencer
from tests.rtl.designs import design, junctions
from tests.rtl.driving import play

NAMES = (
    "two_junctions",
    "three_junctions",
    "four_junctions",
    "full",
    "depth_1",
    "one_row",
    "results_wrap",
    "short_beat",
    "fine_weights",
    "straddling",
    "straddling_groups",
    "straddling_three",
    "straddling_deepest",
    "straddling_ends",
    "clashing",
    "clashing_straddling",
    "one_lane",
)


def by_definition(j):
    """What row c is: its edges are numbered from c z on, d_in of them for each right neuron.

    It takes as many clocks as the memory that is asked for the most words needs.
    """
    clocks = []
    for c in range(j.rows):
        edges = range(c * j.z, (c + 1) * j.z)
        neuron = edges[0] // j.d_in
        asked = Counter(q % j.z for q in j.pattern.left[c * j.z : (c + 1) * j.z].tolist())
        sweeps = {"sweep": c // j.depth, "step": c % j.depth, "first": int(c < j.n_left // j.z)}
        for again in range(max(asked.values()), 0, -1):
            facts = {
                "row": c,
                "clock": len(clocks),
                "complete": int(again == 1),
                "begins": int(edges[0] % j.d_in == 0),
                "ends": int(any((e + 1) % j.d_in == 0 for e in edges)),
                "group": neuron // j.results_per_clock,
                "base": neuron // j.next_memories,
                "offset": neuron % j.next_memories,
            }
            clocks.append(facts | (sweeps if j.sweeps else dict.fromkeys(sweeps, 0)))
    return clocks


def located(j, seen):
    """A clock's outputs, the phase as the memory that it stands for."""
    outputs = {k: int(v) for k, v in seen.items() if k != "active" and not k.startswith("next_")}
    return outputs | {"offset": j.right.offset(outputs.pop("phase"))}


@pytest.mark.parametrize(("name", "number"), junctions(*NAMES))
def test_every_clock_of_passes_with_and_without_pauses(name, number):
    j = design(name).junctions[number - 1]
    sequencer, expected = Sequencer(j), by_definition(j)
    clocks, starts = [{}, {}], []
    for pause in (0, 0, 1, 3, 0):  # clocks after the last row before the next pass begins
        starts.append(len(clocks) + 1)
        clocks += [{"advance": 1}] + [{}] * (j.clocks - 1 + pause)
    got = play(sequencer, [*clocks, {}])
    passes = {start + c: expected[c] for start in starts for c in range(j.clocks)}
    assert [t for t, s in enumerate(got) if s.active] == sorted(passes)
    assert {t: located(j, vars(got[t])) for t in passes} == passes
    # What is said of the next clock is what it then is.
    for now, then in pairwise(got):
        assert (now.next_row, now.next_group, now.next_phase) == (then.row, then.group, then.phase)
    model = sequencer.model()
    assert [located(j, {k: v[c] for k, v in model.items()}) for c in range(j.clocks)] == expected
