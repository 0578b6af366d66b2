"""The resources of FPGAs that estimates and synthesis both count, by family."""

from collections.abc import Mapping

from hwsim.figure import Figure

FAMILIES = {"xc7": "7 series", "ecp5": "ECP5", "ice40": "iCE40"}
"""What people call them, by Yosys' names."""
_RESOURCES = {
    "luts": ("LUTs", "LUTs of logic"),
    "lut_ram": ("LUTs", "LUTs of distributed memory"),
    "ffs": ("flip-flops", "flip-flops"),
    "dsps": ("blocks", "DSP blocks"),
    "block_rams": ("blocks", "block memories"),
}
SYNTHESISED = {"LUT": "luts", "LUT RAM": "lut_ram", "FF": "ffs", "DSP": "dsps", "block RAM": "block_rams"}
"""Of the figures that every family has, by what synthesis calls the resource."""
RESOURCES = tuple(f"{family}_{resource}" for family in FAMILIES for resource in _RESOURCES)
"""Names of figures."""


def area_figures(how: str, note: str = "", families: Mapping[str, str] = FAMILIES) -> dict[str, Figure]:
    """The figure of every resource; ``how`` it is known, and a note for the axis of a picture."""
    return {
        f"{family}_{resource}": Figure(unit, f"{meaning} on {device}, {how}", "less", f"{meaning}, {device}{note}")
        for family, device in families.items()
        for resource, (unit, meaning) in _RESOURCES.items()
    }
