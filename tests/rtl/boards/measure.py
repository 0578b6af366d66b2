"""What is built for each board, as last measured: ``rtl/boards/built.json``, and how it is made anew.

``python -m tests.rtl.boards.measure`` makes a bitstream for every board that open tools know, of the configuration in
``DESIGNS``; names may be given. ``--table`` only prints the table of docs/boards.md.
"""

import argparse
import hashlib
import json
import re
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from hwsim import Design, load
from rtl.boards import session
from rtl.boards.boards import BOARDS
from rtl.boards.build import Build
from rtl.boards.built import FILE, Built, built
from rtl.synthesis.targets import BLOCK_RAM, DSP, FF, SITES
from rtl.verilog.emission import Verilog

CONFIGURATIONS = Path(__file__).parents[3] / "sim_configs"


class Subject(NamedTuple):
    """A shipped configuration, what is set in it, and how many placements of it are made."""

    config: str
    settings: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    places: int = 1


_PIPELINED = {"hardware.latency": {"memory_read": 2, "multiplier": 3, "tree_every": 2, "table": 3, "write_back": 2}}
"""Registers between the stages: without them the clock is half as fast."""

DESIGNS = {
    "ulx3s-85f": Subject("ecp5", places=3),
    "orangecrab-25f": Subject("board", _PIPELINED),
    "orangecrab-85f": Subject("board", _PIPELINED),
    "colorlight-i9": Subject("board", _PIPELINED),
    "icebreaker": Subject("icebreaker"),
}
"""By board: what is told in docs/boards.md."""


def generated(name: str) -> tuple[Build, Verilog]:
    """What is built for a board."""
    build, of = Build.of(name, None, None), DESIGNS[name]
    loaded = load(CONFIGURATIONS / f"{of.config}.yaml", of.settings | build.overrides)
    return build, session.generate(Design(loaded))


def digest(build: Build, emitted: Verilog) -> str:
    """Of all that the tools read, without comments."""
    read = emitted.text + session.top(build, emitted) + build.board.constraints
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", read, flags=re.DOTALL)
    return hashlib.sha256("".join(text.split()).encode()).hexdigest()[:16]


def measure(name: str) -> Built:
    """Build it.

    Raises
    ------
    RuntimeError
        If the clock is missed.
    """
    (config, settings, places), (build, emitted) = DESIGNS[name], generated(name)
    options = replace(build.options(None, True, places), enough=False)
    with tempfile.TemporaryDirectory() as folder:
        made = session.synthesise(build, emitted, Path(folder) / "synthesis", options)
    if made is None or (bits := session.usable(made)) is None or made.result.fmax is None or made.result.seed is None:
        raise RuntimeError(None if made is None else made.failure)
    of, result = emitted.accelerator.plan, made.result
    resources = {r.name: r for r in made.target.family.resources}
    used = {
        key: result.utilisation[r.site][0] if (r := resources[kind]).site else r.count(result.cells)
        for key, kind in (("sites", SITES), ("flip_flops", FF), ("multipliers", DSP), ("block_ram", BLOCK_RAM))
    }
    edges = sum(j.pattern.n_edges for j in of.junctions)
    return Built(
        config,
        settings,
        f"{'-'.join(map(str, of.config.network.layers))}, {edges:,} edges",
        build.clock,
        round(result.fmax, 2),
        result.seed,
        {str(seed): round(fmax, 2) for seed, fmax in result.by_seed.items()},
        **used,
        bitstream=len(bits),
        tools=result.tools,
        digest=digest(build, emitted),
    )


def table(known: dict[str, Built]) -> str:
    """The table of docs/boards.md."""
    head = "| board | design | network | clock, MHz | routed, MHz | LUT sites | flip-flops | multipliers | block RAM |"
    rows = [f"{head} bitstream, bytes |", "| --- | --- | --- |" + " ---: |" * 7]
    for name, b in known.items():
        kinds = {r.name: r.unit for r in BOARDS[name].target.family.resources}
        rows.append(
            f"| `{name}` | {b.design} | {b.network} | {b.clock:g} | {b.routed:.2f} | {b.sites:,} | {b.flip_flops:,} "
            f"| {b.multipliers} | {b.block_ram} {kinds[BLOCK_RAM].removeprefix('blocks ')} | {b.bitstream:,} |"
        )
    return "\n".join(rows)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *DESIGNS], help="boards; all that are built by default")
    parser.add_argument("--table", action="store_true", help="only the table of docs/boards.md")
    given = parser.parse_args()
    known = dict(built())
    for name in () if given.table else given.names or DESIGNS:
        known[name] = measure(name)
        sys.stdout.write(f"{name}: {known[name]}\n")
        sys.stdout.flush()
        known = {name: known[name] for name in DESIGNS if name in known}
        written = {name: asdict(of) for name, of in known.items()}
        FILE.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{table(known)}\n")


if __name__ == "__main__":
    _main()
