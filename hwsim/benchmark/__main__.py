"""``python -m hwsim.benchmark OUT SECONDS OVERRIDES CONFIG...``: training speeds of the code that is found first.

This is how :mod:`hwsim.benchmark.comparison` measures; it loads nothing that other states of the code may lack.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from hwsim.benchmark import engines
from hwsim.configuration import config_file


def main(out: str, seconds: str, overrides: str, *paths: str) -> None:
    """Write a list of rows as JSON."""
    configs = [config_file.load(Path(path), json.loads(overrides)) for path in paths]
    Path(out).write_text(json.dumps([asdict(row) for row in engines.measure(configs, float(seconds))]))


if __name__ == "__main__":
    main(*sys.argv[1:])
