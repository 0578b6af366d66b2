"""Counter-examples, played to the real component: a waveform, and what it violates there."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from amaranth.hdl import DriverConflict, Fragment, MemoryData, MemoryInstance, Module, Shape, Signal, Value
from amaranth.lib.memory import Memory
from amaranth.sim import Simulator

from rtl.blocks.synchroniser import Synchroniser
from rtl.proofs.bench import Bench, signals_by_path
from rtl.proofs.memories import Undecided


class FullMemories:
    """The platform that a component is elaborated for to be simulated: words of RAMs are easily told from each other."""

    def __init__(self) -> None:
        self._words, self._undecided = 0, Undecided()
        self.late: dict[str, Signal] = {}

    def get_caught(self, m: Module, between: Synchroniser) -> Value:
        """What the first register of a synchroniser catches, as the counter-example has it."""
        value, late = self._undecided.caught(m, between)
        self.late[late.name] = late
        return value

    def get_memory(self, memory: Memory) -> MemoryInstance:
        """The RAM; called by :class:`amaranth.lib.memory.Memory`."""
        width, first = Shape.cast(memory.shape).width, self._words
        self._words += memory.depth
        full = [_SCATTER * (first + i) >> 8 & ((1 << width) - 1) for i in range(1, memory.depth + 1)]
        words: Any = MemoryData(shape=Shape(width), depth=memory.depth, init=full)
        result = MemoryInstance(data=words)
        for port in memory.write_ports:
            result.write_port(domain=port.domain, addr=port.addr, data=port.data, en=port.en)
        for port in memory.read_ports:
            result.read_port(domain=port.domain, addr=port.addr, data=port.data, en=port.en, transparent_for=())
        return result


_SCATTER = 0x9E3779B97F4A7C15F39CC0605CEDC835
"""An odd number whose multiples differ in all bits."""


def replay(bench: Bench, start: Mapping[str, int], clocks: Sequence[dict[str, int]], waveform: Path) -> dict[str, int]:
    """Simulate the bench, with real memories, on the inputs of a counter-example.

    Parameters
    ----------
    start
        What registers hold before the first clock, by path: some outlive a reset. Those of the proof alone have no meaning
        here.
    clocks
        Inputs by name, clock by clock; the first one is the reset.
    waveform
        VCD to write; beside it a save file for GTKWave shows the inputs.

    Returns
    -------
    dict
        First clock in which something does not hold, or is reached, by name; an assumption is among them, too.
    """
    seen: dict[str, int] = {}
    platform = FullMemories()
    fragment = Fragment.get(bench, platform)
    signals = signals_by_path(bench, fragment)
    simulator = Simulator(fragment)
    simulator.add_clock(1e-6, domain=bench.domain)
    monitor = bench.monitor
    expected = [(p, p.reached) for p in (*monitor.required, *monitor.assumed, *monitor.chosen)]

    async def play(context: Any) -> None:
        for path, value in start.items():
            # Where tools have given a register the name of a signal that it drives, it keeps its own value.
            with suppress(KeyError, DriverConflict):
                context.set(signals[path], value)
        for clock, inputs in enumerate(clocks):
            for name, signal in (bench.inputs | platform.late).items():
                context.set(signal, inputs.get(name, 0))
            if clock:
                for p, value in expected:
                    if context.get(p.holds) == value:
                        seen.setdefault(p.name, clock)
            await context.tick()

    simulator.add_testbench(play)
    inputs = [signal for signal in bench.inputs.values() if len(signal)]
    with simulator.write_vcd(str(waveform), str(waveform.with_suffix(".gtkw")), traces=inputs):
        simulator.run()
    return seen
