"""A whole co-simulation: a training run and all scenarios through Verilog, machine and protocol, every clock compared."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.configuration.provenance import provenance
from hwsim.design import Design
from hwsim.events import waveform
from hwsim.events.lines import write_events
from hwsim.events.log import CLOCK, EventLog, Header
from hwsim.events.save_files import write_save_files
from hwsim.figure import Figure, Figures
from hwsim.random_streams import Stream
from hwsim.results.directory import METRICS, TIMING, RunDirectory
from hwsim.simulation.disturbances import STREAMS, UNDISTURBED, Disturbances
from hwsim.tables import Column, Table, Told, columns, number
from models.data.dataset import Split
from models.errors import ArgumentError
from rtl.accelerator import Accelerator
from rtl.cosim import save_files, scenarios
from rtl.cosim.capture import Bench, Capture, Options, Watcher, building
from rtl.cosim.clipping import CLIPPED, possible
from rtl.cosim.comparison import Outcome, compare
from rtl.cosim.expectation import Expectation
from rtl.cosim.following import Following
from rtl.cosim.script import Script
from rtl.cosim.simulators import runner
from rtl.cosim.stimulus import StreamSamples, illegal_values, spoilt
from rtl.figures import CLOCKS_PER_INPUT
from rtl.plan.plan import Plan
from rtl.verilog.emission import Verilog

MACHINE_LOG, VERILOG_LOG = "machine.jsonl", "verilog.jsonl"
MACHINE_WAVES, VERILOG_WAVES = "machine.vcd", "verilog.vcd"
SIMULATION = "simulation"
"""The folder in which a simulator builds, and leaves its waveform."""
_AROUND = 100  # clocks
AGREES, DIFFERS, NOT_REACHED, IMPOSSIBLE = "agrees", "differs", "not reached", "cannot occur"


@dataclass(frozen=True)
class Part:
    """A scenario in a script: its clocks, the samples that enter, the requests on the bus, and how it went."""

    name: str
    clocks: int
    samples: int
    requests: int
    verdict: str


@dataclass(frozen=True)
class Asked:
    """What a co-simulation goes through, and how.

    Attributes
    ----------
    scenarios
        By name; :func:`rtl.cosim.scenarios.names` has all.
    timeout
        Clocks that the simulation goes on after the first control signal that differs; by default some junction cycles.
    waves
        Whether the simulator writes a waveform of everything.
    watch
        Is told clocks simulated, and all.
    """

    scenarios: tuple[str, ...] = scenarios.names()
    timeout: int | None = None
    waves: bool = False
    watch: Watcher | None = None


EVERYTHING = Asked()


@dataclass(eq=False)
class CoSimulation:
    """A finished co-simulation.

    Attributes
    ----------
    samples
        Of the user's own run.
    outcome
        Of the comparison; its mismatch is the first of all.
    parts
        The scenarios, in order.
    seconds
        Wall-clock time by step.
    """

    plan: Plan
    samples: int
    simulator: str
    outcome: Outcome
    expected: Expectation
    capture: Capture
    parts: list[Part]
    seconds: dict[str, float]


@dataclass(frozen=True, eq=False)
class Exercise:
    """A design, and a script whose every clock is known: to be simulated as it is, or with a fault, any number of times.

    Attributes
    ----------
    impossible
        Scenarios that the design cannot have.
    """

    emitted: Verilog
    script: Script
    expected: Expectation
    impossible: tuple[str, ...] = ()

    @classmethod
    def of(cls, emitted: Verilog, wanted: tuple[str, ...] = scenarios.names(), script: Script | None = None) -> "Exercise":
        """The scenarios, drawn from the design's seed, behind the script of a training run, if there is one."""
        of = emitted.accelerator.plan
        script = Script(of) if script is None else script
        impossible = tuple(name for name in wanted if name in scenarios.SCENARIOS and not scenarios.append(script, name))
        return cls(emitted, script, Expectation(of, script.samples, script.protocol()), impossible)

    def on(self, simulator: str, folder: Path, options: Options | None = None, watch: Watcher | None = None) -> CoSimulation:
        """Simulate and compare.

        Raises
        ------
        InputError
            If the simulator is not installed.
        SimulationError
            If the simulation breaks off.
        """
        with building(self.emitted, simulator, folder, Options() if options is None else options) as bench:
            return self.through(bench, simulator, watch)

    def through(self, bench: Bench, simulator: str, watch: Watcher | None = None) -> CoSimulation:
        """Simulate in a bench that is being built, and compare.

        Raises
        ------
        BrokenOff, OSError
            As :meth:`Bench.run <rtl.cosim.capture.Bench.run>`.
        """
        expected = self.expected
        capture = bench.run(expected.protocol, expected.samples, watch, partial(Following, expected))
        began = perf_counter()
        outcome = compare(expected, capture, self.script.parts, capture.followed)
        seconds = capture.seconds | {"run and compare the machine": perf_counter() - began}
        return CoSimulation(expected.plan, 0, simulator, outcome, expected, capture, self._parts(outcome), seconds)

    def _parts(self, outcome: Outcome) -> list[Part]:
        record, found = self.expected.protocol.record, outcome.mismatch
        ends = [*record.marks.tolist(), self.expected.protocol.clocks]
        reached = None if found is None or found.clock is None else found.clock
        result = []
        for name, first, last in zip(self.script.parts, ends[:-1], ends[1:], strict=True):
            inside = (record.advances[:, 0] >= first) & (record.advances[:, 0] < last)
            requests = (record.accesses[:, 0] >= first) & (record.accesses[:, 0] < last)
            verdict = AGREES if found is None or (reached is not None and last <= reached) else DIFFERS
            if reached is not None and first > reached:
                verdict = NOT_REACHED
            samples = int((inside & (record.advances[:, 1] >= 0)).sum())
            result.append(Part(name, last - first, samples, int(requests.sum()), verdict))
        return result + [Part(name, 0, 0, 0, IMPOSSIBLE) for name in self.impossible]


