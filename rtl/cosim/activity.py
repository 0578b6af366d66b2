"""How often the bits of a design toggle while it trains on real samples: counted in a simulation, for estimates of power.

Verilator simulates without delays: every bit toggles once a clock at most, and what glitches add is not seen. Wires without
a name of their own are not in its waveform; those with one stand for them.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwsim.costs.power import Activity
from hwsim.design import Design
from models.data.dataset import Split
from models.errors import ArgumentError
from rtl.accelerator import Accelerator
from rtl.cosim import scenarios
from rtl.cosim.capture import Options, SimulationError, Watcher, simulate
from rtl.cosim.cosimulation import training_samples
from rtl.cosim.expectation import Expectation
from rtl.cosim.script import Script
from rtl.cosim.simulators import runner
from rtl.cosim.testbench import DIFFERENCES
from rtl.cosim.toggles import Waveform
from rtl.plan.plan import Plan
from rtl.verilog.emission import Verilog

SIMULATOR = "verilator"
SAMPLES = 16
"""Between whose entries toggles are counted, unless asked otherwise."""
_BENCH = ("bench", "dut")
_WAVES = "dump.vcd"
_EDGE, _PERIOD = 15_000, 10_000  # ps: the rising edge that ends clock 0, and from one to the next


@dataclass
class Nets:
    """What a module's nets are, by name.

    Attributes
    ----------
    registers
        Assigned at clock edges; memories are none.
    operands
        Of products of two nets.
    """

    registers: set[str] = field(default_factory=set)
    operands: set[str] = field(default_factory=set)


def nets(text: str) -> dict[str, Nets]:
    """The registers and operands of every module of a Verilog text as :mod:`rtl.verilog` writes it."""
    result: dict[str, Nets] = {}
    module, memories = Nets(), set[str]()
    for line in text.splitlines():
        code = line.split("//")[0]
        if found := _MODULE.match(code):
            module, memories = result.setdefault(found[1], Nets()), set()
        elif found := _MEMORY.match(code):
            memories.add(found[1])
        elif found := _CLOCKED.match(code):
            module.registers |= {found[1]} - memories
        elif (found := _PRODUCT.search(code)) and all(sides := [set(_NAME.findall(side)) for side in found.groups()]):
            module.operands |= sides[0] | sides[1]
    return result


_MODULE = re.compile(r"\s*module (\w+)")
_MEMORY = re.compile(r"\s*reg(?: signed)?(?: \[[^\]]*\])? (\w+) \[")
_CLOCKED = re.compile(r"\s*(?:(?:if \(.*?\)|else|begin|[\w']+:) )*([A-Za-z_]\w*)(?:\[[^\]]*\])? <= ")
_PRODUCT = re.compile(r"= (.+) \* (.+);")
_NAME = re.compile(r"(?<![\w'$])[A-Za-z_]\w*")


def count(
    waveform: Waveform, modules: Mapping[tuple[str, ...], Nets], first: int, last: int, clocks: int
) -> tuple[Activity, dict[str, npt.NDArray[np.int64]]]:
    """Toggles of a design at times ``first .. last - 1``, which are so many clocks.

    Parameters
    ----------
    modules
        What the nets are, by the scopes of the instance in the waveform; other scopes do not count.

    Returns
    -------
    tuple
        Toggles per bit and clock; and by kind (registers, nets, operands) the numbers of the signals that were counted.
    """
    registers, operands, seen = set[int](), set[int](), dict[int, tuple[str, ...]]()
    clock = {signal for (*_, name), signal in waveform.names if name == "clk"}
    for (*scopes, name), signal in waveform.names:
        if (place := tuple(scopes)) not in modules or signal in clock or "[" in name:  # what a memory holds is no net
            continue
        if len(place) > len(seen.get(signal, ())):
            seen[signal] = place  # what several modules share is the innermost's
        registers |= {signal} if name in modules[place].registers else set()
        operands |= {signal} if name in modules[place].operands else set()
    kinds = {"registers": registers, "nets": seen.keys() - registers, "operands": operands}
    numbers = {kind: np.array(sorted(chosen), np.int64) for kind, chosen in kinds.items()}
    toggles = waveform.toggles(first, last)
    rates = {
        kind: float(toggles[chosen].sum() / max(1, waveform.widths[chosen].sum() * clocks))
        for kind, chosen in numbers.items()
    }
    components: dict[str, float] = defaultdict(float)
    top = min((len(place) for place in modules), default=0)
    for signal, place in seen.items():
        components[".".join(place[top : top + 2]) or "top"] += float(toggles[signal] / clocks)
    how = f"simulated, {clocks} clocks"
    return Activity(**rates, how=how, components=dict(sorted(components.items())), clocks=clocks), numbers


def check(samples: int) -> None:
    """Refuse what would only come to light after long preparations.

    Raises
    ------
    InputError
        If the simulator is not there, or there is nothing to simulate.
    """
    if samples < 1:
        raise ArgumentError("samples", samples, "must be at least 1", [1])
    runner(SIMULATOR)


def measure(
    design: Design,
    data: Split,
    folder: Path,
    samples: int = SAMPLES,
    watch: Watcher | None = None,
) -> Activity:
    """Simulate a training run from the initial parameters on, and count.

    It counts from the entry of one sample to that of another ``samples`` later, once the pipeline is full.

    Parameters
    ----------
    folder
        Where the simulation is built and left.
    watch
        Is told clocks simulated, and all.

    Raises
    ------
    InputError
        If the simulator is not there, or the design has no hardware.
    SimulationError
        If the simulation breaks off, or the Verilog does not do what the protocol says.
    """
    check(samples)
    of = Plan.of(design)
    emitted = Verilog.of(Accelerator(of))
    warm = 2 * len(of.junctions) + 2  # junction cycles until the first sample has left the last of its weights behind
    n = warm + samples + 1
    script = Script(of)
    script.begin(scenarios.DATA)
    script.add(training_samples(design, data, n, 0.0 if of.trains else 1.0))
    script.run(n)
    expected = Expectation(of, script.samples, script.protocol())
    run = simulate(emitted, expected.protocol, expected.samples, SIMULATOR, folder, Options(waves=True), watch)
    if len(run.lines[DIFFERENCES]):
        raise SimulationError("the simulated Verilog does not do what the protocol says: hwsim cosim tells where")
    advances = expected.protocol.record.advances
    entries = advances[advances[:, 1] >= 0, 0]
    first, last = int(entries[warm]), int(entries[warm + samples])
    found = nets(emitted.text)
    modules = {(*_BENCH, *path[1:]): found[module] for path, module in emitted.instances.items() if module in found}
    times = [_EDGE + _PERIOD * clock for clock in (first, last)]
    return count(Waveform.read(folder / _WAVES), modules, times[0], times[1], last - first)[0]
