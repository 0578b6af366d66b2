"""The Colorlight i9 in its version 7.2 on the extension board of Muse Lab, which amaranth_boards does not have."""

from amaranth.build import Attrs, Clock, Pins, PinsN, Resource
from amaranth.vendor import LatticeECP5Platform
from amaranth_boards.resources import UARTResource

_ATTRIBUTES = Attrs(IO_TYPE="LVCMOS33")


class ColorlightI9Platform(LatticeECP5Platform):
    """What of it is used here. Its line for a serial port ends at the programmer on the extension board."""

    device, package, speed, default_clk = "LFE5U-45F", "BG381", "6", "clk25"
    resources = (
        Resource("clk25", 0, Pins("P3", dir="i"), Clock(25e6), _ATTRIBUTES),
        Resource("led", 0, PinsN("L2", dir="o"), _ATTRIBUTES),
        Resource("button", 0, PinsN("K18", dir="i"), Attrs(IO_TYPE="LVCMOS33", PULLMODE="UP")),
        UARTResource(0, rx="H18", tx="J17", attrs=_ATTRIBUTES),
    )
    connectors = ()
