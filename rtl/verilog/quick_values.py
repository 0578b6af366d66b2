"""Amaranth's expressions, quickly: shapes inferred once, trees copied without being checked again."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import _ast, _mem, _xfrm

_SHAPED = (_ast.Operator, _ast.Slice, _ast.Concat, _ast.SwitchValue)
_VALUES = frozenset(
    {*_SHAPED, _ast.Part, _ast.Const, _ast.Initial, _ast.AnyValue, _ast.Signal, _ast.ClockSignal, _ast.ResetSignal}
)
_cast = _ast.Value.cast


def patches() -> list[tuple[Any, str, Any]]:
    """Owner, name, and what stands there instead."""
    return [
        *((kind, "shape", _once(kind.shape)) for kind in _SHAPED),
        (_ast.Value, "cast", staticmethod(_as_value)),
        (_xfrm.DomainLowerer, "on_value", _lowered),
        (_mem, "_get_init_value", _initial),
    ]


def _once(infer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def shape(value: Any) -> Any:
        try:
            return value._inferred
        except AttributeError:
            value._inferred = result = infer(value)
            return result

    return shape


def _as_value(obj: Any) -> Any:
    return obj if obj.__class__ in _VALUES else _cast(obj)


_get_init_value = _ast._get_init_value


def _initial(init: Any, shape: Any, what: str) -> Any:
    if init.__class__ is int:
        if shape.__class__ is int:  # the width of an unsigned one
            if 0 <= init < 1 << shape:
                return init
        elif shape.__class__ is _ast.Shape:
            low = -(1 << shape.width - 1) if shape.signed else 0
            if low <= init < low + (1 << shape.width):
                return init
    return _get_init_value(init, shape, what)


_on_value = _xfrm.DomainLowerer.on_value


def _lowered(lowerer: Any, value: Any) -> Any:
    """A copy, as Amaranth makes: a value that is used twice is two values, of which either becomes cells of its own."""
    kind = value.__class__
    if kind is _ast.Signal or kind is _ast.Const:
        return value
    if kind not in _SHAPED:
        return _on_value(lowerer, value)
    new = object.__new__(kind)
    new.__dict__.update(value.__dict__)
    if kind is _ast.Operator:
        new._operands = tuple([_lowered(lowerer, operand) for operand in value._operands])
    elif kind is _ast.Slice:
        new._value = _lowered(lowerer, value._value)
    elif kind is _ast.Concat:
        new._parts = tuple([_lowered(lowerer, part) for part in value._parts])
    else:
        new._test = _lowered(lowerer, value._test)
        new._cases = tuple([(patterns, _lowered(lowerer, case)) for patterns, case in value._cases])
    return new
