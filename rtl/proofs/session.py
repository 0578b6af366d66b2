"""All proofs of a design: what is proved, in which order, and what is left of it."""

import gc
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from amaranth.hdl import Fragment, UnusedElaboratable
from amaranth.lib.wiring import Component

from hwsim import tables
from hwsim.configuration.provenance import provenance
from hwsim.design import Design
from hwsim.figure import Figure, Figures
from hwsim.results.directory import PROOFS, RunDirectory
from models.errors import ArgumentError
from rtl.accelerator import Accelerator
from rtl.blocks.joint_reset import JointReset
from rtl.blocks.properties import Property
from rtl.control.pacer import Pacer
from rtl.crossed import crossing
from rtl.interfaced import Interfaced
from rtl.junction import Junction
from rtl.plan.plan import Plan
from rtl.ports.axi_stream import ResultSource, SampleSink
from rtl.ports.parameter_stream import ParameterStream
from rtl.ports.registers import Registers
from rtl.ports.results import ResultQueue
from rtl.ports.samples import SampleLoader
from rtl.proofs.bench import Bench
from rtl.proofs.memories import FreeMemories
from rtl.proofs.prover import Status, Verdict, prove
from rtl.proofs.replay import replay
from rtl.proofs.ticked import Ticked


@dataclass(frozen=True)
class Proof:
    """What became of one property.

    Attributes
    ----------
    waveform
        Of a counter-example, or of a way to what must be reached, played to the component with real memories.
    clock
        In which it shows there; ``None`` if it does not.
    """

    component: str
    stated: Property
    verdict: Verdict
    waveform: Path | None = None
    clock: int | None = None

    @property
    def name(self) -> str:
        """Component and property."""
        return f"{self.component}: {self.stated.name}"


def components(of: Plan) -> dict[str, Callable[[], Component]]:
    """What makes each component that states properties, by name; the accelerator, which relies on the others, comes last."""
    result: dict[str, Callable[[], Component]] = {
        "pacer": lambda: Pacer(of),
        "samples": lambda: SampleLoader(of),
        "results": lambda: ResultQueue(of),
        "registers": lambda: Registers(of),
    }
    for j in of.junctions:
        result[f"junction {j.number}"] = lambda number=j.number: Junction(of, number)  # type: ignore[misc]
    hardware = of.config.hardware
    if hardware is not None and hardware.interface != "native":
        result |= {
            "sample store": lambda: SampleSink(of).store,
            "sample gear": lambda: SampleSink(of).gear,
            "sample sink": lambda: SampleSink(of),
            "result gear": lambda: ResultSource(of).gear,
            "result source": lambda: ResultSource(of),
            "interface registers": lambda: Interfaced(of).registers,
            "bridge": lambda: Interfaced(of).bridge,
        }
    if hardware is not None and hardware.parameter_stream:
        result["parameter stream"] = lambda: ParameterStream(of)
    if hardware is not None and hardware.bus_clock == "own":
        for name, channel in (("stream crossing", "s_axis"), ("access crossing", "aw")):
            result[name] = lambda channel=channel: Ticked(crossing(of, channel, "write", "read"))  # type: ignore[misc]
        result["joint reset"] = lambda: Ticked(JointReset("write", "read"))
    if hardware is not None and hardware.interface == "serial":
        parts = ("receiver", "transmitter", "frames", "sender", "requests")
        result |= {f"link {part}": lambda part=part: getattr(Interfaced(of).bridge, part) for part in parts}  # type: ignore[misc]
    lends = hardware is not None and hardware.parameter_stream
    return result | {"accelerator": lambda: Accelerator(of, lends)}


def check(time_limit: float, workers: int) -> None:
    """Refuse numbers that are too small.

    Raises
    ------
    ArgumentError
        If one is.
    """
    for name, value in (("time_limit", time_limit), ("workers", workers)):
        if value < 1:
            raise ArgumentError(name, value, "must be at least 1", [1])


