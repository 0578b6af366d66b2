"""A whole co-simulation: real samples through Verilog and machine, everything compared, and what is left to look at."""

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.configuration.provenance import provenance
from hwsim.design import Design
from hwsim.events import waveform
from hwsim.events.lines import write_events
from hwsim.events.log import CLOCK, EventLog, Header
from hwsim.figure import Figure, Figures
from hwsim.random_streams import Stream
from hwsim.results.directory import METRICS, TIMING, RunDirectory
from hwsim.simulation.disturbances import STREAMS, UNDISTURBED, Disturbances
from models.data.dataset import Split
from models.errors import ArgumentError
from rtl.accelerator import Accelerator
from rtl.cosim.capture import Capture, Script, simulate
from rtl.cosim.comparison import CosimOutcome, Mismatch, compare, compare_state
from rtl.cosim.simulators import runner
from rtl.cosim.stimulus import StreamSamples
from rtl.figures import CLOCKS_PER_INPUT
from rtl.plan.plan import Plan
from rtl.ports import registers
from rtl.verilog.emission import Verilog

MACHINE_LOG, VERILOG_LOG = "machine.jsonl", "verilog.jsonl"
MACHINE_WAVES, VERILOG_WAVES = "machine.vcd", "verilog.vcd"
_AROUND = 100  # clocks


@dataclass(eq=False)
class CoSimulation:
    """A finished co-simulation.

    Attributes
    ----------
    outcome
        Of the comparison; its mismatch is the first of all.
    seconds
        Wall-clock time by step.
    """

    plan: Plan
    samples: int
    simulator: str
    outcome: CosimOutcome
    capture: Capture
    seconds: dict[str, float]


def check(simulator: str, n: int, config: Configuration, disturbances: Disturbances = UNDISTURBED) -> None:
    """Refuse what would only come to light after long preparations.

    Raises
    ------
    InputError
        If the simulator is not there, nothing is to be simulated, the disturbances are not the streams', or nothing can be
        illegal that is to be.
    """
    disturbances.check(STREAMS)
    if n < 1:
        raise ArgumentError("samples", n, "must be at least 1", [1])
    if disturbances.illegal and config.hardware is not None:
        illegal_values(config, disturbances.illegal)
    runner(simulator)


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


def illegal_values(config: Configuration, share: float) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Learning-rate shifts and labels, one of the two possibly none, that the stream can carry and that are illegal.

    Raises
    ------
    InputError
        If there are none, so that no ``share`` of the samples can have them.
    """
    assert config.hardware is not None
    if not config.hardware.trains:
        rule = "needs hardware that trains: without, every label and learning-rate shift is legal"
        raise ArgumentError("illegal", share, rule, [0])
    least, greatest = config.kappa_range
    kappas = np.array([k for k in range(1 << config.kappa_bits) if not least <= k <= greatest], np.int32)
    labels = np.arange(config.classes, 1 << config.label_bits, dtype=np.int32)
    if not kappas.size and not labels.size:
        rule = "is impossible: whatever fits into the stream's fields of label and learning-rate shift is legal"
        raise ArgumentError("illegal", share, rule, [0])
    return kappas, labels


def spoilt(design: Design, samples: StreamSamples, share: float) -> StreamSamples:
    """``samples``, a share of those for training with an illegal learning-rate shift, an illegal label or both."""
    kappas, labels = illegal_values(design.config, share)
    rng, n = design.generator(Stream.COSIM_ILLEGAL), len(samples)
    hit, which = samples.train & (rng.random(n) < share), rng.integers(0, 3, n)
    of_label = hit & (labels.size > 0) & ((which != 0) | (kappas.size == 0))
    of_kappa = hit & (kappas.size > 0) & ((which != 1) | (labels.size == 0))
    return StreamSamples(
        samples.input,
        np.where(of_label, rng.choice(labels, n) if labels.size else 0, samples.label).astype(np.int32),
        np.where(of_kappa, rng.choice(kappas, n) if kappas.size else 0, samples.kappa).astype(np.int32),
        samples.train,
    )


def cosimulate(
    design: Design,
    data: Split,
    simulator: str,
    n: int,
    folder: Path,
    disturbances: Disturbances = UNDISTURBED,
    waves: bool = False,
) -> CoSimulation:
    """Feed ``n`` samples to the Verilog and to the machine, and compare.

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
    samples = training_samples(design, data, n, disturbances.inference if of.trains else 1.0, disturbances.illegal)
    began = perf_counter()
    emitted = Verilog.of(Accelerator(of))
    seconds = {"generate Verilog": perf_counter() - began}
    script = Script(of, samples, idle=disturbances.idle, blocked=disturbances.blocked)
    script.run(n)
    script.read_parameters()
    script.peek(counter_addresses(of))
    capture = simulate(emitted, script, simulator, folder, waves=waves)
    seconds |= capture.seconds
    began = perf_counter()
    outcome = compare(of, design.initial_integers, samples, capture)
    if outcome.mismatch is None:
        counters = len(counter_addresses(of))
        outcome.mismatch = compare_state(of, outcome.machine, capture.reads[:-counters, 0])
        outcome.mismatch = outcome.mismatch or compare_counters(of, outcome, n, capture.reads[-counters:])
    seconds["run and compare the machine"] = perf_counter() - began
    return CoSimulation(of, n, simulator, outcome, capture, seconds)


