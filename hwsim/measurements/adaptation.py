"""``adaptation``: a design that is trained on some people, and then goes on learning in the hands of another.

Every group of the data set (a person, a speaker) is left out in turn. The design is trained on the others for its epochs.
Then samples of the one left out enter, each once, with the learning rate that the schedule has for the epoch after the last;
before each judgement the pipeline drains. Figures are means over the groups.

``adaptation``
    takes random samples of the newcomer, in an order drawn from the seed.
``adaptation_in_order``
    takes its first samples in the order of the data set, as a device meets them where that is their order in time, and is
    judged by the later ones; and the same samples in a random order beside it.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from hwsim.costs import energy, operations
from hwsim.design import Design
from hwsim.figure import Figure, Figures
from hwsim.measurements.measurement import Measurement, Need, Subject
from hwsim.random_streams import Stream
from hwsim.training import newcomers
from hwsim.training.engines import Trainer
from hwsim.training.newcomers import LOOKS, Newcomer
from models.data import groups

_LAST = LOOKS[-1]
_KEPT_SETS = 2

_OF_NEW = "of samples that are not learned from, of a group that training has not seen"
_AROUND: Mapping[str, Figure] = {
    "worst_before": Figure("1", f"accuracy {_OF_NEW}: the lowest of any group", "more", "worst newcomer, before"),
    "worst_after": Figure("1", f"the same after {_LAST} samples", "more", f"worst newcomer after {_LAST} samples"),
    "known_before": Figure("1", "accuracy of held back samples of the groups trained on; mean", "more"),
    "known_after": Figure("1", f"the same after learning from {_LAST} samples of the newcomer", "more"),
    "forgotten": Figure("1", "known_before less known_after", "less", "forgotten of the known"),
    "groups": Figure("groups", "left out in turn"),
    "clocks": Figure("clocks", f"to learn from {_LAST} samples that come without pauses", "less"),
    "energy": Figure("µJ", f"estimate, {_LAST} samples: arithmetic and memories only", "less", "energy (µJ, estimate)"),
}


def _after(name: str, more: str = "") -> dict[str, Figure]:
    return {
        f"{name}_{n}": Figure(
            "1", f"accuracy after learning from {n} of its samples{more}", "more", f"accuracy after {n} samples{more}"
        )
        for n in LOOKS
    }


_BEFORE = {"before": Figure("1", f"accuracy {_OF_NEW}; mean over the groups", "more", "accuracy on newcomers, before")}
FIGURES = Figures("adaptation", {**_BEFORE, **_after("after"), **_AROUND})
IN_ORDER_FIGURES = Figures(
    "adaptation_in_order",
    {
        **_BEFORE,
        **_after("after", " in order"),
        **_after("shuffled", f", its first {_LAST} in a random order"),
        "order_costs": Figure("1", f"shuffled_{_LAST} less after_{_LAST}", "less", "lost to the order"),
        **_AROUND,
        "forgotten_shuffled": Figure("1", "forgotten where they come in a random order", "less"),
    },
)


def measure(subject: Subject) -> dict[str, int | float]:
    """Accuracy before and after, over all groups."""
    design = subject.design
    rows = np.array([_course(design, n.meets(design), n, n.stream) for _, n in _left_out(subject, in_order=False)])
    return _figures(rows) | price(design, _LAST)


def measure_in_order(subject: Subject) -> dict[str, int | float]:
    """Accuracy before and after samples that come in their order, over all groups."""
    design = subject.design
    both = np.array([_both_orders(design, group, n) for group, n in _left_out(subject, in_order=True)])
    result, shuffled = _figures(both[:, 0]), _figures(both[:, 1])
    result |= {f"shuffled_{n}": shuffled[f"after_{n}"] for n in LOOKS}
    result["order_costs"] = result[f"shuffled_{_LAST}"] - result[f"after_{_LAST}"]
    return result | {"forgotten_shuffled": shuffled["forgotten"]} | price(design, _LAST)


def price(design: Design, samples: int) -> dict[str, int | float]:
    """Clocks and energy of an accelerator that learns from so many samples; nothing where there is none."""
    if design.config.hardware is None or design.config.out_degrees is None:
        return {}
    costs = operations.costs(design.config, design.inventory)
    nanojoules = operations.figures(costs, energy.load(energy.DEFAULT))["energy"]
    return {"clocks": samples * design.inventory.clocks_per_input, "energy": samples * nanojoules / 1000}


def _left_out(subject: Subject, in_order: bool) -> Iterator[tuple[int, Newcomer]]:
    """Every group in turn."""
    design = subject.design
    newcomers.check_trains(design)
    path = newcomers.path_of(design, subject.data_dir)
    known = subject.shelf.kept("groups", path, _KEPT_SETS, lambda: groups.load(path))
    newcomers.check(design, known, _LAST)
    for group in range(len(known.names)):
        yield group, newcomers.newcomer(design, known, group, _LAST, in_order)


def _course(design: Design, learner: Trainer, of: Newcomer, stream: np.ndarray) -> list[float]:
    """Accuracies on the newcomer before and after each look, then on the known before and at the end."""
    new, known = [learner.judge(of.judged)[0]], learner.judge(of.remembered)[0]
    new += [learner.judge(of.judged)[0] for _ in newcomers.learned(learner, stream, design.config.training.epochs, LOOKS)]
    return [*new, known, learner.judge(of.remembered)[0]]


def _both_orders(design: Design, group: int, of: Newcomer) -> list[list[float]]:
    """The course in order, and that of the same samples in a random one, from the same network."""
    learner = of.meets(design)
    state = learner.arrays()
    in_order = _course(design, learner, of, of.stream)
    learner.restore(state)
    order = design.generator(Stream.ADAPTATION, group, 1).permutation(len(of.stream))
    return [in_order, _course(design, learner, of, of.stream[order])]


def _figures(rows: np.ndarray) -> dict[str, int | float]:
    """Of courses [groups, looks + 3]."""
    new, old = rows[:, : len(LOOKS) + 1], rows[:, len(LOOKS) + 1 :]
    means = [float(x) for x in new.mean(axis=0)]
    before, after = (float(x) for x in old.mean(axis=0))
    result: dict[str, int | float] = dict(zip(["before", *(f"after_{n}" for n in LOOKS)], means, strict=True))
    result |= {"worst_before": float(new[:, 0].min()), "worst_after": float(new[:, -1].min())}
    return result | {"known_before": before, "known_after": after, "forgotten": before - after, "groups": len(rows)}


ADAPTATION = Measurement("adaptation", FIGURES, measure, frozenset({Need.DATA}))
IN_ORDER = Measurement("adaptation_in_order", IN_ORDER_FIGURES, measure_in_order, frozenset({Need.DATA}))
