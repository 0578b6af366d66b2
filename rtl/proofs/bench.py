"""The module in which a component is proved: the component, its inputs free, and what it states about itself."""

from collections.abc import Sequence
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, DomainRenamer, Elaboratable, Fragment, Module, Signal, Value
from amaranth.lib.wiring import Component, In

from rtl.blocks.properties import Monitor
from rtl.proofs.memories import FreeMemories

FIRST = "first_clock"
"""The register of the bench that is set in the first clock, in which all others are reset."""
TOP, PATH = "bench", "."
"""Its name in RTLIL, and what stands between the names of a path there."""


class Bench(Elaboratable):
    """A component between free inputs, and beside it what it states about itself.

    In the first clock it is reset, whatever was before; from then on its properties hold.

    Parameters
    ----------
    component
        With a method ``properties`` that is given a :class:`rtl.blocks.properties.Monitor`.

    Attributes
    ----------
    monitor
        What the component states, once the bench has been elaborated.
    inputs
        By name: reset, the mark, and the component's inputs.
    lines
        Its RTLIL, once it has been converted.
    """

    def __init__(self, component: Component) -> None:
        self.component, self.domain = component, ClockDomain("sync")
        self.first, self.mark = Signal(name=FIRST, init=1, reset_less=True), Signal(name="mark")
        self.inputs: dict[str, Signal] = {}
        self.lines: list[str] | None = None

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains += self.domain
        m.d.sync += self.first.eq(0)
        # Elaborated here, so that its RAMs are known.
        m.submodules.component = Fragment.get(self.component, platform)
        self.monitor: Monitor = Monitor(m, self.mark, platform.rams if isinstance(platform, FreeMemories) else ())
        self.component.properties(self.monitor)
        self.inputs = {"rst": self.domain.rst, "mark": self.mark}
        for path, member, port in self.component.signature.flatten(self.component):
            value = Value.cast(port)
            if member.flow == In and isinstance(value, Signal) and len(value):
                self.inputs["__".join(map(str, path))] = value
        return m


def _ports(bench: Bench) -> dict[str, Any]:
    ports: dict[str, Any] = {"clk": (bench.domain.clk, None), FIRST: (bench.first, None)}
    return ports | {name: (signal, None) for name, signal in bench.inputs.items() if len(signal)}


def signals_by_path(bench: Bench, fragment: Fragment) -> dict[str, Signal]:
    """The signals of an elaborated bench by their paths in RTLIL."""
    twin = DomainRenamer({})(fragment)  # a fragment is prepared only once, and this one is for somebody else
    _, paths = rtlil.convert_fragment(twin, _ports(bench), TOP, emit_src=False)
    return {PATH.join(path[1:]): signal for signal, path in paths.items()}


def as_rtlil(bench: Bench, asserted: Sequence[str], given: Sequence[str]) -> str:
    """The bench for Yosys: assertions are named as the properties are, inputs as the bench names them.

    It is converted once, with everything that it states; calls differ in what stands beside it.

    Parameters
    ----------
    asserted
        Names of the properties to prove. Of what must be reached it is asserted that it never is.
    given
        Names of what is assumed: conclusions, and what has been proved already.
    """
    if bench.lines is None:
        bench.lines = _converted(bench)
    lines, stated = bench.lines, bench.monitor
    known = {p.name: p for p in (*stated.concluded, *stated.required) if p.name in given}
    assumed = [*stated.assumed, *stated.chosen, *known.values()]
    roles = [("assert", p) for p in stated.required if p.name in asserted] + [("assume", p) for p in assumed]
    end = lines.index("end")  # of the top module, which comes first
    cells = [_AFTER_RESET]
    for role, p in roles:
        cells.append(_CELL.format(role=role, name=p.name, operator="not" if p.reached else "pos"))
    return "\n".join([*lines[:end], *cells, *lines[end:]]) + "\n"


def _converted(bench: Bench) -> list[str]:
    free = FreeMemories(bench.mark)
    fragment = Fragment.get(bench, free)
    ports = _ports(bench) | {signal.name: (signal, None) for signal in free.free if len(signal)}
    monitor = bench.monitor
    of = (*monitor.required, *monitor.assumed, *monitor.chosen, *monitor.concluded)
    ports |= {f"holds_{p.name}": (p.holds, None) for p in of}
    text, _ = rtlil.convert_fragment(fragment, ports, TOP, emit_src=False)
    return text.splitlines()


_CELL = """\
  wire \\{role}_{name}_bit
  cell ${operator} \\{role}_{name}_as_meant
    parameter \\A_SIGNED 0
    parameter \\A_WIDTH 1
    parameter \\Y_WIDTH 1
    connect \\A \\holds_{name}
    connect \\Y \\{role}_{name}_bit
  end
  cell ${role} \\{role}_{name}_always
    connect \\A \\{role}_{name}_bit
    connect \\EN \\after_reset
  end"""
_AFTER_RESET = f"""\
  wire \\after_reset
  wire \\reset_at_first
  cell $not \\invert_first
    parameter \\A_SIGNED 0
    parameter \\A_WIDTH 1
    parameter \\Y_WIDTH 1
    connect \\A \\{FIRST}
    connect \\Y \\after_reset
  end
  cell $eq \\compare_reset
    parameter \\A_SIGNED 0
    parameter \\A_WIDTH 1
    parameter \\B_SIGNED 0
    parameter \\B_WIDTH 1
    parameter \\Y_WIDTH 1
    connect \\A \\rst
    connect \\B \\{FIRST}
    connect \\Y \\reset_at_first
  end
  cell $assume \\assume_reset
    connect \\A \\reset_at_first
    connect \\EN 1'1
  end"""