def counter_addresses(of: Plan) -> list[int]:
    """Registers that count: samples, results, junction cycles, errors and, if they are built, saturations."""
    hardware = of.config.hardware
    assert hardware is not None
    result = [registers.SAMPLES, registers.RESULTS, registers.CYCLES]
    result += [registers.ILLEGAL_KAPPAS, registers.ILLEGAL_LABELS, registers.REFUSED_VALUES]
    if hardware.counters:
        kinds = 4 if of.trains else 1
        result += [registers.SATURATION + 4 * i + k for i in range(len(of.junctions)) for k in range(kinds)]
    return result


def compare_counters(of: Plan, outcome: CosimOutcome, n: int, reads: np.ndarray, refused: int = 0) -> Mismatch | None:
    """The counters as the bus has read them, with what they should have counted: ``refused`` values, for example."""
    kinds = 4 if of.trains else 1
    expected = [n, n, -1, *outcome.machine.illegal, refused, *outcome.machine.saturation[:, :kinds].ravel().tolist()]
    for address, (word, error), ours in zip(counter_addresses(of), reads.tolist(), expected, strict=False):
        if error or (ours >= 0 and word != ours):
            return Mismatch(f"counter at address {address}", ours, "refused" if error else word)
    return None


def write(run: CoSimulation, directory: RunDirectory) -> None:
    """Leave figures and, if Verilog and machine differ, both logs around the first difference as events and waveforms."""
    design, outcome = run.plan.design, run.outcome
    directory.write_json(METRICS, figures(run))
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
        waveform.write_vcd(directory / waves, log)


COSIMULATION = Figures(
    "cosimulation",
    {
        "samples": Figure("samples", "fed to Verilog and machine"),
        "clocks_per_input": CLOCKS_PER_INPUT,
        "clocks_compared": Figure("clocks", "in which every write port was compared"),
        "writes_compared": Figure("writes", "that agreed, by kind of memory"),
        "bubbles": Figure("junction cycles", "without a sample, between the first and the last"),
        "illegal": Figure("samples", "for training, fed forward only: learning-rate shift, label out of range"),
        "stalled_clocks": Figure("clocks", "in which the accelerator stood"),
        "multipliers": Figure("multipliers", "by purpose"),
        "seconds": Figure("s", "wall-clock time"),
    },
)
"""By name, as ``metrics.json`` has them; ``seconds`` is that of every step in ``timing.json``."""


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
    result["writes_compared"] = figure("writes_compared", outcome.by_memory)
    result["bubbles"] = figure("bubbles", outcome.bubbles)
    result["illegal"] = figure("illegal", outcome.machine.illegal._asdict())
    result["stalled_clocks"] = figure("stalled_clocks", outcome.standing)
    result["multipliers"] = figure("multipliers", run.plan.multipliers)
    return result


def rows(run: CoSimulation) -> list[tuple[str, str]]:
    """What a person wants to know, as lines of a table."""
    outcome = run.outcome
    simulated = run.seconds.get("simulate", 0.0)
    result = [
        ("samples", f"{run.samples:,}"),
        ("clocks per input", str(run.plan.period)),
        ("clocks compared", f"{outcome.clocks:,}"),
        ("bubbles, clocks standing", f"{outcome.bubbles:,}, {outcome.standing:,}"),
    ]
    illegal = outcome.machine.illegal
    if any(illegal):
        result.append(("illegal learning-rate shifts, labels", f"{illegal.kappa:,}, {illegal.label:,}"))
    result += [(f"writes compared: {name}", f"{count:,}") for name, count in outcome.by_memory.items()]
    result += [(name, f"{value:.1f} s") for name, value in run.seconds.items()]
    if simulated:
        result.append(("simulator alone", f"{run.capture.clocks / simulated:,.0f} clocks/s"))
    return result
