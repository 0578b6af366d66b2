"""What the shipped accelerators take of FPGAs, as last measured: ``baseline.json``, and how it is made anew.

``python -m tests.rtl.synthesis.baseline`` counts everything; with ``--place`` it also places and routes what an open tool
can place. Names may be given. Counts are kept for each version of Yosys that has been measured, frequencies
for the last one. ``--table`` only prints the table of README.
"""

import argparse
import hashlib
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from hwsim import Design, load
from rtl.synthesis.flow import Options, synthesise
from rtl.synthesis.results import estimated_power
from rtl.synthesis.targets import BLOCK_RAM, DSP, FF, LUT_RAM, SITES, target
from rtl.synthesis.tools import find
from rtl.verilog.generate import generate

FILE = Path(__file__).with_name("baseline.json")
CONFIGURATIONS = Path(__file__).parents[3] / "sim_configs"


class Subject(NamedTuple):
    """What is measured: a shipped configuration, what is set in it, for which target, how many placements."""

    config: str
    target: str
    settings: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    places: int = 0


_TEN_BITS = {"width": 10, "fraction": 7, "rounding": "half_up", "input": {"width": 8, "fraction": 8, "signed": False}}
_FOR_BLOCKS = {"numbers": _TEN_BITS, "hardware.multiply_add": True}

SUBJECTS = {
    "ecp5": Subject("ecp5", "ecp5-85k", places=5),
    "ecp5, z = (16, 4)": Subject("ecp5", "ecp5-85k", {"hardware.z": [16, 4]}, places=1),
    "ecp5, z = (8, 2)": Subject("ecp5", "ecp5-85k", {"hardware.z": [8, 2]}, places=1),
    "board": Subject("board", "ecp5-85k"),
    "icebreaker": Subject("icebreaker", "ice40-up5k"),
    "demo": Subject("demo", "xc7"),
    "digits97": Subject("digits97", "xc7"),
    "frontend_cifar": Subject("frontend_cifar", "xc7"),
    "frontend_small": Subject("frontend_small", "xc7"),
    "overlap": Subject("overlap", "xc7"),
    "reconfig2018": Subject("reconfig2018", "xc7"),
    "reconfig2018, 10 bits": Subject("reconfig2018", "xc7", _FOR_BLOCKS),
    "reconfig2018, 10 bits, block RAM": Subject("reconfig2018", "xc7", _FOR_BLOCKS | {"hardware.lut_ram_depth": 16}),
}
"""Every shipped configuration with hardware, and what README and docs/results.md tell besides.

7 series, of which only counts are known, has the lanes that most of them ask for: they need 184 to 354 multipliers.
"""


def version() -> str:
    """Of the Yosys that would be used."""
    return find("yosys").version()


def design(name: str) -> Design:
    """Of a subject."""
    of = SUBJECTS[name]
    return Design(load(CONFIGURATIONS / f"{of.config}.yaml", of.settings))


def digest(name: str) -> str:
    """Of the subject's Verilog without its comments: the same tool makes the same cells of the same text."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", generate(design(name)).text, flags=re.DOTALL)
    return hashlib.sha256("".join(text.split()).encode()).hexdigest()[:16]


def measure(name: str, place: bool = False, cached: bool = True) -> tuple[dict[str, int], dict[str, Any]]:
    """Resources of a subject; with ``place``, what placement and routing say, where that is possible."""
    of, chosen = SUBJECTS[name], target(SUBJECTS[name].target)
    placed = place and of.places > 0
    options = Options(place=placed, seeds=max(of.places, 1) if placed else 1, cached=cached)
    with tempfile.TemporaryDirectory() as folder:
        made = synthesise(generate(design(name)), chosen, Path(folder) / "synthesis", options)
    result = made.result
    resources = {r.name: r.count(result.cells) for r in chosen.family.resources if r.cells}
    if not placed:
        return resources, {}
    estimate = estimated_power(made)
    assert estimate is not None
    return resources, {
        "target": chosen.name,
        "tools": result.tools,
        "fmax": result.fmax,
        "fmax_by_seed": {str(seed): mhz for seed, mhz in result.by_seed.items()},
        "samples_per_second": made.samples_per_second,
        "sites": {r.name: result.utilisation[r.site][0] for r in chosen.family.resources if r.site in result.utilisation},
        "microjoules": [round(x, 3) for x in (estimate.energy.low, estimate.energy.value, estimate.energy.high)],
    }


def table(kept: dict[str, Any]) -> str:
    """The table of README: what it costs on each chip."""
    counts = [*kept["area"].values()][-1]
    head = "| z | chip | LUT | of it as RAM | flip-flops | multipliers | block RAM | MHz | samples/s | µJ a sample |"
    rows = [head, "| --- | --- |" + " ---: |" * 8]
    for z, name in (("8, 2", "ecp5, z = (8, 2)"), ("16, 4", "ecp5, z = (16, 4)"), ("32, 8", "ecp5")):
        known, area = kept["frequency"][name], counts[name]
        sites, (low, energy, high) = known["sites"], known["microjoules"]
        rows.append(
            f"| {z} | ECP5-85k | {sites[SITES]:,} | {area[LUT_RAM]:,} | {sites[FF]:,} | {sites[DSP]} | {sites[BLOCK_RAM]} "
            f"| {known['fmax']:.1f} | {known['samples_per_second']:,.0f} | {energy:.2f} ({low:.2f} to {high:.2f}) |"
        )
    for name, z in (("reconfig2018, 10 bits", "128, 32"), ("reconfig2018, 10 bits, block RAM", "128, 32")):
        area = counts[name]
        rows.append(
            f"| {z} | 7 series | {area['LUT'] + area[LUT_RAM]:,} | {area[LUT_RAM]:,} | {area[FF]:,} | {area[DSP]} "
            f"| {area[BLOCK_RAM]} | | | |"
        )
    rows.append("| 128, 32 | 7 series, published design | 25,181 | 4,648 | 14,048 | 384 | | 15 | 441,000 | 1.08 |")
    return "\n".join(rows)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *SUBJECTS], help="subjects; all of them by default")
    parser.add_argument("--place", action="store_true", help="place and route, too")
    parser.add_argument("--table", action="store_true", help="only the table of README")
    given = parser.parse_args()
    kept = json.loads(FILE.read_text()) if FILE.exists() else {"area": {}, "verilog": {}, "frequency": {}}
    if given.table:
        sys.stdout.write(f"{table(kept)}\n")
        return
    area, verilog = (kept[part].setdefault(version(), {}) for part in ("area", "verilog"))
    for name in given.names or SUBJECTS:
        resources, placed = measure(name, given.place)
        area[name], verilog[name] = resources, digest(name)
        if placed:
            kept["frequency"][name] = placed
        sys.stdout.write(f"{name}: {resources} {placed}\n")
        sys.stdout.flush()
        FILE.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    _main()
