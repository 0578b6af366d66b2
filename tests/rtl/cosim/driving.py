"""Whole accelerators on Icarus beside the machine: random samples, loud parameters, and everything compared."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from hwsim.machine.machine import Machine
from hwsim.simulation.disturbances import STREAMS, Disturbances
from models.network.parameters import IntegerParameters
from rtl.accelerator import Accelerator
from rtl.cosim import protocol_kernel as kernel
from rtl.cosim.capture import Capture, Options, simulate
from rtl.cosim.comparison import Mismatch, Outcome, compare
from rtl.cosim.expectation import Expectation
from rtl.cosim.scenarios import register_words
from rtl.cosim.script import Script
from rtl.cosim.stimulus import StreamSamples, parameters_of, spoilt
from rtl.cosim.testbench import ANSWERS
from rtl.plan.plan import Plan
from rtl.verilog.emission import Verilog
from tests.rtl.designs import design, shortened


@cache
def verilog(name: str) -> Verilog:
    """The Verilog of one of the named designs: generated once, shared by all tests that leave it whole."""
    return generate(design(name))


@cache
def short_verilog(name: str) -> Verilog:
    """The same in short numbers."""
    return generate(shortened(name))


def generate(of: Plan, parameters: IntegerParameters | None = None) -> Verilog:
    """The Verilog of a plan, other parameters than the drawn ones in its memories if there are any."""
    if parameters is not None:
        of.design.__dict__["initial_integers"] = parameters  # the place of a cached property
    return Verilog.of(Accelerator(of))


def samples(of: Plan, n: int, seed: int = 0, inference: float = 0.0, illegal: float = 0.0) -> StreamSamples:
    """Random inputs, labels and learning rates over everything that is legal; a share of them over what is not."""
    rng, fmt, config = np.random.default_rng([seed, 1]), of.numbers.input, of.config
    least, greatest = of.kappas
    legal = StreamSamples(
        rng.integers(fmt.lowest, fmt.highest + 1, (n, config.network.layers[0])).astype(np.int32),
        rng.integers(0, config.classes, n).astype(np.int32),
        rng.integers(least, greatest + 1, n).astype(np.int32),
        rng.random(n) >= (inference if of.trains else 1.0),
    )
    return spoilt(of.design, legal, illegal) if illegal else legal


def part(given: StreamSamples, first: int, last: int | None = None) -> StreamSamples:
    """Some of the samples."""
    return StreamSamples(*(a[first:last] for a in (given.input, given.label, given.kappa, given.train)))


def loud(of: Plan, seed: int = 0) -> IntegerParameters:
    """Weights over their whole range and biases over half of theirs, so that sums and steps overflow now and then."""
    rng, n = np.random.default_rng([seed, 2]), of.numbers
    return IntegerParameters(
        [rng.integers(n.weight.lowest, n.weight.highest + 1, j.pattern.n_edges).astype(np.int32) for j in of.junctions],
        [rng.integers(n.bias.lowest // 2, n.bias.highest // 2 + 1, j.n_right).astype(np.int32) for j in of.junctions],
    )


def machine(of: Plan, parameters: IntegerParameters) -> Machine:
    """The machine of a design that trains."""
    return of.design.machine(parameters)


def known(to: Machine, given: StreamSamples) -> object:
    """Samples in the machine's form."""
    return to.samples(given.input, given.label, given.kappa, given.train)


@dataclass(frozen=True, eq=False)
class Run:
    """What a co-simulation has shown; ``mismatch`` is the first difference in any clock, ``reads`` all words of the port."""

    plan: Plan
    script: Script
    expected: Expectation
    capture: Capture
    outcome: Outcome

    @property
    def mismatch(self) -> Mismatch | None:
        return self.outcome.mismatch

    @property
    def advances(self) -> np.ndarray:
        """Clocks before junction cycles."""
        return self.expected.protocol.record.advances[:, 0]

    @property
    def reads(self) -> list[tuple[int, int]]:
        """(word, error) of every reading request, in order, as the bench saw them."""
        words = self.capture.single(ANSWERS)
        accesses = self.expected.protocol.record.accesses
        assert len(words) == len(accesses)
        reading = accesses[:, 4] == 0
        refused = accesses[reading, 5] == kernel.REFUSED
        return list(zip(words[reading].tolist(), refused.astype(int).tolist(), strict=True))

    @property
    def parameters(self) -> IntegerParameters:
        """Those that the port gave at the end, if that was the last thing it was asked."""
        size = sum(j.pattern.n_edges + j.n_right for j in self.plan.junctions)
        return parameters_of(self.plan, np.array(self.reads[-size:])[:, 0])


def simulated(emitted: Verilog, script: Script, folder: Path, simulator: str = "icarus", text: str | None = None) -> Run:
    """Play a script as it is."""
    of = emitted.accelerator.plan
    expected = Expectation(of, script.samples, script.protocol())
    seen = simulate(emitted, expected.protocol, script.samples, simulator, folder, Options(text=text))
    return Run(of, script, expected, seen, compare(expected, seen, script.parts))


def play(emitted: Verilog, script: Script, folder: Path) -> Run:
    """End a script with reading everything back, play it on Icarus, and compare every clock."""
    script.peek(register_words(emitted.accelerator.plan))
    script.read_parameters()
    return simulated(emitted, script, folder)


def cosimulate(
    emitted: Verilog,
    folder: Path,
    *,
    n: int = 12,
    seed: int = 0,
    start: IntegerParameters | None = None,
    **conditions: float,
) -> Run:
    """Feed ``n`` samples, with a pause in between; parameters are loaded over the bus if ``start`` is given.

    ``conditions`` are those of a co-simulation, by name.
    """
    of, meets = emitted.accelerator.plan, Disturbances(**conditions, place=STREAMS)
    fed = samples(of, n, seed, meets.inference, meets.illegal)
    script = Script(of, fed, seed, meets.idle, meets.blocked)
    if start is not None:
        script.load(start)
    script.run(n // 2)
    script.run(n - n // 2)
    return play(emitted, script, folder)
