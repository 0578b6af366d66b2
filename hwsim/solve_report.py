"""What the solver found as a table and as ``solve.json``, and why the nearest other vectors are no candidates."""

import json
import math
from dataclasses import dataclass, fields
from itertools import islice, pairwise
from typing import Any

import numpy as np

from hwsim import config_file, metrics, tables
from hwsim.figure import Figure, Figures
from hwsim.legal import divisors
from hwsim.solver import Budget, Candidates, IntArray, Solution, Solver
from hwsim.whole_configuration import Configuration
from models.connectivity import Degrees, feasible_degrees
from models.errors import ArgumentError, InputError

_NEAREST = 4
_SAID = {
    "multipliers": "multipliers",
    "memory_bits": "memory bits (the same for every z)",
    "banks": "banks",
    "clocks": "clocks per input",
}


@dataclass(frozen=True)
class NearMiss:
    """A vector close to the best candidate, and why it is none."""

    z: tuple[int, ...]
    reason: str


def near_misses(solver: Solver, solution: Solution) -> list[NearMiss]:
    """The nearest vectors that are illegal or over budget: other clocks per pass, and neighbours of the best candidate."""
    known = {tuple(z) for z in solution.candidates.z.tolist()}
    tried = [*_other_cycles(solver, solution.candidates), *_neighbours(solver, solution.candidates)]
    misses: dict[tuple[int, ...], NearMiss] = {}
    for z in tried:
        reason = None if z in known or z in misses else why_not(solver, z)
        if reason is not None:
            misses[z] = NearMiss(z, reason)
        if len(misses) == 2 * _NEAREST:
            break
    return list(misses.values())


def why_not(solver: Solver, z: tuple[int, ...]) -> str | None:
    """The first rule or budget that a vector violates, in the words of the configuration's validation; ``None`` if none."""
    plain = config_file.resolved(solver.config)
    try:
        config_file.parse(config_file.with_overrides(plain, {"hardware.z": list(z)}))
    except InputError as e:
        return str(e)
    index = np.array([[int(np.searchsorted(o.z, n)) for o, n in zip(solver.options, z, strict=True)]])
    if not solver.lands(index).all():
        return f"overlap: latencies do not fit into passes of {int(solver.figures(index).cycles.max())} clocks"
    return _over_budget(solver.figures(index), solver.budget)


def _over_budget(figures: Candidates, budget: Budget) -> str | None:
    excesses = []
    for field in fields(budget):
        most = getattr(budget, field.name)
        needed = int(np.ravel(getattr(figures, field.name))[0])
        if most is not None and needed > most:
            excesses.append(f"{needed:,} {_SAID[field.name]} exceed {most:,}")
    return "; ".join(excesses) or None


def _other_cycles(solver: Solver, candidates: Candidates) -> list[tuple[int, ...]]:
    """Vectors of equal C, in order of their distance from the best candidate's: C need only divide the edges."""
    edges = solver.config.edges
    common = divisors(math.gcd(*edges))
    if len(candidates):
        centre = math.log(int(candidates.cycles[0].max()))
        common.sort(key=lambda c: (abs(math.log(c) - centre), c))
    else:  # nothing fits: what comes closest to the budget
        common = [c for _, c in sorted((_excess(solver, c), c) for c in common)]
    taken = [tuple(w // c for w in edges) for c in common]
    kept = {tuple(z) for z in candidates.z.tolist()}
    return list(islice((z for z in taken if z not in kept), 4 * _NEAREST))


def _excess(solver: Solver, cycle: int) -> float:
    """By which factor the worst budget is exceeded with passes of so many clocks; illegal ones come last."""
    index: IntArray = np.array([[np.searchsorted(-o.cycle, -cycle) for o in solver.options]], np.int64)
    if any(k >= o.cycle.size or o.cycle[k] != cycle for o, k in zip(solver.options, index[0], strict=True)):
        return math.inf
    found, budget = solver.figures(index), solver.budget
    limits = [(getattr(budget, f.name), getattr(found, f.name)) for f in fields(budget)]
    return max((float(np.ravel(needed)[0]) / most for most, needed in limits if most is not None), default=1.0)


def _neighbours(solver: Solver, candidates: Candidates) -> list[tuple[int, ...]]:
    """The best candidate with one z_i moved to the next divisor."""
    if not len(candidates):
        return []
    best, result = candidates.z[0].tolist(), []
    for i, o in enumerate(solver.options):
        at = int(np.searchsorted(o.z, best[i]))
        for k in (at - 1, at + 1):
            if 0 <= k < o.z.size:
                result.append((*best[:i], int(o.z[k]), *best[i + 1 :]))
    return result


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
        rows.add_row(_joined(c.z[k]), _joined(c.cycles[k]), *figures, tables.percent(float(c.utilisation[k])), *rate)
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
    return metrics.provenance(config) | {
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
        "cycle": c.cycles[k].tolist(),
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
    return metrics.provenance(config) | {
        "units": {"density": "share of all pairs", "d_out": "edges per left neuron", "d_in": "edges per right neuron"},
        "junctions": [
            {
                "neurons": [layers[i], layers[i + 1]],
                "densities": [{"density": float(d.density), "d_out": d.d_out, "d_in": d.d_in} for d in degrees],
            }
            for i, degrees in enumerate(found)
        ],
    }
