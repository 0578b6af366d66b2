"""From a design to the Verilog of its accelerator."""

from hwsim.design import Design
from rtl.accelerator import Accelerator
from rtl.verilog.emission import Verilog


def generate(design: Design) -> Verilog:
    """The Verilog of a design."""
    return Verilog.of(Accelerator.of(design))
