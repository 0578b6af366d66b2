"""How fast every engine trains, measured side by side in one run: ``hwsim bench``.

All rows of a configuration train the same network on the same samples, one sample at a time unless they say otherwise.
Time is that of the process's own thread, so that other work on the machine disturbs it less; the machine's load still
shows in shared caches and hyper-threads, hence the best of several repetitions is reported.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from hwsim import tables
from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.design import Design
from hwsim.figure import Figure, Figures
from hwsim.random_streams import Stream
from hwsim.results.directory import add_file, check_usable
from models.data.dataset import Split
from models.errors import ArgumentError, InputError
from models.network.activations import sigmoid
from models.numbers.format import narrow, saturate
from models.numbers.system import NumberSystem

_ROWS = "bench.json"
_REPETITIONS = 5
_SAMPLES = 2048


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes
    ----------
    samples_per_second
        Training samples per second of CPU time, best repetition.
    edge_operations
        Per sample: FF and UP of every edge, BP of every edge behind the first junction.
    """

    configuration: str
    engine: str
    samples_per_second: float
    edge_operations: int

    @property
    def edge_operations_per_second(self) -> float:
        """Of all three kinds together."""
        return self.samples_per_second * self.edge_operations


def shipped_configurations() -> list[Path]:
    """The configurations in ``sim_configs/`` of a checkout."""
    folder = Path(__file__).resolve().parent.parent / "sim_configs"
    found = sorted(folder.glob("*.yaml"))
    if not found:
        raise InputError("CONFIG", None, "is missing: this installation has no sim_configs directory")
    return found


def measure(configs: list[Configuration], seconds: float, say: Callable[[str], None] | None = None) -> list[Row]:
    """Measure every engine on every configuration, about ``seconds`` a row after warm-up."""
    rows = []
    for config in configs:
        for engine, train, n in _engines(config):
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
            rows.append(Row(config.name, engine, best, 2 * sum(edges) + sum(edges[1:])))
            if say is not None:
                say(f"{config.name}: {engine}: {best:,.0f} samples/s")
    return rows


