"""Why the designs next to those that were found are none: the nearest that a budget or a rule excludes."""

import math
from dataclasses import dataclass, fields
from itertools import islice

import numpy as np

from hwsim.configuration import config_file
from hwsim.configuration.legal import divisors
from hwsim.solver.solver import Budget, Candidates, IntArray, Solution, Solver
from models.errors import InputError

_NEAREST = 4
_SAID = {
    "multipliers": "multipliers",
    "memory_bits": "memory bits",
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
    tried = [*_other_passes(solver, solution.candidates), *_neighbours(solver, solution.candidates)]
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
    if not solver.brings_back(index).all():
        return "a weight row would be fetched from the external memory before it is back"
    if not solver.lands(index).all():
        return f"overlap: latencies do not fit into passes of {int(solver.figures(index).rows.max())} clocks"
    return _over_budget(solver.figures(index), solver.budget)


def _over_budget(figures: Candidates, budget: Budget) -> str | None:
    excesses = []
    for field in fields(budget):
        most = getattr(budget, field.name)
        needed = int(np.ravel(getattr(figures, field.name))[0])
        if most is not None and needed > most:
            excesses.append(f"{needed:,} {_SAID[field.name]} exceed {most:,}")
    return "; ".join(excesses) or None


def _other_passes(solver: Solver, candidates: Candidates) -> list[tuple[int, ...]]:
    """Vectors of equal C, in order of their distance from the best candidate's: C need only divide the edges."""
    edges = solver.config.edges
    common = divisors(math.gcd(*edges))
    if len(candidates):
        centre = math.log(int(candidates.rows[0].max()))
        common.sort(key=lambda c: (abs(math.log(c) - centre), c))
    else:  # nothing fits: what comes closest to the budget
        common = [c for _, c in sorted((_excess(solver, c), c) for c in common)]
    taken = [tuple(w // c for w in edges) for c in common]
    kept = {tuple(z) for z in candidates.z.tolist()}
    return list(islice((z for z in taken if z not in kept), 4 * _NEAREST))


def _excess(solver: Solver, rows: int) -> float:
    """By which factor the worst budget is exceeded with passes of so many clocks; illegal ones come last."""
    index: IntArray = np.array([[np.searchsorted(-o.rows, -rows) for o in solver.options]], np.int64)
    if any(k >= o.rows.size or o.rows[k] != rows for o, k in zip(solver.options, index[0], strict=True)):
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
