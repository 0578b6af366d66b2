"""A board that adapts: what it has learned from others, the samples of a newcomer, and what it should become.

The network that computes what is expected knows neither hardware nor clocks.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwsim.design import Design
from hwsim.figure import Figure, Figures
from hwsim.results.directory import ADAPTED, NEWCOMER, PRETRAINED, RunDirectory
from hwsim.tables import percent
from hwsim.training import newcomers
from hwsim.training.engines import FixedTrainer, Trainer
from hwsim.training.newcomers import LOOKS, Newcomer
from models.data import groups
from models.data.dataset import Split
from models.errors import ArgumentError, InputError
from models.files.npz import read_npz
from models.network.parameters import IntegerParameters
from rtl.emulation import session
from rtl.emulation.session import Speed, Verdict

_WHEN = {"before": "before it has learned from one"} | {f"after_{n}": f"after learning from {n} others" for n in LOOKS}
ADAPTING = Figures(
    "adapting",
    {
        "newcomer": Figure("text", "the group that was left out of training"),
        "first_difference": Figure("text", "between what the board has become and what the reference has; null: none"),
        **{name: Figure("1", f"share of the newcomer's samples predicted right {t}", "more") for name, t in _WHEN.items()},
        "known_before": Figure("1", "share of held back samples of the others predicted right before", "more"),
        "known_after": Figure("1", "the same at the end", "more"),
    },
)
"""By name, as ``metrics.json`` of a board that adapts has them."""


@dataclass(frozen=True, eq=False)
class Adapting:
    """A design that meets a newcomer, and what is expected of the board.

    Attributes
    ----------
    who
        The newcomer's name.
    newcomer
        Its samples.
    pretrained, adapted
        Parameters before the first and after the last sample.
    right
        How many of the newcomer's samples are predicted right before, and after each look.
    known_right
        How many of the others', before and after the last look.
    """

    design: Design
    who: str
    newcomer: Newcomer
    pretrained: IntegerParameters
    adapted: IntegerParameters
    right: list[int]
    known_right: list[int]

    @classmethod
    def to(cls, who: str, design: Design, data_dir: Path | None) -> "Adapting":
        """Train on all groups but one, and let the network adapt to that one.

        Raises
        ------
        InputError
            If the data set has no such group, or a group cannot be left out of it.
        """
        newcomers.check_trains(design)
        known = groups.load(newcomers.path_of(design, data_dir))
        if who not in known.names:
            raise ArgumentError("adapt", who, f"is no group of {design.config.data.name}", known.names[:8])
        group = known.names.index(who)
        newcomers.check(design, known, LOOKS[-1], group)
        of = newcomers.newcomer(design, known, group, LOOKS[-1])
        learner = of.meets(design, FixedTrainer)
        pretrained = _parameters(learner).copy()
        right, known_right = [_right(learner, of.judged)], [_right(learner, of.remembered)]
        for _ in newcomers.learned(learner, of.stream, design.config.training.epochs, LOOKS):
            right.append(_right(learner, of.judged))
        known_right.append(_right(learner, of.remembered))
        return cls(design, who, of, pretrained, _parameters(learner), right, known_right)

    def prepare(self, directory: RunDirectory) -> None:
        """What the client loads and feeds."""
        of, t = self.newcomer, self.design.config.training
        stream = of.entering[of.stream]
        arrays: dict[str, npt.NDArray] = {"train_kappa": np.full(len(stream), t.kappa(t.epochs), np.int32)}
        for name, split in (("train", stream), ("test", of.judged), ("known", of.remembered)):
            arrays |= {f"{name}_inputs": session.inputs(self.design, split), f"{name}_labels": split.labels.astype(np.int32)}
        directory.write_arrays(PRETRAINED, self.pretrained.arrays())
        directory.write_arrays(NEWCOMER, arrays)

    def client(self, directory: RunDirectory, where: str, resume: bool) -> list[str]:
        """It begins anew, whatever was interrupted."""
        return ["-m", "hwsim.host.adapt", os.fspath(directory.path), "--port", where, "--after", *map(str, LOOKS)]

    def fed(self, directory: RunDirectory) -> int:
        """Those that it learns from, and those that judge, again and again."""
        of = self.newcomer
        return len(of.stream) + len(self.right) * len(of.judged) + len(self.known_right) * len(of.remembered)

    def judged(self, directory: RunDirectory, speed: Speed) -> Verdict:
        """By the parameters that are left, and what was told right on the way."""
        differs, n = self.difference(directory), len(self.newcomer.judged)
        shares = dict(zip(_WHEN, (right / n for right in self.right), strict=True))
        others = [right / max(len(self.newcomer.remembered), 1) for right in self.known_right]
        learned = {"newcomer": self.who, "first_difference": differs, **shares}
        learned |= {"known_before": others[0], "known_after": others[1]}
        session.write(self.design, directory, differs, ADAPTING.all_told(learned), speed)
        told = f"{percent(shares['before'])} of {n} samples of {self.who} are predicted right before, "
        return Verdict(differs, told + f"{percent(self.right[-1] / n)} after learning from {LOOKS[-1]} others")

    def difference(self, directory: RunDirectory) -> str | None:
        """The first of what a client has left from what is expected, in weights, biases or what was told right.

        Raises
        ------
        InputError
            If the client's file is none.
        """
        differs = session.first_difference(session.parameters(self.design, directory / ADAPTED), self.adapted)
        told = read_npz(directory / ADAPTED)
        for name, wanted in (("after", [0, *LOOKS]), ("right", self.right), ("known_right", self.known_right)):
            if name not in told:
                raise InputError(str(directory / ADAPTED), None, f"lacks {name}")
            if told[name].tolist() != wanted:
                differs = differs or f"{name} is {told[name].tolist()} on the board and {wanted} in the reference"
        return differs


def _parameters(learner: Trainer) -> IntegerParameters:
    assert isinstance(learner.parameters, IntegerParameters)
    return learner.parameters


def _right(learner: Trainer, of: Split) -> int:
    return round(learner.judge(of)[0] * len(of)) if len(of) else 0
