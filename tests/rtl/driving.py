"""Components in Amaranth's simulator: inputs go in and outputs come out clock by clock."""

from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
from amaranth.hdl import ClockDomain, Module, Shape
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from models.numbers.format import Format
from rtl.plan.plan import JunctionPlan, Plan, tables
from tests.rtl.quick import QuickEngine


def simulate(component: Any, *testbenches: Callable, background: Iterable[Callable] = (), engine: Any = QuickEngine) -> None:
    """Run until every testbench has come to its end."""
    top = Module()
    top.domains.sync = ClockDomain()  # combinational components have no clock of their own
    top.submodules.component = component
    simulator = Simulator(top, engine=engine)
    simulator.add_clock(1e-6)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    for testbench in background:
        simulator.add_testbench(testbench, background=True)
    simulator.run()


def play(component: Any, stimulus: Iterable[dict[str, Any]], engine: Any = QuickEngine) -> list[SimpleNamespace]:
    """Outputs of every clock, seen after the clock's inputs have settled.

    An input is 0 in the clocks that do not name it; ports of interfaces are named ``interface_port``. A generator is sent
    the outputs of the clock whose inputs it has just yielded, so that it can react to them in the next.
    """
    ports = list(component.signature.flatten(component))
    inputs = {"_".join(map(str, path)): port for path, member, port in ports if member.flow == In}
    outputs = {"_".join(map(str, path)): port for path, member, port in ports if member.flow == Out}
    seen: list[SimpleNamespace] = []

    async def bench(ctx: Any) -> None:
        held: set[str] = set()
        for given in _reacting(stimulus, seen):
            for name in held - given.keys():
                ctx.set(_bits(inputs[name]), 0)
            for name, value in given.items():
                ctx.set(inputs[name], plain(value))
            held = set(given)
            seen.append(SimpleNamespace(**{name: plain(ctx.get(port)) for name, port in outputs.items()}))
            await ctx.tick()

    simulate(component, bench, engine=engine)
    return seen


def _reacting(stimulus: Iterable[dict[str, Any]], seen: list[SimpleNamespace]) -> Iterator[dict[str, Any]]:
    clocks = iter(stimulus)
    send = getattr(clocks, "send", lambda _: next(clocks))
    while True:
        try:
            given = send(seen[-1] if seen else None)
        except StopIteration:
            return
        yield given


def put_off(stimulus: list[dict[str, Any]], name: str, clocks: int) -> list[dict[str, Any]]:
    """The same, with one input so many clocks later than the others."""
    rest = [{k: v for k, v in given.items() if k != name} for given in stimulus] + [{}] * clocks
    late = [{}] * clocks + [{name: given[name]} if name in given else {} for given in stimulus]
    return [a | b for a, b in zip(rest, late, strict=True)]


def evaluate(shapes: dict[str, Shape], expression: Callable, stimulus: Iterable[dict[str, int]]) -> list[int]:
    """Values of a combinational expression of signals with these shapes."""

    class Expression(wiring.Component):
        def __init__(self) -> None:
            ports = {name: In(shape) for name, shape in shapes.items()}
            probe = wiring.Signature(ports).create()
            shape = expression(**{name: getattr(probe, name) for name in shapes}).shape()
            super().__init__(ports | {"result": Out(shape)})

        def elaborate(self, platform: object) -> Module:
            m = Module()
            m.d.comb += self.result.eq(expression(**{name: getattr(self, name) for name in shapes}))
            return m

    return [s.result for s in play(Expression(), stimulus)]


def plain(value: Any) -> Any:
    """Integers, lists and dictionaries instead of arrays and constants with a layout."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, data.Const):
        layout = value.shape()
        if isinstance(layout, data.ArrayLayout):
            return [plain(value[i]) for i in range(layout.length)]
        return {name: plain(value[name]) for name, _ in layout}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items()}
    return int(value)


def _bits(port: Any) -> Any:
    return port.as_value() if isinstance(port, data.View) else port


def integers(rng: np.random.Generator, of: Format | Shape | tuple[int, int], *size: int) -> np.ndarray:
    """Random integers of a format or range, its two ends more often than they would come by chance."""
    if isinstance(of, Shape):
        of = Format(of.width, 0, of.signed)
    lowest, highest = of if isinstance(of, tuple) else (of.lowest, of.highest)
    drawn = rng.integers(lowest, highest + 1, size)
    ends = np.where(rng.random(size) < 0.5, lowest, highest)
    return np.where(rng.random(size) < 0.2, ends, drawn)


def activated(rng: np.random.Generator, of: Plan, j: JunctionPlan, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Activations and derivatives of random pre-activations of a junction's right neurons."""
    activation, derivative = tables(of, j)
    at = integers(rng, (0, len(activation) - 1), size)
    return activation[at], derivative[at]


def clip(x: int, to: Format) -> int:
    """Saturation, read aloud."""
    return min(max(x, to.lowest), to.highest)
