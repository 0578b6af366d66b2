"""What a simulation leaves: integers, figures, pictures, and the trace if it was asked for."""

from collections.abc import Collection, Mapping

from hwsim.events.lines import write_events
from hwsim.events.perfetto import write_perfetto
from hwsim.events.save_files import write_save_files
from hwsim.events.waveform import write_vcd
from hwsim.pictures.machine import occupancy, timeline, utilisation
from hwsim.pictures.style import save
from hwsim.results.directory import CONNECTIVITY, FINAL, INITIAL, METRICS, RunDirectory
from hwsim.schedule.timeline import illustration
from hwsim.simulation.metrics import figures
from hwsim.simulation.simulate import PERFETTO, TRACE, WAVES, Simulation
from models.connectivity.files import write_connectivity
from models.files.npz import write_npz

TRACE_FORMATS: Mapping[str, str] = {"vcd": WAVES, "perfetto": PERFETTO}
"""Files in which a trace is left beside its JSON lines, by format."""


def write(run: Simulation, directory: RunDirectory, traced: Collection[str]) -> None:
    """Leave the run directory: integers, figures, pictures, and the trace in some of :data:`TRACE_FORMATS`, if any."""
    design, machine = run.design, run.machine
    directory.begin()
    write_connectivity(directory / CONNECTIVITY, design.patterns)
    write_npz(directory / INITIAL, design.integer_arrays)
    write_npz(directory / FINAL, machine.parameters.arrays() | machine.random)
    directory.write_json(METRICS, figures(run))
    log = run.log
    if traced:
        write_events(directory / TRACE, log)
    if "vcd" in traced:
        write_vcd(directory / WAVES, log, design.config.numbers.system)
        write_save_files(directory / WAVES, log, design.config.numbers.system)
    if "perfetto" in traced:
        write_perfetto(directory / PERFETTO, log, design.config.numbers.system)
    name, times = design.config.name, machine.timing
    story = illustration(design.config.hops, len(design.patterns))
    save(timeline(story, f"{name}: who works on which sample, {design.config.hops}"), directory, "timeline.png")
    span = min(log.header.last - log.header.first, times.period)
    if len(log.within(log.header.first, log.header.first + span)):
        title = f"{name}: accesses in {span} clocks"
        save(occupancy(log, log.header.first, span, title), directory, "occupancy.png")
    lanes = [j.z for j in machine.schedule.junctions]
    bars = utilisation(
        machine.counts,
        lanes,
        machine.elapsed,
        f"{name}: utilisation over {machine.elapsed:,} clocks",
        times.pass_clocks / times.period,
    )
    save(bars, directory, "utilisation.png")
