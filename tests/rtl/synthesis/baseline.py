"""What every shipped configuration takes of an FPGA, and how fast it runs there: kept, so that a change is seen.

``python -m tests.rtl.synthesis.baseline`` synthesizes all of them and writes the file; with ``--places N`` it places and
routes those that fit, N seeds each, and else keeps the frequencies that the file has of the same netlist.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from hwsim import Design, load
from rtl.synthesis.flow import Options, Synthesis, synthesise
from rtl.synthesis.targets import target
from rtl.verilog.generate import generate

BASELINE = Path(__file__).with_name("baseline.json")
CONFIGURATIONS = ("demo", "ecp5", "frontend_cifar", "frontend_small", "overlap", "reconfig2018")
TARGETS = {"xc7": CONFIGURATIONS, "ecp5-85k": ("ecp5",)}
"""Which configurations are counted for which target: for the family without place and route all of them."""
YOSYS = "yosys"


def synthesised(name: str, on: str, seeds: int = 0) -> Synthesis:
    """A shipped configuration on a target; not placed unless there are seeds."""
    emitted = generate(Design(load(f"sim_configs/{name}.yaml")))
    options = Options(place=seeds > 0, seeds=max(seeds, 1), cached=False, time_limit=7200)
    with tempfile.TemporaryDirectory() as folder:
        return synthesise(emitted, target(on), Path(folder) / "synthesis", options)


def resources(made: Synthesis) -> dict[str, int]:
    """By name, as Yosys counts them."""
    return {r.name: r.count(made.result.cells) for r in made.target.family.resources if r.cells}


def kept() -> dict[str, Any]:
    """The file: by target and configuration."""
    return json.loads(BASELINE.read_text()) if BASELINE.exists() else {}


def measured(name: str, on: str, seeds: int) -> dict[str, Any]:
    """The entry of one configuration, frequencies of the last placement included where the netlist is still that."""
    made = synthesised(name, on, seeds)
    result, old = made.result, kept().get(on, {}).get(name, {})
    entry = {"tools": dict(result.tools), "resources": resources(made)}
    if result.by_seed:
        entry["fmax"] = {"median": result.fmax, "by_seed": {f"{s}": f for s, f in result.by_seed.items()}}
    elif "fmax" in old and old["resources"] == entry["resources"]:
        entry |= {"fmax": old["fmax"], "tools": old["tools"] | entry["tools"]}
    return entry


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", type=int, default=0, metavar="N", help="seeds of the placer")
    parser.add_argument("--only", default="", metavar="NAME", help="this configuration alone")
    given = parser.parse_args()
    found = kept()
    for on, names in TARGETS.items():
        for name in names:
            if given.only in ("", name):
                seeds = given.places if target(on).family.placer else 0
                found.setdefault(on, {})[name] = measured(name, on, seeds)
                BASELINE.write_text(json.dumps(found, indent=2) + "\n")
                print(on, name, found[on][name])


if __name__ == "__main__":
    main()
