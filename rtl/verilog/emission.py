"""From the accelerator to Verilog, and from its signals to the names they have there."""

import gc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from typing import Any

from amaranth._toolchain.yosys import _BuiltinYosys, find_yosys
from amaranth.hdl import Signal, Value, ValueCastable
from amaranth.hdl._ir import PortDirection
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from models.files import kept
from rtl.accelerator import Accelerator
from rtl.crossed import Crossed
from rtl.interfaced import Interfaced
from rtl.verilog.layout import laid_out
from rtl.verilog.netlist import Netlist

TOP = "accelerator"
"""The top module, where the configuration names no other."""

SOURCE, CORE, WAIVERS, NAMES, DESCRIPTION = f"{TOP}.v", f"{TOP}.core", "lint.vlt", "names.json", "README.md"
"""The files in which the modules, their FuseSoC core, lint waivers, names and description are written."""
CLOCKS = "aclk", "clk"
"""Names that the accelerator's clock may have."""
BUS_CLOCK = "bus_aclk"
"""That of the ports, where they have one of their own."""
BENCH = "testbench.v"
BENCH_VECTORS = BENCH_SAMPLES, BENCH_RESULTS, BENCH_WORDS = tuple(
    f"testbench_{what}.mem" for what in ("samples", "results", "words")
)
"""A test bench and what it reads."""


Component = Accelerator | Interfaced | Crossed
"""Of a top module."""


@dataclass(frozen=True, eq=False)
class Verilog:
    """A generated design.

    Attributes
    ----------
    component
        The top module's: an accelerator, or what is around one.
    top
        The top module; the names of all others begin with it.
    text
        Verilog of all modules, the top one first. A comment behind a line says which line of these packages, or of
        Amaranth's, it comes from (:func:`rtl.verilog.layout.source`).
    """

    component: Component
    top: str
    text: str
    _netlist: Netlist

    @classmethod
    def of(cls, component: Component) -> "Verilog":
        """Generate; the same design gives the same text."""
        hardware = component.plan.config.hardware
        assert hardware is not None
        with _uncollected():
            netlist = Netlist.of(component, _ports(component), hardware.module, component.named.values())
        return cls(component, hardware.module, _as_verilog(netlist), netlist)

    @property
    def accelerator(self) -> Accelerator:
        """The accelerator: the component itself, or the one inside."""
        return self.component if isinstance(self.component, Accelerator) else self.component.accelerator

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
        ports = _ports(self.component)
        result = {} if CLOCKS[0] in ports else {"clk": ("input", 1), "rst": ("input", 1)}
        for name, (value, direction) in ports.items():
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


def around(component: wiring.Component, top: str) -> str:
    """Verilog of what is around a generated design, which it has as an instance: a module of this name and its own."""
    return _as_verilog(Netlist.of(component, _ports(component), top))


def _ports(component: wiring.Component) -> dict[str, tuple[Value, PortDirection]]:
    joint = "_" if isinstance(component, (Interfaced, Crossed)) else "__"  # as the standards' names are: s_axis_tdata
    result: dict[str, tuple[Value, PortDirection]] = {}
    for path, member, signal in component.signature.flatten(component):
        value = Value.cast(signal)
        if isinstance(value, Signal):
            direction = PortDirection.Input if member.flow == In else PortDirection.Output
            result[joint.join(map(str, path))] = (value, direction)
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
    return laid_out(_translated(yosys, script), netlist.titles)


def _translated(yosys: Any, script: str) -> str:
    """What Yosys says to a script: kept, if it is the packaged one, of which no two are called the same."""
    if yosys is not _BuiltinYosys:
        return str(yosys.run(["-q", "-"], script, ignore_warnings=True))
    name = kept.key("yosys", metadata.version(yosys.YOSYS_PACKAGE.replace("_", "-")), script)
    found = kept.find(name)
    if found is not None:
        return zlib.decompress(found).decode()
    text: str = yosys.run(["-q", "-"], script, ignore_warnings=True)
    kept.keep(name, zlib.compress(text.encode(), 1))
    return text
