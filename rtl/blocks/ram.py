"""RAMs: their style, their words, and how a port reads them."""

from typing import Any, TypedDict

from amaranth.hdl import Cat, Const, Module, Value
from amaranth.lib.memory import Memory
from amaranth.utils import ceil_log2

from rtl.blocks.delay import delayed

DISTRIBUTED, BLOCK = "distributed", "block"


def style(depth: int, stages: int, lut_ram_depth: int) -> str:
    """LUT RAM for shallow memories and those read in the same clock, block RAM for deep ones."""
    return DISTRIBUTED if depth <= lut_ram_depth or stages == 0 else BLOCK


def ram_attributes(style: str) -> dict[str, str]:
    """What tells synthesis the style of a RAM, and that nobody uses a word that he reads while it is written.

    The first of each is Xilinx' and Yosys', which takes the first style that is there; then Synplify's, then Intel's.
    """
    return _ATTRIBUTES[style]


_ATTRIBUTES = {
    DISTRIBUTED: {"ram_style": "distributed", "syn_ramstyle": "distributed", "ramstyle": "MLAB"},
    BLOCK: {
        "ram_style": "block",
        "no_rw_check": "1",
        "rw_addr_collision": "no",
        "syn_ramstyle": "block_ram, no_rw_check",
        "ramstyle": "M20K, no_rw_check",
    },
}


def words(banks: int, depth: int) -> int:
    """Words of a RAM that holds several banks; the bank is the upper part of its address."""
    return depth if banks == 1 else banks << ceil_log2(depth)


def place(banks: int, depth: int, bank: Value, address: Value) -> Value:
    """Address of a word in a RAM of several banks."""
    return Cat(address[: ceil_log2(depth)], bank if banks > 1 else Const(0, 0))


def read(m: Module, ram: Memory, address: Value, stages: int, name: str) -> Any:
    """A read port: what ``address`` holds, ``stages`` clocks later."""
    port = ram.read_port(domain="sync" if stages else "comb")
    m.d.comb += port.addr.eq(address)
    return delayed(m, port.data, max(0, stages - 1), name)


class RamOptions(TypedDict):
    """What all RAMs of a junction share: read latency in clocks, greatest depth in LUT RAM."""

    stages: int
    lut_ram_depth: int