def exercise(
    emitted: Verilog, simulator: str, folder: Path, asked: Asked = EVERYTHING, text: str | None = None
) -> CoSimulation:
    """Take a design through scenarios without a data set.

    Parameters
    ----------
    text
        Verilog to simulate instead of what was generated: a design with a fault.

    Raises
    ------
    InputError
        If the simulator is not installed.
    SimulationError
        If the simulation breaks off.
    """
    with building(emitted, simulator, folder, Options(asked.waves, text, asked.timeout)) as bench:
        return Exercise.of(emitted, asked.scenarios).through(bench, simulator, asked.watch)


def check(
    simulator: str,
    n: int,
    config: Configuration,
    disturbances: Disturbances = UNDISTURBED,
    wanted: str | None = None,
    timeout: int | None = None,
) -> tuple[str, ...]:
    """Refuse what would only come to light after long preparations; gives the scenarios of names with commas between.

    Raises
    ------
    InputError
        If the simulator is not there, nothing is to be simulated, a scenario is not known, the disturbances are not the
        streams', or nothing can be illegal that is to be.
    """
    disturbances.check(STREAMS)
    if n < 1:
        raise ArgumentError("samples", n, "must be at least 1", [1])
    if timeout is not None and timeout < 1:
        raise ArgumentError("timeout", timeout, "must be at least 1", [1])
    if disturbances.illegal and config.hardware is not None:
        illegal_values(config, disturbances.illegal)
    runner(simulator)
    return scenarios.chosen(wanted)


