"""A module around a design with more ports than an FPGA has pins."""

from collections.abc import Collection, Mapping

from rtl.verilog.emission import BUS_CLOCK

WRAPPER = "_wrapped"  # which begins like no module of a design
PINS = ("clk", "rst", "serial_in", "serial_out")
BUS_PIN = "bus_clk"
"""One more, of a design whose ports have a clock of their own."""

_COMMON = {"clk": "clk", "rst": "rst", "aclk": "clk", "aresetn": "~rst", BUS_CLOCK: BUS_PIN, "bus_aresetn": "~rst"}
"""What is led to the pins of clock and reset, by the names that ports can have."""


def pins(ports: Collection[str]) -> tuple[str, ...]:
    """The wrapper's, around a design with these ports."""
    return (*PINS, BUS_PIN) if BUS_CLOCK in ports else PINS


def wrapper(top: str, ports: Mapping[str, tuple[str, int]]) -> str:
    """Verilog of :data:`WRAPPER`, which has the pins :func:`pins`.

    Inputs come from a shift register; outputs are added, without carry, to another one. So every input can take any value
    and every output counts, nothing can be optimised away, and a path from or to a port is one between registers.

    Parameters
    ----------
    top
        Name of the design's top module.
    ports
        Direction and bits of the design's ports; clock and reset stay what they are.
    """
    used = {"input": 0, "output": 0}
    connections = [f".{name}({pin})" for name, pin in _COMMON.items() if name in ports]
    for name, (direction, bits) in ports.items():
        if name not in _COMMON:
            low = used[direction]
            connections.append(f".{name}({direction}s[{low + bits - 1}:{low}])")
            used[direction] += bits
    n, m = used["input"], used["output"]
    joined = ",\n    ".join(connections)
    second, clock = (f"input {BUS_PIN}, ", BUS_PIN) if BUS_CLOCK in ports else ("", "clk")
    return f"""module {WRAPPER} (input clk, {second}input rst, input serial_in, output serial_out);
  reg [{n - 1}:0] inputs = 0;
  reg [{m - 1}:0] folded = 0;
  wire [{m - 1}:0] outputs;
  assign serial_out = folded[{m - 1}];
  always @(posedge {clock}) begin
    inputs <= (inputs << 1) | serial_in;
    folded <= (folded << 1) ^ outputs;
  end
  {top} design (
    {joined}
  );
endmodule
"""
