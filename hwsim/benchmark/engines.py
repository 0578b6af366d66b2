"""How fast every engine trains, measured side by side in one run.

All rows of a configuration train the same network on the same samples, one sample at a time unless they say otherwise.
Time is that of the process's own thread, so that other work on the machine disturbs it less; the machine's load still
shows in shared caches and hyper-threads, hence the best of several repetitions is reported.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hwsim.benchmark.yardsticks import SAMPLES, GatherLoop, design_of, synthetic, torch_row
from hwsim.configuration.configuration import Configuration
from models.errors import InputError

TRAINING = "fixed, pipelined, batch 1"
EVALUATION = "fixed, evaluation"
"""The row that only feeds forward."""

_REPETITIONS = 5


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes
    ----------
    samples_per_second
        Per second of CPU time, best repetition; trained, but for the evaluation.
    edge_operations
        Per sample: FF and UP of every edge, BP of every edge behind the first junction; FF alone for the evaluation.
    clocks
        Per sample, of the cycle-level machine.
    """

    configuration: str
    engine: str
    samples_per_second: float
    edge_operations: int
    clocks: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Which row it is, whatever code was measured."""
        return self.configuration, self.engine

    @property
    def edge_operations_per_second(self) -> float:
        """Of all three kinds together."""
        return self.samples_per_second * self.edge_operations


def shipped_configurations() -> list[Path]:
    """The configurations in ``sim_configs/`` of a checkout."""
    folder = Path(__file__).resolve().parents[2] / "sim_configs"
    found = sorted(folder.glob("*.yaml"))
    if not found:
        raise InputError("CONFIG", None, "is missing: this installation has no sim_configs directory")
    return found


def measure(configs: list[Configuration], seconds: float, say: Callable[[str], None] | None = None) -> list[Row]:
    """Measure every engine on every configuration, about ``seconds`` a row after warm-up."""
    rows = []
    for config in configs:
        for engine, train, n, clocks in _engines(config):
            train()  # compiles, fills caches
            best = 0.0
            stop = time.perf_counter() + seconds
            repetitions = 0
            while repetitions < _REPETITIONS or time.perf_counter() < stop:
                started = time.thread_time()
                train()
                best = max(best, n / max(time.thread_time() - started, 1e-9))
                repetitions += 1
                if time.perf_counter() > stop + 10 * seconds:  # a slow row need not be repeated often
                    break
            edges = config.edges
            operations = sum(edges) if engine == EVALUATION else 2 * sum(edges) + sum(edges[1:])
            rows.append(Row(config.name, engine, best, operations, clocks))
            if say is not None:
                say(f"{config.name}: {engine}: {best:,.0f} samples/s")
    return rows


class _Engine(NamedTuple):
    name: str
    train: Callable[[], object]
    samples: int
    clocks: int | None = None


def _engines(config: Configuration) -> Iterator[_Engine]:
    """One repetition and its samples, for every engine that can train this network."""
    can_fixed = config.network.activations[-1] != "softmax"
    if can_fixed:
        for order in ("pipelined", "sequential"):
            design = design_of(config, engine="fixed", order=order)
            engine = design.fixed_engine()
            data = synthetic(design)
            samples = engine.samples(data.integers(engine.numbers.input), data.labels)
            yield _Engine(f"fixed, {order}, batch 1", partial(engine.run, samples, 5), SAMPLES)
        yield _Engine(EVALUATION, partial(engine.infer, samples), SAMPLES)
    if can_fixed and config.hardware is not None and config.out_degrees is not None:
        design = design_of(config, engine="fixed", order="pipelined")
        machine = design.machine()
        data = synthetic(design)
        fed = machine.samples(
            data.integers(design.config.numbers.system.input), data.labels, design.config.training.kappa(0)
        )
        clocks = machine.timing.period
        yield _Engine(f"cycle-level machine, {clocks} clocks per sample", partial(machine.feed, fed), SAMPLES, clocks)
    for batch in sorted({1, config.training.batch_size, 64}):
        design = design_of(config, engine="float", order="sequential", batch_size=batch, precision="float32")
        float_engine = design.float_engine()
        data = synthetic(design)
        inputs = data.real(np.float32)
        train = partial(float_engine.train, inputs, data.labels, batch, 0.01)
        yield _Engine(f"float32, sequential, batch {batch}", train, SAMPLES)
    if GatherLoop.can_train(config):
        gather = GatherLoop(design_of(config, engine="fixed", order="sequential"))
        n = max(8, min(256, 2_000_000 // max(sum(config.edges), 1)))
        yield _Engine("NumPy gather loop, batch 1", partial(gather.train, n), n)
    row = torch_row(config)
    if row is not None:
        yield _Engine(*row)
