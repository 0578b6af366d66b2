"""The command ``hwsim power``."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.commands.completion import powered
from hwsim.commands.console import console_of, say
from hwsim.commands.hardware import tools
from hwsim.commands.options import Common, ConfigPath, Where, given, replacing
from hwsim.commands.progress import clock_watcher, preparing
from models.errors import ArgumentError, InputError

if TYPE_CHECKING:
    from hwsim.costs.counts import Counted
    from hwsim.costs.power import Activity, Energies, Interval, Power
    from hwsim.design import Design

FILE = "power.json"


@dataclass(frozen=True)
class Estimating:
    """What power is estimated from."""

    frequency: Annotated[float | None, given("clock frequency; default: the one in --synthesis", "MHZ")] = None
    synthesis: Annotated[Path | None, given("synthesis.json of hwsim synth, in place of estimates of area", "FILE")] = None
    simulate: Annotated[bool, typer.Option("--simulate", help="count toggles in a simulation of real samples")] = False
    samples: Annotated[int, typer.Option(metavar="N", help="samples in which toggles are counted")] = 16
    energies: Annotated[Path | None, given("another table of energies (YAML)", "FILE")] = None


def power(
    config: ConfigPath,
    target: Annotated[str, given("ecp5-25k | ecp5-45k | ecp5-85k | ice40-up5k | xc7", "NAME", complete=powered)],
    estimating: Estimating,
    where: Where,
    *,
    force: Annotated[bool, replacing("another estimate")] = False,
    common: Common,
) -> None:
    """Estimate power, and the energy of a trained sample.

    On an FPGA, part by part, each with an interval. Resources times toggles times published energies. Toggles are
    assumed, or counted by --simulate. With --out everything is
    written to power.json.
    """
    from hwsim.configuration.provenance import provenance
    from hwsim.costs import counts, operations
    from hwsim.costs import power as costs
    from hwsim.design import Design
    from hwsim.results.directory import add_file

    table = costs.load() if estimating.energies is None else costs.load(estimating.energies)
    device = table.device(target)
    loaded = common.load_circuit(config)
    design = Design(loaded)
    if estimating.synthesis is None:
        counted = counts.estimated(operations.costs(loaded, design.inventory), device.family)
    else:
        counted = counts.read(estimating.synthesis, loaded, target)
    period = design.inventory.period
    running = costs.Running(counted.counts, _frequency(estimating, counted), period)
    activity = _activity(design, where, estimating, common.quiet, table) if estimating.simulate else table.assumed
    found = costs.estimate(table, target, running, activity)
    _show(found, counted, loaded.name, common.quiet)
    if where.out is not None:
        content = provenance(loaded) | {"target": target, "chip": device.chip, "resources": counted.how} | found.figures
        add_file(where.out, FILE, f"{json.dumps(content, indent=2)}\n".encode(), force)


def _frequency(estimating: Estimating, counted: "Counted") -> float:
    found = estimating.frequency if estimating.frequency is not None else counted.megahertz
    if found is None:
        raise ArgumentError("frequency", None, "must be given: no synthesis says how fast the design is")
    return found


def _activity(design: "Design", where: Where, estimating: Estimating, quiet: bool, table: "Energies") -> "Activity":
    """Counted in a simulation; assumed, which is said, where there is no simulator."""
    data = design.dataset(where.data_dir).train
    try:
        with tools():
            from rtl.cosim import activity
        activity.check(estimating.samples)
    except InputError as e:
        if e.field == "samples":
            raise
        say(f"toggles are assumed, not simulated: {e}")
        return table.assumed
    with preparing(quiet), clock_watcher(quiet) as watch, tempfile.TemporaryDirectory() as folder:
        return activity.measure(design, data, Path(folder) / "simulation", estimating.samples, watch)


def _show(found: "Power", counted: "Counted", name: str, quiet: bool) -> None:
    from hwsim.costs.power import PARTS, POWER_OF_PART, digits, summary
    from hwsim.tables import NOTHING, Told, columns, percent, table

    def milliwatts(part: "Interval") -> tuple[Told, Told]:
        value, low, high = part.times(1e3).value, part.times(1e3).low, part.times(1e3).high
        return Told(digits(value), value), Told(f"{digits(low)} to {digits(high)}", [low, high])

    console = console_of(quiet)
    running, activity, total = found.running, found.activity, found.total
    heads = columns(POWER_OF_PART, power="power (mW)", interval="interval", share="share")
    rows = table(f"{name} on {found.device.chip}: estimate of power", "part", *heads)
    for figure, what in PARTS.items():
        share = percent(found.parts[figure].value / total.value) if total.value else NOTHING
        rows.add_row(Told(what, figure), *milliwatts(found.parts[figure]), share)
    rows.add_row(Told("all", "power"), *milliwatts(total), NOTHING, bold=True)
    console.print(rows)
    console.found(found.figures)
    console.print(f"resources {counted.how}: {', '.join(f'{n:,} {what}' for what, n in running.counts.items())}")
    rates = [("registers", activity.registers), ("nets", activity.nets), ("operands of multipliers", activity.operands)]
    toggle = ", ".join(f"{what} {percent(rate)}" for what, rate in rates)
    console.print(f"bits that toggle in a clock: {toggle}; {activity.how}")
    console.print(f"{running.throughput:,.0f} samples/s: {running.period} clocks per sample")
    for line in summary(found):
        console.print(line)
