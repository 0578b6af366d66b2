"""From the accelerator to Verilog, and from its signals to the names they have there."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from amaranth._toolchain.yosys import find_yosys
from amaranth.hdl import Signal, Value, ValueCastable
from amaranth.hdl._ir import PortDirection
from amaranth.lib.wiring import In

from rtl.accelerator import Accelerator
from rtl.verilog.layout import laid_out
from rtl.verilog.netlist import Netlist

TOP = "accelerator"
"""The top module, where the configuration names no other."""

SOURCE, CORE, WAIVERS, NAMES, DESCRIPTION = f"{TOP}.v", f"{TOP}.core", "lint.vlt", "names.json", "README.md"
"""The files in which the modules, their FuseSoC core, lint waivers, names and description are written."""
BENCH = "testbench.v"
BENCH_VECTORS = BENCH_SAMPLES, BENCH_RESULTS, BENCH_WORDS = tuple(
    f"testbench_{what}.mem" for what in ("samples", "results", "words")
)
"""A test bench and what it reads."""


@dataclass(frozen=True, eq=False)
class Verilog:
    """A generated design.

    Attributes
    ----------
    accelerator
        The component.
    top
        The top module; the names of all others begin with it.
    text
        Verilog of all modules, the top one first. A comment behind a line says which line of these packages, or of
        Amaranth's, it comes from (:func:`rtl.verilog.layout.source`).
    """

    accelerator: Accelerator
    top: str
    text: str
    _netlist: Netlist

    @classmethod
    def of(cls, accelerator: Accelerator) -> "Verilog":
        """Generate; the same design gives the same text."""
        hardware = accelerator.plan.config.hardware
        assert hardware is not None
        with _uncollected():
            netlist = Netlist.of(accelerator, _ports(accelerator), hardware.module, accelerator.named.values())
        return cls(accelerator, hardware.module, _as_verilog(netlist), netlist)

    def path(self, signal: Signal | ValueCastable) -> tuple[str, ...]:
        """Instance names from the top module down, then the signal's own."""
        return self._netlist.path(signal)

    def module(self, instance: tuple[str, ...]) -> str:
        """The module of an instance, given by the instance names from the top module down; equal ones share a module."""
        return self._netlist.modules[instance]

    @property
    def instances(self) -> dict[tuple[str, ...], str]:
        """The module of every instance, by the instance names from the top module down."""
        return self._netlist.modules

    @cached_property
    def ports(self) -> dict[str, tuple[str, int]]:
        """Direction and bits of every port, clock and reset first."""
        result = {"clk": ("input", 1), "rst": ("input", 1)}
        for name, (value, direction) in _ports(self.accelerator).items():
            result[name] = ("input" if direction is PortDirection.Input else "output", len(value))
        return result


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for cyclic garbage, which a netlist of a million objects has none of: a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _ports(accelerator: Accelerator) -> dict[str, tuple[Value, PortDirection]]:
    result: dict[str, tuple[Value, PortDirection]] = {}
    for path, member, signal in accelerator.signature.flatten(accelerator):
        value = Value.cast(signal)
        if isinstance(value, Signal):
            direction = PortDirection.Input if member.flow == In else PortDirection.Output
            result["__".join(map(str, path))] = (value, direction)
    return result


# Decisions of combinational logic become expressions: a simulator evaluates them from the start, whereas a block that waits
# for a change of its inputs has no value before the first one. What is said twice is said once: cells that are equal merge.
_SCRIPT = """
read_rtlil <<rtlil
{rtlil}
rtlil
proc -norom
opt_expr -keepdc
opt_merge
opt_clean -purge
wreduce -keepdc
opt_expr -keepdc
opt_merge
opt_clean -purge
hierarchy -top {top}
memory_collect
attrmap {unwanted} -remove keep -remove full_case
attrmap -modattr {unwanted}
write_verilog
"""
_UNWANTED = ("generator", "top", "amaranth.hierarchy", "amaranth.decoding", "unused_bits")


def _as_verilog(netlist: Netlist) -> str:
    yosys = find_yosys(lambda version: version >= (0, 40))
    unwanted = " ".join(f"-remove {name}" for name in _UNWANTED)
    script = _SCRIPT.format(rtlil=netlist.text, top=netlist.top, unwanted=unwanted)
    text: str = yosys.run(["-q", "-"], script, ignore_warnings=True)
    return laid_out(text, netlist.titles)
