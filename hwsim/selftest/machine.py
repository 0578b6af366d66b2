"""Reference and machine on one case: fed alike, looked into at every standstill, and exchanged in the middle."""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from hwsim.machine import streams
from hwsim.machine.machine import Machine
from hwsim.selftest.case import Case, Different
from hwsim.simulation.disturbances import Disturbances
from hwsim.simulation.entering import entering
from hwsim.vocabulary import INFERENCE, TRAINING, UP
from models.fixed.engine import FixedEngine, Results


@dataclass(frozen=True, eq=False)
class Fed:
    """What enters, one row for each sample but for ``source`` and ``blocked``, which have one for each junction cycle.

    Attributes
    ----------
    inputs
        int32 [n, N_0].
    label, kappa, train
        int32, int32, bool [n], as the stream carries them.
    trained
        bool [n]: whether a sample may be learned from, its shift and its label being legal.
    illegal
        Training samples with an illegal shift, with an illegal label.
    source, blocked
        int64 [cycles]: the sample that enters or ``NO_SAMPLE``; clocks for which the output is blocked afterwards.
    """

    inputs: npt.NDArray[np.int32]
    label: npt.NDArray[np.int32]
    kappa: npt.NDArray[np.int32]
    train: npt.NDArray[np.bool_]
    trained: npt.NDArray[np.bool_]
    illegal: tuple[int, int]
    source: npt.NDArray[np.int64]
    blocked: npt.NDArray[np.int64]

    @classmethod
    def of(cls, case: Case) -> "Fed":
        """Drawn from the configuration's seed."""
        config, meets, n = case.config, case.meets, case.meets.samples
        assert config.hardware is not None
        disturbances = Disturbances(meets.late, meets.inference, meets.blocked)
        entered = entering(disturbances, case.design, 0, n, 3 * case.design.timing.period)
        train = entered.train & config.hardware.trains
        least, greatest = config.kappa_range
        label, kappa = case.labels(), case.generator(5).integers(least, greatest + 1, n).astype(np.int32)
        spoilt, which = case.generator(6).random(n) < meets.illegal, case.generator(7).integers(1, 4, n)
        label = _replaced(label, spoilt & (which & 1 > 0), case.illegal_labels, case.generator(8))
        kappa = _replaced(kappa, spoilt & (which & 2 > 0), case.illegal_kappas, case.generator(9))
        bad_kappa, bad_label = train & ((kappa < least) | (kappa > greatest)), train & (label >= config.classes)
        illegal = int(bad_kappa.sum()), int(bad_label.sum())
        trained = train & ~bad_kappa & ~bad_label
        return cls(case.inputs(), label, kappa, train, trained, illegal, entered.source, entered.blocked)


def _replaced(
    values: npt.NDArray[np.int32], where: npt.NDArray[np.bool_], by: npt.NDArray[np.int32], rng: np.random.Generator
) -> npt.NDArray[np.int32]:
    """Some values replaced by any of ``by``, if there are any."""
    return np.where(where, rng.choice(by, values.size), values) if by.size else values


def compare(case: Case) -> int:
    """Train on both engines; the numbers compared.

    Raises
    ------
    Different
        At the first difference.
    hwsim.schedule.violations.Violation
        If an access of the machine does not fit a port.
    """
    fed = Fed.of(case)
    pair = _Pair(case, fed, case.design.machine(), case.design.fixed_engine())
    middle, n = fed.source.size // 2, fed.source.size
    first = 0
    for last in sorted({*(np.flatnonzero(fed.blocked) + 1).tolist(), middle, n} - {0}):
        pair.feed(first, last)
        clocks = int(fed.blocked[last - 1])
        if last == middle:
            pair = pair.exchanged()
        elif clocks % 2:
            pair.settle()
        if clocks:
            pair.stand(clocks)
        first = last
    pair.drain()
    if pair.illegal != fed.illegal:
        raise Different(f"illegal shifts and labels: {fed.illegal} were fed, the machine counted {pair.illegal}")
    learned = [int(fed.trained.sum()) * w for w in case.config.edges]
    if pair.updates.tolist() != learned:
        raise Different(f"edges updated: {learned} in the samples, {pair.updates.tolist()} in the machine")
    return pair.compared


