"""The configurations that come with the project."""

from pathlib import Path

SHIPPED = sorted((Path(__file__).parents[2] / "sim_configs").glob("*.yaml"))
DEMO = next(p for p in SHIPPED if p.stem == "demo").read_text()
