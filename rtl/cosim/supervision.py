"""What cocotb runs in a simulator: it gives the bench its clock and waits for its end; the bench itself writes down."""

from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge


@cocotb.test()
async def play(bench: Any) -> None:
    """From the first clock until the bench is over; the first edge comes when all that has no clock has settled."""
    Clock(bench.clk, 10, "ns", impl="gpi").start(start_high=False)
    await RisingEdge(bench.over)
