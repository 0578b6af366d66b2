"""For a board with a Zynq: a block design around the accelerator's AXI ports, and a notebook that trains it.

We have neither Vivado nor the board: what is said to them is tested, what they say to it is not.
"""

import json
from typing import Any

from hwsim.results.directory import DRIVER, SAMPLES
from rtl.boards.board import ProcessorBoard
from rtl.verilog.driver import PACKAGE
from rtl.verilog.emission import BUS_CLOCK, SOURCE, Verilog
from rtl.verilog.ip_package import address_range
from rtl.verilog.two_clocks import VIVADO_CROSSING

BASE = 0x4000_0000
DMA = 0x6000_0000
"""Where the processor sees the accelerator's registers and memories, and those of the DMA."""

BUS = 100.0
"""MHz of the bus where it has a clock of its own."""


def script(board: ProcessorBoard, emitted: Verilog, clock: float) -> str:
    """Vivado's script: a project in ``vivado``, then ``board.bit`` and ``board.hwh`` in the current folder."""
    hardware = emitted.accelerator.plan.config.hardware
    assert hardware is not None
    size = address_range(emitted)
    beat = hardware.beat_bits
    crossed = BUS_CLOCK in emitted.ports
    bus = BUS if crossed else clock  # MHz of all but the accelerator, which has a second clock of the processor then
    served = "accelerator/bus_a" if crossed else "accelerator/a"
    return f"""# vivado -mode batch -source board.tcl
# {board.title}: processor, AXI DMA and the accelerator. board.bit and board.hwh go to the current folder.
set here [file dirname [file normalize [info script]]]
create_project -force board vivado -part {board.part}
add_files [file join $here {SOURCE}]
{_crossing(emitted.top) if crossed else ""}update_compile_order -fileset sources_1
create_bd_design board

create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7:5.5 processor
set_property -dict [list \\
    CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ {{{bus:g}}} \\
{_second_clock(clock) if crossed else ""}    CONFIG.PCW_USE_M_AXI_GP0 {{1}} \\
    CONFIG.PCW_USE_S_AXI_HP0 {{1}} \\
    CONFIG.PCW_USE_FABRIC_INTERRUPT {{1}} \\
    CONFIG.PCW_IRQ_F2P_INTR {{1}}] [get_bd_cells processor]
apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \\
    -config {{make_external "FIXED_IO, DDR"}} [get_bd_cells processor]
create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset:5.0 reset
create_bd_cell -type module -reference {emitted.top} accelerator
create_bd_cell -type ip -vlnv xilinx.com:ip:axi_dma:7.1 axi_dma_0
set_property -dict [list \\
    CONFIG.c_include_sg {{0}} \\
    CONFIG.c_sg_length_width {{26}} \\
    CONFIG.c_m_axi_mm2s_data_width {{{max(beat, 32)}}} \\
    CONFIG.c_m_axis_mm2s_tdata_width {{{beat}}} \\
    CONFIG.c_include_mm2s_dre {{1}} \\
    CONFIG.c_include_s2mm_dre {{1}}] [get_bd_cells axi_dma_0]
create_bd_cell -type ip -vlnv xilinx.com:ip:axi_interconnect:2.1 control
set_property -dict [list CONFIG.NUM_SI {{1}} CONFIG.NUM_MI {{2}}] [get_bd_cells control]
create_bd_cell -type ip -vlnv xilinx.com:ip:axi_interconnect:2.1 memory
set_property -dict [list CONFIG.NUM_SI {{2}} CONFIG.NUM_MI {{1}}] [get_bd_cells memory]

foreach {{from to}} {{
    processor/M_AXI_GP0 control/S00_AXI
    control/M00_AXI accelerator/s_axi
    control/M01_AXI axi_dma_0/S_AXI_LITE
    axi_dma_0/M_AXIS_MM2S accelerator/s_axis
    accelerator/m_axis axi_dma_0/S_AXIS_S2MM
    axi_dma_0/M_AXI_MM2S memory/S00_AXI
    axi_dma_0/M_AXI_S2MM memory/S01_AXI
    memory/M00_AXI processor/S_AXI_HP0
}} {{
    connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to]
}}
foreach pin {{
    processor/M_AXI_GP0_ACLK processor/S_AXI_HP0_ACLK reset/slowest_sync_clk {served}clk
    axi_dma_0/s_axi_lite_aclk axi_dma_0/m_axi_mm2s_aclk axi_dma_0/m_axi_s2mm_aclk
    control/ACLK control/S00_ACLK control/M00_ACLK control/M01_ACLK
    memory/ACLK memory/S00_ACLK memory/S01_ACLK memory/M00_ACLK
}} {{
    connect_bd_net [get_bd_pins processor/FCLK_CLK0] [get_bd_pins $pin]
}}
connect_bd_net [get_bd_pins processor/FCLK_RESET0_N] [get_bd_pins reset/ext_reset_in]
foreach pin {{
    {served}resetn axi_dma_0/axi_resetn
    control/S00_ARESETN control/M00_ARESETN control/M01_ARESETN
    memory/S00_ARESETN memory/S01_ARESETN memory/M00_ARESETN
}} {{
    connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins $pin]
}}
foreach pin {{control/ARESETN memory/ARESETN}} {{
    connect_bd_net [get_bd_pins reset/interconnect_aresetn] [get_bd_pins $pin]
}}
{_SECOND_DOMAIN if crossed else ""}connect_bd_net [get_bd_pins accelerator/interrupt] [get_bd_pins processor/IRQ_F2P]
# The notebook relies on these addresses.
assign_bd_address -offset {BASE:#x} -range {size:#x} [get_bd_addr_segs accelerator/s_axi/*]
assign_bd_address -offset {DMA:#x} -range 0x10000 [get_bd_addr_segs axi_dma_0/S_AXI_LITE/*]
assign_bd_address
validate_bd_design
save_bd_design

make_wrapper -files [get_files board.bd] -top -import
set_property top board_wrapper [current_fileset]
update_compile_order -fileset sources_1
launch_runs impl_1 -to_step write_bitstream -jobs 2
wait_on_run impl_1
if {{[get_property STATS.WNS [get_runs impl_1]] < 0}} {{ error "timing is not met" }}
file copy -force [glob vivado/board.runs/impl_1/board_wrapper.bit] board.bit
file copy -force [lindex [glob vivado/board.*/sources_1/bd/board/hw_handoff/board.hwh] 0] board.hwh
"""


