"""Running the machine on real data beside the reference, with what it meets in service."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim import vocabulary
from hwsim.design import Design
from hwsim.events.log import EventLog
from hwsim.machine.machine import Machine
from hwsim.machine.streams import Results
from hwsim.simulation.disturbances import MACHINE, UNDISTURBED, Disturbances
from hwsim.simulation.entering import entering
from hwsim.vocabulary import TRAINING
from models.data.dataset import Split
from models.errors import ArgumentError
from models.fixed.engine import FixedEngine

TRACE, WAVES, PERFETTO = "trace.jsonl", "trace.vcd", "trace.perfetto.json"
OPERATIONS = vocabulary.OPERATIONS[:3]


@dataclass
class Simulation:
    """A finished run.

    Attributes
    ----------
    design, machine
        What has run, and the machine as it stands at the end.
    correct, predicted
        Training samples predicted right as they were fed, and all of them.
    bubbles, inference
        Junction cycles without a sample before the pipeline was drained, and samples that were not learned from.
    differences
        Names of the arrays in which machine and reference differ at the end; empty if they agree to the last bit.

    Examples
    --------
    >>> from hwsim import load
    >>> design = Design(load("sim_configs/demo.yaml", {"training.samples": 20, "training.epochs": 1}))
    >>> simulation = simulate(design, window=(0, 1))
    >>> simulation.predicted, simulation.bubbles, simulation.differences, simulation.log[0].operation
    (20, 0, [], 'host')
    """

    design: Design
    machine: Machine
    correct: int
    predicted: int
    bubbles: int
    inference: int
    differences: list[str]

    @property
    def log(self) -> EventLog:
        """What was recorded, in canonical order."""
        return self.machine.accesses


def steady_window(design: Design, machine: Machine) -> tuple[int, int]:
    """Clocks of one junction cycle of the first junction in steady state."""
    begin = (design.config.hops.drain(len(design.patterns)) + 3) * machine.timing.period
    return begin, begin + machine.timing.period


def simulate(
    design: Design,
    data: Split | None = None,
    window: tuple[int, int] | None = None,
    watch: Any = None,
    disturbances: Disturbances = UNDISTURBED,
    check_every: bool = False,
) -> Simulation:
    """Train for the configuration's epochs, on the machine and on the reference.

    Parameters
    ----------
    design
        Which accelerator.
    data
        Training samples; default: those of the data set that the configuration names.
    window
        Clocks to record; one steady junction cycle when left out.
    watch
        Called with the junction cycles done and their total.
    disturbances
        What happens on the way; none by default.
    check_every
        See :class:`hwsim.machine.machine.Machine`.

    Returns
    -------
    Simulation
        The machine as it stands at the end, what it predicted, and in what it differs from the reference.

    Raises
    ------
    InputError
        If the design has no machine, the window begins after the run, or the disturbances are not the machine's.
    hwsim.schedule.violations.Violation
        The first time an access does not fit a port or reads a wrong word.

    Examples
    --------
    >>> from hwsim import load
    >>> config = load("sim_configs/demo.yaml", {"training.samples": 20, "training.epochs": 1})
    >>> simulation = simulate(Design(config))
    >>> simulation.differences, simulation.machine.clock // simulation.machine.timing.period
    ([], 25)
    """
    disturbances.check(MACHINE)
    config = design.config
    data = design.dataset().train if data is None else data
    machine = design.machine()
    machine.check_every = check_every
    skew, period = machine.skew, machine.timing.period
    epochs = [entering(disturbances, design, e, len(data), period) for e in range(config.training.epochs)]
    total = sum(len(e.source) for e in epochs)
    if window is not None and window[0] >= total * period:
        rule = (
            f"begins after the last of {total} junction cycles: the run has about {total * period} clocks; take earlier ones"
        )
        raise ArgumentError("window", f"{window[0]}:{window[1]}", rule)
    machine.record(*(window or steady_window(design, machine)))
    reference = design.fixed_engine()
    inputs = data.integers(config.numbers.system.input)
    results, done = _Tally(), 0
    for epoch, entered in enumerate(epochs):
        kappa = config.training.kappa(epoch)
        samples = machine.samples(inputs, data.labels, kappa, entered.train)
        known = reference.samples(inputs, data.labels)
        for chunk in _pieces(entered.blocked):
            source = entered.source[chunk]
            results.add(machine.feed(samples, source))
            reference.run(known, kappa, entered.train[source], source)
            clocks = int(entered.blocked[chunk][-1])
            if clocks:
                results.add(machine.stand(skew + clocks))
            done += len(source)
            if watch is not None:
                watch(done, total)
    results.add(machine.drain())
    reference.drain()
    bubbles = total - len(data) * len(epochs)
    inference = sum(int((~e.train).sum()) for e in epochs)
    differences = _differences(machine, reference)
    return Simulation(design, machine, results.correct, results.predicted, bubbles, inference, differences)


def _pieces(blocked: np.ndarray) -> Iterator[slice]:
    """Junction cycles without a standstill in between, few enough to look at the progress now and then."""
    first = 0
    for last in sorted({*(np.flatnonzero(blocked) + 1).tolist(), *range(512, len(blocked), 512), len(blocked)}):
        yield slice(first, last)
        first = last


@dataclass
class _Tally:
    """Training samples that have come out, and those predicted right."""

    correct: int = 0
    predicted: int = 0

    def add(self, out: Results) -> None:
        """Count some results."""
        trained = out.kind == TRAINING
        self.predicted += int(trained.sum())
        self.correct += int((out.prediction == out.label)[trained].sum())


def _differences(machine: Machine, reference: FixedEngine) -> list[str]:
    ours, theirs = machine.arrays(), reference.arrays()
    return [name for name in theirs if not np.array_equal(ours[name], theirs[name])]
