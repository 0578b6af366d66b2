"""A study in one call: from a dictionary or a file to rows of figures."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

from hwsim.configuration.config_file import resolved
from hwsim.configuration.configuration import Configuration
from hwsim.studies.definition import study as studies
from hwsim.studies.definition.study import Study
from hwsim.studies.directory import StudyDirectory
from hwsim.studies.findings import tables
from hwsim.studies.measuring.exploration import Watcher
from hwsim.studies.measuring.explore import explored
from hwsim.studies.measuring.workers import ThisProcess
from models.errors import ArgumentError, InputError

Table = Literal["points", "designs", "illegal"]
Row = dict[str, Any]


@dataclass(frozen=True)
class StudyRows:
    """What a study has found. Every row is a dictionary; the columns of figures are ``measurement.figure``.

    Attributes
    ----------
    points
        A row for every point: ``point``, ``design``, the label of every axis (str), ``seed``, every figure (int, float,
        or None where it was not measured), and ``error`` (str or None).
    designs
        A row for every design, of a study that chooses for every one that was chosen: ``design``, the labels, ``failed``
        (how many of its points), of every figure the mean over its seeds and, as ``<figure>.ci90``, half the width of its
        90 % confidence interval (None for one seed), ``seeds``.
    illegal
        A row for every combination of the axes that is no design: the labels and the ``reason``.

    Examples
    --------
    >>> rows = explore({
    ...     "name": "widths",
    ...     "base": "sim_configs/demo.yaml",
    ...     "axes": {"z": {"key": "hardware.z", "grid": [[128, 32], [64, 16], [100, 32]]}},
    ...     "measure": ["check"],
    ... })
    >>> [(row["z"], row["check.clocks_per_input"]) for row in rows.designs]
    [('128-32', 34.0), ('64-16', 66.0)]
    >>> rows.illegal[0]["z"], rows.to_arrow("designs").num_rows
    ('100-32', 2)
    """

    points: list[Row]
    designs: list[Row]
    illegal: list[Row]

    def to_pandas(self, table: Table = "points") -> Any:
        """Rows as a ``pandas.DataFrame``.

        Parameters
        ----------
        table
            ``points``, ``designs`` or ``illegal``.

        Raises
        ------
        InputError
            If there is no such table, or pandas is not installed.
        """
        rows = self._rows(table)
        try:
            import pandas
        except ModuleNotFoundError:
            raise InputError("package pandas", None, "is missing: install it with pip install pandas") from None
        return pandas.DataFrame(rows)

    def to_arrow(self, table: Table = "points") -> Any:
        """Rows as a ``pyarrow.Table``, with unit and meaning of every figure in its column's metadata.

        Parameters
        ----------
        table
            ``points``, ``designs`` or ``illegal``.

        Raises
        ------
        InputError
            If there is no such table, or pyarrow is not installed.
        """
        rows = self._rows(table)
        try:
            return tables.as_arrow(rows)
        except ModuleNotFoundError:
            rule = "is missing: install it with pip install 'hwsim[explore]'"
            raise InputError("package pyarrow", None, rule) from None

    def _rows(self, table: Table) -> list[Row]:
        if table not in get_args(Table):
            raise InputError("table", table, "is no table of a study", get_args(Table))
        rows: list[Row] = getattr(self, table)
        return rows


def explore(
    study: dict[str, Any] | str | Path,
    out: str | Path | None = None,
    workers: int = 1,
    data_dir: str | Path | None = None,
    *,
    resume: bool = False,
    watch: Watcher | None = None,
) -> StudyRows:
    """Measure every point of a study.

    Parameters
    ----------
    study
        Of a file the name, or what a file would say; there ``base`` may also be a :class:`Configuration`, and names of
        files are relative to the working directory.
    out
        A directory for study, measurements and tables; nothing stays on disk when it is left out.
    workers
        Processes that measure. One is this process; more begin by importing the program's main module, so that a script
        needs its ``if __name__ == "__main__":``. Results do not depend on it.
    data_dir
        Folder of the data sets.
    resume
        Whether to go on where the study in ``out`` has stopped: what is measured there already is not measured again.
    watch
        Told of every measurement.

    Returns
    -------
    StudyRows
        Points, designs, and combinations that are none.

    Raises
    ------
    InputError
        For everything that makes no study, and for a directory that belongs to another one. A point that fails is no
        error: its row has one.

    Examples
    --------
    >>> from hwsim import load
    >>> rows = explore({"name": "one", "base": load("sim_configs/demo.yaml"), "seeds": [0, 1], "measure": ["check"]})
    >>> [(row["seed"], row["check.multipliers"]) for row in rows.points]
    [(0, 352), (1, 352)]
    """
    wanted = studies.load(Path(study)) if isinstance(study, str | Path) else _of_dictionary(study)
    folder = None if data_dir is None else Path(data_dir)
    team = ThisProcess() if workers == 1 else workers
    with (
        _directory(wanted, out, resume) as directory,
        explored(wanted, directory, team, data_dir=folder, watch=watch) as found,
    ):
        if out is not None:
            tables.write(found, directory)
        designs = [tables.flat(row) for row in tables.design_rows(found)]
        return StudyRows(tables.point_rows(found), designs, tables.illegal_rows(found))


def _of_dictionary(data: dict[str, Any]) -> Study:
    base = data.get("base")
    if isinstance(base, Configuration):
        data = data | {"base": resolved(base)}
    return studies.made(data, Path())


@contextmanager
def _directory(study: Study, out: str | Path | None, resume: bool) -> Iterator[StudyDirectory]:
    """Where the study is kept: without ``out`` in a folder that is gone in the end."""
    if out is not None:
        yield StudyDirectory(Path(out), study, resume)
    elif resume:
        raise ArgumentError("resume", None, "needs the directory of a study: give <out>")
    else:
        with TemporaryDirectory(prefix="hwsim-") as folder:
            yield StudyDirectory(Path(folder), study)
