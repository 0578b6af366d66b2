"""Amaranth's modules as RTLIL, quickly: what it writes, a line at a time, without a call for each part of it."""

from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import _nir

_Value, _Net = _nir.Value, _nir.Net
_const, _signed = rtlil._const, rtlil._signed
_emit_cell_wires = rtlil.ModuleEmitter.emit_cell_wires
_WIDTHS = {
    _nir.Operator: lambda cell: cell.width,
    _nir.Part: lambda cell: cell.width,
    _nir.SyncReadPort: lambda cell: cell.width,
    _nir.AsyncReadPort: lambda cell: cell.width,
    _nir.AssignmentList: lambda cell: len(cell.default),
    _nir.FlipFlop: lambda cell: len(cell.data),
}
"""Of cells with one output."""
_PLAIN = frozenset(_WIDTHS) | {
    *(_nir.Top, _nir.Memory, _nir.SyncWritePort, _nir.Matches, _nir.PriorityMatch),
    *(_nir.SyncPrint, _nir.AsyncPrint, _nir.SyncProperty, _nir.AsyncProperty),
}
"""What has one output or is no wire's driver."""


def patches() -> list[tuple[Any, str, Any]]:
    """Owner, name, and what stands there instead."""
    emitter = rtlil.ModuleEmitter
    return [
        (rtlil, "_const", _constant),
        (rtlil.Cell, "emit", _cell),
        (rtlil.Wire, "emit", _wire),
        (emitter, "sigspec", _sigspec),
        (emitter, "emit_memory", _memory),
        (emitter, "emit_cell_wires", _cell_wires),
        (emitter, "emit_driven_wire", _driven_wire),
        (emitter, "shorten_operand", _shortened),
    ]


def _constant(value: Any) -> str:
    return str(value) if value.__class__ is int and 0 <= value < 0x7FFFFFFF else _const(value)


def _cell(cell: Any, line: Any) -> None:
    write, indent = line._lines.append, line._indent
    for name, value in cell.attributes.items():
        write(f"{indent}attribute \\{name} {_constant(value)}\n")
    write(f"{indent}cell {cell.kind} {cell.name}\n")
    for name, value in cell.parameters.items():
        if value.__class__ is int and 0 <= value < 0x7FFFFFFF:
            write(f"{indent}  parameter \\{name} {value}\n")
        elif isinstance(value, float):
            write(f'{indent}  parameter real \\{name} "{value!r}"\n')
        else:
            write(f"{indent}  parameter {'signed ' if _signed(value) else ''}\\{name} {_constant(value)}\n")
    for name, value in cell.ports.items():
        write(f"{indent}  connect \\{name} {value}\n")
    write(f"{indent}end\n\n")


def _wire(wire: Any, line: Any) -> None:
    write, indent = line._lines.append, line._indent
    for name, value in wire.attributes.items():
        write(f"{indent}attribute \\{name} {_constant(value)}\n")
    signed = " signed" if wire.signed else ""
    if wire.port_kind is None:
        write(f"{indent}wire width {wire.width}{signed} {wire.name}\n\n")
    else:
        write(f"{indent}wire width {wire.width} {wire.port_kind} {line.port_id} {signed} {wire.name}\n\n")
        line.port_id += 1


def _cell_wires(emitter: Any) -> None:
    module, cells = emitter.module, emitter.netlist.cells
    if not _PLAIN.issuperset([cells[number].__class__ for number in module.cells]):
        _emit_cell_wires(emitter)
        return
    for number in module.cells:
        cell = cells[number]
        width = _WIDTHS.get(cell.__class__)
        if width is not None:
            first = number << 16
            outputs = tuple.__new__(_Value, map(_Net, range(first, first + width(cell))))
            emitter.cell_wires[number] = emitter.emit_driven_wire(outputs)


def _driven_wire(emitter: Any, value: Any) -> Any:
    name = emitter.value_names.get(value)
    if name is None:
        wire = emitter.builder.wire(len(value), attrs=emitter.value_attrs.get(value, {}))
    else:
        wire = emitter.sigport_wires[name][0]
        emitter.driven_sigports.add(name)
    emitter.nets.update({net: (wire, bit) for bit, net in enumerate(value)})
    return wire


def _shortened(emitter: Any, value: Any, *, signed: bool) -> Any:
    width = len(value)
    if signed:
        while width > 1 and value[width - 1] == value[width - 2]:
            width -= 1
    else:
        while width and not value[width - 1]:
            width -= 1
    return value[:width]


def _sigspec(emitter: Any, *parts: Any) -> str:
    value: Any
    if len(parts) == 1 and parts[0].__class__ is _Value:
        value = parts[0]
    else:
        value = []
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


def _memory(emitter: Any, cell_idx: int, cell: Any) -> None:
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
