"""Small studies for tests, and what they leave."""

from pathlib import Path

import yaml

from hwsim.commands import app as cli
from hwsim.measurements.catalogue import MEASUREMENTS
from hwsim.studies.measuring import explore as exploring
from tests.hwsim import runs

BASE = runs.FIXED | {"training": runs.FIXED["training"] | {"epochs": 1, "rate_shift": [[0, 3]]}}

STUDY = {
    "name": "toy",
    "about": "A toy",
    "axes": {
        "degrees": {"key": "network.out_degree", "grid": [[2, 2], [4, 2], [3, 3]]},
        "z": {"solve": {"cycles": [2, 4, 8]}},
        "width": {"key": "numbers.width", "grid": [8, 12]},
    },
    "set": {"numbers.fraction": 6},
    "seeds": [0, 1],
    "measure": ["check", "costs", "fixed"],
}


def write(folder: Path, **changes: object) -> Path:
    """A study file beside its samples."""
    samples = folder / "samples.npz"
    if not samples.exists():
        runs.write_samples(samples)
    base = BASE | {"name": "toy", "data": {"name": str(samples)}}
    data = STUDY | {"base": base} | changes
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in data.items() if v is not None}, sort_keys=False))
    return path


def explore(study: Path, out: Path, *options: str) -> int:
    """``hwsim explore`` in this process."""
    return cli.run(["explore", str(study), "--out", str(out), "--quiet", *options])


def replace(monkeypatch, measurement: str, reference: str) -> None:
    """For the rest of a test another record makes a measurement, in this process: others would not know of it."""
    from tests.fuzz.quick import Here

    monkeypatch.setattr(exploring, "LocalWorkers", Here)
    monkeypatch.setattr(MEASUREMENTS, "_own", MEASUREMENTS._own | {measurement: reference})
    monkeypatch.setattr(MEASUREMENTS, "_found", {})
    monkeypatch.setattr("models.plugins.entry_points", lambda group: ())


def tables(directory: Path) -> dict[str, bytes]:
    """What a study has found, without the database and the time it took."""
    wanted = (".csv", ".parquet", ".md", ".png")
    return {p.name: p.read_bytes() for p in sorted(directory.iterdir()) if p.suffix in wanted}
