"""How many flags are set."""

from typing import Any

from amaranth.hdl import Module, Value

from rtl.blocks.delay import delayed


def count(m: Module, name: str, flags: Any, valid: Any) -> Any:
    """How many bits were set a clock ago, if it was ``valid``."""
    bits = delayed(m, Value.cast(flags) & Value.cast(valid).replicate(len(flags)), 1, f"clipped_{name}", valid=True)
    return sum((bits[i] for i in range(1, len(bits))), start=bits[0])
