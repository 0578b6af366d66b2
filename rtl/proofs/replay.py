"""Counter-examples, played to the real component: a waveform, and what it violates there."""

from collections.abc import Sequence
from pathlib import Path

from amaranth.sim import Simulator

from rtl.proofs.bench import Bench


def replay(bench: Bench, clocks: Sequence[dict[str, int]], waveform: Path) -> dict[str, int]:
    """Simulate the bench, with real memories, on the inputs of a counter-example.

    Parameters
    ----------
    clocks
        Inputs by name, clock by clock; the first one is the reset.
    waveform
        VCD to write.

    Returns
    -------
    dict
        First clock in which something does not hold, or is reached, by name; an assumption is among them, too.
    """
    seen: dict[str, int] = {}
    simulator = Simulator(bench)
    simulator.add_clock(1e-6, domain=bench.domain)
    stated = [p for p in (*bench.monitor.required, *bench.monitor.assumed, *bench.monitor.chosen) if not p.reached]
    reached = [p for p in bench.monitor.required if p.reached]

    async def play(context: object) -> None:
        for clock, inputs in enumerate(clocks):
            for name, signal in bench.inputs.items():
                context.set(signal, inputs.get(name, 0))
            if clock:
                for p in stated:
                    if not context.get(p.holds):
                        seen.setdefault(p.name, clock)
                for p in reached:
                    if context.get(p.holds):
                        seen.setdefault(p.name, clock)
            await context.tick()

    simulator.add_testbench(play)
    with simulator.write_vcd(str(waveform)):
        simulator.run()
    return seen
