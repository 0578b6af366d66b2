"""Conditions in study files: arithmetic and comparisons over named values, and nothing else of Python."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from models.errors import InputError

_LONGEST = 500
_LARGEST = 1e18

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "ceil": math.ceil,
    "floor": math.floor,
    "gcd": math.gcd,
    "len": len,
    "log2": math.log2,
    "max": max,
    "min": min,
    "sum": sum,
}
_CONSTANTS = {"true": True, "false": False, "null": None}


class Expression:
    """A condition, parsed once.

    Known are numbers, text, lists, ``+ - * / // %``, comparisons, ``in``, ``and or not``, ``a if b else c``, indices, the
    keys of sections by dots, and the functions abs, ceil, floor, gcd, len, log2, max, min and sum.

    Raises
    ------
    InputError
        If the text is anything else.
    """

    def __init__(self, text: str, field: str) -> None:
        self.text, self._field = text, field
        if len(text) > _LONGEST:
            raise InputError(field, text, f"is too long: at most {_LONGEST} characters")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise InputError(field, text, "is no expression") from None
        try:
            self._check(self._tree)
        except RecursionError:
            raise InputError(field, text, "is nested too deeply") from None

    @property
    def names(self) -> set[str]:
        """Names that must be given a value."""
        called = {id(n.func) for n in ast.walk(self._tree) if isinstance(n, ast.Call)}
        found = {n.id for n in ast.walk(self._tree) if isinstance(n, ast.Name) and id(n) not in called}
        return found - set(_CONSTANTS)

    def _check(self, node: ast.AST) -> None:
        allowed = (
            ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.List, ast.Tuple, ast.BinOp, ast.UnaryOp, ast.BoolOp,
            ast.Compare, ast.IfExp, ast.Call, ast.Load, ast.And, ast.Or, ast.Not, ast.USub, *_BINARY, *_COMPARE,
        )  # fmt: skip
        if not isinstance(node, allowed):
            raise InputError(self._field, self.text, f"must not contain {type(node).__name__}")
        if isinstance(node, ast.Call):
            if not isinstance(node.func, ast.Name) or node.func.id not in _FUNCTIONS or node.keywords:
                raise InputError(self._field, self.text, "calls an unknown function", _FUNCTIONS)
            for argument in node.args:
                self._check(argument)
            return
        for child in ast.iter_child_nodes(node):
            self._check(child)

    def __call__(self, values: Mapping[str, Any]) -> bool:
        """Whether the condition holds.

        Raises
        ------
        InputError
            If a name has no value, or the operation makes no sense.
        """
        try:
            return bool(self._value(self._tree, values))
        except InputError:
            raise
        except (TypeError, ValueError, IndexError, KeyError, ZeroDivisionError, OverflowError) as e:
            raise InputError(self._field, self.text, f"cannot be evaluated: {e}") from None

    def _value(self, node: ast.AST, values: Mapping[str, Any]) -> Any:
        result = self._operation(node, values)
        if isinstance(result, (int, float)) and abs(result) > _LARGEST:
            raise InputError(self._field, self.text, "has a value beyond every limit")
        if isinstance(result, (str, list, tuple)) and len(result) > 10**6:
            raise InputError(self._field, self.text, "has a value beyond every limit")
        return result

    def _operation(self, node: ast.AST, values: Mapping[str, Any]) -> Any:
        def of(n: ast.AST) -> Any:
            return self._value(n, values)

        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return self._named(node.id, values)
            case ast.Attribute():
                section = of(node.value)
                if not isinstance(section, Mapping) or node.attr not in section:
                    raise InputError(self._field, self.text, f"{ast.unparse(node)} has no value")
                return section[node.attr]
            case ast.Subscript():
                return of(node.value)[of(node.slice)]
            case ast.List() | ast.Tuple():
                return [of(n) for n in node.elts]
            case ast.BinOp():
                left, right = of(node.left), of(node.right)
                if isinstance(node.op, ast.Mult) and not all(isinstance(x, (int, float)) for x in (left, right)):
                    raise TypeError("only numbers can be multiplied")
                return _BINARY[type(node.op)](left, right)
            case ast.UnaryOp():
                return not of(node.operand) if isinstance(node.op, ast.Not) else -of(node.operand)
            case ast.BoolOp():
                every = isinstance(node.op, ast.And)
                return all(of(n) for n in node.values) if every else any(of(n) for n in node.values)
            case ast.Compare():
                terms = [of(n) for n in (node.left, *node.comparators)]
                return all(_COMPARE[type(o)](a, b) for o, a, b in zip(node.ops, terms, terms[1:], strict=False))
            case ast.IfExp():
                return of(node.body) if of(node.test) else of(node.orelse)
            case ast.Call():
                assert isinstance(node.func, ast.Name)
                return _FUNCTIONS[node.func.id](*map(of, node.args))
        raise AssertionError(type(node))

    def _named(self, name: str, values: Mapping[str, Any]) -> Any:
        if name in values:
            return values[name]
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        raise InputError(self._field, self.text, f"{name} has no value", values)
