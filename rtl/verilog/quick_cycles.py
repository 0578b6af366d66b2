"""Combinational cycles: looked for among cells, then, where there may be one, among their bits."""

from collections.abc import Callable, Iterable
from typing import Any

from amaranth.hdl import _nir

_BY_BIT = ("~", "&", "|", "^", "m")
"""Operators of which a bit depends on the operands' bits in the same place."""
_NOTHING = (_nir.Top, _nir.Memory, _nir.SyncReadPort, _nir.SyncWritePort)
"""Cells of which no output depends on an input in the same clock."""


def check(thorough: Callable[[Any], None]) -> Callable[[Any], None]:
    """Look for a cycle; only if there is one, go the long way that names it."""

    def check_comb_cycles(netlist: Any) -> None:
        left = _suspects(netlist)
        if left is None or (left and _goes_round(netlist, left)):
            thorough(netlist)
            raise AssertionError("a cycle that Amaranth does not see")

    return check_comb_cycles


def _driven(netlist: Any) -> dict[int, int] | None:
    """The cell behind every late net; None if late nets go round."""
    connections, result = netlist.connections, {}
    for late, net in connections.items():
        steps = 0
        while net < 0:
            net, steps = connections[net], steps + 1
            if steps > len(connections):
                return None
        result[late] = net >> 16
    return result


def _inputs(cell: Any) -> Iterable[Any]:
    """Nets that outputs may depend on."""
    kind = cell.__class__
    if kind is _nir.Operator:
        return set().union(*cell.inputs)
    if kind is _nir.FlipFlop:
        return (cell.clk, cell.arst)
    return () if kind in _NOTHING else cell.input_nets()


def _suspects(netlist: Any) -> set[int] | None:
    """Cells that lie on a cycle of cells, or between two; None if nothing but names goes round."""
    driven = _driven(netlist)
    if driven is None:
        return None
    users: list[list[int]] = [[] for _ in netlist.cells]
    sources = [{net >> 16 if net >= 0 else driven[net] for net in _inputs(cell)} for cell in netlist.cells]
    for number, behind in enumerate(sources):
        for source in behind:
            users[source].append(number)
    left = set(range(len(sources)))
    for onward, back in ((users, sources), (sources, users)):  # from what depends on nothing; from what nothing depends on
        count = {number: sum(n in left for n in back[number]) for number in left}
        free = [number for number, others in count.items() if not others]
        while free:
            number = free.pop()
            left.discard(number)
            for other in onward[number]:
                if other in left:
                    count[other] -= 1
                    if not count[other]:
                        free.append(other)
    return left


def _goes_round(netlist: Any, left: set[int]) -> bool:
    """Whether bits of these cells, and of none else, depend on themselves."""
    cells, connections = netlist.cells, netlist.connections
    assigned: dict[int, list[list[Any]]] = {}  # by cell that is a list of assignments, the sources of every bit

    def sources(net: Any) -> Any:
        if net < 0:
            return (connections[net],)
        number = net >> 16
        cell = cells[number]
        if cell.__class__ is not _nir.AssignmentList:
            if net & 0xFFFF and cell.__class__ is _nir.Operator and cell.operator not in _BY_BIT:
                return (net & ~0xFFFF,)  # all bits depend on the same, so the first stands for what they depend on
            return [source for source, _ in cell.comb_edges_to(net & 0xFFFF)]
        if number not in assigned:
            bits = [[net] for net in cell.default]
            for a in cell.assignments:
                for bit, value in enumerate(a.value, a.start):
                    bits[bit] += (a.cond, value)
            assigned[number] = bits
        return assigned[number][net & 0xFFFF]

    done: set[Any] = set()
    busy: set[Any] = set()
    for start in [net for number in sorted(left) for net in cells[number].output_nets(number)]:
        if start in done:
            continue
        stack = [(start, iter(sources(start)))]
        busy.add(start)
        while stack:
            net, rest = stack[-1]
            for source in rest:
                if source in done or (source >= 0 and source >> 16 not in left):
                    continue
                if source in busy:
                    return True
                busy.add(source)
                stack.append((source, iter(sources(source))))
                break
            else:
                stack.pop()
                busy.discard(net)
                done.add(net)
    return False
