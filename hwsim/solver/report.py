"""What a search for z found, as tables and as JSON; feasible densities."""

import json
import math
from dataclasses import fields
from itertools import islice, pairwise
from typing import Any

from hwsim import tables
from hwsim.configuration.configuration import Configuration
from hwsim.configuration.provenance import provenance
from hwsim.figure import Figure, Figures
from hwsim.solver.near_misses import NearMiss
from hwsim.solver.solver import Candidates, IntArray, Solution, Solver
from models.connectivity.degrees import Degrees, feasible_degrees
from models.errors import ArgumentError


def as_table(config: Configuration, solution: Solution, shown: int, megahertz: float | None) -> tables.Table:
    """The best candidates as printed."""
    c = solution.candidates
    title = f"{config.name}: {solution.within:,} of {solution.legal:,} legal vectors within the budget"
    caption = f"z: edges per clock of each junction; C: clocks of its pass; memories hold {tables.bits(c.memory_bits)}"
    columns = ["z", "C", "clocks/input", "multipliers", "banks", "busy"] + (["inputs/s"] if megahertz else [])
    rows = tables.table(title, *columns, caption=caption)
    for k in range(min(shown, len(c))):
        rate = [f"{megahertz * 1e6 / c.clocks[k]:,.0f}"] if megahertz else []
        figures = (f"{int(a[k]):,}" for a in (c.clocks, c.multipliers, c.banks))
        rows.add_row(_joined(c.z[k]), _joined(c.rows[k]), *figures, tables.percent(float(c.utilisation[k])), *rate)
    return rows


def _joined(row: IntArray) -> str:
    values = row.tolist()
    return str(values[0]) if len(set(values)) == 1 and len(values) > 1 else ", ".join(map(str, values))


SOLUTION = Figures(
    "solution",
    {
        "legal": Figure("vectors", "legal without a budget; under overlap before latencies are looked at"),
        "legal_unequal": Figure("vectors", "legal without a budget, with passes of different length"),
        "within_budget": Figure("vectors", "legal and within the budget; candidates are the best of them"),
    },
)
"""By name, as ``solve.json`` has them."""


def as_json(
    config: Configuration, solver: Solver, solution: Solution, misses: list[NearMiss], megahertz: float | None
) -> dict[str, Any]:
    """``solve.json``."""
    c = solution.candidates
    budget = {f.name: getattr(solver.budget, f.name) for f in fields(solver.budget)}
    return provenance(config) | {
        **SOLUTION.all_told(
            {"legal": solution.legal, "legal_unequal": solver.count_unequal(), "within_budget": solution.within}
        ),
        "budget": budget | {"clock_megahertz": megahertz},
        "units": {
            "z": "edges per clock, by junction",
            "cycle": "clocks of one pass, C, by junction",
            "clocks_per_input": "clocks between two inputs, flush included",
            "flush": "clocks added until results have landed",
            "multipliers": "multipliers of the edge processors",
            "memory_bits": "bits of all memories",
            "banks": "memories with an address of their own, all banks",
            "utilisation": "share of the edge processors' clocks in which they work, flush included",
            "inputs_per_second": "inputs trained per second at the given clock",
        },
        "candidates": [_candidate(c, k, megahertz) for k in range(len(c))],
        "near_misses": [{"z": list(m.z), "reason": m.reason} for m in misses],
    }


def _candidate(c: Candidates, k: int, megahertz: float | None) -> dict[str, Any]:
    rate = {} if megahertz is None else {"inputs_per_second": megahertz * 1e6 / int(c.clocks[k])}
    return {
        "z": c.z[k].tolist(),
        "cycle": c.rows[k].tolist(),
        "clocks_per_input": int(c.clocks[k]),
        "flush": int(c.flush[k]),
        "multipliers": int(c.multipliers[k]),
        "memory_bits": c.memory_bits,
        "banks": int(c.banks[k]),
        "utilisation": float(c.utilisation[k]),
        **rate,
    }


def as_bytes(content: dict[str, Any]) -> bytes:
    """JSON with a line for each candidate, however many there are."""
    parts = []
    for key, value in content.items():
        rows = value if isinstance(value, list) else None
        text = json.dumps(value) if not rows else "[\n    " + ",\n    ".join(map(json.dumps, rows)) + "\n  ]"
        parts.append(f"  {json.dumps(key)}: {text}")
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def densities(config: Configuration, limit: int | None) -> list[list[Degrees]]:
    """Feasible densities of every junction, ascending, at most ``limit`` of each."""
    if limit is not None and limit < 1:
        raise ArgumentError("limit", limit, "must be at least 1", [1])
    return [list(islice(feasible_degrees(a, b), limit)) for a, b in pairwise(config.network.layers)]


def density_table(config: Configuration, found: list[list[Degrees]], shown: int) -> list[tables.Table]:
    """One table per junction."""
    result = []
    for i, (degrees, left) in enumerate(zip(found, config.network.layers, strict=False), 1):
        of = math.gcd(*config.network.layers[i - 1 : i + 1])
        title = f"junction {i}: {of:,} feasible densities, k / {of}"
        rows = tables.table(title, "density", "d_out", "d_in", "edges")
        for d in degrees[:shown]:
            rows.add_row(tables.percent(float(d.density)), f"{d.d_out:,}", f"{d.d_in:,}", f"{left * d.d_out:,}")
        result.append(rows)
    return result


def density_json(config: Configuration, found: list[list[Degrees]]) -> dict[str, Any]:
    """``densities.json``."""
    layers = config.network.layers
    return provenance(config) | {
        "units": {"density": "share of all pairs", "d_out": "edges per left neuron", "d_in": "edges per right neuron"},
        "junctions": [
            {
                "neurons": [layers[i], layers[i + 1]],
                "densities": [{"density": float(d.density), "d_out": d.d_out, "d_in": d.d_in} for d in degrees],
            }
            for i, degrees in enumerate(found)
        ],
    }
