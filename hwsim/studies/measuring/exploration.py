"""A study in work: what is known of its points, and measuring what is not."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hwsim.measurements.catalogue import MEASUREMENTS
from hwsim.studies.definition.points import Point, Points
from hwsim.studies.definition.study import Study
from hwsim.studies.measuring.store import Store
from hwsim.studies.measuring.task import Result, Task
from hwsim.studies.measuring.workers import Workers
from hwsim.studies.measuring.workshop import Tasks, code_of, together
from models.errors import InputError


@dataclass
class StudyProgress:
    """What a watcher is told: measurements done and known in all, and how many of them failed."""

    done: int
    total: int
    failed: int


Watcher = Callable[[StudyProgress], None]


@dataclass(eq=False)
class Explored:
    """A study and what is known of its points.

    Attributes
    ----------
    keys
        By point and measurement: under which key its result is.
    results
        By key.
    seconds
        Wall clock of this call's measurements; ``measured`` of them are new.
    engine_seconds, evaluation_seconds, rest_seconds
        Of all workers: in training loops, judging held-out samples, and everything else, which includes their start and
        waiting; of a cluster, what is known of it: the rest of the time of measurements.
    workers
        Processes that measured; 0 if a cluster did.
    tried
        The trials of a study that chooses, and of their designs those that were chosen.
    """

    study: Study
    points: Points
    keys: dict[tuple[int, str], str] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    seconds: float = 0.0
    measured: int = 0
    engine_seconds: float = 0.0
    evaluation_seconds: float = 0.0
    rest_seconds: float = 0.0
    samples: int = 0
    workers: int = 0
    tried: "Explored | None" = None
    chosen: frozenset[int] = frozenset()

    def result(self, point: Point, measurement: str) -> Result | None:
        """Of one point."""
        return self.results.get(self.keys.get((point.number, measurement), ""))

    def error(self, point: Point) -> str | None:
        """The first error of a point."""
        found = [(m, self.result(point, m)) for m in self.study.measure]
        return next((f"{m}: {r.error}" for m, r in found if r is not None and r.error is not None), None)

    @property
    def failed(self) -> int:
        """Points with an error, trials included."""
        return sum(self.error(p) is not None for p in self.points.legal) + (self.tried.failed if self.tried else 0)


class Exploration:
    """A study in work: remembers what is known, measures what is not.

    Parameters
    ----------
    store
        Where results are kept.
    workers
        Who measures.
    data_dir
        Folder of the data sets.
    again
        Whether failed measurements are tried once more.
    say
        Told in one line what a person should know before the measurements begin.
    """

    def __init__(
        self,
        study: Study,
        store: Store,
        workers: Workers,
        data_dir: Path | None = None,
        watch: Watcher | None = None,
        again: bool = False,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.explored = Explored(study, Points())
        self._store, self._workers, self._data_dir, self._watch, self._again = store, workers, data_dir, watch, again
        self._say = say
        self._done = 0
        self._failed = 0

    def measure(self, points: Sequence[Point], expected: int = 0) -> None:
        """Make sure that the results of some points are known; those already stored are not measured again.

        Parameters
        ----------
        expected
            Measurements of the whole study, if they are more than those of ``points``.
        """
        tasks = self._tasks(points)
        known = self._store.get({key: t.measurement for key, t in tasks.items()})
        if self._again:
            known = {key: r for key, r in known.items() if r.error is None}
        self.explored.results |= known
        missing = [t for key, t in tasks.items() if key not in known]
        self._tell_of_other_code(missing)
        total = max(expected, self._done + len(tasks))
        self._done += len(known)
        self._failed += sum(r.error is not None for r in known.values())
        self._tell(total)
        started = time.perf_counter()
        e, rest = self.explored, 0.0
        for result in self._workers.measure(together(missing)) if missing else ():
            self._keep(result, tasks[result.key])
            self._tell(total)
            rest += (0.0 if e.workers else result.seconds) - result.engine_seconds - result.evaluation_seconds
        seconds = time.perf_counter() - started
        e.seconds += seconds
        e.rest_seconds += rest + seconds * e.workers

    def _keep(self, result: Result, of: Task) -> None:
        self._store.put(result, of.measurement, of.configuration, of.code)
        e = self.explored
        e.results[result.key] = result
        e.measured += 1
        e.engine_seconds += result.engine_seconds
        e.evaluation_seconds += result.evaluation_seconds
        e.samples += result.samples
        self._done += 1
        self._failed += result.error is not None

    def _tell_of_other_code(self, missing: Sequence[Task]) -> None:
        """Say once how much of what is stored does not count any more; a search does not know its points beforehand."""
        say, self._say = self._say, None
        if say is None:
            return
        measured = self.explored.study.measure
        found = self._store.outdated({m: code_of(m) for m in measured})
        if self.explored.study.search is None:
            found &= {(t.measurement, t.configuration) for t in missing}
        if count := len(found) + self._store.unreadable:
            results = f"{count:,} stored results were" if count > 1 else "1 stored result was"
            say(f"{results} measured by other code and {'are' if count > 1 else 'is'} measured again")

    def _tell(self, total: int) -> None:
        if self._watch is not None:
            self._watch(StudyProgress(self._done, total, self._failed))

    def _tasks(self, points: Sequence[Point]) -> dict[str, Task]:
        """What to measure by key; points that need the same measurement share it."""
        e, tasks, makers = self.explored, dict[str, Task](), dict[str, Tasks]()
        for point in points:
            for measurement in e.study.measure:
                if MEASUREMENTS[measurement].once and point.seed != e.study.seeds[0]:
                    continue
                if (point.number, measurement) in e.keys:
                    continue
                try:
                    if measurement not in makers:
                        makers[measurement] = Tasks(measurement, self._data_dir, e.study.settings(measurement))
                    wanted = makers[measurement].of(point.config)
                except InputError as error:
                    key = f"{point.number} {measurement}"
                    e.results[key] = Result(key, error=str(error))
                    e.keys[point.number, measurement] = key
                    self._failed += 1
                    continue
                e.keys[point.number, measurement] = wanted.key
                if wanted.key not in e.results:
                    tasks[wanted.key] = wanted
        return tasks
