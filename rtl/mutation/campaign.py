"""A whole run of mutation: drawn, played to, proved, and told."""

import csv
import io
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hwsim.configuration.configuration import Configuration
from hwsim.configuration.provenance import provenance
from hwsim.figure import Figure, Figures
from hwsim.random_streams import Stream
from hwsim.tables import Column, Table, columns, number, table
from models.errors import ArgumentError
from rtl.cosim.capture import SimulationError
from rtl.cosim.simulators import runner
from rtl.mutation.equivalence import LEVELS, Prover
from rtl.mutation.mutants import Mutant, Workbench
from rtl.mutation.recording import Recorded, record
from rtl.mutation.replay import Difference, Replay
from rtl.mutation.stimulus import PARTS
from rtl.mutation.trace import observed, setting
from rtl.synthesis.tools import Deadline, find
from rtl.verilog.emission import Verilog

CAUGHT, EQUIVALENT, OPEN = "caught", "proved equivalent", "open"
VERDICTS = (CAUGHT, EQUIVALENT, OPEN)
MOST = 100_000
"""Mutants of one run."""
_HANGS = 600.0
"""Seconds after which a simulation of a mutant does not end: its signals wait for each other."""


@dataclass(frozen=True)
class Options:
    """How mutants are drawn and judged.

    Attributes
    ----------
    count
        Mutants.
    simulator
        Icarus or Verilator.
    time_limit
        Seconds for each proof.
    workers
        Mutants judged at once.
    parts
        What the design is put through (:data:`rtl.mutation.stimulus.PARTS`).
    """

    count: int = 100
    simulator: str = "icarus"
    time_limit: float = 20.0
    workers: int = 1
    parts: tuple[str, ...] = tuple(PARTS)


@dataclass(frozen=True)
class Judgement:
    """A mutant and what became of it.

    ``by`` is the part and the signals that show it, or the level of the proof; of an open one, whether inputs exist.
    """

    mutant: Mutant
    verdict: str
    by: str


def check(options: Options) -> None:
    """Refuse what would only come to light after long preparations.

    Raises
    ------
    InputError
        If there is nothing to do, or a tool is missing.
    """
    if not 1 <= options.count <= MOST:
        raise ArgumentError("count", options.count, f"must be 1..{MOST}", [min(max(options.count, 1), MOST)])
    if options.time_limit < 1:
        raise ArgumentError("time_limit", options.time_limit, "must be at least 1", [1])
    if options.workers < 1:
        raise ArgumentError("workers", options.workers, "must be at least 1", [1])
    runner(options.simulator)
    find("yosys")
    find("yosys-abc")


