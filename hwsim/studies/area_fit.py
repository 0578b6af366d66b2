"""Fitting the estimates of area to designs that a study has synthesized."""

import csv
import io
import math
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from hwsim.costs.area import FEATURES, Areas, Weights, features
from hwsim.costs.operations import costs
from hwsim.costs.resources import RESOURCES
from hwsim.design import Design
from hwsim.studies.definition import study
from hwsim.studies.definition.points import Space
from hwsim.studies.directory import RESULTS, STUDY
from models.errors import InputError
from models.files.regular import read_text

FEWEST = 30
"""Designs without which nothing is fitted."""

_SWEEPS = 5000
_LARGEST_TABLE = 1 << 28
_NOTHING = 1e-3
"""Share of a unit below which a feature counts for nothing, even where there is most of it."""

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SynthesizedDesign:
    """One synthesized design: its features in the order of :data:`~hwsim.costs.area.FEATURES`, its resources by name."""

    features: Vector
    resources: dict[str, float]


def samples(directory: Path) -> list[SynthesizedDesign]:
    """The designs of a finished study that measures ``synth``; those that failed are left out.

    Raises
    ------
    InputError
        If there are none, or the directory holds no such study.
    """
    loaded = study.load(directory / STUDY)
    points = Space(loaded).all().legal
    rows = _rows(directory / RESULTS)
    if len(rows) != len(points):
        raise InputError(str(directory / RESULTS), None, f"has {len(rows)} points, and its study {len(points)}")
    found = []
    for point, row in zip(points, rows, strict=True):
        resources = _resources(directory / RESULTS, point.number, row)
        if resources:
            known = features(costs(point.config, Design(point.config).inventory))
            found.append(SynthesizedDesign(np.array([known[f] for f in FEATURES]), resources))
    if len(found) < FEWEST:
        rule = f"has {len(found)} synthesized designs: a fit needs at least {FEWEST}"
        raise InputError(str(directory), None, rule)
    return found


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        return list(csv.DictReader(io.StringIO(read_text(path, _LARGEST_TABLE), newline=""), strict=True))
    except csv.Error as e:
        raise InputError(str(path), None, f"is no table: {e}") from None


def _resources(path: Path, point: int, row: dict[str, Any]) -> dict[str, float]:
    """What a design was synthesized to, by name; empty if that failed."""
    found = {}
    for name in RESOURCES:
        if not (text := row.get(f"synth.{name}")):
            continue
        try:
            found[name] = float(text)
        except ValueError:
            found[name] = math.nan
        if not 0 <= found[name] < math.inf:
            raise InputError(f"{path}: synth.{name} of point {point}", text, "is no number of resources")
    return found


def fit(found: list[SynthesizedDesign], source: str, tools: dict[str, str]) -> Areas:
    """Weights, none negative, that make the sum of squared relative errors least, and the errors of designs left out.

    A resource that hardly any design has is left out.
    """
    resources = {}
    for name in RESOURCES:
        have = [(s.features, s.resources[name]) for s in found if name in s.resources]
        x, y = np.array([f for f, _ in have]), np.array([v for _, v in have])
        if len(have) < FEWEST or np.count_nonzero(y) < len(y) / 2:
            continue
        weights = _weights(x, y)
        errors = _left_out(x, y)
        resources[name] = Weights(
            weights={f: float(f"{w:.4g}") for f, w in zip(FEATURES, weights, strict=True) if w > 0},
            median_error=round(statistics.median(errors), 4),
            worst_error=round(max(errors), 4),
        )
    return Areas(source=source, designs=len(found), tools=tools, resources=resources)


def _weights(x: Vector, y: Vector) -> Vector:
    """Least squares of relative errors with weights of at least 0, by coordinate descent."""
    scale = np.abs(x).max(axis=0)
    scale[scale == 0] = 1
    rows = 1 / np.maximum(y, 1)
    a, b = x / scale * rows[:, None], y * rows
    gram, target = a.T @ a, a.T @ b
    w = np.zeros(x.shape[1])
    for _ in range(_SWEEPS):
        before = w.copy()
        for k in np.flatnonzero(gram.diagonal() > 0):
            w[k] = max(0.0, w[k] + (target[k] - gram[k] @ w) / gram[k, k])
        if np.abs(w - before).max() <= 1e-12 * max(1.0, np.abs(w).max()):
            break
    return np.where(w > _NOTHING, w, 0) / scale


def _left_out(x: Vector, y: Vector) -> list[float]:
    """Relative error of every design by weights fitted to all others."""
    errors = []
    for k in range(len(y)):
        others = np.arange(len(y)) != k
        estimate = max(0, round(float(x[k] @ _weights(x[others], y[others]))))
        errors.append(abs(estimate - y[k]) / max(y[k], 1))
    return errors


def as_yaml(areas: Areas) -> str:
    """The table as the text of a file."""
    head = "# Weights of the estimates of area, fitted by `hwsim fit-area`; errors are of designs left out of the fit.\n"
    return head + yaml.safe_dump(areas.model_dump(mode="json"), sort_keys=False, width=110)


def name(directory: Path) -> str:
    """Of the study in a directory."""
    return study.load(directory / STUDY).name
