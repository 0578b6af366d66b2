"""The generated Verilog in a simulator: a script of requests and samples goes in, what was seen comes out."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Value

from hwsim.random_streams import Stream
from models.network.parameters import IntegerParameters
from rtl.cosim import bench
from rtl.cosim.probes import Probe, probes
from rtl.cosim.simulators import runner, visible
from rtl.cosim.stimulus import StreamSamples, beats, parameter_words, pattern
from rtl.cosim.workplace import harmless
from rtl.plan.plan import Plan
from rtl.ports import registers
from rtl.ports.results import result_layout
from rtl.verilog.emission import SOURCE, Verilog

BUILD_LOG, LOG = "build.log", "simulation.log"


class SimulationError(RuntimeError):
    """A simulator could not build the Verilog, or broke off; the command line ends with code 1."""

    exit_code = 1


class Script:
    """What the bench does, in order; scripts of another ``number`` pause in other clocks."""

    def __init__(self, of: Plan, samples: StreamSamples, number: int = 0, idle: float = 0, blocked: float = 0) -> None:
        rng = of.design.generator(Stream.COSIM_PAUSES, number)
        self.plan, self.samples = of, samples
        self.arrays = {
            "beats": beats(of, samples),
            "idle": pattern(rng, idle),
            "blocked": pattern(rng, blocked),
        }
        self.steps: list[tuple[Any, ...]] = []

    def load(self, parameters: IntegerParameters) -> None:
        """Write all weights and biases."""
        address, word = parameter_words(self.plan, parameters)
        self._keep("write", address, word)

    def poke(self, address: Sequence[int], word: Sequence[int]) -> None:
        """Write registers."""
        self._keep("write", np.array(address, np.int64), np.array(word, np.int64))

    def attempt(self, address: Sequence[int], word: Sequence[int]) -> None:
        """Write single words, whether the port refuses them or not; the answers are among what is read."""
        self._keep("attempt", np.array(address, np.int64), np.array(word, np.int64))

    def read_parameters(self) -> None:
        """Read all weights and biases."""
        address, _ = parameter_words(self.plan, self.plan.design.initial_integers)
        self._keep("read", address)

    def peek(self, address: Sequence[int]) -> None:
        """Read single words, whether the port refuses them or not."""
        self._keep("read", np.array(address, np.int64))

    def run(self, samples: int) -> None:
        """Feed so many more samples, drain, stop."""
        count = samples * self.plan.inputs.groups
        r = registers
        self.steps.append(("run", count, r.CONTROL, r.STATUS, r.EMPTY, r.STANDING))

    def abort(self, samples: int, clocks: int) -> None:
        """Feed samples for some clocks, then reset; the samples are lost."""
        self.steps.append(("abort", samples * self.plan.inputs.groups, clocks, registers.CONTROL))

    def _keep(self, what: str, *arrays: np.ndarray) -> None:
        names = [f"step{len(self.steps)}_{i}" for i in range(len(arrays))]
        self.arrays |= dict(zip(names, arrays, strict=True))
        self.steps.append((what, *names))


@dataclass(eq=False)
class Capture:
    """What the bench saw; clocks are counted by the bench.

    Attributes
    ----------
    probes, raw
        The write ports, and for each the clocks and bits of its writes.
    advances, taken, left
        Clocks after which a junction cycle began, in which a beat was taken, in which a result's last beat was taken.
    reads
        int64 [n, 2]: words read on the bus, and errors.
    marks
        int64 [steps, 2]: first and last clock of every step of the script.
    results
        Beats of results, in order.
    clocks
        In all.
    seconds
        Wall-clock time of build and simulation.
    """

    probes: list[Probe]
    raw: list[dict[str, np.ndarray]]
    advances: npt.NDArray[np.int64]
    taken: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    reads: npt.NDArray[np.int64]
    marks: npt.NDArray[np.int64]
    results: list[int]
    clocks: int
    seconds: dict[str, float]

    def writes(self, first: int, last: int) -> npt.NDArray[np.int64]:
        """int64 [n, WRITE_FIELDS]: writes in clocks ``first .. last - 1``, ordered."""
        found = []
        for probe, raw in zip(self.probes, self.raw, strict=True):
            a, b = np.searchsorted(raw["clock"], (first, last))
            found.append(probe.events(raw["clock"][a:b], {k: raw[k][a:b] for k in probe.signals}))
        return ordered(np.concatenate(found))


def ordered(writes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Rows in ascending order, the first column first."""
    return writes[np.lexsort(writes.T[::-1])]


