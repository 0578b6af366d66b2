"""Which options the drawn cases had: every value that an option can have, and in how many cases it occurred."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from hwsim.selftest import draw
from hwsim.selftest.case import PARAMETERS, Case
from hwsim.tables import Column, Table, Told
from models.fixed.ranges import Ranges
from models.network.parameters import INITIALISATIONS
from models.numbers.format import Rounding
from models.numbers.system import STEPS

_OWN, _YES_NO = ("own", "default"), ("yes", "no")
_KINDS = (
    *(f"type {t}{' dithered' * d}" for t in (1, 2, 3) for d in (False, True)),
    *(f"type {t} plain order" for t in (1, 2, 3)),
    "structured",
    "full",
)
_STAGES = {stage: tuple(map(str, range(most + 1))) for stage, most in draw.LATENCIES.items()}

OPTIONS: dict[str, tuple[str, ...]] = {
    "junctions": tuple(map(str, range(1, draw.MOST_JUNCTIONS + 1))),
    "connectivity": _KINDS,
    "degrees": ("all edges", "sparse"),
    "z and d_in": ("z divides", "z is a multiple", "z equals", "neither"),
    "right neurons": ("straddle sweeps", "do not"),
    "passes": ("as long as C", "with stall clocks", "of different lengths"),
    "schedule": draw.SCHEDULES,
    **{f"latency {stage}": values for stage, values in _STAGES.items()},
    "latency accumulate": ("1", "2", "3", "4"),
    "build": ("training", "inference"),
    "memories": ("LUT RAM", "block RAM", "both"),
    "address": ("auto", "table", "adder"),
    "learning-rate shifts of hardware": ("given", "those of training"),
    "counters": _YES_NO,
    "subtraction in the multipliers": _YES_NO,
    "activation, hidden": draw.HIDDEN,
    "activation, output": draw.HIDDEN,
    "cost": ("cross_entropy", "quadratic"),
    "outputs": ("all classes", "padding at the end", "padding spread"),
    **{f"format of {signal}": (*_OWN, *(("unsigned",) if signal in draw.UNSIGNED else ())) for signal in draw.SIGNALS},
    **{f"rounding of {step}": draw.ROUNDINGS for step in STEPS},
    "rounding of weight_step": (*draw.ROUNDINGS, str(Rounding.STOCHASTIC)),
    "products": ("exact", "narrowed"),
    "sums": ("32 bits", "64 bits"),
    "steps of the learning rate": ("1", "2", "3"),
    "initial weights": INITIALISATIONS,
    "fans": ("sparse", "dense"),
    "initial biases": ("zero", "other"),
    "shuffle": _YES_NO,
    "parameters": PARAMETERS,
    **dict.fromkeys(("late", "inference", "blocked", "illegal"), _YES_NO),
}
"""Every option and its values; a case can have several values of one, as its junctions differ."""


def values(case: Case) -> dict[str, set[str]]:
    """The values of every option that a case has."""
    found = dict(_of_edges(case)) | _of_hardware(case) | _of_network(case) | _of_numbers(case)
    t, meets = case.config.training, case.meets
    found |= {
        "steps of the learning rate": {str(len(t.rate_shift))},
        "initial weights": {t.init},
        "fans": {t.init_fan},
        "initial biases": {"other" if t.init_bias else "zero"},
        "shuffle": {_yes(t.shuffle)},
        "parameters": {meets.parameters},
    }
    return found | {name: {_yes(getattr(meets, name) > 0)} for name in ("late", "inference", "blocked", "illegal")}


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _of_edges(case: Case) -> Iterator[tuple[str, set[str]]]:
    c, js = case.config.connectivity, case.design.schedule.junctions
    yield "junctions", {str(len(js))}
    plain = " plain order" if c.seeds == "zero" else " dithered" * c.dither
    yield "connectivity", {f"type {c.type}{plain}" if c.kind == "clash_free" else c.kind}
    full = {"all edges" if j.d_in == j.n_left else "sparse" for j in js}
    yield "degrees", full
    yield "z and d_in", {_relation(j.z, j.d_in) for j in js}
    yield "right neurons", {"straddle sweeps" if j.n_left % j.d_in else "do not" for j in js}
    passes = {"with stall clocks" if j.stall_clocks else "as long as C" for j in js}
    yield "passes", passes | ({"of different lengths"} if len({j.clocks for j in js}) > 1 else set())


def _relation(z: int, d_in: int) -> str:
    if z == d_in:
        return "z equals"
    return "neither" if z % d_in and d_in % z else "z divides" if z < d_in else "z is a multiple"


def _of_hardware(case: Case) -> dict[str, set[str]]:
    hardware = case.config.hardware
    assert hardware is not None
    deep = {m.depth > hardware.lut_ram_depth for m in case.design.inventory.memories}
    stages = hardware.latency.model_dump()
    return {
        "schedule": {hardware.schedule},
        **{f"latency {stage}": {str(clocks)} for stage, clocks in stages.items()},
        "build": {hardware.build},
        "memories": {"both" if len(deep) > 1 else "block RAM" if True in deep else "LUT RAM"},
        "address": {hardware.address},
        "learning-rate shifts of hardware": {"given" if hardware.kappa else "those of training"},
        "counters": {_yes(hardware.counters)},
        "subtraction in the multipliers": {_yes(hardware.multiply_add)},
    }


def _of_network(case: Case) -> dict[str, set[str]]:
    net, config = case.config.network, case.config
    padded = config.classes < net.layers[-1]
    return {
        "activation, hidden": set(net.activations[:-1]),
        "activation, output": {net.activations[-1]},
        "cost": {net.cost},
        "outputs": {"all classes" if not padded else f"padding {_AT[config.data.pad_outputs]}"},
    }


_AT = {"end": "at the end", "spread": "spread"}


def _of_numbers(case: Case) -> dict[str, set[str]]:
    section, system = case.config.numbers, case.config.numbers.system
    found: dict[str, set[str]] = {}
    for signal in draw.SIGNALS:
        own = {"default" if getattr(section, signal) is None else "own"}
        found[f"format of {signal}"] = own | (set() if getattr(system, signal).signed else {"unsigned"})
    for step, rounding in system.rounding.items():
        found[f"rounding of {step}"] = {str(rounding)}
    left = max(system.left_activation(j).fraction for j in range(len(case.config.edges)))
    exact = system.product_fraction >= system.weight.fraction + max(left, system.delta.fraction)
    found["products"] = {"exact" if exact else "narrowed"}
    found["sums"] = {"32 bits" if Ranges.of(case.design.network, system).narrow else "64 bits"}
    return found


def counted(cases: Iterable[Mapping[str, set[str]]]) -> dict[str, dict[str, int]]:
    """In how many cases each value of each option occurred, those that never did among them."""
    found: Counter[tuple[str, str]] = Counter()
    for case in cases:
        found.update((option, value) for option, several in case.items() for value in several)
    return {option: {value: found[option, value] for value in known} for option, known in OPTIONS.items()}


def missing(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Values that no case had."""
    return [f"{option}: {value}" for option, several in counts.items() for value, n in several.items() if not n]


def as_table(counts: Mapping[str, Mapping[str, int]], cases: int) -> Table:
    """Every option on a line, its values with the cases in which each occurred."""
    rows = Table(
        f"options in {cases:,} designs",
        [
            Column("option", left=True),
            Column("value: designs", True, True, "designs", "designs", "in which every value of the option occurred"),
        ],
    )
    for option, several in counts.items():
        rows.add_row(option, Told(", ".join(f"{value}: {n:,}" for value, n in several.items()), dict(several)))
    return rows
