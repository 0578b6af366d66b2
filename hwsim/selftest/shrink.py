"""The smallest case that still fails: one simplification after the other, in an order that is always the same."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

from hwsim.configuration import config_file
from hwsim.configuration.legal import divisors
from hwsim.configuration.sections import HardwareSection, LatencySection
from hwsim.edge_processors import results_per_clock
from hwsim.selftest.case import Case, Meets
from hwsim.selftest.draw import SIGNALS
from models.connectivity.draw import feasible_out_degrees
from models.errors import InputError

Sections = dict[str, Any]
Step = tuple[Sections, Meets]

_PATTERNS: tuple[dict[str, Any], ...] = (
    {"kind": "full"},
    *({"kind": "clash_free", "type": t, "dither": d} for t in (1, 2, 3) for d in (False, True)),
)
"""From the simplest on."""
_PLAIN_NUMBERS = {"width": 6, "fraction": 3}


@dataclass(frozen=True)
class Shrunk:
    """What is left of a case.

    Attributes
    ----------
    case
        The smallest that was found.
    tried
        Cases that were run to find it.
    """

    case: Case
    tried: int


def shrink(case: Case, fails: Callable[[Case], bool], most: int) -> Shrunk:
    """Simplify as long as it goes on failing.

    Parameters
    ----------
    case
        One that fails.
    fails
        Whether another one fails in the same way.
    most
        Cases to try.
    """
    tried = 0
    known = {case.text()}
    progress = True
    while progress:
        progress = False
        for sections, meets in _simpler(config_file.resolved(case.config), case.meets):
            smaller = _legal(sections, meets)
            if smaller is None or smaller.text() in known:
                continue
            if tried == most:
                return Shrunk(case, tried)
            known.add(smaller.text())
            tried += 1
            if fails(smaller):
                case, progress = smaller, True
                break
    return Shrunk(case, tried)


def _legal(sections: Sections, meets: Meets) -> Case | None:
    """The case, unless there is none: what does not fit together was no simplification."""
    try:
        case = Case(config_file.parse(sections), meets)
        case.design.check()
    except InputError:
        return None
    return case


def _simpler(sections: Sections, meets: Meets) -> Iterator[Step]:
    """Simpler cases, those that promise most first; some of them are not legal."""
    for smaller in _fewer_junctions(sections):
        yield smaller, meets
    for fewer in dict.fromkeys((meets.samples // 2, meets.samples - 1)):
        if fewer:
            yield sections, replace(meets, samples=fewer)
    for smaller in _smaller_layers(sections):
        yield smaller, meets
    for plain in _plain(sections):
        yield plain, meets
    default = asdict(Meets())
    for name in [name for name in default if name != "samples"]:
        yield sections, Meets(**asdict(meets) | {name: default[name]})
    if sections["seed"]:
        for seed in range(3):
            if seed < sections["seed"]:
                yield sections | {"seed": seed}, meets


def _fewer_junctions(sections: Sections) -> Iterator[Sections]:
    """One layer less: the first, the last, or one in between, over which the junctions beside it join."""
    layers = sections["network"]["layers"]
    if len(layers) <= 2:
        return
    for gone in range(len(layers)):
        kept = [n for i, n in enumerate(layers) if i != gone]
        junction = max(gone - 1, 0)  # that goes with the layer
        yield _resized(sections, kept, [i for i in range(len(layers) - 1) if i != junction])


def _smaller_layers(sections: Sections) -> Iterator[Sections]:
    """A layer with fewer neurons, or a junction with fewer edges or edge processors."""
    layers = sections["network"]["layers"]
    everything = list(range(len(layers) - 1))
    for i, n in enumerate(layers):
        for fewer in sorted({1, 2, n // 2, *(d for d in divisors(n) if d < n), n - 1} & set(range(1, n))):
            yield _resized(sections, [*layers[:i], fewer, *layers[i + 1 :]], everything)
    for i in everything:
        for key, section in (("out_degree", "network"), ("z", "hardware")):
            values = sections[section][key]
            for fewer in sorted(
                {1, values[i] // 2, *(d for d in divisors(layers[i]) if d < values[i])} & set(range(1, values[i]))
            ):
                result = deepcopy(sections)
                result[section][key][i] = fewer
                yield result


def _resized(sections: Sections, layers: list[int], junctions: list[int]) -> Sections:
    """Other layers, joined by what is left of some junctions: degrees and edge processors no more than they were."""
    result = deepcopy(sections)
    network, hardware = result["network"], result["hardware"]
    full = result["connectivity"]["kind"] == "full"
    degrees, z = [network["out_degree"][i] for i in junctions], [hardware["z"][i] for i in junctions]
    results = 1
    for i, (left, right) in enumerate(pairwise(layers)):
        legal = feasible_out_degrees(left, right)
        degrees[i] = right if full else max((d for d in legal if d <= degrees[i]), default=legal[0])
        enough = [n for n in divisors(left) if n >= results]
        z[i] = max((n for n in enough if n <= z[i]), default=min(enough, default=left))
        results = results_per_clock(z[i], left * degrees[i] // right)
    activation = network["activation"]
    if not isinstance(activation, str):
        network["activation"] = [activation[i] for i in junctions]
        if len(junctions) < len(activation) and network["cost"] == "cross_entropy":
            network["activation"][-1] = "sigmoid"
    network |= {"layers": layers, "out_degree": degrees, "classes": min(network["classes"], layers[-1])}
    hardware["z"] = z
    return result


def _plain(sections: Sections) -> Iterator[Sections]:
    """Options at their defaults, or at what is simplest."""
    for pattern in _PATTERNS:
        now = {key: sections["connectivity"][key] for key in pattern}
        if now == pattern and sections["connectivity"]["seeds"] == "drawn":
            break
        changed = sections | {"connectivity": pattern}
        yield _resized(changed, changed["network"]["layers"], list(range(len(changed["hardware"]["z"]))))
    yield from _set(sections, "numbers", **dict.fromkeys(SIGNALS), product_fraction=None, rounding="half_up")
    for signal in SIGNALS:
        yield from _set(sections, "numbers", **{signal: None})
    yield from _set(sections, "numbers", product_fraction=None)
    yield from _set(sections, "numbers", rounding="half_up")
    if isinstance(sections["numbers"]["rounding"], dict):
        for step in sections["numbers"]["rounding"]:
            yield from _set(sections, "numbers", rounding=sections["numbers"]["rounding"] | {step: "half_up"})
    yield from _set(sections, "numbers", **_PLAIN_NUMBERS)
    defaults = HardwareSection.model_fields
    yield from _set(sections, "hardware", latency=dict.fromkeys(LatencySection.model_fields, 0) | {"accumulate": 1})
    for stage, clocks in sections["hardware"]["latency"].items():
        least = 1 if stage == "accumulate" else 0
        if clocks > least:
            yield from _set(sections, "hardware", latency=sections["hardware"]["latency"] | {stage: least})
    for key in ("schedule", "build", "lut_ram_depth", "address", "kappa", "counters", "multiply_add"):
        yield from _set(sections, "hardware", **{key: defaults[key].default})
    first = sections["training"]["rate_shift"][0][1]
    for shift in (first, 3, 0):
        yield from _set(sections, "training", rate_shift=[[0, shift]])
    yield from _set(sections, "training", init="glorot_normal")
    yield from _set(sections, "training", init_fan="sparse")
    yield from _set(sections, "training", init_bias=0.0)
    yield from _set(sections, "training", shuffle=True)
    yield from _set(sections, "network", activation="sigmoid", cost="cross_entropy")
    yield from _set(sections, "network", cost="cross_entropy")
    yield from _set(sections, "network", activation=["sigmoid"] * len(sections["hardware"]["z"]))
    yield from _set(sections, "network", classes=sections["network"]["layers"][-1])
    yield from _set(sections, "data", pad_outputs="end")


def _set(sections: Sections, section: str, **values: Any) -> Iterator[Sections]:
    """The sections with some values, unless they have them."""
    now = sections.get(section, {})
    if any(now.get(key) != value for key, value in values.items()):
        yield sections | {section: now | values}
