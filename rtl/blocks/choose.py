"""Selection by an index that is known to be in range."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Mux, Value
from amaranth.utils import ceil_log2


def choose(index: Any, options: Sequence[Value]) -> Value:
    """``options[index]``, bits without a sign; all options are equally wide."""
    return options[0] if len(options) == 1 else Cat(*options).word_select(index, len(options[0]))


def lookup(index: Any, values: Sequence[int], width: int) -> Value:
    """``values[index]`` as ``width`` bits: a table of constants, as logic."""
    if len(set(values)) == 1:
        return Const(values[0], width)
    packed = sum((v & ((1 << width) - 1)) << (i * width) for i, v in enumerate(values))
    return Const(packed, width * len(values)).word_select(index, width)


def route(index: Any, sources: Sequence[int | None], words: Sequence[Any], *, zero: bool = False) -> Value:
    """``words[sources[index]]``, bits without a sign unless it is always the same word; all words are equally wide.

    Where the source is ``None`` any word will do; with ``zero`` it must be 0.
    """
    there = sorted({s for s in sources if s is not None})
    if not there:
        return Const(0, len(words[0]))
    if len(there) == 1:
        word = words[there[0]]
    elif len(sources) <= 2 * len(there):
        word = choose(index, [words[there[0] if s is None else s] for s in sources])
    else:  # many phases, few words
        turn = lookup(index, [0 if s is None else there.index(s) for s in sources], ceil_log2(len(there)))
        word = choose(turn, [words[s] for s in there])
    return Mux(lookup(index, [int(s is not None) for s in sources], 1), word, 0) if zero and None in sources else word
