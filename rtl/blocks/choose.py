"""Selection by an index that is known to be in range."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Value


def choose(index: Any, options: Sequence[Value]) -> Value:
    """``options[index]``, bits without a sign; all options are equally wide."""
    return options[0] if len(options) == 1 else Cat(*options).word_select(index, len(options[0]))


def lookup(index: Any, values: Sequence[int], width: int) -> Value:
    """``values[index]`` as ``width`` bits: a table of constants, as logic."""
    if len(set(values)) == 1:
        return Const(values[0], width)
    packed = sum((v & ((1 << width) - 1)) << (i * width) for i, v in enumerate(values))
    return Const(packed, width * len(values)).word_select(index, width)