def training_samples(design: Design, data: Split, n: int, inference: float, illegal: float = 0.0) -> StreamSamples:
    """The first ``n`` samples of a training run, epoch after epoch; shares of them for inference, and illegal.

    Raises
    ------
    InputError
        If some are to be illegal where nothing can be.
    """
    inputs = data.integers(design.config.numbers.system.input)
    order, kappa = [], []
    for epoch in range(-(-n // len(data))):
        order.append(design.epoch_order(epoch, len(data)))
        kappa.append(np.full(len(data), design.config.training.kappa(epoch)))
    chosen = np.concatenate(order)[:n]
    rng = design.generator(Stream.COSIM_INFERENCE)
    train = rng.random(n) >= inference
    samples = StreamSamples(
        inputs[chosen].astype(np.int32),
        data.labels[chosen].astype(np.int32),
        np.concatenate(kappa)[:n].astype(np.int32),
        train,
    )
    return spoilt(design, samples, illegal) if illegal else samples


def cosimulate(
    design: Design,
    data: Split,
    simulator: str,
    n: int,
    folder: Path,
    disturbances: Disturbances = UNDISTURBED,
    asked: Asked = EVERYTHING,
) -> CoSimulation:
    """Feed ``n`` samples and all that the scenarios have to Verilog and machine, and compare.

    Raises
    ------
    InputError
        If the design has no hardware, the simulator is not installed, the disturbances are not the streams', or nothing can
        be illegal that is to be.
    SimulationError
        If the simulation breaks off.
    """
    disturbances.check(STREAMS)
    of = Plan.of(design)
    began = perf_counter()
    emitted = Verilog.of(Accelerator(of))
    generated = perf_counter()
    with building(emitted, simulator, folder, Options(asked.waves, None, asked.timeout)) as bench:
        script = Script(of, idle=disturbances.idle, blocked=disturbances.blocked)
        if scenarios.DATA in asked.scenarios:
            inference = disturbances.inference if of.trains else 1.0
            script.begin(scenarios.DATA)
            script.add(training_samples(design, data, n, inference, disturbances.illegal))
            script.run(n)
            script.pause(0, 0)
            script.read_parameters()
            script.peek(scenarios.register_words(of))
        made = Exercise.of(emitted, asked.scenarios, script)
        prepared = perf_counter()
        run = made.through(bench, simulator, asked.watch)
    run.samples = n if scenarios.DATA in asked.scenarios else 0
    run.seconds = {"generate Verilog": generated - began, "play the script": prepared - generated} | run.seconds
    return run


def write(run: CoSimulation, directory: RunDirectory) -> None:
    """Leave figures and, if Verilog and machine differ, both logs around the first difference as events and waveforms."""
    design, outcome = run.plan.design, run.outcome
    directory.write_json(METRICS, figures(run))
    save_files.write(run.capture.files.values(), design.config.numbers.system, directory / SIMULATION)
    directory.write_json(TIMING, {name: COSIMULATION.told("seconds", value) for name, value in run.seconds.items()})
    if outcome.events is None or outcome.mismatch is None or outcome.mismatch.clock is None:
        return
    clock = outcome.mismatch.clock
    first, last = max(0, clock - _AROUND), clock + _AROUND
    for source, rows, log_name, waves in zip(
        ("machine", "verilog"),
        outcome.events,
        (MACHINE_LOG, VERILOG_LOG),
        (MACHINE_WAVES, VERILOG_WAVES),
        strict=True,
    ):
        inside = (rows[:, CLOCK] >= first) & (rows[:, CLOCK] < last)
        header = Header(source, config_file.fingerprint(design.config), first, last)
        log = EventLog.of(header, rows[inside])
        write_events(directory / log_name, log)
        waveform.write_vcd(directory / waves, log, design.config.numbers.system)
        write_save_files(directory / waves, log, design.config.numbers.system)


COSIMULATION = Figures(
    "cosimulation",
    {
        "samples": Figure("samples", "of the training run, fed to Verilog and machine"),
        "clocks_per_input": CLOCKS_PER_INPUT,
        "clocks_compared": Figure("clocks", "in which streams, port, pace and every write port were compared"),
        "scenarios": Figure("clocks", "of the scenarios that agreed"),
        "writes_compared": Figure("writes", "that agreed, by kind of memory"),
        "words_compared": Figure("words", "read through the port"),
        "saturated": Figure("numbers", "that were clipped, by kind"),
        "bubbles": Figure("junction cycles", "without a sample, between the first and the last"),
        "illegal": Figure("samples", "for training, fed forward only: learning-rate shift, label out of range"),
        "stalled_clocks": Figure("clocks", "in which the accelerator stood"),
        "multipliers": Figure("multipliers", "by purpose"),
        "seconds": Figure("s", "wall-clock time"),
    },
)
"""By name, as ``metrics.json`` has them; ``seconds`` is that of every step in ``timing.json``."""

SCENARIO = Figures(
    "scenario",
    {
        "clocks": Figure("clocks", "of the scenario"),
        "samples": Figure("samples", "that the scenario feeds"),
        "requests": Figure("requests", "of the scenario at the port"),
    },
)
"""Of one scenario, as a table has them."""


def figures(run: CoSimulation) -> dict[str, Any]:
    """``metrics.json`` of a co-simulation."""
    outcome, config, figure = run.outcome, run.plan.config, COSIMULATION.told
    result = provenance(config)
    result["status"] = "agree" if outcome.mismatch is None else "differ"
    result["simulator"] = run.simulator
    result["first_difference"] = None if outcome.mismatch is None else str(outcome.mismatch)
    result["samples"] = figure("samples", run.samples)
    result["clocks_per_input"] = figure("clocks_per_input", run.plan.period)
    result["clocks_compared"] = figure("clocks_compared", outcome.clocks)
    result["scenarios"] = figure("scenarios", {p.name: p.clocks for p in run.parts if p.verdict == AGREES})
    result["writes_compared"] = figure("writes_compared", outcome.by_memory)
    result["words_compared"] = figure("words_compared", outcome.answers)
    result["saturated"] = figure("saturated", saturated(run))
    result["bubbles"] = figure("bubbles", run.expected.bubbles)
    result["illegal"] = figure("illegal", run.expected.illegal)
    result["stalled_clocks"] = figure("stalled_clocks", run.expected.standing)
    result["multipliers"] = figure("multipliers", run.plan.multipliers)
    return result


def saturated(run: CoSimulation) -> dict[str, int]:
    """Numbers that were clipped, by kind."""
    return dict(zip(CLIPPED[: 4 if run.plan.trains else 1], run.expected.saturation.sum(axis=0).tolist(), strict=False))


def rows(run: CoSimulation) -> list[tuple[str, Told]]:
    """What a person wants to know, as lines of a table."""
    outcome, expected = run.outcome, run.expected
    simulated = run.seconds.get("simulate", 0.0)
    result = [
        (Told("samples of the training run", "samples"), number(run.samples)),
        (Told("clocks per input", "clocks_per_input"), number(run.plan.period, "")),
        (Told("clocks compared", "clocks_compared"), number(outcome.clocks)),
        ("bubbles, clocks standing", _both(expected.bubbles, expected.standing)),
        ("words read, beats of results compared", _both(outcome.answers, outcome.results)),
    ]
    if any(expected.illegal.values()):
        kappa, label = expected.illegal.values()
        result.append(("illegal learning-rate shifts, labels", _both(kappa, label)))
    could = possible(run.plan)
    for kind, count in saturated(run).items():
        told = number(count) if count or could[kind] else Told("the formats allow none", 0)
        result.append((f"clipped {kind}", told))
    result += [(f"writes compared: {name}", number(count)) for name, count in outcome.by_memory.items()]
    result += [(f"{name} (s)", number(value, ".1f")) for name, value in run.seconds.items()]
    if simulated:
        result.append(("simulator alone (clocks/s)", number(expected.protocol.clocks / simulated, ",.0f")))
    return result


def _both(*values: int) -> Told:
    return Told(", ".join(f"{n:,}" for n in values), list(values))


def part_table(run: CoSimulation) -> Table:
    """A line for every scenario: how it went, what it took and what it shows."""
    texts_first = Column("scenario", left=True), Column("verdict", left=True)
    sizes = columns(SCENARIO, clocks="clocks", samples="samples", requests="requests")
    result = Table("scenarios", [*texts_first, *sizes, Column("what it shows", left=True, wraps=True)])
    texts = {name: s.shows for name, s in scenarios.SCENARIOS.items()} | {scenarios.DATA: "samples of the training run"}
    for p in run.parts:
        result.add_row(p.name, p.verdict, *map(number, (p.clocks, p.samples, p.requests)), texts[p.name])
    return result
