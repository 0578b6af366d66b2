"""Amaranth's way from a design to RTLIL with less of what changes nothing: the same text, in a fraction of the time.

Amaranth looks at every net of every value by itself, many times over, and checks again what it has made. What stands here
instead gives equal results (``tests/rtl/verilog/test_quick.py``). It leans on how Amaranth is made inside, which no release
promises to keep: with a release that it was not tried with, Amaranth goes its own way.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import metadata
from typing import Any
from unittest.mock import patch

from amaranth.hdl import _ast, _dsl, _ir, _nir
from amaranth.hdl._xfrm import LHSMaskCollector

from rtl.verilog import quick_cycles, quick_text, quick_values

_Value, _Net, _Flow = _nir.Value, _nir.Net, _nir.ModuleNetFlow
_ZERO = _Net.from_const(0)
_BITS = (_ZERO, _Net.from_const(1))
_WIDEST = 1 << 16
KNOWN = ("0.5.10",)
"""Releases of Amaranth that this stands in for."""


@contextmanager
def quickly() -> Iterator[None]:
    """While it lasts, Amaranth converts designs so."""
    with ExitStack() as stack:
        for owner, name, function in _patches() if metadata.version("amaranth") in KNOWN else ():
            stack.enter_context(patch.object(owner, name, function))
        yield


def _patches() -> list[tuple[Any, str, Any]]:
    emitter, netlist = _ir.NetlistEmitter, _nir.Netlist
    return [
        *quick_values.patches(),
        *quick_text.patches(),
        (_Value, "__new__", _value),
        (_Value, "__getitem__", _part),
        (_Value, "from_const", classmethod(_constant)),
        (netlist, "add_value_cell", _value_cell(netlist.add_value_cell)),
        (netlist, "resolve_value", _resolved),
        (netlist, "check_comb_cycles", quick_cycles.check(netlist.check_comb_cycles)),
        (emitter, "emit_rhs", _rhs(emitter.emit_rhs)),
        (emitter, "extend", _extended),
        (emitter, "emit_signal", _signal),
        (emitter, "connect", _connect(emitter.connect)),
        (_ir.Design, "_collect_used_signals_value", _use(_ir.Design._collect_used_signals_value)),
        (_ir, "_emit_netlist", _emit_netlist),
        (_ir, "_compute_net_flows", _flows),
        (_dsl, "LHSMaskCollector", _NoMasks),
    ]


def forget(emitter: Any) -> None:
    """Let go of what an emitter holds: it is in cycles with functions of its own, and all of a netlist would be with it."""
    vars(emitter).clear()


def _emit_netlist(netlist: Any, design: Any, *, all_undef_to_ff: bool = False) -> None:
    emitter = _ir.NetlistEmitter(netlist, design, all_undef_to_ff=all_undef_to_ff)
    emitter.emit_fragment(design.fragment, None)
    forget(emitter)


class _NoMasks(LHSMaskCollector):
    """Which bits a statement drives: not asked of each, since the whole design is checked for drivers that conflict."""

    def visit_stmt(self, stmt: Any) -> None:
        pass


def _value(cls: Any, nets: Any = ()) -> Any:
    return tuple.__new__(cls, (nets,) if isinstance(nets, _Net) else nets)


def _part(value: Any, index: Any) -> Any:
    found = tuple.__getitem__(value, index)
    return tuple.__new__(type(value), found) if index.__class__ is slice else found


def _constant(cls: Any, value: int, width: int) -> Any:
    return tuple.__new__(cls, [_BITS[value >> bit & 1] for bit in range(width)])


def outputs(cell: int, width: int) -> Any:
    """All nets that a cell drives, as a value."""
    return tuple.__new__(_Value, map(_Net, range(cell << 16, (cell << 16) + width)))


def _value_cell(thorough: Callable[..., Any]) -> Callable[..., Any]:
    def add_value_cell(netlist: Any, width: int, cell: Any) -> Any:
        return outputs(netlist.add_cell(cell), width) if width <= _WIDEST else thorough(netlist, width, cell)

    return add_value_cell


def _resolved(netlist: Any, value: Any) -> Any:
    if not value or min(value) >= 0:  # late nets are below
        return value
    connections, result = netlist.connections, []
    for net in value:
        while net < 0:
            net = connections[net]
        result.append(net)
    return tuple.__new__(_Value, result)


def _extended(emitter: Any, value: Any, signed: bool, width: int) -> Any:
    missing = width - len(value)
    return tuple.__new__(_Value, value + (value[-1] if signed else _ZERO,) * missing) if missing > 0 else value


def _rhs(thorough: Callable[..., Any]) -> Callable[..., Any]:
    def emit_rhs(emitter: Any, module: int, value: Any) -> tuple[Any, bool]:
        known = emitter.rhs_cache.get(id(value))
        if known is not None:
            return known[0], known[1]
        kind, signed = value.__class__, False
        if kind is _ast.Slice:
            nets = emit_rhs(emitter, module, value._value)[0]
            result = tuple.__new__(_Value, tuple.__getitem__(nets, slice(value._start, value._stop)))
        elif kind is _ast.Signal:
            result, signed = emitter.emit_signal(value), value.shape().signed
        elif kind is _ast.Const:
            result, signed = _constant(_Value, value.value, len(value)), value.shape().signed
        elif kind is _ast.Concat:
            nets = []
            for part in value._parts:
                nets += emit_rhs(emitter, module, part)[0]
            result = tuple.__new__(_Value, nets)
        else:
            return thorough(emitter, module, value)
        emitter.rhs_cache[id(value)] = result, signed, value
        return result, signed

    return emit_rhs


def _signal(emitter: Any, signal: Any) -> Any:
    netlist = emitter.netlist
    known = netlist.signals.get(signal)
    if known is not None:
        return known
    width = len(signal)
    netlist.last_late_net -= width
    value = tuple.__new__(_Value, map(_Net, range(netlist.last_late_net, netlist.last_late_net + width)))
    bits = {net: (signal, bit) for bit, net in enumerate(value)}
    netlist.late_to_signal.update(bits)
    emitter.late_net_to_signal.update(bits)
    netlist.signals[signal] = value
    return value


def _connect(thorough: Callable[..., None]) -> Callable[..., None]:
    def connect(emitter: Any, lhs: Any, rhs: Any, *, src_loc: Any) -> None:
        connections, sources = emitter.netlist.connections, dict.fromkeys(lhs, src_loc)
        if len(lhs) != len(rhs) or len(sources) != len(lhs) or not connections.keys().isdisjoint(sources):
            thorough(emitter, lhs, rhs, src_loc=src_loc)
            return
        connections.update(zip(lhs, rhs, strict=True))
        emitter.connect_src_loc.update(sources)

    return connect


def _use(thorough: Callable[..., None]) -> Callable[..., None]:
    def use(design: Any, fragment: Any, value: Any) -> None:
        kind = value.__class__
        if kind is _ast.Signal:
            design._use_signal(fragment, value)
        elif kind is _ast.Slice:
            use(design, fragment, value._value)
        elif kind is _ast.Operator:
            for operand in value._operands:
                use(design, fragment, operand)
        elif kind is _ast.Concat:
            for part in value._parts:
                use(design, fragment, part)
        elif kind is not _ast.Const:
            thorough(design, fragment, value)

    return use


def _flows(netlist: Any) -> None:
    """Where nets cross the border of a module. Those that do not are left out: whoever asks takes no notice of them."""
    modules, cells = netlist.modules, netlist.cells
    owner = [cell.module_idx for cell in cells]
    used: list[set[Any]] = [set() for _ in modules]
    for cell in cells:
        nets = used[cell.module_idx]
        if cell.__class__ is _nir.Operator:
            nets.update(*cell.inputs)
        else:
            nets |= cell.input_nets()
    for index, module in enumerate(modules):
        used[index].update(*map(netlist.signals.__getitem__, module.signal_names))
    depth = [len(module.name) for module in modules]
    above = [module.parent for module in modules]
    top: dict[Any, int] = {}  # of the modules that a net is in, where it is not the one with its cell
    for user, nets in enumerate(used):
        for net in nets:
            if net > 1 and owner[net >> 16] != user:
                _route(net, user, top, owner, depth, above, modules)


def _route(
    net: Any, user: int, top: dict[Any, int], owner: list[int], depth: list[int], above: list[int], modules: list[Any]
) -> None:
    """A net from the topmost module that it is in to one that uses it."""
    if net in modules[user].net_flow:
        return
    source = top.get(net, owner[net >> 16])
    while depth[source] > depth[user]:
        modules[source].net_flow[net] = _Flow.Output
        source = above[source]
    while depth[source] < depth[user]:
        if net in modules[user].net_flow:
            return
        modules[user].net_flow[net] = _Flow.Input
        user = above[user]
    while source != user:
        modules[source].net_flow[net] = _Flow.Output
        modules[user].net_flow[net] = _Flow.Input
        source, user = above[source], above[user]
    modules[source].net_flow[net] = _Flow.Internal
    top[net] = source
