"""Scripts that take the Verilog through Vivado and Quartus: utilisation and timing of the design alone, without pins.

We have neither tool: what the scripts say to them is tested, what the tools say to the scripts is not.
"""

from collections.abc import Mapping

from rtl.verilog.emission import BUS_CLOCK, CLOCKS, SOURCE, TOP
from rtl.verilog.two_clocks import QUARTUS_CROSSING, VIVADO_CROSSING

VIVADO, VIVADO_CLOCK = "vivado.tcl", f"{TOP}.xdc"
QUARTUS, QUARTUS_CLOCK = "quartus.tcl", f"{TOP}.sdc"
PART = "xc7a200tfbg484-1"
FAMILY, DEVICE = "Cyclone 10 GX", "10CX220YF780E5G"
"""Of those with M20K blocks, which the Verilog asks for, one that Quartus Prime Pro compiles without a licence."""
PERIOD = 10.0
"""ns, of the clock that is asked for."""


def vendor_files(top: str, ports: Mapping[str, tuple[str, int]]) -> dict[str, str]:
    """The scripts and their clock constraints by file name, for a top module with these ports."""
    ticks = [name for name in (*CLOCKS, BUS_CLOCK) if name in ports]
    clocks = "".join(f"create_clock -name {name} -period {PERIOD:.3f} [get_ports {name}]\n" for name in ticks)
    return {
        VIVADO: _vivado(top, len(ticks) > 1),
        VIVADO_CLOCK: clocks,
        QUARTUS: _quartus(top, [name for name in ports if name not in ticks], len(ticks) > 1),
        QUARTUS_CLOCK: f"{clocks}derive_clock_uncertainty\n",
    }


def _vivado(top: str, crossing: bool) -> str:
    between = f"read_xdc [file join $here {VIVADO_CROSSING}]\n" if crossing else ""
    return f"""# vivado -mode batch -source {VIVADO} -tclargs PART
# The design out of context: no pins, no I/O buffers. The reports and the checkpoint go to the current folder.
set part {PART}
if {{[llength $argv] > 0}} {{ set part [lindex $argv 0] }}
set here [file dirname [file normalize [info script]]]
read_verilog [file join $here {SOURCE}]
read_xdc -mode out_of_context [file join $here {VIVADO_CLOCK}]
{between}synth_design -top {top} -part $part -mode out_of_context
opt_design
place_design
route_design
report_utilization -file {TOP}_utilization.rpt
report_timing_summary -file {TOP}_timing.rpt
write_checkpoint -force {TOP}.dcp
"""


def _quartus(top: str, ports: list[str], crossing: bool) -> str:
    between = f"set_global_assignment -name SDC_FILE [file join $here {QUARTUS_CROSSING}]\n" if crossing else ""
    names = "".join(f"    {name}\n" for name in ports)
    return f"""# quartus_sh -t {QUARTUS} FAMILY DEVICE
# All ports but the clock are virtual pins. The project and its reports go to the current folder.
package require ::quartus::project
package require ::quartus::flow
set given [expr {{[info exists quartus(args)] ? $quartus(args) : $argv}}]
lassign [expr {{[llength $given] > 1 ? $given : [list {{{FAMILY}}} {DEVICE}]}}] family device
set here [file dirname [file normalize [info script]]]
project_new -overwrite {TOP}
set_global_assignment -name FAMILY $family
set_global_assignment -name DEVICE $device
set_global_assignment -name TOP_LEVEL_ENTITY {top}
set_global_assignment -name VERILOG_FILE [file join $here {SOURCE}]
set_global_assignment -name SDC_FILE [file join $here {QUARTUS_CLOCK}]
{between}foreach port {{
{names}}} {{
    set_instance_assignment -name VIRTUAL_PIN ON -to $port
}}
execute_flow -compile
project_close
"""