def _engines(config: Configuration) -> Iterator[tuple[str, Callable[[], object], int]]:
    """Name, one repetition and its samples, for every engine that can train this network."""
    can_fixed = config.network.activations[-1] != "softmax"
    if can_fixed:
        for order in ("pipelined", "sequential"):
            design = _design(config, engine="fixed", order=order)
            engine = design.fixed_engine()
            data = _synthetic(design)
            samples = engine.samples(data.integers(engine.numbers.input), data.labels)
            yield f"fixed, {order}, batch 1", partial(engine.run, samples, 5), _SAMPLES
    if can_fixed and config.hardware is not None and config.out_degrees is not None:
        design = _design(config, engine="fixed", order="pipelined")
        machine = design.machine()
        data = _synthetic(design)
        fed = machine.samples(
            data.integers(design.config.numbers.system.input), data.labels, design.config.training.kappa(0)
        )
        clocks = machine.timing.period
        yield f"cycle-level machine, {clocks} clocks per sample", partial(machine.feed, fed), _SAMPLES
    for batch in sorted({1, config.training.batch_size, 64}):
        design = _design(config, engine="float", order="sequential", batch_size=batch, precision="float32")
        float_engine = design.float_engine()
        data = _synthetic(design)
        inputs = data.real(np.float32)
        yield (
            f"float32, sequential, batch {batch}",
            partial(float_engine.train, inputs, data.labels, batch, 0.01),
            _SAMPLES,
        )
    if GatherLoop.can_train(config):
        gather = GatherLoop(_design(config, engine="fixed", order="sequential"))
        n = max(8, min(256, 2_000_000 // max(sum(config.edges), 1)))
        yield "NumPy gather loop, batch 1", partial(gather.train, n), n
    torch_row = _torch(config)
    if torch_row is not None:
        yield torch_row


def _design(config: Configuration, **training: object) -> Design:
    data = config_file.resolved(config)
    data["training"] |= training
    data["data"] = data.get("data", {}) | {"validation": 0}
    return Design(config_file.parse(data))


def _synthetic(design: Design) -> Split:
    """Random images: no zeros to skip, every delta alive, so that no engine profits from easy data."""
    rng = design.generator(Stream.BENCHMARK)
    inputs = rng.integers(0, 256, (_SAMPLES, design.config.network.layers[0]), dtype=np.uint8)
    return Split(inputs, rng.integers(0, design.config.classes, _SAMPLES))


class GatherLoop:
    """The plainest NumPy program for the fixed-point step, one sample at a time: a yardstick, not an engine.

    It leaves out whatever the common case does not need, but computes the same integers as the sequential fixed engine.
    """

    @staticmethod
    def can_train(config: Configuration) -> bool:
        """Whether this is the common case: sigmoid, cross-entropy, equal in-degrees, one format, exact products."""
        n, net = config.numbers.system, config.network
        ours = {n.weight, n.bias, n.preactivation, n.activation, n.derivative, n.delta}
        exact = n.product_fraction >= n.weight.fraction + max(n.input.fraction, n.weight.fraction)
        common = set(net.activations) == {"sigmoid"} and net.cost == "cross_entropy" and config.out_degrees is not None
        return common and not n.stochastic and exact and len(ours) == 1 and n.delta.one <= n.delta.highest

    def __init__(self, design: Design) -> None:
        self._network, self._numbers = design.network, design.config.numbers.system
        initial = design.initial_integers
        self.weights = [w.astype(np.int64) for w in initial.weights]
        self.biases = [b.astype(np.int64) for b in initial.biases]
        data = _synthetic(design)
        self._inputs, self._labels = data.integers(self._numbers.input).astype(np.int64), data.labels

    def train(self, n: int) -> None:
        """Learn from the first ``n`` samples at a rate of 2**-5."""
        for x, y in zip(self._inputs[:n], self._labels[:n], strict=True):
            self._step(x, int(y), 5)

    def _step(self, x: np.ndarray, label: int, kappa: int) -> None:
        numbers: NumberSystem = self._numbers
        rounding, one = numbers.rounding, numbers.activation.one
        activations, derivatives = [x], []
        for j, p in enumerate(self._network.patterns):
            total = np.add.reduceat(self.weights[j] * activations[j][p.left], p.row_start[:-1])
            shift = numbers.weight.fraction + numbers.left_activation(j).fraction - numbers.preactivation.fraction
            total += self.biases[j] << shift
            s = saturate(narrow(total, shift, rounding["preactivation"]), numbers.preactivation)
            real = sigmoid(numbers.preactivation.real(s))
            activations.append(numbers.activation.quantise(real))
            derivatives.append(numbers.derivative.quantise(real * (1 - real)))
        delta = activations[-1].copy()
        delta[self._network.output_neurons[label]] -= one
        for j in range(len(self._network.patterns) - 1, -1, -1):
            p = self._network.patterns[j]
            per_edge = delta[p.right]
            partial = np.bincount(p.left, self.weights[j] * per_edge, p.n_left).astype(np.int64)
            drop = numbers.left_activation(j).fraction + numbers.delta.fraction - numbers.weight.fraction + kappa
            step = narrow(activations[j][p.left] * per_edge, drop, rounding["weight_step"])
            self.weights[j] = saturate(self.weights[j] - step, numbers.weight)
            self.biases[j] = saturate(self.biases[j] - narrow(delta, kappa, rounding["bias_step"]), numbers.bias)
            if j:
                shift = numbers.weight.fraction + numbers.derivative.fraction
                delta = saturate(narrow(partial * derivatives[j - 1], shift, rounding["delta"]), numbers.delta)


def _torch(config: Configuration) -> tuple[str, Callable[[], object], int] | None:
    """The same network as masked dense layers in PyTorch, batch 1, plain SGD; nothing if PyTorch is not installed."""
    try:
        import torch
    except ImportError:
        return None
    pairs = [a * b for a, b in zip(config.network.layers, config.network.layers[1:], strict=False)]
    if sum(pairs) > 20_000_000:
        return None
    torch.set_num_threads(1)
    design = _design(config, engine="float", order="sequential", precision="float32")
    masks, layers = [], []
    for p in design.patterns:
        mask = torch.zeros(p.n_right, p.n_left)
        mask[torch.as_tensor(p.right.astype(np.int64)), torch.as_tensor(p.left.astype(np.int64))] = 1
        masks.append(mask)
        layers.append(torch.nn.Linear(p.n_left, p.n_right))
    optimiser = torch.optim.SGD([q for layer in layers for q in layer.parameters()], lr=0.01)
    data = _synthetic(design)
    inputs = torch.as_tensor(data.real(np.float32))
    outputs = torch.as_tensor(design.network.output_neurons[data.labels])
    n = 64

    def train() -> None:
        for x, y in zip(inputs[:n], outputs[:n], strict=True):
            for i, (layer, mask) in enumerate(zip(layers, masks, strict=True)):
                s = torch.nn.functional.linear(x, layer.weight * mask, layer.bias)
                x = s if i == len(layers) - 1 else torch.sigmoid(s)
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(x[None], y[None]).backward()
            optimiser.step()

    return "PyTorch float32, dense with mask, batch 1", train, n


def as_table(rows: list[Row]) -> tables.Table:
    """Rows as printed."""
    caption = "per second of CPU time of one core, best repetition, random data; edge operations: FF, BP and UP of one edge"
    heads = tables.columns(SPEEDS, samples_per_second="samples/s", edge_operations_per_second="edge operations/s")
    result = tables.table("training speed", "configuration", "engine", *heads, caption=caption)
    for r in rows:
        operations = tables.Told(f"{r.edge_operations_per_second / 1e6:,.0f} M", r.edge_operations_per_second)
        result.add_row(r.configuration, r.engine, tables.number(r.samples_per_second, ",.0f"), operations)
    return result


def check_free(out: Path, force: bool) -> None:
    """Refuse a directory that holds rows already, before any is measured."""
    check_usable(out)
    if (out / _ROWS).exists() and not force:
        raise ArgumentError("out", str(out / _ROWS), "is there already: <force> replaces it")


def write(rows: list[Row], out: Path, force: bool = False) -> None:
    """``bench.json`` in a directory."""
    text = json.dumps({"rows": [_as_json(r) for r in rows]}, indent=2) + "\n"
    add_file(out, _ROWS, text.encode(), force)


SPEEDS = Figures(
    "benchmark",
    {
        "samples_per_second": Figure("samples/s", "training, per second of CPU time of one core", "more"),
        "edge_operations_per_second": Figure("edges/s", "FF, BP and UP of single edges", "more"),
    },
)
"""By name, as ``bench.json`` has them."""


def _as_json(row: Row) -> dict[str, object]:
    return {
        "configuration": row.configuration,
        "engine": row.engine,
        "samples_per_second": SPEEDS.told("samples_per_second", row.samples_per_second),
        "edge_operations_per_second": SPEEDS.told("edge_operations_per_second", row.edge_operations_per_second),
    }
