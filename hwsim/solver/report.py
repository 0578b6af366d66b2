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
from hwsim.schedule.external import ExternalWeights
from hwsim.schedule.figures import EXTERNAL
from hwsim.solver.near_misses import NearMiss
from hwsim.solver.solver import Candidates, IntArray, Solution, Solver
from models.connectivity.degrees import Degrees, feasible_degrees
from models.errors import ArgumentError


def as_table(config: Configuration, solution: Solution, shown: int, megahertz: float | None) -> tables.Table:
    """The best candidates as printed."""
    c = solution.candidates
    title = f"{config.name}: {solution.within:,} of {solution.legal:,} legal vectors within the budget"
    caption = f"z: edges per clock of each junction; C: clocks of its pass; memories hold {_memories(c, solution)}"
    if solution.external is not None:
        e = solution.external
        caption += (
            f"\nexternal memory: {math.ceil(e.transfer):,} clocks an input at least, whatever z; "
            f"it feeds {float(e.fed):,.1f} edge processors"
        )
    named = {"z": "z", "cycle": "C", "clocks_per_input": "clocks/input", "multipliers": "multipliers", "banks": "banks"}
    named |= {"utilisation": "busy"} | ({"inputs_per_second": "inputs/s"} if megahertz else {})
    rows = tables.table(title, *tables.columns(CANDIDATE, **named), caption=caption)
    for k in range(min(shown, len(c))):
        rate = [tables.number(megahertz * 1e6 / int(c.clocks[k]), ",.0f")] if megahertz else []
        figures = (tables.number(int(a[k])) for a in (c.clocks, c.multipliers, c.banks))
        rows.add_row(_joined(c.z[k]), _joined(c.rows[k]), *figures, tables.percent(float(c.utilisation[k])), *rate)
    return rows


def _memories(c: Candidates, solution: Solution) -> str:
    """Bits of all memories: whatever z, but for the rows on chip of an external memory."""
    if not len(c):
        return tables.bits(solution.memory_bits)
    least, most = int(c.memory_bits.min()), int(c.memory_bits.max())
    return tables.bits(least) + (f" to {tables.bits(most)}" if most > least else "")


def _joined(row: IntArray) -> tables.Told:
    values = row.tolist()
    same = len(set(values)) == 1 and len(values) > 1
    return tables.Told(str(values[0]) if same else ", ".join(map(str, values)), values)


CANDIDATE = Figures(
    "candidate",
    {
        "z": Figure("edges/clock", "by junction"),
        "cycle": Figure("clocks", "of one pass, C, by junction"),
        "clocks_per_input": Figure("clocks", "between two inputs, flush included", "less"),
        "flush": Figure("clocks", "added until results have landed", "less"),
        "multipliers": Figure("multipliers", "of the edge processors", "less"),
        "memory_bits": Figure("bits", "of all memories", "less"),
        "banks": Figure("memories", "each with an address of its own, in all banks", "less"),
        "utilisation": Figure("1", "share of all clocks in which the edge processors work, flush included", "more"),
        "inputs_per_second": Figure("inputs/s", "trained at the given clock", "more"),
    },
)
"""Of one vector z, as ``solve.json`` and the table have them."""

_UNITS = {
    "z": "edges per clock, by junction",
    "cycle": "clocks of one pass, C, by junction",
    "clocks_per_input": "clocks between two inputs, flush included",
    "flush": "clocks added until results have landed",
    "multipliers": "multipliers of the edge processors",
    "memory_bits": "bits of all memories",
    "banks": "memories with an address of their own, all banks",
    "utilisation": "share of the edge processors' clocks in which they work, flush included",
    "inputs_per_second": "inputs trained per second at the given clock",
}
"""The same in a line each, as ``solve.json`` says it."""

FEASIBLE = Figures(
    "feasible",
    {
        "density": Figure("1", "share of all pairs of a left and a right neuron that are joined"),
        "d_out": Figure("edges", "of each left neuron at this density"),
        "d_in": Figure("edges", "of each right neuron at this density"),
        "edges": Figure("edges", "of the junction at this density"),
    },
)
"""Of a density that a junction may have, as its table has them."""

SOLUTION = Figures(
    "solution",
    {
        "legal": Figure("vectors", "legal without a budget; under overlap before latencies are looked at"),
        "legal_unequal": Figure("vectors", "legal without a budget, with passes of different length"),
        "within_budget": Figure("vectors", "legal and within the budget; candidates are the best of them"),
        **{name: EXTERNAL[name] for name in ("transfer_clocks", "fed")},
    },
)
"""By name, as ``solve.json`` has them."""


def as_json(
    config: Configuration, solver: Solver, solution: Solution, misses: list[NearMiss], megahertz: float | None
) -> dict[str, Any]:
    """``solve.json``."""
    c = solution.candidates
    external = {} if solution.external is None else SOLUTION.all_told(_external(solution.external))
    budget = {f.name: getattr(solver.budget, f.name) for f in fields(solver.budget)}
    return provenance(config) | {
        **SOLUTION.all_told(
            {"legal": solution.legal, "legal_unequal": solver.count_unequal(), "within_budget": solution.within}
        ),
        **external,
        "budget": budget | {"clock_megahertz": megahertz},
        "units": _UNITS,
        "candidates": [_candidate(c, k, megahertz) for k in range(len(c))],
        "near_misses": [{"z": list(m.z), "reason": m.reason} for m in misses],
    }


def _external(e: ExternalWeights) -> dict[str, float]:
    return {"transfer_clocks": float(e.transfer), "fed": float(e.fed)}


def _candidate(c: Candidates, k: int, megahertz: float | None) -> dict[str, Any]:
    rate = {} if megahertz is None else {"inputs_per_second": megahertz * 1e6 / int(c.clocks[k])}
    return {
        "z": c.z[k].tolist(),
        "cycle": c.rows[k].tolist(),
        "clocks_per_input": int(c.clocks[k]),
        "flush": int(c.flush[k]),
        "multipliers": int(c.multipliers[k]),
        "memory_bits": int(c.memory_bits[k]),
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
        heads = tables.columns(FEASIBLE, density="density", d_out="d_out", d_in="d_in", edges="edges")
        rows = tables.table(title, *heads)
        for d in degrees[:shown]:
            rows.add_row(tables.percent(float(d.density)), *map(tables.number, (d.d_out, d.d_in, left * d.d_out)))
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
