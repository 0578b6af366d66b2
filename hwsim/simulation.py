"""A run of the cycle-level machine on real samples, beside the reference, and everything that is reported of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim import config_file, events, machine_plots, metrics, plots, timeline, vcd
from hwsim import machine_columns as columns
from hwsim.design import Design
from hwsim.disturbances import MACHINE, UNDISTURBED, Disturbances
from hwsim.entering import entering
from hwsim.machine import Log, Machine, Results
from hwsim.memories import MemoryKey, MemoryKind
from hwsim.rundir import CONNECTIVITY, FINAL, INITIAL, METRICS, RunDirectory
from hwsim.simulation_figures import SIMULATION
from models.connectivity import write_connectivity
from models.data.dataset import Split
from models.errors import ArgumentError
from models.fixed_engine import FixedEngine
from models.npz import write_npz

TRACE, WAVES = "trace.jsonl", "trace.vcd"
OPERATIONS = columns.OPERATIONS[:3]


@dataclass
class Simulation:
    """A finished run.

    Attributes
    ----------
    correct, predicted
        Training samples predicted right as they were fed, and all of them.
    bubbles, inference
        Junction cycles without a sample before the pipeline was drained, and samples that were not learned from.
    differences
        Names of the arrays in which machine and reference differ at the end; empty if they agree to the last bit.
    fed_until
        Clock up to which junction cycles follow each other without a standstill; a blocked output and draining begin one.
    """

    design: Design
    machine: Machine
    correct: int
    predicted: int
    bubbles: int
    inference: int
    differences: list[str]
    fed_until: int

    @property
    def log(self) -> events.EventLog:
        """What was recorded, in canonical order."""
        m, log = self.machine, self.machine.log
        assert log is not None
        times = m.timing
        # Junction cycle 0 begins when the host has loaded the first sample.
        clocking = events.Clocking(times.period, times.period, tuple(j.offset for j in times.junctions))
        last = min(log.last, m.clock)
        known = clocking if last <= self.fed_until else None
        header = events.Header("machine", config_file.fingerprint(self.design.config), log.first, last, known)
        return events.EventLog.of(header, log.events, log.lost)


def steady_window(design: Design, machine: Machine) -> tuple[int, int]:
    """Clocks of one junction cycle of the first junction in steady state."""
    begin = (design.config.hops.drain(len(design.patterns)) + 3) * machine.timing.period
    return begin, begin + machine.timing.period


def simulate(
    design: Design,
    data: Split,
    window: tuple[int, int] | None = None,
    watch: Any = None,
    disturbances: Disturbances = UNDISTURBED,
) -> Simulation:
    """Train on ``data`` for the configuration's epochs, on the machine and on the reference.

    Parameters
    ----------
    window
        Clocks to record; one steady junction cycle when left out.
    watch
        Called with the junction cycles done and their total.
    disturbances
        What happens on the way; none by default.

    Raises
    ------
    InputError
        If the disturbances are not the machine's.
    hwsim.violations.Violation
        The first time an access does not fit a port or reads a wrong word.
    """
    disturbances.check(MACHINE)
    config = design.config
    machine = design.machine()
    skew, period = machine.skew, machine.timing.period
    epochs = [entering(disturbances, design, e, len(data), period) for e in range(config.training.epochs)]
    total = sum(len(e.source) for e in epochs)
    if window is not None and window[0] >= total * period:
        rule = f"begins after the last of {total} junction cycles: the run has about {total * period} clocks"
        raise ArgumentError("window", f"{window[0]}:{window[1]}", rule)
    machine.log = Log(*(window or steady_window(design, machine)))
    reference = design.fixed_engine()
    inputs = data.integers(config.numbers.system.input)
    results, fed_until, done = _Tally(), None, 0
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
                fed_until = machine.clock if fed_until is None else fed_until
                results.add(machine.stall(skew + clocks))
            done += len(source)
            if watch is not None:
                watch(done, total)
    fed_until = machine.clock if fed_until is None else fed_until
    results.add(machine.drain())
    reference.drain()
    bubbles = total - len(data) * len(epochs)
    inference = sum(int((~e.train).sum()) for e in epochs)
    differences = _differences(machine, reference)
    return Simulation(design, machine, results.correct, results.predicted, bubbles, inference, differences, fed_until)


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
        trained = out.kind == columns.TRAINING
        self.predicted += int(trained.sum())
        self.correct += int((out.prediction == out.label)[trained].sum())


def _differences(machine: Machine, reference: FixedEngine) -> list[str]:
    ours, theirs = machine.arrays(), reference.arrays()
    return [name for name in theirs if not np.array_equal(ours[name], theirs[name])]


def write(run: Simulation, directory: RunDirectory, traced: bool) -> None:
    """Leave the run directory: integers, figures, pictures, and the trace if it was asked for."""
    design, machine = run.design, run.machine
    directory.begin()
    write_connectivity(directory / CONNECTIVITY, design.patterns)
    write_npz(directory / INITIAL, design.initial_integers.arrays())
    write_npz(directory / FINAL, machine.parameters.arrays())
    directory.write_json(METRICS, figures(run))
    log = run.log
    if traced:
        events.write_events(directory / TRACE, log)
        vcd.write_vcd(directory / WAVES, log)
    name, times = design.config.name, machine.timing
    story = timeline.illustration(design.config.hops, len(design.patterns))
    plots.save(
        machine_plots.timeline(story, f"{name}: who works on which sample, {design.config.hops}"), directory, "timeline.png"
    )
    span = min(log.header.last - log.header.first, times.period)
    if len(log.within(log.header.first, log.header.first + span)):
        title = f"{name}: accesses in {span} clocks"
        plots.save(machine_plots.occupancy(log, log.header.first, span, title), directory, "occupancy.png")
    lanes = [j.z for j in machine.schedule.junctions]
    bars = machine_plots.utilisation(
        machine.counts,
        lanes,
        machine.clock,
        f"{name}: utilisation over {machine.clock:,} clocks",
        times.cycle / times.period,
    )
    plots.save(bars, directory, "utilisation.png")


def bandwidth(run: Simulation) -> dict[MemoryKind, float]:
    """Bits moved per clock on average, by kind of memory, reads and writes together."""
    numbers, machine = run.design.config.numbers.system, run.machine
    bits = dict.fromkeys((MemoryKind.WEIGHTS, MemoryKind.ACTIVATIONS, MemoryKind.PARTIAL_DELTAS), 0.0)
    width = {m.key: m.width for m in run.design.accelerator.memories}
    for j, (ff, bp, up) in enumerate(machine.counts[:, :, 1].tolist()):
        left = numbers.left_activation(j).width
        bits[MemoryKind.WEIGHTS] += numbers.weight.width * (max(ff, up) + up)
        bits[MemoryKind.ACTIVATIONS] += left * (ff + up)
        if j:
            bits[MemoryKind.PARTIAL_DELTAS] += 2 * width[MemoryKey(MemoryKind.PARTIAL_DELTAS, j)] * bp
    return {kind: b / max(machine.clock, 1) for kind, b in bits.items()}


def memory_use(run: Simulation) -> dict[MemoryKey, tuple[float, float]]:
    """Reads and writes of each memory per clock on average, all banks together; 1 is one port in use all the time."""
    m = run.machine
    use = {}
    for j, (ff, bp, up) in enumerate(m.counts[:, :, 1].tolist()):
        s, clocks = m.schedule.junctions[j], max(m.clock, 1)
        rows = float(max(m.counts[j, columns.FF, 0], m.counts[j, columns.UP, 0])) / clocks
        use[MemoryKey(MemoryKind.WEIGHTS, s.number)] = (rows, float(m.counts[j, columns.UP, 0]) / clocks)
        # Every pass writes each neuron of the layer once, and walks all edges.
        written = ff / (s.edge.size / s.n_left)
        use[MemoryKey(MemoryKind.ACTIVATIONS, j)] = ((ff + up) / s.z / clocks, written / s.z / clocks)
        if j:
            # The first of d_out contributions overwrites without reading, and UP reads each sum once.
            use[MemoryKey(MemoryKind.PARTIAL_DELTAS, j)] = (bp / s.z / clocks, bp / s.z / clocks)
    return use


def figures(run: Simulation) -> dict[str, Any]:
    """``metrics.json`` of a simulation."""
    config, m, figure = run.design.config, run.machine, SIMULATION.told
    n = len(run.design.patterns)
    result = metrics.provenance(config) | metrics.of_accelerator(run.design)
    result["status"] = "finished"
    result["clocks"] = figure("clocks", m.clock)
    result["clocks_per_input"] = figure("clocks_per_input", m.timing.period)
    for i, name in enumerate(OPERATIONS):
        share = [float(m.counts[j, i, 0]) / max(m.clock, 1) for j in range(n)]
        result[f"busy_{name}"] = figure(f"busy_{name}", share)
    result["staleness"] = figure("staleness", [config.hops.staleness(i, n) for i in range(1, n + 1)])
    result["train_accuracy"] = figure("train_accuracy", run.correct / max(run.predicted, 1))
    result["saturation"] = figure("saturation", m.saturation.tolist())
    result["memory_use"] = figure("memory_use", {str(key): shares for key, shares in memory_use(run).items()})
    result["memories"] = figure("memories", [memory.as_dict() for memory in run.design.accelerator.memories])
    result["bubbles"] = figure("bubbles", run.bubbles)
    result["inference_samples"] = figure("inference_samples", run.inference)
    result["stalled_clocks"] = figure("stalled_clocks", m.stalled_clocks)
    for kind, bits in bandwidth(run).items():
        key = f"bandwidth_{kind.identifier}"
        result[key] = figure(key, bits)
    result["equals_reference"] = figure("equals_reference", not run.differences)
    return result
