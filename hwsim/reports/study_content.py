"""What the directory of a study holds, as far as it can be read: whatever is missing or damaged is named."""

import csv
import json
import math
import re
from functools import cached_property
from pathlib import Path
from typing import Any

from hwsim.studies.definition import study as studies
from hwsim.studies.definition.study import Study
from hwsim.studies.directory import BASE, DESIGNS, ILLEGAL, PICTURES, REPORT, RESULTS, STUDY, SUMMARY
from hwsim.studies.figures import of_column
from hwsim.studies.findings.estimates import Estimate
from hwsim.studies.findings.tables import DesignRow
from models.errors import InputError
from models.files import json_text
from models.files.regular import MOST_BYTES, is_file, read_text

_INTERVAL = ".ci90"


class StudyContent:
    """A study's directory, read for a report.

    Parameters
    ----------
    path
        The directory.

    Attributes
    ----------
    study
        What was measured.
    missing
        What the report cannot show, and why.

    Raises
    ------
    InputError
        If there is no study, or no legal one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not is_file(path / STUDY):
            raise InputError(str(path), None, f"lacks {STUDY}: it must be the directory of a study")
        self.study: Study = studies.load(path / STUDY)
        self.missing: list[tuple[str, str]] = []

    def _rows(self, name: str, needed: bool = True) -> list[dict[str, str]]:
        """Of a table; none where it is missing or damaged."""
        if not is_file(self.path / name):
            if needed:
                self.missing.append((name, "is not there: the study has not ended"))
            return []
        try:
            found = list(csv.DictReader(read_text(self.path / name, MOST_BYTES).splitlines(), strict=True))
        except (InputError, csv.Error) as e:
            self.missing.append((name, f"cannot be read: {e}"))
            return []
        return [{k: v for k, v in row.items() if isinstance(k, str) and isinstance(v, str)} for row in found]

    @cached_property
    def designs(self) -> list[DesignRow]:
        """Every design with its estimates, as the summary has them."""
        made = []
        for row in self._rows(SUMMARY):
            try:
                made.append(_design(row, self.study))
            except (KeyError, ValueError) as e:
                self.missing.append((SUMMARY, f"is damaged: {e}"))
                return []
        return made

    @cached_property
    def columns(self) -> list[str]:
        """Figures that were measured at least once, in the order of the tables."""
        return list(dict.fromkeys(c for row in self.designs for c in row.figures))

    @cached_property
    def sets(self) -> list[dict[str, Any]]:
        """By design: the keys that it sets; empty where nobody has recorded them."""
        if not is_file(self.path / DESIGNS) or not is_file(self.path / BASE):
            rule = "is not there: configurations and the commands that repeat them are not known"
            self.missing.append((f"{BASE} or {DESIGNS}", rule))
            return []
        try:
            found = json_text.read(self.path / DESIGNS)
        except (ValueError, InputError) as e:
            self.missing.append((DESIGNS, f"is damaged: {e}"))
            return []
        if not isinstance(found, list) or not all(isinstance(d, dict) for d in found):
            self.missing.append((DESIGNS, "is damaged: it must list what each design sets"))
            return []
        return found

    @cached_property
    def base(self) -> str:
        """What every design begins with, as text."""
        return read_text(self.path / BASE, MOST_BYTES) if is_file(self.path / BASE) else ""

    @cached_property
    def illegal(self) -> list[tuple[str, str]]:
        """Combinations that are no designs, and why."""
        return [(_labels(row, self.study), row.get("reason", "")) for row in self._rows(ILLEGAL, needed=False)]

    @cached_property
    def failures(self) -> list[tuple[str, str]]:
        """Points that failed, and why."""
        rows = [row for row in self._rows(RESULTS) if row.get("error")]
        return [(f"{_labels(row, self.study)}, seed {row.get('seed')}", row["error"]) for row in rows]

    @cached_property
    def made_by(self) -> str:
        """The command and the versions that the Markdown report names."""
        if not is_file(self.path / REPORT):
            return ""
        found = re.search(r"^Made by .*$", read_text(self.path / REPORT, MOST_BYTES), re.MULTILINE)
        return found[0].replace("`", "") if found else ""

    @cached_property
    def pictures(self) -> list[Path]:
        """Pictures that the study has left."""
        return sorted(p for p in self.path.glob(PICTURES) if is_file(p))


def _design(row: dict[str, str], study: Study) -> DesignRow:
    n, figures = int(row["seeds"]), {}
    for column, value in row.items():
        if of_column(column) is None or not value:
            continue
        half = row.get(column + _INTERVAL)
        figures[column] = Estimate(float(value), float(half) if half else math.inf, n)
    labels = {name: row[name] for name in study.axes}
    return DesignRow(int(row["design"]), labels, int(row["failed"]), figures)


def _labels(row: dict[str, str], study: Study) -> str:
    return ", ".join(f"{name} {row.get(name, '?')}" for name in study.axes)


def assignment(key: str, value: Any) -> str:
    """A key with its value, as a command line and a configuration file understand it."""
    return f"{key}={json.dumps(value, ensure_ascii=False)}"
