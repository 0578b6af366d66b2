"""Whole accelerators on Icarus beside the machine: random samples, loud parameters, and everything compared."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from hwsim.machine.machine import Machine
from hwsim.simulation.disturbances import STREAMS, Disturbances
from models.network.parameters import IntegerParameters
from rtl.accelerator import Accelerator
from rtl.cosim.capture import Capture, Script, simulate
from rtl.cosim.comparison import CosimOutcome, Mismatch, compare, compare_state
from rtl.cosim.cosimulation import compare_counters, counter_addresses, spoilt
from rtl.cosim.stimulus import StreamSamples, parameters_of
from rtl.plan.plan import Plan
from rtl.verilog.emission import Verilog
from tests.rtl.designs import design


@cache
def verilog(name: str) -> Verilog:
    """The Verilog of one of the named designs: generated once, shared by all tests that leave it whole."""
    return generate(design(name))


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
    """What a co-simulation has shown; ``mismatch`` is the first difference in writes, results, parameters or counters."""

    plan: Plan
    capture: Capture
    outcome: CosimOutcome
    parameters: IntegerParameters
    mismatch: Mismatch | None


def play(emitted: Verilog, script: Script, folder: Path, start: IntegerParameters, fed: StreamSamples) -> Run:
    """End a script with reading everything back, play it on Icarus, and compare it with a machine fed alike."""
    of = emitted.accelerator.plan
    counters = counter_addresses(of)
    script.read_parameters()
    script.peek(counters)
    seen = simulate(emitted, script, "icarus", folder)
    words, counted = seen.reads[: -len(counters)], seen.reads[-len(counters) :]
    words = words[-sum(v.size for v in (*start.weights, *start.biases)) :]
    assert not words[:, 1].any()
    outcome = compare(of, start, fed, seen)
    mismatch = outcome.mismatch or compare_state(of, outcome.machine, words[:, 0])
    mismatch = mismatch or compare_counters(of, outcome, len(fed), counted)
    return Run(of, seen, outcome, parameters_of(of, words[:, 0]), mismatch)


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
    return play(emitted, script, folder, start or of.design.initial_integers, fed)