class Campaign:
    """Mutants of one design, ready to be judged.

    Parameters
    ----------
    folder
        Where everything is built; a mutant that stays open leaves its files there.
    watch
        Is told what begins.

    Raises
    ------
    SimulationError
        If the design itself differs from the machine.
    ToolError
        If Yosys fails.
    """

    def __init__(self, emitted: Verilog, options: Options, folder: Path, watch: Callable[[str], None]) -> None:
        self.options, self.emitted, self._folder = options, emitted, folder.resolve()
        shutil.rmtree(folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        seed = int(emitted.accelerator.plan.design.generator(Stream.MUTATION).integers(1 << 31))
        watch("drawing mutants")
        bench = Workbench(emitted, find("yosys"), self._folder)
        self.mutants = bench.draw(options.count, seed, Deadline(None))
        text = observed(bench.instrument(self.mutants, Deadline(None)), emitted.top, setting(emitted))
        self.recorded = record(emitted, text, options.parts, options.simulator, self._folder / "design", watch)
        watch(f"building {len(self.mutants)} mutants")
        replay = self._folder / "mutants"
        replay.mkdir()
        self._replay = Replay(emitted, text, self.recorded.traces, options.simulator, replay)
        if (found := self._replay.first_difference(0, _HANGS)) is not None:
            raise SimulationError(f"without a mutant the netlist differs from the design: {_place(found, self.recorded)}")
        self._prover = Prover(bench, emitted, self.recorded.traces[0], find("yosys-abc"), options.time_limit, watch)

    def judged(self, known: dict[int, Judgement]) -> Iterator[Judgement]:
        """Judge all mutants but those that are known, in any order."""
        left = [m for m in self.mutants if m.number not in known]
        with ThreadPoolExecutor(self.options.workers) as pool:
            futures = [pool.submit(self.judge, m) for m in left]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:
                for future in futures:
                    future.cancel()

    def judge(self, mutant: Mutant) -> Judgement:
        """What shows a mutant, or proves it equivalent: the cheapest means first."""
        number, folder = mutant.number, self._folder / f"mutant_{mutant.number}"
        first = self.recorded.parts[0][1][0] if len(self.recorded.parts[0]) > 1 else None
        play = self._replay.first_difference
        if first is not None and (found := play(number, _HANGS, first)) is not None:
            return Judgement(mutant, CAUGHT, _place(found, self.recorded))
        level = self._prover.quickly(number, folder)
        if level is None:
            if (found := play(number, _HANGS)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                return Judgement(mutant, CAUGHT, _place(found, self.recorded))
            level, clocks = self._prover.thoroughly(number, folder)
            if level is None:
                return Judgement(mutant, OPEN, "" if clocks is None else f"inputs of {clocks} clocks show it")
        shutil.rmtree(folder, ignore_errors=True)
        return Judgement(mutant, EQUIVALENT, level)


def _place(found: Difference, recorded: Recorded) -> str:
    name = next((name for k, name in reversed(recorded.parts[found.trace]) if k <= found.clock), "power-up")
    return f"{name}, clock {found.clock}: {found.what}"


def stored(judgement: Judgement) -> dict[str, Any]:
    """A judgement as JSON has it."""
    return asdict(judgement)


def restored(told: dict[str, Any]) -> Judgement:
    """The inverse of :func:`stored`."""
    return Judgement(Mutant(**told["mutant"]), told["verdict"], told["by"])


MUTATION = Figures(
    "mutation",
    {
        "mutants": Figure("mutants", "single faults of the design"),
        "caught": Figure("mutants", "that co-simulation shows, by the part of it", "more"),
        "equivalent": Figure("mutants", "proved to be no fault, by the level of the proof", "less"),
        "open": Figure("mutants", "neither shown nor proved", "less"),
        "clocks": Figure("clocks", "played to every mutant until it shows"),
    },
)
"""By name, as ``metrics.json`` has them."""


def figures(of: Configuration, campaign: Campaign, found: list[Judgement]) -> dict[str, Any]:
    """``metrics.json`` of a run."""
    counts = Counter(j.verdict for j in found)
    result = provenance(of)
    result["status"] = "none open" if not counts[OPEN] else "open"
    result["simulator"] = campaign.options.simulator
    by = {
        verdict: Counter(j.by.partition(",")[0] for j in found if j.verdict == verdict) for verdict in (CAUGHT, EQUIVALENT)
    }
    result["mutants"] = MUTATION.told("mutants", len(found))
    result["caught"] = MUTATION.told("caught", dict(by[CAUGHT]))
    result["equivalent"] = MUTATION.told("equivalent", {level: by[EQUIVALENT][level] for level in LEVELS})
    result["open"] = MUTATION.told("open", counts[OPEN])
    result["clocks"] = MUTATION.told("clocks", sum(map(len, campaign.recorded.traces)))
    return result


_COLUMNS = ("number", "verdict", "by", "component", "line", "cell", "port", "bit", "wire", "fault")


def comma_separated(found: list[Judgement]) -> str:
    """``mutants.csv``: one mutant a line."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(_COLUMNS)
    for j in found:
        told = asdict(j.mutant) | {"verdict": j.verdict, "by": j.by}
        lines.writerow([told[name] for name in _COLUMNS])
    return text.getvalue()


_VERDICTS = {"caught": CAUGHT, "equivalent": EQUIVALENT, "open": OPEN}
"""By name of the figure."""


def summary(name: str, found: list[Judgement]) -> Table:
    """Verdicts by component."""
    result = table(f"{name}: {len(found)} mutants", "component", *columns(MUTATION, **_VERDICTS))
    components = sorted({j.mutant.component for j in found})
    for component in components:
        counts = Counter(j.verdict for j in found if j.mutant.component == component)
        result.add_row(component, *(number(counts[v], "") for v in VERDICTS))
    counts = Counter(j.verdict for j in found)
    result.add_row("all", *(number(counts[v], "") for v in VERDICTS), bold=True)
    return result


def details(found: list[Judgement]) -> Table:
    """The mutants that no co-simulation shows, open ones first."""
    line = Column("line", unit="number", meaning="of the Verilog, from 1")
    result = table("not caught", "component", line, "cell and wire", "fault", "verdict")
    for column in result.columns[2:]:
        column.left = True
    for j in sorted((j for j in found if j.verdict != CAUGHT), key=lambda j: (j.verdict != OPEN, j.mutant.number)):
        m, told = j.mutant, f"{j.verdict}: {j.by}" if j.by else j.verdict
        result.add_row(m.component, number(m.line, ""), m.place, m.fault, told, bold=j.verdict == OPEN)
    return result
