"""Drawing legal designs over all options, and what they meet: a number of a seed is the same case everywhere.

Everything is drawn to be legal. What cannot be known beforehand is drawn again: whether a clash-free pattern exists, whether
exact sums fit, and how long latencies may be.
"""

import itertools
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from hwsim import random_streams
from hwsim.configuration import config_file
from hwsim.configuration.legal import divisors
from hwsim.design import Design
from hwsim.edge_processors import results_per_clock
from hwsim.random_streams import Stream
from hwsim.schedule.timing import timing
from hwsim.selftest.case import PARAMETERS, Case, Meets
from models.connectivity.draw import feasible_out_degrees
from models.errors import InputError
from models.network.parameters import INITIALISATIONS
from models.numbers.format import NEAREST, Rounding
from models.numbers.system import STEPS

T = TypeVar("T")

MOST_JUNCTIONS = 5
LAYERS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16, 18, 20, 24)
BASES = (1, 2, 3, 4, 4, 6, 6, 8)
"""Of which all layers of a design are multiples: the more they have in common, the sparser they can be."""
CONNECTIVITIES: tuple[dict[str, Any], ...] = (
    *({"kind": "clash_free", "type": t, "dither": d} for t in (1, 2, 3) for d in (False, True)),
    *({"kind": "clash_free", "type": t, "seeds": "zero"} for t in (1, 2, 3)),
    {"kind": "structured"},
    {"kind": "structured"},
    {"kind": "full"},
)
SCHEDULES = ("flush", "overlap")
LATENCIES = {"memory_read": 4, "multiplier": 4, "tree_every": 4, "table": 4, "write_back": 4}
"""Greatest clocks that are drawn."""
HIDDEN = ("sigmoid", "relu", "clipped_relu", "tanh")
ROUNDINGS = tuple(str(r) for r in NEAREST)
"""Of every step; that of the weights can be stochastic, too."""
SIGNALS = ("input", "weight", "bias", "preactivation", "activation", "derivative", "delta")
UNSIGNED = ("input", "activation", "derivative")
"""Signals that need not have a sign."""
ADDERS = ({"kind": "full"}, {"kind": "clash_free", "type": 1}, {"kind": "clash_free", "type": 2})
"""Connectivities whose addresses adders can make."""


def drawn(seed: int, number: int) -> Case:
    """Case ``number`` of a seed, whatever other cases are drawn."""
    rng = random_streams.generator(seed, Stream.SELFTEST_DESIGN, number)
    n_junctions = int(rng.choice(MOST_JUNCTIONS, p=(0.2, 0.3, 0.25, 0.15, 0.1))) + 1
    sections = draw_design(rng, n_junctions, some(rng, CONNECTIVITIES), some(rng, SCHEDULES))
    return Case(config_file.parse(sections), _meets(rng))


def some(rng: np.random.Generator, of: Sequence[T]) -> T:
    """One of them."""
    return of[int(rng.integers(len(of)))]


def chance(rng: np.random.Generator, share: float) -> bool:
    """Whether something with this probability happens."""
    return bool(rng.random() < share)


def draw_design(rng: np.random.Generator, n_junctions: int, connectivity: dict[str, Any], schedule: str) -> dict[str, Any]:
    """The sections of a legal configuration with a machine.

    Parameters
    ----------
    rng
        Source of every choice.
    n_junctions
        L.
    connectivity, schedule
        The section, and the key of hardware.
    """
    while True:
        layers, degrees, z = _sizes(rng, n_junctions, connectivity["kind"] == "full")
        sections: dict[str, Any] = {
            "seed": int(rng.integers(2**32)),
            "network": {"layers": layers, "out_degree": degrees},
            "connectivity": dict(connectivity),
            "hardware": {"z": z, "schedule": schedule} | _build(rng, connectivity),
        }
        try:
            assert Design(config_file.parse(sections)).patterns
            break
        except InputError:  # no such clash-free pattern
            continue
    if chance(rng, 0.2):
        del sections["network"]["out_degree"]
        sections["network"]["density"] = [d / n for d, n in zip(degrees, layers[1:], strict=True)]
    sections["network"] |= _functions(rng, layers)
    sections["data"] = {"pad_outputs": some(rng, ("end", "spread"))}
    sections["training"] = _training(rng, sections["hardware"])
    while True:
        sections["numbers"] = _numbers(rng)
        try:
            made = Design(config_file.parse(sections))
            made.fixed_engine()
            break
        except InputError:  # sums that might not fit
            continue
    sections["numbers"], made = _rounded_by_chance(rng.spawn(1)[0], sections, made)
    sections["hardware"]["latency"] = _latency(rng, sections, made)
    return sections


def _sizes(rng: np.random.Generator, n_junctions: int, full: bool) -> tuple[list[int], list[int], list[int]]:
    """Layers, out-degrees and edge processors that fit together; many z neither divide d_in nor are multiples of it."""
    base = some(rng, BASES)
    sizes = [n for n in LAYERS if n % base == 0]
    layers = [some(rng, sizes) for _ in range(n_junctions + 1)]
    degrees: list[int] = []
    z: list[int] = []
    results = 1
    for left, right in itertools.pairwise(layers):
        degrees.append(right if full else int(some(rng, feasible_out_degrees(left, right))))
        d_in = left * degrees[-1] // right
        possible = [n for n in divisors(left) if n >= results]
        odd = [n for n in possible if n % d_in and d_in % n]
        z.append(some(rng, odd if odd and chance(rng, 0.3) else possible[-3:] if chance(rng, 0.5) else possible))
        results = results_per_clock(z[-1], d_in)
    return layers, degrees, z


