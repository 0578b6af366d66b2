"""Vivado's script for a board with a serial line: we have not run it with the vendor's tool."""

from collections.abc import Sequence

from rtl.boards.board import SerialBoard
from rtl.verilog.emission import SOURCE


def script(board: SerialBoard, top: str, sources: Sequence[str], constraints: str) -> str:
    """From Verilog to ``board.bit`` in the current folder; ends with an error if timing is not met."""
    reads = "\n".join(f"read_verilog [file join $here {name}]" for name in (SOURCE, *sources))
    return f"""# vivado -mode batch -source board.tcl
# {board.title}. The bitstream and the reports go to the current folder.
set here [file dirname [file normalize [info script]]]
{reads}
read_xdc [file join $here {constraints}]
synth_design -top {top} -part {board.target.device}
opt_design
place_design
route_design
report_utilization -file board_utilization.rpt
report_timing_summary -file board_timing.rpt
if {{[get_property SLACK [get_timing_paths -delay_type max]] < 0}} {{ error "timing is not met: see board_timing.rpt" }}
write_bitstream -force board.bit
"""
