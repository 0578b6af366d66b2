"""What ``hwsim synth`` leaves and says: ``synthesis.json``, times, the bitstream, a table."""

from typing import Any

from hwsim import tables
from hwsim.configuration.provenance import provenance
from hwsim.costs import counts, power
from hwsim.figure import Figure, Figures
from hwsim.results.directory import TIMING, RunDirectory
from hwsim.schedule.figures import PREDICTION_LATENCY, UPDATE_LATENCY
from rtl.figures import CLOCKS_PER_INPUT
from rtl.synthesis.flow import Result, Synthesis
from rtl.synthesis.targets import Family, Resource
from rtl.synthesis.wrapper import pins
from rtl.verilog.emission import TOP

FIGURES = "synthesis.json"

SYNTHESIS = Figures(
    "synthesis",
    {
        "cells": Figure("cells", "primitives of the family by Yosys' names"),
        "utilisation": Figure("sites", "after packing, by nextpnr's names; others are not used"),
        "overflow": Figure("sites", "resources of which the target has too few"),
        "clocks_per_input": CLOCKS_PER_INPUT,
        "aimed_frequency": Figure("MHz", "clock frequency that placement and routing aimed at"),
        "fmax": Figure(
            "MHz",
            "highest clock that all paths between registers allow, once routed; median of the seeds, on a board the best",
            "more",
        ),
        "fmax_by_seed": Figure("MHz", "the same by seed of the placer", "more"),
        "seed": Figure("number", "of the placement that the other figures are of"),
        "samples_per_second": Figure("samples/s", "one sample per junction cycle at that frequency", "more"),
        "prediction_latency": PREDICTION_LATENCY,
        "update_latency": UPDATE_LATENCY,
        "prediction_time": Figure("ns", "the clocks to the prediction at that frequency", "less"),
        "update_time": Figure("ns", "the clocks to the last weight at that frequency; null if none is written", "less"),
        "critical_path": Figure("ns", "longest path between registers, {path}", "less"),
        "seconds": Figure("s", "wall-clock time {where}"),
        "from_cache": Figure("bool", "whether the result was known and no tool ran"),
    },
)
"""By name, as ``synthesis.json`` has them; ``seconds`` is that of every tool in ``timing.json``."""

RESOURCE = Figures(
    "resource",
    {
        "used": Figure("as its row says", "of the resource by the design", "less"),
        "available": Figure("as its row says", "on the chip; null without a placer"),
        "share": Figure("1", "used of what is available", "less"),
    },
)
"""Of one resource, as a table has them."""


def resource_figures(family: Family) -> Figures:
    """The figures of what a family counts, by name of the resource."""
    texts = {r.name: Figure(r.unit, f"{r.meaning}; as synthesized", "less") for r in family.resources if r.cells}
    return Figures(f"resources of {family.name}", texts)


def estimated_power(made: Synthesis) -> power.Power | None:
    """At the highest clock frequency, with toggles assumed; ``None`` without a frequency, or energies of the target."""
    table, target = power.load(), made.target
    if made.result.fmax is None or target.name not in table.devices:
        return None
    counted = {r.name: r.count(made.result.cells) for r in target.family.resources if r.cells}
    known = counts.synthesised(counted, target.family.name)
    running = power.Running(known, made.result.fmax, made.emitted.accelerator.plan.period)
    return power.estimate(table, target.name, running, table.assumed)


def write(made: Synthesis, directory: RunDirectory) -> list[str]:
    """Write everything; returns the names of the files."""
    directory.write_json(FIGURES, figures(made))
    directory.write_json(TIMING, times(made))
    if made.bitstream is None:
        return [FIGURES, TIMING]
    name = f"{TOP}.{made.target.family.extension}"
    directory.write_bytes(name, made.bitstream)
    return [FIGURES, TIMING, name]


def figures(made: Synthesis) -> dict[str, Any]:
    """``synthesis.json``; nothing in it depends on the machine's speed."""
    result, of, target = made.result, made.emitted.accelerator.plan, made.target
    known = provenance(of.config)
    known["tools"] |= result.tools
    known["status"] = "does not fit" if result.overflow else "too slow" if made.failure else "good"
    known["target"] = {"name": target.name, "device": target.device, "family": target.family.name}
    known["notes"] = notes(made)
    counted = {r.name: r.count(result.cells) for r in target.family.resources if r.cells}
    known["resources"] = resource_figures(target.family).all_told(counted)
    known["cells"] = SYNTHESIS.told("cells", result.cells)
    if result.utilisation:
        sites = {r.site for r in target.family.resources}
        placed = {name: pair for name, pair in result.utilisation.items() if pair[0] or name in sites}
        used = {name: {"used": n, "available": most} for name, (n, most) in placed.items()}
        known["utilisation"] = SYNTHESIS.told("utilisation", used)
    if result.overflow:
        lacks = [{"resource": name, "used": n, "available": most} for name, n, most in result.overflow]
        known["overflow"] = SYNTHESIS.told("overflow", lacks)
    latency = of.design.inventory.latency
    clocks = {"clocks_per_input": of.period, "prediction_latency": latency.prediction, "update_latency": latency.update}
    known |= SYNTHESIS.all_told(clocks)
    if target.family.placer is not None and made.options.place:
        known |= _speed(made)
    if (estimate := estimated_power(made)) is not None:
        known["estimated_power"] = estimate.figures
    return known