def _build(rng: np.random.Generator, connectivity: dict[str, Any]) -> dict[str, Any]:
    """Keys of hardware that depend on nothing else; no interface, for co-simulation drives the accelerator's own ports."""
    adders = any(of.items() <= connectivity.items() for of in ADDERS)
    return {
        "build": "inference" if chance(rng, 0.15) else "training",
        "lut_ram_depth": some(rng, (1, 4, 64)),
        "address": some(rng, ("auto", "table", *(["adder"] if adders else []))),
        "counters": chance(rng, 0.8),
        # It came last: what else a seed draws stays what it was.
        "multiply_add": chance(rng.spawn(1)[0], 0.5),
    }


def _functions(rng: np.random.Generator, layers: list[int]) -> dict[str, Any]:
    """Keys of the network that have nothing to do with edges."""
    cost = some(rng, ("cross_entropy", "quadratic"))
    activation = [some(rng, HIDDEN) for _ in layers[1:]]
    if cost == "cross_entropy":
        activation[-1] = "sigmoid"
    classes = int(rng.integers(1, layers[-1] + 1)) if chance(rng, 0.6) else layers[-1]
    return {"cost": cost, "activation": activation, "classes": classes}


def _training(rng: np.random.Generator, hardware: dict[str, Any]) -> dict[str, Any]:
    """How it is trained; the hardware can sometimes be given more learning-rate shifts than that."""
    most = 31 if chance(rng, 0.1) else 9
    shifts = [int(k) for k in rng.integers(0, most + 1, rng.integers(1, 4))]
    if chance(rng, 0.5):
        hardware["kappa"] = [int(rng.integers(0, min(shifts) + 1)), int(rng.integers(max(shifts), 32))]
    return {
        "rate_shift": [[epoch, k] for epoch, k in enumerate(shifts)],
        "init": some(rng, INITIALISATIONS),
        "init_fan": some(rng, ("sparse", "dense")),
        "init_bias": some(rng, (0.0, 0.1, -0.25)),
        "shuffle": chance(rng, 0.5),
    }


def _rounded_by_chance(rng: np.random.Generator, sections: dict[str, Any], made: Design) -> tuple[dict[str, Any], Design]:
    """The numbers, and now and then with stochastic rounding of the weights, where so many bits can be drawn."""
    numbers = sections["numbers"]
    if not chance(rng, 0.3):
        return numbers, made
    rounding = numbers["rounding"] if isinstance(numbers["rounding"], dict) else dict.fromkeys(STEPS, numbers["rounding"])
    changed = numbers | {"rounding": rounding | {"weight_step": str(Rounding.STOCHASTIC)}}
    try:
        stochastic = Design(config_file.parse(sections | {"numbers": changed}))
        stochastic.fixed_engine()
    except InputError:  # shifts that drop more bits
        return numbers, made
    return changed, stochastic


def _numbers(rng: np.random.Generator) -> dict[str, Any]:
    """Formats, now and then of their own, roundings and the fraction of products."""

    def fmt(least: int, most: int) -> dict[str, Any]:
        width = int(rng.integers(least, most + 1))
        return {"width": width, "fraction": int(rng.integers(0, width + 1))}

    numbers: dict[str, Any] = fmt(3, 12 if chance(rng, 0.2) else 9)
    for signal in SIGNALS:
        if chance(rng, 0.4):
            # Tables have a word for every pre-activation.
            numbers[signal] = fmt(2, 9 if signal == "preactivation" else 24 if chance(rng, 0.1) else 13)
            if signal in UNSIGNED:
                numbers[signal]["signed"] = chance(rng, 0.5)
    each = chance(rng, 0.5)
    numbers["rounding"] = {step: some(rng, ROUNDINGS) for step in STEPS} if each else some(rng, ROUNDINGS)
    if chance(rng, 0.7):
        least = numbers.get("bias", numbers)["fraction"]
        numbers["product_fraction"] = int(rng.integers(least, least + 14))
    return numbers


def _latency(rng: np.random.Generator, sections: dict[str, Any], design: Design) -> dict[str, int]:
    """Clocks of every stage, fewer and fewer until the schedule allows them; none is always legal."""
    plan = design.schedule
    revisit = min((j.revisit_distance for j in plan.junctions[1:]), default=4)
    most = int(rng.integers(0, max(LATENCIES.values()) + 1))
    while True:
        latency = {stage: int(rng.integers(0, min(most, limit) + 1)) for stage, limit in LATENCIES.items()}
        latency["accumulate"] = int(rng.integers(1, min(revisit, 4) + 1)) if most or not chance(rng, 0.5) else 1
        config = config_file.parse(sections | {"hardware": sections["hardware"] | {"latency": latency}})
        try:
            timing(config, plan)
            return latency
        except InputError:
            most = max(most - 1, 0)


def _meets(rng: np.random.Generator) -> Meets:
    return Meets(
        samples=int(rng.integers(4, 25)),
        late=some(rng, (0.0, 0.3, 0.7)),
        inference=some(rng, (0.0, 0.3)),
        blocked=some(rng, (0.0, 0.2, 0.5)),
        illegal=some(rng, (0.0, 0.3)),
        parameters=some(rng, PARAMETERS),
    )
