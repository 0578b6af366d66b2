"""The directory of a study: which files it holds, and whose it is."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from hwsim.configuration.yaml_values import Dumper
from hwsim.results.directory import check_usable
from hwsim.studies.definition.study import Study
from models.errors import ArgumentError, InputError
from models.files.regular import is_file, opened, read_text
from models.files.whole import lock, write_whole

STUDY = "study.yaml"
STORE = "study.sqlite"
RESULTS, SUMMARY, ILLEGAL, TRIALS = "results.csv", "summary.csv", "illegal.csv", "trials.csv"
PUBLISHED, CORRELATIONS, PAIRED = "published.csv", "correlations.csv", "paired.csv"
PARQUET = ("results.parquet", "summary.parquet")
REPORT, PAGE = "report.md", "report.html"
BASE, DESIGNS = "base.yaml", "designs.json"
"""What every point begins with, and by design the keys that it sets: together any point's configuration."""
TIMING = "timing.json"
PICTURES = "*-against-*.png"
_TABLES = (RESULTS, SUMMARY, ILLEGAL, TRIALS, PUBLISHED, CORRELATIONS, PAIRED, *PARQUET, REPORT, PAGE, BASE, DESIGNS, TIMING)

_LARGEST_STUDY = 1 << 26
_HEADER = "# The resolved study of `hwsim explore`: feeding it back reproduces the study.\n"


class StudyDirectory:
    """A directory that belongs to one study; it is neither made nor touched before :meth:`locked`.

    Attributes
    ----------
    resumed
        Whether finished points stay.

    Raises
    ------
    InputError
        If it cannot be used, or holds what this study must not overwrite.
    """

    def __init__(self, path: Path, study: Study, resume: bool = False, force: bool = False) -> None:
        self.path, self._study, self.resumed, self._force = path, study, resume, force
        if resume and force:
            raise ArgumentError("force", None, "starts again and <resume> continues: give one of them")
        self._claim()

    def _claim(self) -> None:
        path, study, resume, force = self.path, self._study, self.resumed, self._force
        check_usable(path)
        known = self._is_study()
        if path.is_dir() and not known and any(not _is_left_over(p) for p in path.iterdir()):
            raise ArgumentError("out", str(path), "is neither empty nor the directory of a study: give a new one")
        if resume and not known:
            raise ArgumentError("resume", str(path), "holds no study: leave <resume> out to begin one")
        if known and not resume and not force:
            raise ArgumentError("out", str(path), "holds a study: <resume> continues it, <force> starts again")
        if resume and self._name() != study.name:
            raise ArgumentError(
                "resume", str(path), f"holds the study {self._name()}, not {study.name}: give another directory"
            )

    def _is_study(self) -> bool:
        file, header = self.path / STUDY, _HEADER.encode()
        if not is_file(file):
            return False
        with opened(file) as stream:
            return stream.read(len(header)) == header

    def _name(self) -> str:
        """Of the study that is there, as it stands in its file."""
        file = self.path / STUDY
        try:
            text = read_text(file, _LARGEST_STUDY)
        except InputError as e:
            raise ArgumentError(
                "resume", str(self.path), f"holds a study with an unusable {STUDY}, which {e.rule}: give another directory"
            ) from None
        # Its first key but one, and text at any rate: neither a date nor anything else that YAML knows.
        found = re.search(r"^name: *(.*?) *$", text, re.MULTILINE)
        return found[1].strip("'\"") if found else "?"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other explorations out, begin, and stay the only writer."""
        try:
            with lock(self.path, "exploration"):
                self._claim()  # again: another exploration may have come and gone in between
                self._begin()
                yield
        except OSError as e:
            raise ArgumentError("out", str(self.path), f"cannot be written: {e.strerror or e}") from None

    def _begin(self) -> None:
        """Tables and pictures of an earlier state go; finished points stay where the study is resumed."""
        for file in self.path.iterdir():
            ours = file.name in _TABLES or file.match(PICTURES) or _is_left_over(file)
            stored = file.name.startswith(STORE) and not self.resumed
            if file.is_file() and (ours or stored):
                file.unlink()
        plain = self._study.model_dump(mode="json")
        text = yaml.dump(plain, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)
        self.write(STUDY, (_HEADER + text).encode())

    def write(self, name: str, data: bytes) -> None:
        """Write a file; it appears under its name only when it is whole."""
        write_whole(self.path / name, data)

    def __truediv__(self, name: str) -> Path:
        return self.path / name


def _is_left_over(path: Path) -> bool:
    """Whether a file was being written when its writer was killed; see :func:`models.files.whole.write_whole`."""
    return path.name.startswith(tuple(f".{name}." for name in (STUDY, *_TABLES))) or path.match(f".{PICTURES}.*")
