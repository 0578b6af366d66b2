"""From a design to the Verilog of its accelerator, and of the interface around it."""

from hwsim.design import Design
from rtl.accelerator import Accelerator
from rtl.crossed import Crossed
from rtl.interfaced import Interfaced
from rtl.plan.plan import Plan
from rtl.verilog.emission import Component, Verilog


def generate(design: Design) -> Verilog:
    """The Verilog of a design, with the interface that it asks for."""
    return Verilog.of(component(Plan.of(design)))


def component(of: Plan) -> Component:
    """The top module's component."""
    hardware = of.config.hardware
    assert hardware is not None
    if hardware.interface == "native":
        return Accelerator(of)
    return Crossed(of) if hardware.bus_clock == "own" else Interfaced(of)


def generate_native(design: Design) -> Verilog:
    """The Verilog of a design's accelerator alone, whose ports are driven as they are, whatever may be around it."""
    return Verilog.of(Accelerator.of(design))