def _speed(made: Synthesis) -> dict[str, Any]:
    result, path = made.result, made.result.path
    latency = made.emitted.accelerator.plan.design.inventory.latency
    known = SYNTHESIS.all_told(
        {
            "aimed_frequency": made.options.frequency or made.target.frequency,
            "fmax": result.fmax,
            "fmax_by_seed": {f"{seed}": fmax for seed, fmax in result.by_seed.items()},
            "seed": result.seed,
            "samples_per_second": made.samples_per_second,
            "prediction_time": _nanoseconds(result, latency.prediction),
            "update_time": _nanoseconds(result, latency.update),
        }
    )
    if path is not None:
        parts = {"from": path.source, "to": path.sink, "logic": path.logic, "routing": path.routing, "cells": path.cells}
        known["critical_path"] = SYNTHESIS.told("critical_path", path.total, path=path) | parts
    return known


def _nanoseconds(result: Result, clocks: int | None) -> float | None:
    return None if clocks is None or result.fmax is None else round(1e3 * clocks / result.fmax, 1)


def notes(made: Synthesis) -> list[str]:
    """What has to be known about the figures."""
    result, target, lines = made.result, made.target, []
    if target.family.placer is None:
        lines.append(f"{target.family.unplaced}: counts only, no clock frequency")
    elif not made.options.place:
        lines.append("not placed and routed, as asked for: counts only, no clock frequency")
    elif not target.sites and not made.around.board:
        lines.append("pins are where the placer wants them: a bitstream for a board needs that board's constraints")
    if target.family.doubt and result.fmax is not None:
        lines.append(f"timing is doubtful: {target.family.doubt}")
    if result.wrapped is not None:
        why = "the placer chooses no pins itself" if target.sites else f"{target.name} has {target.pins} pins"
        lines.append(
            f"wrapped: the design has {result.wrapped} port bits, {why}; shift registers "
            f"lead all ports to the pins {', '.join(pins(made.emitted.ports))}; they count among the resources, and the "
            "bitstream is only for measuring"
        )
    if result.packed:
        stages = [(stage, result.packed[stage]) for stage in ("input", "pipeline", "output") if stage in result.packed]
        moved = [f"multiplier blocks have taken {stage} registers in: {n}" for stage, n in stages]
        if "memories" in result.packed:
            taken, sides = result.packed["memory output"], result.packed["memories"]
            moved.append(f"block memories have taken output registers in: {taken} of {sides} read sides")
        lines.append("; ".join([*moved, "the counts of cells are from before"]))
    if not made.options.dsp:
        lines.append("multipliers are built from LUTs, as asked for")
    elif made.lacks_dsp:
        lines.append("DSP blocks do not suffice; all multipliers can be built from LUTs")
    if made.options.place and target.family.packer is not None and target.family.packer not in result.tools:
        lines.append(f"no bitstream: {target.family.packer} is not installed")
    return lines


def times(made: Synthesis) -> dict[str, Any]:
    """``timing.json``: how long the tools took, and whether that was now."""
    where = "in the run whose result was kept" if made.from_cache else "in this run"
    seconds = {name: SYNTHESIS.told("seconds", s, where=where) for name, s in made.result.seconds.items()}
    return seconds | {"from_cache": SYNTHESIS.told("from_cache", made.from_cache)}


def table(made: Synthesis) -> tables.Table:
    """Resources: used, available, share."""
    heads = tables.columns(RESOURCE, used="used", available="available", share="share")
    target, title = made.target, made.emitted.accelerator.plan.config.name
    rows = tables.table(f"{title} on {target.name}: {target.device}", "resource", "unit", *heads)
    rows.columns[1].left = True
    for r in target.family.resources:
        row = _row(made, r)
        if row is not None:
            rows.add_row(r.name, r.unit, *row)
    return rows


def _row(made: Synthesis, resource: Resource) -> tuple[tables.Told, tables.Told, tables.Told] | None:
    """Where the placer has counted, its count; nothing for what exists only after packing."""
    placed = made.result.utilisation.get(resource.site or "")
    if placed is not None:
        used, available = placed
        share = tables.percent(used / available) if available else tables.NOTHING
        return tables.number(used), tables.number(available), share
    if not resource.cells:
        return None
    return tables.number(resource.count(made.result.cells)), tables.NOTHING, tables.NOTHING


def lines(made: Synthesis) -> list[str]:
    """Clock frequency, samples per second, the longest path, notes."""
    result, told = made.result, []
    period = made.emitted.accelerator.plan.period
    if result.fmax is not None:
        told.append(
            f"Fmax {result.fmax:.2f} MHz, routed on {made.target.device}, placer seed {result.seed}; {period} clocks per "
            f"input: {made.samples_per_second:,.0f} samples/s"
        )
        latency = made.emitted.accelerator.plan.design.inventory.latency
        ends = [(latency.prediction, "its prediction"), (latency.update, "its last weight")]
        times = [f"{n:,} clocks, {n / result.fmax:.3f} µs, to {what}" for n, what in ends if n is not None]
        told.append(f"from the first beat of a sample, alone and just in time: {'; '.join(times)}")
        by = result.by_seed.values()
        which = "best" if made.options.enough else "median"
        if len(by) > 1:
            told.append(f"placer seeds 1 to {len(by)}: {min(by):.2f} to {max(by):.2f} MHz; the {which} is that above")
    if result.path is not None:
        told.append(f"longest path {result.path}")
    if (estimate := estimated_power(made)) is not None:
        told += power.summary(estimate)
    told += [f"note: {note}" for note in notes(made)]
    if made.from_cache:
        told.append("known from an earlier run: no tool was run")
    return told