def simulate(
    emitted: Verilog, script: Script, simulator: str, folder: Path, *, waves: bool = False, text: str | None = None
) -> Capture:
    """Build the Verilog, play the script, and collect what was seen.

    Parameters
    ----------
    folder
        Where everything is built and left.
    waves
        Whether the simulator writes a waveform of everything.
    text
        Verilog to simulate instead of what was generated: a design with a fault.

    Raises
    ------
    InputError
        If the simulator is not there.
    SimulationError
        If the simulation broke off.
    """
    tool = runner(simulator)
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for stale in (BUILD_LOG, LOG, bench.CAPTURE, bench.OUTCOME):
        (folder / stale).unlink(missing_ok=True)
    try:
        with harmless(folder) as place:
            return _simulate(emitted, script, tool, simulator, place, text or emitted.text, waves)
    except _BrokenOff as e:
        logs = " and ".join(name for name in (BUILD_LOG, LOG) if (folder / name).is_file())
        raise SimulationError(f"{e}: see {logs} in {folder}" if logs else str(e)) from None
    except OSError as e:
        raise SimulationError(f"{simulator} cannot be run in {folder}: {e.strerror or e}") from None


class _BrokenOff(Exception):
    """Says what failed; the logs say why."""


def _simulate(emitted: Verilog, script: Script, tool: Any, simulator: str, folder: Path, text: str, waves: bool) -> Capture:
    of = emitted.accelerator
    watched = list(probes(of))
    paths = [{k: emitted.path(s) for k, s in p.signals.items()} for p in watched]
    advance = emitted.path(of.pacer.advance)
    described = {
        "probes": [
            {"signals": named, "bits": {k: len(Value.cast(s)) for k, s in p.signals.items()}}
            for p, named in zip(watched, paths, strict=True)
        ],
        "advance": advance,
        "last_bit": result_layout(of.plan)["last"].offset,
        "steps": script.steps,
    }
    (folder / bench.SCRIPT).write_text(json.dumps(described))
    np.savez(folder / bench.STREAM, **script.arrays)  # type: ignore[arg-type]
    sources = [folder / SOURCE]
    _write_if_new(sources[0], text)
    arguments = []
    if simulator == "verilator":
        sources.insert(0, folder / "visible.vlt")
        _write_if_new(sources[0], visible(emitted, [advance, *(p for named in paths for p in named.values())]))
        arguments = ["-Wno-fatal", "-O3", "--x-assign", "fast", "--x-initial", "fast"]
    seconds = _build_and_run(tool, simulator, emitted.top, sources, arguments, folder, waves)
    with np.load(folder / bench.CAPTURE) as stored:
        seen = dict(stored)
    outcome = json.loads((folder / bench.OUTCOME).read_text())
    return Capture(
        watched,
        [{k: seen[f"probe{i}_{k}"] for k in ("clock", *p.signals)} for i, p in enumerate(watched)],
        **{k: seen[k] for k in ("advances", "taken", "left", "reads", "marks")},
        results=[int(r, 16) for r in outcome["results"]],
        clocks=outcome["clocks"],
        seconds=seconds,
    )


def _build_and_run(
    tool: Any, simulator: str, top: str, sources: Sequence[Path], arguments: list[str], folder: Path, waves: bool
) -> dict[str, float]:
    os.environ.setdefault("COCOTB_LOG_LEVEL", "WARNING")
    began = perf_counter()
    where: dict[str, Any] = {"hdl_toplevel": top, "build_dir": folder / simulator, "waves": waves}
    try:
        tool.build(
            sources=sources,
            build_args=arguments,
            timescale=("1ns", "1ps"),
            log_file=folder / BUILD_LOG,
            **where,
        )
        built = perf_counter()
        tool.test(
            test_module="rtl.cosim.bench",
            extra_env={bench.ENVIRONMENT: str(folder)},
            log_file=folder / LOG,
            results_xml=str(folder / "results.xml"),
            **where,
        )
    except (SystemExit, RuntimeError) as e:
        raise _BrokenOff(f"{simulator} failed ({e})") from None
    if not (folder / bench.OUTCOME).exists():
        raise _BrokenOff("the simulation broke off")
    return {"build": built - began, "simulate": perf_counter() - built}


def _write_if_new(path: Path, text: str) -> None:
    """Leave a file that says the same alone: simulators rebuild what is newer."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
