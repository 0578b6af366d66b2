"""The generated Verilog in a simulator: what the protocol says goes in, what was seen comes out."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rtl.cosim import protocol as protocols
from rtl.cosim import testbench
from rtl.cosim.lines import Lines
from rtl.cosim.probes import Probe
from rtl.cosim.simulators import BUILD_LOG, LOG, SILENCE, BrokenOff, Supervised, runner
from rtl.cosim.stimulus import StreamSamples, beats
from rtl.cosim.testbench import Watched, watched
from rtl.cosim.workplace import harmless, write_if_new
from rtl.verilog.emission import SOURCE, Verilog

Watcher = Callable[[int, int], None]
"""Is told clocks simulated, and all that there are."""


class Follower(Protocol):
    """Compares while a simulator runs."""

    def tell(self, clock: int) -> None:
        """The lines of all clocks before this one have been written."""

    def finish(self) -> dict[str, int] | None:
        """The simulator has ended: writes by kind of memory, if all agree."""


Follow = Callable[[dict[str, Watched], Path], Follower]
"""From what is written down, and where, to what compares it."""


class SimulationError(RuntimeError):
    """A simulator could not build the Verilog, or broke off; the command line ends with code 1."""

    exit_code = 1


@dataclass(frozen=True)
class Writes:
    """Writes of one group of RAMs in some clocks.

    Attributes
    ----------
    clock
        int64 [n].
    enable
        bool [n, lanes]: which lanes write.
    bank, address, value
        int64 [n, lanes]; they mean nothing in lanes that do not write.
    """

    clock: npt.NDArray[np.int64]
    enable: npt.NDArray[np.bool_]
    bank: npt.NDArray[np.int64]
    address: npt.NDArray[np.int64]
    value: npt.NDArray[np.int64]

    def none(self) -> "Writes":
        """No write, of as many lanes."""
        return Writes(self.clock[:0], self.enable[:0], self.bank[:0], self.address[:0], self.value[:0])


@dataclass(frozen=True, eq=False)
class Capture:
    """What the bench wrote down; clocks are those of the protocol.

    Attributes
    ----------
    files, lines
        By name: what each line says, and the lines.
    seconds
        Wall-clock time of build and simulation.
    followed
        Writes by kind of memory, if all were found to agree while the simulator ran.
    """

    files: dict[str, Watched]
    lines: dict[str, Lines]
    seconds: dict[str, float]
    followed: dict[str, int] | None = None

    @property
    def probes(self) -> dict[str, Probe]:
        """The write ports by the names of their files."""
        return {name: w.probe for name, w in self.files.items() if w.probe is not None}

    def clocks(self, name: str) -> npt.NDArray[np.int64]:
        """int64 [n]: the clocks of a file's lines."""
        return self._field(name, self.lines[name], self.files[name].bits - testbench.CLOCK_BITS, testbench.CLOCK_BITS)[:, 0]

    def single(self, name: str) -> npt.NDArray[np.int64]:
        """int64 [n]: the words of a file whose lines have only one field, of at most 63 bits."""
        (bits,) = (bits for _, bits in self.files[name].fields.values())
        return self._field(name, self.lines[name], 0, bits)[:, 0]

    def writes(self, name: str, rows: slice) -> Writes:
        """Some of the lines of write ports."""
        of, lines = self.files[name], self.lines[name][rows]
        p, at, n = of.probe, 0, len(lines)
        assert p is not None
        found = {}
        for field, (_, bits) in of.fields.items():
            width = {"enable": 1, "bank": bits, "address": p.address_bits, "word": p.width}[field]
            found[field] = self._field(name, lines, at, width, bits // width, field == "word" and p.signed)
            at += bits
        shape = (n, p.lanes)
        none = np.zeros((n, 1), np.int64)
        address, bank = found.get("address", none), found.get("bank", none)
        if p.bank_shift >= 0:
            bank, address = address >> p.bank_shift, address & ((1 << p.bank_shift) - 1)
        clock = self._field(name, lines, at, testbench.CLOCK_BITS)[:, 0]
        enable = np.broadcast_to(found["enable"] == 1, shape)
        return Writes(clock, enable, np.broadcast_to(bank, shape), np.broadcast_to(address, shape), found["word"])

    def _field(
        self, name: str, lines: Lines, first: int, width: int, count: int = 1, signed: bool = False
    ) -> npt.NDArray[np.int64]:
        try:
            return lines.fields(first, width, count, signed)
        except ValueError as e:
            raise Undefined(name, str(e)) from None


class Undefined(Exception):
    """A file holds bits that the simulator does not know: (file, what is wrong)."""


@dataclass(frozen=True)
class Options:
    """How the Verilog is simulated.

    Attributes
    ----------
    waves
        Whether the simulator writes a waveform of everything.
    text
        Verilog to simulate instead of what was generated: a design with a fault.
    timeout
        Clocks that the simulation goes on after the first control signal that differs; by default some junction cycles.
    silence
        Seconds without a sign of life after which the simulator hangs: signals wait for each other, in no time.
    """

    waves: bool = False
    text: str | None = None
    timeout: int | None = None
    silence: float = SILENCE


PLAIN = Options()


def patience(period: int, skew: int, given: int | None = None) -> int:
    """Clocks after which a signal that has not come will not come: those given, or some junction cycles."""
    return 8 * (period + skew) + 1000 if given is None else given


@dataclass(frozen=True, eq=False)
class Bench:
    """The Verilog in a simulator, which is being built while whoever needs it prepares what goes in.

    Attributes
    ----------
    folder
        Where everything is built and left: the bench is a whole that can be run again.
    """

    emitted: Verilog
    tool: Supervised
    folder: Path
    options: Options
    _build: Future[float]

    def run(
        self,
        protocol: protocols.Protocol,
        samples: StreamSamples,
        watch: Watcher | None = None,
        follow: Follow | None = None,
    ) -> Capture:
        """Wait until it is built, run it, and collect what was seen.

        Parameters
        ----------
        watch
            Is told how far it is.
        follow
            Makes what compares while it runs, where the simulator can be followed.

        Raises
        ------
        BrokenOff, OSError
            If the build or the simulation failed: :func:`building` says of what.
        """
        tool, folder = self.tool, self.folder
        files = {w.name: w for w in watched(self.emitted)}
        lines = testbench.Script.of(protocol, beats(self.emitted.accelerator.plan, samples)[protocol.record.sent])
        tool.give(lines, folder)
        built = self._build.result()
        began = perf_counter()
        follower = follow(files, folder) if follow is not None and tool.follows else None

        def told(clock: int) -> None:
            if watch is not None:
                watch(clock, protocol.clocks)
            if follower is not None:
                follower.tell(clock)

        try:
            tool.simulate(folder, self.options.waves, told, self.options.silence)
            seconds = {"build": built, "simulate": perf_counter() - began}
        finally:
            followed = None if follower is None else follower.finish()
        return Capture(files, {name: w.read(folder) for name, w in files.items()}, seconds, followed)


@contextmanager
def building(emitted: Verilog, simulator: str, folder: Path, options: Options = PLAIN) -> Iterator[Bench]:
    """Begin to build the bench around the Verilog in a folder.

    Raises
    ------
    InputError
        If the simulator is not there.
    SimulationError
        If the build failed, or the simulation broke off.
    """
    tool = runner(simulator)
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for stale in (BUILD_LOG, LOG, *(name for w in watched(emitted) for name in w.files)):
        (folder / stale).unlink(missing_ok=True)

    def build(place: Path) -> float:
        began = perf_counter()
        tool.compile(place, [testbench.BENCH, SOURCE], options.waves)
        return perf_counter() - began

    try:
        with harmless(folder) as place, ThreadPoolExecutor(1) as beside:
            _prepare(emitted, place, options)
            yield Bench(emitted, tool, place, options, beside.submit(build, place))
    except BrokenOff as e:
        logs = " and ".join(name for name in (BUILD_LOG, LOG) if (folder / name).is_file())
        raise SimulationError(f"{e}: see {logs} in {folder}" if logs else str(e)) from None
    except OSError as e:
        raise SimulationError(f"{simulator} cannot be run in {folder}: {e.strerror or e}") from None


def simulate(
    emitted: Verilog,
    protocol: protocols.Protocol,
    samples: StreamSamples,
    simulator: str,
    folder: Path,
    options: Options = PLAIN,
    watch: Watcher | None = None,
) -> Capture:
    """Build the bench in a folder, and :meth:`Bench.run` it.

    Raises
    ------
    InputError
        If the simulator is not there.
    SimulationError
        If the simulation broke off.
    """
    with building(emitted, simulator, folder, options) as bench:
        return bench.run(protocol, samples, watch)


def _prepare(emitted: Verilog, folder: Path, options: Options) -> None:
    of = emitted.accelerator.plan
    watch = watched(emitted)
    linger = patience(of.period, of.skew, options.timeout)
    write_if_new(folder / SOURCE, options.text or emitted.text)
    write_if_new(folder / testbench.BENCH, testbench.bench(emitted, watch, linger))
    write_if_new(folder / testbench.DRIVER, testbench.driver(emitted, watch))
