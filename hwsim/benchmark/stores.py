"""``python -m hwsim.benchmark.stores OUT MOST``: what a point costs a study beside its measurement, however many there are.

Measured for 1,000 points and ten times as many, up to MOST: making points of a study, putting their results into its store,
getting them again, and the report. It loads nothing that other states of the code may lack.
"""

import gc
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from hwsim.figure import Figure, Figures
from hwsim.studies.definition import study as studies
from hwsim.studies.definition.points import Point, Space
from hwsim.studies.measuring.exploration import Explored
from hwsim.studies.measuring.store import Store
from hwsim.studies.measuring.task import Result
from hwsim.studies.report import report

_LEAST = 1_000
_AT_ONCE = 1_000
"""Results that are put or got between two looks at the clock."""
_MOST_RATES = 1_000
_BASE = Path(__file__).resolve().parents[2] / "sim_configs" / "reconfig2018.yaml"

STORES = Figures(
    "stores",
    {
        "expand": Figure("µs", "of processor time to make a point of a study of {points} points", "less"),
        "put": Figure("µs", "of processor time to put a result into the store, the last thousand of {points}", "less"),
        "get": Figure("µs", "of processor time to get one of {points} results", "less"),
        "report": Figure("µs", "of processor time a point for the report of {points} points", "less"),
    },
)
"""Of points of which {points} are meant."""


def main(out: str, most: str) -> None:
    """Leave ``stores.json`` in a new folder."""
    measure(_LEAST // 10)  # what is loaded then, and kept, is not what a point costs
    told = {}
    points = _LEAST
    while points <= int(most):
        for name, seconds in measure(points).items():
            told[f"{name}_{points}"] = STORES.told(name, 1e6 * seconds, points=f"{points:,}")
        points *= 10
    Path(out).mkdir(parents=True)
    (Path(out) / "stores.json").write_text(json.dumps(told))


def measure(count: int) -> dict[str, float]:
    """Seconds a point of so many, by what is done."""
    with TemporaryDirectory(prefix="hwsim-") as place:
        study = studies.load(_study(Path(place), count))
        gc.collect()
        began = time.thread_time()
        found = Explored(study, Space(study).all())
        seconds = {"expand": (time.thread_time() - began) / count}
        points = found.points.legal
        assert len(points) == count, (len(points), found.points.illegal[:1])
        with Store(Path(place) / "study.sqlite") as store:
            for some in _in_turn(points):
                made = [(_result(p), "fixed", _hash(p, "configuration"), "0" * 64) for p in some]
                began = time.thread_time()
                for one in made:
                    store.put(*one)
                seconds["put"] = (time.thread_time() - began) / len(some)
            began = time.thread_time()
            found.results = store.get({_hash(p, "result"): "fixed" for p in points})
            seconds["get"] = (time.thread_time() - began) / count
        assert len(found.results) == count
        found.keys = {(p.number, "fixed"): _hash(p, "result") for p in points}
        began = time.thread_time()
        report.markdown(found, ["summary.csv"], [], "hwsim explore")
        seconds["report"] = (time.thread_time() - began) / count
    return seconds


def _study(place: Path, count: int) -> Path:
    """Designs that differ in degrees and learning rates, and very many of them in epochs; a file has room for so many."""
    rates = min(count // 10, _MOST_RATES)
    axes = {
        "degree": {"key": "network.out_degree", "grid": [[2, d] for d in range(2, 22, 2)]},
        "rate": {"key": "training.learning_rate", "grid": [round(r, 6) for r in np.linspace(1e-3, 1e-1, rates).tolist()]},
        "epochs": {"key": "training.epochs", "grid": [*range(1, 1 + count // (10 * rates))]},
    }
    content = {
        "schema_version": 1,
        "name": "stores",
        "base": str(_BASE),
        "axes": axes,
        "seeds": [0],
        "measure": ["fixed"],
    }
    path = place / "study.yaml"
    path.write_text(json.dumps(content))
    return path


def _in_turn(points: list[Point]) -> Iterator[list[Point]]:
    for first in range(0, len(points), _AT_ONCE):
        yield points[first : first + _AT_ONCE]


def _result(point: Point) -> Result:
    share = 0.5 + point.number % 1000 / 3000
    figures = {"train_accuracy": share, "train_loss": 1 / share, "test_accuracy": share / 1.1, "test_loss": 1.1 / share}
    return Result(_hash(point, "result"), figures, None, 1.5, 1.0, 12_544)


def _hash(point: Point, of: str) -> str:
    return hashlib.sha256(f"{of} {point.number}".encode()).hexdigest()


if __name__ == "__main__":
    main(*sys.argv[1:])
