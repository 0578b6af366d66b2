"""Running a study: points to tasks, tasks to workers, results to the store, and from there to one table."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from hwsim.measurements.catalogue import MEASUREMENTS
from hwsim.studies.definition.points import Points, Space
from hwsim.studies.definition.study import Study
from hwsim.studies.directory import STORE, StudyDirectory
from hwsim.studies.measuring.choose import choose, trial_study
from hwsim.studies.measuring.exploration import Exploration, Explored, Watcher
from hwsim.studies.measuring.search import search
from hwsim.studies.measuring.store import Store
from hwsim.studies.measuring.workers import LocalWorkers, Workers


@contextmanager
def explored(
    study: Study,
    directory: StudyDirectory,
    workers: int | Workers = 1,
    *,
    scheduler: str | None = None,
    data_dir: Path | None = None,
    watch: Watcher | None = None,
    again: bool = False,
    say: Callable[[str], None] | None = None,
) -> Iterator[Explored]:
    """Run a study to its end; inside the context its directory stays locked for whoever writes tables and pictures there.

    Parameters
    ----------
    directory
        Claimed for this study.
    workers
        Local processes, or whoever measures; results are the same for any number.
    scheduler
        Address of a Dask scheduler that takes their place.
    again
        Whether failed measurements are tried once more.
    say
        Told in one line what a person should know before the measurements begin.

    Raises
    ------
    InputError
        For everything that makes no study; nothing has been written then.
    """
    space = Space(study, data_dir)
    for measurement in study.measure:
        MEASUREMENTS[measurement].depends(study.settings(measurement))  # refuses what is missing
    team = _team(study, workers, scheduler, at_once=not directory.resumed)
    with closing(team), ExitStack() as held:
        points = Points() if study.search or study.choose else space.all()
        held.enter_context(directory.locked())
        store = held.enter_context(Store(directory / STORE))
        exploration = Exploration(study, store, team, data_dir, watch, again, say)
        found = exploration.explored
        found.workers = workers if isinstance(workers, int) and scheduler is None else 0
        if study.search:
            search(space, exploration)
        elif study.choose:
            trying = Exploration(trial_study(study, study.choose), store, team, data_dir, watch, again)
            trying.explored.workers = found.workers
            choose(space, exploration, trying)
        else:
            found.points = points
            exploration.measure(points.legal)
        yield found


def _team(study: Study, workers: int | Workers, scheduler: str | None, at_once: bool) -> Workers:
    """Who measures; ``at_once`` if there is something to measure for sure."""
    if scheduler is not None:
        from hwsim.studies.measuring.dask_workers import DaskWorkers

        return DaskWorkers(scheduler)
    if not isinstance(workers, int):
        return workers
    return LocalWorkers(workers, any(MEASUREMENTS[m].engine == "fixed" for m in study.measure), at_once)
