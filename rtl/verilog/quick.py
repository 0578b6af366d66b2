"""Amaranth's way from a design to RTLIL with less of what changes nothing: the same text, in a fraction of the time.

Wide vectors cost Amaranth the square of their width where it looks for the assignments of a bit, and every net is checked
and wrapped anew in every value. What stands here instead gives equal results (``tests/rtl/verilog/test_quick.py``).
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from amaranth.back import rtlil
from amaranth.hdl import _dsl, _nir
from amaranth.hdl._xfrm import LHSMaskCollector

_Value, _Net = _nir.Value, _nir.Net


@contextmanager
def quickly() -> Iterator[None]:
    """While it lasts, Amaranth converts designs so."""
    instead = [
        (_Value, "__new__", _value),
        (_Value, "__getitem__", _part),
        (_nir.Netlist, "resolve_value", _resolved),
        (_nir.Netlist, "check_comb_cycles", _check_cycles(_nir.Netlist.check_comb_cycles)),
        (rtlil.ModuleEmitter, "sigspec", _sigspec),
        (rtlil.ModuleEmitter, "emit_memory", _emit_memory),
        (_dsl, "LHSMaskCollector", _NoMasks),
    ]
    with ExitStack() as stack:
        for owner, name, function in instead:
            stack.enter_context(patch.object(owner, name, function))
        yield


def _value(cls: Any, nets: Any = ()) -> Any:
    return tuple.__new__(cls, (nets,) if isinstance(nets, _Net) else nets)


def _part(value: Any, index: Any) -> Any:
    found = tuple.__getitem__(value, index)
    return tuple.__new__(type(value), found) if index.__class__ is slice else found


def _resolved(netlist: Any, value: Any) -> Any:
    if not value or min(value) >= 0:  # late nets are below
        return value
    connections, result = netlist.connections, []
    for net in value:
        while net < 0:
            net = connections[net]
        result.append(net)
    return tuple.__new__(_Value, result)


_BY_BIT = ("~", "&", "|", "^", "m")
"""Operators of which a bit depends on the operands' bits in the same place."""


class _NoMasks(LHSMaskCollector):
    """Which bits a statement drives: not asked of each, since the whole design is checked for drivers that conflict."""

    def visit_stmt(self, stmt: Any) -> None:
        pass


def _check_cycles(thorough: Any) -> Any:
    """Look for a cycle; only if there is one, go the long way that names it."""

    def check(netlist: Any) -> None:
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
        nets = [net for number, cell in enumerate(cells) for net in cell.output_nets(number)]
        for value in netlist.signals.values():
            nets.extend(value)
        for start in nets:
            if start in done:
                continue
            stack = [(start, iter(sources(start)))] if start not in (0, 1) else []
            busy.add(start)
            while stack:
                net, rest = stack[-1]
                for source in rest:
                    if source in done or 0 <= source < 2:
                        continue
                    if source in busy:
                        thorough(netlist)
                        raise AssertionError("a cycle that Amaranth does not see")
                    busy.add(source)
                    stack.append((source, iter(sources(source))))
                    break
                else:
                    stack.pop()
                    busy.discard(net)
                    done.add(net)

    return check


def _sigspec(emitter: Any, *parts: Any) -> str:
    value: list[Any] = []
    for part in parts:
        value.append(part) if isinstance(part, _Net) else value.extend(part)
    nets, chunks, at, n = emitter.nets, [], 0, len(value)
    while at < n:
        begin, net = at, value[at]
        if 0 <= net < 2:
            while at < n and 0 <= value[at] < 2:
                at += 1
            bits = "".join(["1" if net else "0" for net in value[begin:at]])
            chunks.append(f"{at - begin}'{bits[::-1]}")
            continue
        wire, first = nets[net]
        bit = first
        while at < n:
            net = value[at]
            if 0 <= net < 2:
                break
            other, place = nets[net]
            if place != bit or other is not wire:
                break
            bit, at = bit + 1, at + 1
        chunks.append(f"{wire.name} [{first}]" if at == begin + 1 else f"{wire.name} [{bit - 1}:{first}]")
    if len(chunks) == 1:
        return chunks[0]
    return "{ " + " ".join(reversed(chunks)) + " }"


def _emit_memory(emitter: Any, cell_idx: int, cell: Any) -> None:
    width, mask = cell.width, (1 << cell.width) - 1
    bits = "".join([f"{row & mask:0{width}b}" for row in reversed(cell.init)]) if width else ""
    emitter.builder.cell(
        "$meminit_v2",
        ports={
            "ADDR": emitter.sigspec(),
            "DATA": f"{len(bits)}'{bits}" if bits else emitter.sigspec(),
            "EN": emitter.sigspec(_Value.ones(width)),
        },
        parameters={
            "MEMID": emitter.memories[cell_idx].memid,
            "ABITS": 0,
            "WIDTH": width,
            "WORDS": cell.depth,
            "PRIORITY": 0,
        },
        src_loc=cell.src_loc,
    )
