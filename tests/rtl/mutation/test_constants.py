"""What proofs take for constant."""

from rtl.mutation.aig import Aig
from rtl.mutation.equivalence import _constants
from rtl.mutation.mutants import SELECTOR


def test_only_what_can_never_be_set_is_taken_for_constant():
    """Registers without names: a counter of two bits, one that nothing sets, one behind it; and a word of a memory."""
    graph = Aig(["go", "ram.RD_DATA[0]", "ram.RD_DATA[1]", f"{SELECTOR}[0]"], ["", "", "", ""])
    go, read_0, read_1, mutant, low, high, never, behind = (2 * k for k in range(1, 9))
    graph.next = [
        graph.differ(low, go),
        graph.differ(high, graph.both(low, go)),
        graph.both(never, go),
        graph.either([never, graph.both(mutant, high)]),
    ]
    graph.outputs = {"ram.WR_DATA[0]": behind, "ram.WR_DATA[1]": graph.both(read_1, never ^ 1)}
    empty = {"ram.RD_DATA[0]", "ram.RD_DATA[1]"}
    assert _constants(graph, empty, 0) == {x >> 1 for x in (never, behind, read_0, read_1)}
    assert _constants(graph, empty, 1) == {x >> 1 for x in (never, read_1)}
    assert _constants(graph, set(), 0) == {x >> 1 for x in (never, behind)}
    left = graph.grounded(_constants(graph, empty, 0))
    assert left.next[2:] == [0, left.both(mutant, high)] and left.outputs["ram.WR_DATA[1]"] == 0


def test_inputs_without_names_are_inputs_none_the_less():
    """Yosys makes them of what registers hold at power-up: as many nodes, which come before those of the registers."""
    graph = Aig(["", "", "go", f"{SELECTOR}[0]", ""], ["", ""])
    go, mutant, set_, never = (2 * k for k in (3, 4, 6, 7))
    graph.next = [graph.either([set_, go]), graph.both(never, mutant)]
    assert _constants(graph, set(), 0) == _constants(graph, set(), 1) == {never >> 1}
