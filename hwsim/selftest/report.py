"""What a self test has found, as files and tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hwsim.figure import Figure, Figures
from hwsim.selftest import coverage
from hwsim.selftest.run import Outcome
from hwsim.tables import NOTHING, Table, columns, number, table

SELFTEST = Figures(
    "selftest",
    {
        "designs": Figure("designs", "drawn and examined"),
        "failed": Figure("designs", "in which two engines differ, or one of them breaks off"),
        "no_hardware": Figure("designs", "that the Verilog refuses, among those that were to have some"),
        "compared_designs": Figure("designs", "by pair of engines"),
        "compared_integers": Figure("integers", "that were equal, by pair of engines; of the Verilog, writes"),
        "options": Figure("designs", "in which every value of every option occurred"),
    },
)
"""By name, as ``selftest.json`` has them."""

COMPARED = Figures(
    "compared",
    {
        "designs": Figure("designs", "in which these engines were compared"),
        "integers": Figure("integers", "that were equal in these engines; of the Verilog, writes", "more"),
    },
)
"""Of one pair of engines, as a table has them."""


def compared(outcomes: Sequence[Outcome]) -> dict[str, tuple[int, int]]:
    """Designs and integers by pair of engines."""
    designs: Counter[str] = Counter()
    integers: Counter[str] = Counter()
    for outcome in outcomes:
        designs.update(outcome.compared.keys())
        integers.update(outcome.compared)
    return {pair: (designs[pair], integers[pair]) for pair in designs}


def figures(outcomes: Sequence[Outcome], seed: int) -> dict[str, Any]:
    """``selftest.json``."""
    found, told = compared(outcomes), SELFTEST.told
    return {
        "seed": seed,
        "designs": told("designs", len(outcomes)),
        "failed": told("failed", len(failures(outcomes))),
        "no_hardware": told("no_hardware", sum(bool(o.no_hardware) for o in outcomes)),
        "compared_designs": told("compared_designs", {pair: designs for pair, (designs, _) in found.items()}),
        "compared_integers": told("compared_integers", {pair: integers for pair, (_, integers) in found.items()}),
        "options": told("options", coverage.counted(o.values for o in outcomes)),
        "failures": {str(o.number): list(o.failure) for o in failures(outcomes) if o.failure},
    }


def failures(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those that failed, in order of their numbers."""
    return sorted((o for o in outcomes if o.failure is not None), key=lambda o: o.number)


def tables(outcomes: Sequence[Outcome], seed: int) -> list[Table]:
    """What a person wants to know: which options there were, and what was compared."""
    counts: Mapping[str, Mapping[str, int]] = coverage.counted(o.values for o in outcomes)
    heads = columns(COMPARED, designs="designs", integers="integers equal")
    rows = table(f"self test, seed {seed}: {len(outcomes):,} designs", "engines", *heads)
    for pair, (designs, integers) in compared(outcomes).items():
        rows.add_row(pair, number(designs), number(integers))
    refused = sum(bool(o.no_hardware) for o in outcomes)
    if refused:
        rows.add_row("no hardware", number(refused), NOTHING)
    return [coverage.as_table(counts, len(outcomes)), rows]