def _second_clock(clock: float) -> str:
    return f"""    CONFIG.PCW_EN_CLK1_PORT {{1}} \\
    CONFIG.PCW_FPGA1_PERIPHERAL_FREQMHZ {{{clock:g}}} \\
"""


_SECOND_DOMAIN = """create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset:5.0 reset_1
foreach pin {reset_1/slowest_sync_clk accelerator/aclk} {
    connect_bd_net [get_bd_pins processor/FCLK_CLK1] [get_bd_pins $pin]
}
connect_bd_net [get_bd_pins processor/FCLK_RESET0_N] [get_bd_pins reset_1/ext_reset_in]
connect_bd_net [get_bd_pins reset_1/peripheral_aresetn] [get_bd_pins accelerator/aresetn]
"""


def _crossing(top: str) -> str:
    """Constraints between the two clocks, wherever the block design has the accelerator."""
    scoped = f"SCOPED_TO_REF {top} PROCESSING_ORDER LATE USED_IN_SYNTHESIS false"
    return f"""add_files -fileset constrs_1 [file join $here {VIVADO_CROSSING}]
set_property -dict {{{scoped}}} [get_files {VIVADO_CROSSING}]
"""


def notebook(emitted: Verilog) -> str:
    """A notebook for the board's own Python: loads the bitstream, trains, predicts."""
    name = emitted.accelerator.plan.config.name
    cells = [
        _text(f"# {name}", "Load the accelerator, train it on the samples of this directory, and predict."),
        _code(
            "import sys",
            "import numpy as np",
            "from pynq import Overlay",
            f"sys.path.insert(0, {DRIVER!r})",
            f"from {PACKAGE} import Accelerator",
            f"from {PACKAGE}.mapped import on_pynq",
            "overlay = Overlay('board.bit')",
        ),
        _text("The accelerator's registers and the DMA's are where the block design has put them."),
        _code(
            f"board = on_pynq('registers.json', {BASE:#x}, {DMA:#x})",
            "accelerator = Accelerator(board, 'registers.json')",
            "accelerator.load('initial.npz')",
            f"samples = np.load({SAMPLES!r})",
        ),
        _text("Train: one epoch, in the order of the configuration."),
        _code(
            "names = 'train_inputs', 'train_labels', 'train_kappa'",
            "results = accelerator.train(*(samples[name] for name in names))",
            "print((results.prediction == samples['train_labels']).mean(), 'right as they came')",
            "print(accelerator.counters())",
        ),
        _text("Predict what it has not seen."),
        _code(
            "prediction = accelerator.predict(samples['test_inputs']).prediction",
            "print((prediction == samples['test_labels']).mean(), 'of the test samples right')",
            "accelerator.checkpoint('trained.npz')",
        ),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(made, indent=1) + "\n"


def _text(*lines: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": _source("\n\n".join(lines).splitlines())}


def _code(*lines: str) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": _source(list(lines))}


def _source(lines: list[str]) -> list[str]:
    """As notebooks have it: every line but the last ends itself."""
    return [f"{line}\n" for line in lines[:-1]] + lines[-1:]
