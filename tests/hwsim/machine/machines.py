"""Small accelerators for tests: random legal configurations, streams of samples, machine and reference side by side."""

import dataclasses
from typing import NamedTuple

import numpy as np

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.design import Design
from hwsim.machine.log import Log
from hwsim.machine.machine import Machine
from hwsim.machine.streams import Samples
from hwsim.schedule.passes import Schedule
from hwsim.selftest.draw import draw_design
from models.errors import InputError
from models.fixed.engine import FixedEngine
from models.network.order import NO_SAMPLE
from models.network.parameters import IntegerParameters

CONNECTIVITIES = [
    *({"kind": "clash_free", "type": t, "dither": d} for t in (1, 2, 3) for d in (False, True)),
    {"kind": "structured"},
    {"kind": "full"},
]
SMALL = {
    "network": {"layers": [12, 8, 6], "out_degree": [4, 3]},
    "hardware": {"z": [4, 4], "kappa": [0, 31]},
    "connectivity": {"kind": "clash_free", "type": 1},
}
"""Two junctions of 12 and 6 clocks; any learning-rate shift."""


def configuration(base: dict = SMALL, seed: int = 0, **sections: dict) -> Configuration:
    """``base`` with keys of its sections replaced or added: ``hardware={"schedule": "overlap"}``."""
    changed = {name: base.get(name, {}) | keys for name, keys in sections.items()}
    return config_file.parse(base | changed | {"seed": seed})


def random_configuration(rng: np.random.Generator, n_junctions: int, connectivity: dict, order: str) -> Configuration:
    """A legal configuration of the self test that trains, at any learning-rate shift of :func:`random_stream`."""
    while True:
        sections = draw_design(rng, n_junctions, connectivity, order)
        hardware = sections["hardware"] | {"build": "training", "kappa": [0, 8]}
        try:
            return config_file.parse(sections | {"hardware": hardware, "training": {"rate_shift": [[0, 3]]}})
        except InputError as e:
            # One of some 3,500 drops more bits than stochastic rounding has.
            if not (e.field == "numbers.rounding.weight_step" and "learning-rate shift 8" in str(e)):
                raise


class Stream(NamedTuple):
    """What enters: row t of every array belongs to junction cycle t; ``source`` is t or, for a bubble, -1."""

    inputs: np.ndarray
    labels: np.ndarray
    kappa: np.ndarray
    train: np.ndarray
    source: np.ndarray


def random_stream(rng: np.random.Generator, config: Configuration, n_cycles: int) -> Stream:
    """Samples, some of them inference-only, with bubbles between them and a learning rate of their own each."""
    legal = config.numbers.system.input
    return Stream(
        rng.integers(legal.lowest, legal.highest + 1, (n_cycles, config.network.layers[0])).astype(np.int32),
        rng.integers(0, config.classes, n_cycles),
        rng.integers(0, 9, n_cycles),
        rng.random(n_cycles) < 0.8,
        np.where(rng.random(n_cycles) < 0.2, NO_SAMPLE, np.arange(n_cycles)),
    )


def samples_only(config: Configuration, n: int, seed: int = 0) -> Stream:
    """Training samples without bubbles, at a rate that the hardware can be given."""
    kappa = max(2, config.kappa_range[0])
    stream = random_stream(np.random.default_rng(seed), config, n)
    return stream._replace(train=np.ones(n, np.bool_), source=np.arange(n), kappa=np.full(n, kappa))


def random_parameters(rng: np.random.Generator, config: Configuration) -> IntegerParameters:
    """Any integers of the formats: far more saturation than in training."""
    numbers = config.numbers.system

    def draw(fmt, n):
        return rng.integers(fmt.lowest, fmt.highest + 1, n).astype(np.int32)

    return IntegerParameters(
        [draw(numbers.weight, w) for w in config.edges], [draw(numbers.bias, n) for n in config.network.layers[1:]]
    )


class Pair:
    """The machine and the reference of one configuration, fed alike; what came out of each is collected."""

    def __init__(self, config: Configuration, parameters: IntegerParameters | None = None) -> None:
        self.config, self.design = config, Design(config)
        self.start = parameters or self.design.initial_integers
        self.machine, self.reference = self.new_machine(), self.new_reference()
        self.from_machine, self.from_reference = [], []

    def new_machine(self, **replaced) -> Machine:
        return self.design.machine(self.start, **replaced)

    def new_reference(self) -> FixedEngine:
        of = self.design
        return FixedEngine(of.network, self.config.numbers.system, self.start, self.config.hops, of.generators)

    def feed(self, stream: Stream, first: int = 0, last: int | None = None) -> None:
        self.feed_machine(stream, first, last)
        self.feed_reference(stream, first, last)

    def feed_machine(self, stream: Stream, first: int = 0, last: int | None = None) -> None:
        self.from_machine.append(self.machine.feed(machine_samples(self.machine, stream), stream.source[first:last]))

    def feed_reference(self, stream: Stream, first: int = 0, last: int | None = None) -> None:
        samples = self.reference.samples(stream.inputs, stream.labels)
        entering = (a[first:last] for a in (stream.kappa, stream.train, stream.source))
        self.from_reference.append(self.reference.run(samples, *entering))

    def settle(self) -> None:
        self.from_machine.append(self.machine.settle())

    def drain(self) -> None:
        self.from_machine.append(self.machine.drain())
        self.from_reference.append(self.reference.drain())

    def assert_same(self) -> None:
        """All that came out, and all that is inside, samples in flight included."""
        assert came_out(self.from_machine) == came_out(self.from_reference)
        assert self.machine.saturation.tolist() == self.reference.saturation.tolist()
        assert lists(self.machine.arrays()) == lists(self.reference.arrays())


def machine_samples(machine: Machine, stream: Stream) -> Samples:
    return machine.samples(stream.inputs, stream.labels, stream.kappa, stream.train)


def came_out(results: list) -> dict[str, list]:
    """Prediction, label, kind and output of every result in order."""
    return {
        name: [v for part in results for v in getattr(part, name).tolist()]
        for name in ("prediction", "label", "kind", "output")
    }


def lists(arrays: dict[str, np.ndarray]) -> dict[str, list]:
    """Arrays in a form that == compares, shapes and types included."""
    return {name: [str(a.dtype), a.shape, a.tolist()] for name, a in arrays.items()}


def with_junction(plan: Schedule, number: int, **changes) -> Schedule:
    """The schedule with attributes of one junction replaced."""
    junctions = list(plan.junctions)
    junctions[number - 1] = dataclasses.replace(junctions[number - 1], **changes)
    return dataclasses.replace(plan, junctions=tuple(junctions))


def tiny_runs() -> list:
    """All that comes out of four little machines and all accesses of their first clocks, as plain data."""
    found = []
    for order in ("flush", "overlap"):
        for connectivity in (CONNECTIVITIES[5], {"kind": "structured"}):
            rng = np.random.default_rng(3)
            config = random_configuration(rng, 3, connectivity, order)
            log = Log(0, 300)
            machine = Design(config).machine(random_parameters(rng, config), log=log)
            stream = random_stream(rng, config, 25)
            results = [machine.feed(machine_samples(machine, stream), stream.source), machine.settle()]
            found.append([came_out(results), lists(machine.arrays()), machine.counts.tolist(), log.events.tolist()])
    return found
