"""From the accelerator to Verilog, and from its signals to the names they have there."""

import re
from dataclasses import dataclass
from functools import cached_property

from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil
from amaranth.hdl import Fragment, Signal, Value, ValueCastable
from amaranth.hdl._ir import PortDirection
from amaranth.lib.wiring import In

from rtl.accelerator import Accelerator

TOP = "accelerator"
SOURCE, CORE, WAIVERS, NAMES, DESCRIPTION = f"{TOP}.v", f"{TOP}.core", "lint.vlt", "names.json", "README.md"
"""The top module; the files in which it, its FuseSoC core, lint waivers, names and description are written."""


@dataclass(frozen=True, eq=False)
class Verilog:
    """A generated design.

    Attributes
    ----------
    accelerator
        The component.
    text
        Verilog of all modules; the top module is :data:`TOP`.
    """

    accelerator: Accelerator
    text: str
    _names: object

    @classmethod
    def of(cls, accelerator: Accelerator) -> "Verilog":
        """Generate; the same design gives the same text."""
        for signal in accelerator.named.values():
            Value.cast(signal).attrs["keep"] = 1  # a name of its own, whatever it is connected to
        fragment = Fragment.get(accelerator, None)
        text, names = rtlil.convert_fragment(fragment, _ports(accelerator), TOP, emit_src=False)
        return cls(accelerator, _as_verilog(text), names)

    def path(self, signal: Signal | ValueCastable) -> tuple[str, ...]:
        """Instance names from the top module down, then the signal's own."""
        return tuple(self._names[Value.cast(signal)])  # type: ignore[index]

    @cached_property
    def ports(self) -> dict[str, tuple[str, int]]:
        """Direction and bits of every port, clock and reset first."""
        result = {"clk": ("input", 1), "rst": ("input", 1)}
        for name, (value, direction) in _ports(self.accelerator).items():
            result[name] = ("input" if direction is PortDirection.Input else "output", len(value))
        return result


def _ports(accelerator: Accelerator) -> dict[str, tuple[Value, PortDirection]]:
    result: dict[str, tuple[Value, PortDirection]] = {}
    for path, member, signal in accelerator.signature.flatten(accelerator):
        value = Value.cast(signal)
        if isinstance(value, Signal):
            direction = PortDirection.Input if member.flow == In else PortDirection.Output
            result["__".join(map(str, path))] = (value, direction)
    return result


# Decisions become expressions: a simulator evaluates them from the start, whereas a block that waits for a change of its
# inputs has no value before the first one.
_SCRIPT = """
read_rtlil <<rtlil
{rtlil}
rtlil
proc -norom
opt_expr -keepdc
opt_clean -purge
hierarchy -top accelerator
memory_collect
attrmap -remove generator -remove top -remove amaranth.hierarchy -remove amaranth.decoding -remove src -remove keep
attrmap -modattr -remove generator -remove top -remove amaranth.hierarchy -remove amaranth.decoding -remove src
write_verilog
"""


def _as_verilog(text: str) -> str:
    yosys = find_yosys(lambda version: version >= (0, 40))
    result: str = yosys.run(["-q", "-"], _SCRIPT.format(rtlil=text), ignore_warnings=True)
    return _INITIALISED.sub(r"\1\2\3;\n\1initial \3 = \4;", result)


# Linters warn of a declaration with a value if a process assigns the register, and older ones know no waiver for that.
_INITIALISED = re.compile(r"^( *)(reg (?:\[\d+:\d+\] )?)(\\\S+ |\w+) *= (.+);$", re.MULTILINE)
"""A declaration of a register with its value at power-up; the same is said by a statement."""