@dataclass(eq=False)
class _Pair:
    """Machine and reference between two junction cycles.

    Attributes
    ----------
    ours, theirs
        What came out of the machine and of the reference so far.
    fed_cycles, drained
        Junction cycles fed, now and when the pipeline was drained last.
    earlier_illegal, earlier_updates
        Counted by a machine that has been replaced.
    """

    case: Case
    fed: Fed
    machine: Machine
    reference: FixedEngine
    ours: list[streams.Results] = field(default_factory=list)
    theirs: list[Results] = field(default_factory=list)
    fed_cycles: int = 0
    drained: int = 0
    compared: int = 0
    earlier_illegal: tuple[int, int] = (0, 0)
    earlier_updates: npt.NDArray[np.int64] | int = 0

    def __post_init__(self) -> None:
        f = self.fed
        self._samples = self.machine.samples(f.inputs, f.label, f.kappa, f.train, as_carried=True)
        # The reference knows legal labels only, and is told what may be learned from.
        self._known = self.reference.samples(f.inputs, np.where(f.label < self.case.config.classes, f.label, 0))

    @property
    def illegal(self) -> tuple[int, int]:
        """Illegal shifts and labels that the machine has counted."""
        kappa, label = self.machine.illegal
        return self.earlier_illegal[0] + kappa, self.earlier_illegal[1] + label

    @property
    def updates(self) -> npt.NDArray[np.int64]:
        """int64 [L]: edges updated by the machine."""
        return self.earlier_updates + self.machine.counts[:, UP, 1]

    def feed(self, first: int, last: int) -> None:
        """Some junction cycles."""
        source = self.fed.source[first:last]
        self.ours.append(self.machine.feed(self._samples, source))
        self.theirs.append(self.reference.run(self._known, self.fed.kappa[source], self.fed.trained[source], source))
        self.fed_cycles = last

    def settle(self) -> None:
        """All junctions of the machine come to the end of the same cycle, and everything is looked at."""
        self.ours.append(self.machine.settle())
        self._compare_results()
        self._compare_state()

    def stand(self, clocks: int) -> None:
        """The output is blocked."""
        self.ours.append(self.machine.stand(self.machine.skew + clocks))

    def drain(self) -> None:
        """Both come to rest, with no sample in flight."""
        self.ours.append(self.machine.drain())
        self.theirs.append(self.reference.drain())
        self.drained = self.fed_cycles
        self._compare_results()
        self._compare_state()

    def exchanged(self) -> "_Pair":
        """Another machine that goes on where the reference has stopped, and the reverse."""
        if self._strange():
            self.drain()  # a label that is no class does not fit into a checkpoint
        else:
            self.settle()
        machine, reference = self.case.design.machine(), self.case.design.fixed_engine()
        machine.restore(self.reference.arrays())
        reference.restore(self.machine.arrays())
        return replace(
            self, machine=machine, reference=reference, earlier_illegal=self.illegal, earlier_updates=self.updates
        )

    def _strange(self) -> bool:
        """Whether a sample that may be in flight has a label that is no class."""
        first = max(self.drained, self.fed_cycles - self.case.config.hops.drain(len(self.case.design.patterns)))
        recent = self.fed.source[first : self.fed_cycles]
        return bool((self.fed.label[recent[recent >= 0]] >= self.case.config.classes).any())

    def _compare_results(self) -> None:
        source = self.fed.source[: self.fed_cycles]
        order = source[source >= 0]
        ours = {name: np.concatenate([getattr(r, name) for r in self.ours]) for name in Results._fields}
        theirs = {name: np.concatenate([getattr(r, name) for r in self.theirs]) for name in Results._fields}
        n = len(ours["label"])
        theirs["label"] = self.fed.label[order][: len(theirs["label"])]
        for name, expected in theirs.items():
            self._same(f"{name} of result", expected, ours[name])
        kinds = np.where(self.fed.trained[order][:n], TRAINING, INFERENCE)
        self._same("kind of result as fed", kinds, ours["kind"])

    def _compare_state(self) -> None:
        if self._strange():
            theirs = self.reference.parameters.arrays() | self.reference.random | {"saturation": self.reference.saturation}
            ours = self.machine.parameters.arrays() | self.machine.random | {"saturation": self.machine.saturation}
        else:
            theirs, ours = self.reference.arrays(), self.machine.arrays()
        for name, expected in theirs.items():
            self._same(name, expected, ours[name])

    def _same(self, name: str, reference: np.ndarray, machine: np.ndarray) -> None:
        if reference.shape != machine.shape:
            raise Different(f"{name}: shape {reference.shape} in the reference, {machine.shape} in the machine")
        differs = np.argwhere(reference != machine)
        if differs.size:
            at = tuple(int(i) for i in differs[0])
            place = f"{name}[{', '.join(map(str, at))}]" if at else name
            told = f"{place} after {self.fed_cycles} junction cycles: reference {reference[at]}, machine {machine[at]}"
            raise Different(told)
        self.compared += int(reference.size)