def check_property(design: Design, name: str) -> None:
    """Refuse the name of a property that the design does not have.

    Raises
    ------
    ArgumentError
        If it has none of that name.
    """
    with _unused():
        _asked(Plan.of(design), name)


def _asked(of: Plan, name: str | None) -> dict[str, tuple[Callable[[], Component], Bench]]:
    """What makes each component, and a bench of it, if one of them states the property that is asked for."""
    made = {component: (make, stated(make)) for component, make in components(of).items()}
    if name is not None and not any(_wanted(component, bench, name) for component, (_, bench) in made.items()):
        names = [f"{component}: {p.name}" for component, (_, bench) in made.items() for p in bench.monitor.required]
        raise ArgumentError("property", name, "is none of the design's", get_close_matches(name, names, 3, 0.0))
    return made


def prove_design(
    design: Design,
    folder: Path,
    *,
    time_limit: float,
    workers: int = 1,
    property: str | None = None,
    watch: Callable[[str], None] | None = None,
    keep: Callable[[list[Proof]], None] | None = None,
) -> list[Proof]:
    """Prove all properties of a design's hardware.

    Parameters
    ----------
    folder
        For the tools' files and the waveforms; made anew.
    time_limit
        Seconds for each engine on each component.
    workers
        Components that are proved at the same time.
    property
        Name of the one property to prove, as :attr:`Proof.name` or its part behind the colon; all if ``None``.
    watch
        Is told each component when it begins.
    keep
        Is given all proofs so far whenever a component is through.

    Raises
    ------
    InputError
        If the design has no hardware, or a tool is not installed.
    ArgumentError
        If no property has the name, or a number is too small.
    ToolError
        If a tool fails.
    """
    check(time_limit, workers)
    of = Plan.of(design)
    with _unused():
        made = _asked(of, property)
        if folder.exists():
            shutil.rmtree(folder)
        wanted = {name: _wanted(name, bench, property) for name, (_, bench) in made.items()}

        def one(name: str) -> list[Proof]:
            if watch is not None and wanted[name]:
                watch(f"{name}: {len(wanted[name])} properties")
            make, bench = made[name]
            return _component(name, make, bench, wanted[name], folder / name.replace(" ", "_"), time_limit)

        done: list[Proof] = []
        with ThreadPoolExecutor(workers) as pool:
            for proofs in pool.map(one, made):
                done += proofs
                if keep is not None:
                    keep(done)
        return done


def stated(make: Callable[[], Component]) -> Bench:
    """A bench of which is known what its component states."""
    bench = Bench(make())
    Fragment.get(bench, FreeMemories(bench.mark))
    return bench


def _wanted(component: str, bench: Bench, asked: str | None) -> list[Property]:
    """Those that are asked for, and what they rely on."""
    all_stated = bench.monitor.required
    if asked is None:
        return list(all_stated)
    chosen = [p for p in all_stated if asked in (p.name, f"{component}: {p.name}")]
    relied = {tuple(p.given) for p in chosen}
    return [p for p in all_stated if p in chosen or any(len(p.given) < len(given) for given in relied)]


def _component(
    name: str, make: Callable[[], Component], bench: Bench, wanted: Sequence[Property], folder: Path, seconds: float
) -> list[Proof]:
    """Stage by stage: what a conclusion follows from comes before what relies on it."""
    proofs: list[Proof] = []
    for number, given in enumerate(dict.fromkeys(p.given for p in wanted)):
        stage = [p for p in wanted if p.given == given]
        at = folder / f"stage_{number}"
        if any(proof.verdict.status is not Status.PROVED for proof in proofs):
            verdicts = dict.fromkeys((p.name for p in stage), Verdict(Status.UNDECIDED))
        else:
            verdicts = prove(bench, at, seconds, [p.name for p in stage], given)
        proofs += [_played(Proof(name, p, verdicts[p.name]), make, at) for p in stage]
    return proofs


def _played(proof: Proof, make: Callable[[], Component], folder: Path) -> Proof:
    """With its waveform. A counter-example that the component with real memories does not show decides nothing."""
    inputs = proof.verdict.inputs
    if not inputs:
        return proof
    waveform = folder / f"{proof.stated.name}.vcd"
    bench = Bench(make())
    seen = replay(bench, proof.verdict.start, inputs, waveform)
    clock = seen.get(proof.stated.name)
    taken = [p.name for p in (*bench.monitor.assumed, *bench.monitor.chosen)]
    if clock is not None and any(seen.get(name, clock + 1) <= clock for name in taken):
        clock = None  # it shows only where an assumption is broken, too
    verdict = proof.verdict if clock is not None else replace(proof.verdict, status=Status.UNDECIDED)
    return replace(proof, verdict=verdict, waveform=waveform, clock=clock)


@contextmanager
def _unused() -> Iterator[None]:
    """Components are made here for what they state, and for their models, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedElaboratable)
        yield
        gc.collect()


FIGURES = Figures(
    "proofs",
    {
        "properties": Figure("properties", "by what became of them"),
        "seconds": Figure("s", "wall-clock time of an engine, for all properties that it decided together"),
        "depth": Figure("clocks", "of the induction, or frames that reachability looked at"),
    },
)
"""By name, as ``proofs.json`` has them."""


def write(proofs: Sequence[Proof], design: Design, directory: RunDirectory, ended: bool = True) -> None:
    """Write ``proofs.json``: every property, its statement and what became of it; of a run that has not ended, so far."""
    told = provenance(design.config)
    told["status"] = str(verdict(proofs)) if ended or verdict(proofs) is Status.FAILED else str(Status.UNDECIDED)
    told["properties"] = FIGURES.told("properties", {str(s): count(proofs, s) for s in Status})
    told["proofs"] = [_entry(proof, directory) for proof in proofs]
    directory.write_json(PROOFS, told)


def _entry(proof: Proof, directory: RunDirectory) -> dict[str, Any]:
    result: dict[str, Any] = {"component": proof.component, "property": proof.stated.name}
    result |= {"statement": proof.stated.statement, "status": str(proof.verdict.status), "engine": proof.verdict.engine}
    for name in ("depth", "seconds"):
        if (value := getattr(proof.verdict, name)) is not None:
            result[name] = FIGURES.told(name, value)
    if proof.waveform is not None:
        result |= {"waveform": proof.waveform.relative_to(directory.path).as_posix(), "clock": proof.clock}
    return result


def verdict(proofs: Sequence[Proof]) -> Status:
    """On all together: the worst."""
    order = (Status.FAILED, Status.UNDECIDED, Status.PROVED)
    return min((proof.verdict.status for proof in proofs), key=order.index, default=Status.PROVED)


def count(proofs: Sequence[Proof], status: Status) -> int:
    """How many properties have come to this."""
    return sum(proof.verdict.status is status for proof in proofs)


def refuted(proofs: Sequence[Proof]) -> list[str]:
    """A line on every property that does not hold: where its waveform is, and when it shows."""
    return [f"{proof.name}: {_refutation(proof)}" for proof in proofs if proof.verdict.status is Status.FAILED]


def _refutation(proof: Proof) -> str:
    shows = proof.waveform is not None
    return f"does not hold in clock {proof.clock} of {proof.waveform}" if shows else "is never reached"


def table(proofs: Sequence[Proof], title: str) -> tables.Table:
    """Every property, its statement and what became of it."""
    heads = tables.columns(FIGURES, depth="depth", seconds="seconds")
    rows = tables.table(title, "property", "statement", "verdict", "engine", *heads)
    for column in rows.columns[:4]:
        column.left = True
    for proof in proofs:
        v = proof.verdict
        both = ((v.depth, ""), (v.seconds, ".1f"))
        depth, seconds = (tables.NOTHING if x is None else tables.number(x, form) for x, form in both)
        bold = v.status is not Status.PROVED
        rows.add_row(proof.name, proof.stated.statement, str(v.status), v.engine, depth, seconds, bold=bold)
    return rows
