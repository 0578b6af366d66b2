"""The cycle-level machine: lanes, memories with ports, banks and latencies, clock by clock, on real integers.

One object is one accelerator. It is fed samples, moves their integers through modelled memories exactly as the schedule and
the timing say, and checks every access. Its state between junction cycles is that of the reference engine
(:meth:`models.fixed.engine.FixedEngine.arrays`), so checkpoints cross over in both directions.
"""

import numpy as np
import numpy.typing as npt

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.configuration.rules import check_fixed
from hwsim.events.log import Clocking, EventLog, Header
from hwsim.machine import columns
from hwsim.machine.arrays import build
from hwsim.machine.external import ExternalMemory
from hwsim.machine.faults import violation
from hwsim.machine.flight import Flight
from hwsim.machine.kernel.clocks import run
from hwsim.machine.kernel.groups import Stretch, Watch
from hwsim.machine.log import Log
from hwsim.machine.repetition import Repetition
from hwsim.machine.streams import IllegalCounts, Results, Samples, check_range, fed, joined, none
from hwsim.schedule.banks import Banks
from hwsim.schedule.passes import Schedule
from hwsim.schedule.timing import Timing
from hwsim.schedule.violations import Violation
from hwsim.vocabulary import EVENT_FIELDS
from models.errors import InputError
from models.fixed.checkpoint import KAPPAS, Checkpoint
from models.fixed.ranges import Ranges
from models.network.network import Network
from models.network.order import NO_SAMPLE
from models.network.parameters import IntegerParameters
from models.numbers import stochastic
from models.numbers.stochastic import Generators

_MOST_CYCLES = 1 << (63 - columns.OWNER_BITS)
"""Samples that can be told apart by the bits that their words have for their numbers."""
_ENDLESS = int(np.iinfo(np.int64).max)


def check_machine(config: Configuration) -> None:
    """Refuse a configuration that no machine can work by.

    Raises
    ------
    InputError
        If samples are trained on one after the other, or in floating point only.
    """
    if config.training.order != "pipelined":
        raise InputError("training.order", config.training.order, "has no machine", ["pipelined"])
    check_fixed(config)


class Machine:
    """An accelerator in operation; :meth:`hwsim.design.Design.machine` makes that of a design.

    Parameters
    ----------
    config, network, parameters
        The design and its initial integers.
    schedule, timing, banks
        Which lane goes where in which clock, when results land, and how many samples every memory holds. Those of the
        design are without fault.
    generators
        Of stochastic rounding (copied); needed with it alone.
    enforce
        Whether the first violation ends the simulation; if not, violations are only counted and wrong data flows on.

    Attributes
    ----------
    config, network, schedule, timing, banks, enforce
        As given.
    check_every
        Whether every junction cycle is checked clock by clock; else those in which something is new
        (:mod:`hwsim.machine.repetition`), those that are recorded, and all where violations are not enforced.
    log
        Where accesses are recorded; ``None`` if nowhere. See :meth:`record`.
    external
        The external memory that the weights come from; ``None`` if they are on chip.
    clock
        Clocks since the start, without those in which it waits for weights: see :attr:`elapsed`.
    standing_clocks
        How many of them the machine has stood still at a boundary of junction cycles.
    saturation
        int64 [L, 4]: numbers clipped so far in each junction: pre-activations, deltas, weights, biases.
    counts
        int64 [L, 3, 2]: clocks in which each operation (FF, BP, UP) of each junction has worked on a sample, and the edges.

    Raises
    ------
    InputError
        If the configuration has no machine, or the parameters do not fit.

    Examples
    --------
    One sample a junction cycle, and what the machine does meanwhile:

    >>> from hwsim import Design, parse
    >>> sizes = {"network": {"layers": [16, 8, 4], "out_degree": [2, 2]}, "hardware": {"z": [8, 4]}}
    >>> machine = Design(parse(sizes)).machine()
    >>> samples = machine.samples(np.zeros((3, 16), np.int32), labels=[0, 1, 2], kappa=3)
    >>> machine.record()
    >>> [len(machine.feed(samples, [n])) for n in range(3)]
    [0, 0, 1]
    >>> machine.cycle, machine.clock // machine.timing.period
    (2, 3)
    >>> accesses = machine.accesses.array
    >>> read = (accesses["memory"] == "weight") & (accesses["access"] == "read")
    >>> int(read.sum()), sorted({*accesses["junction"].tolist()})
    (80, [0, 1, 2])
    >>> machine.drain().label
    array([1, 2], dtype=int32)
    """

    def __init__(
        self,
        config: Configuration,
        network: Network,
        parameters: IntegerParameters,
        schedule: Schedule,
        timing: Timing,
        banks: Banks,
        *,
        generators: Generators | None = None,
        enforce: bool = True,
    ) -> None:
        check_machine(config)
        checked = IntegerParameters.of_this_kind(parameters)
        checked.check_shapes(network)
        checked.check_ranges(config.numbers.system)
        self.config, self.network = config, network
        self._ranges = Ranges.of(network, config.numbers.system)
        self.schedule, self.timing, self.banks = schedule, timing, banks
        self.enforce = enforce
        self.check_every = False
        self._repetition = Repetition()
        self.log: Log | None = None
        self._d, self._s = build(config, network, schedule, timing, banks)
        self._s.memories.weight[:] = np.concatenate(parameters.weights)
        self._s.memories.bias[:] = np.concatenate(parameters.biases)
        if config.numbers.system.stochastic:
            if generators is None:
                raise InputError("generators", None, "are missing: stochastic rounding takes its bits from them")
            self._s.registers.random[:] = generators.states
        n = len(network.patterns)
        self.saturation = np.zeros((n, 4), np.int64)
        self.counts = np.zeros((n, 3, 2), np.int64)
        self._fault = np.zeros(12, np.int64)
        self.clock = 0
        self.standing_clocks = 0
        self._regular_until: int | None = None
        # Periods are counted from the last standstill on.
        self._base, self._first_cycle, self._lead, self._periods = 0, 0, 0, 0
        self._cycles = 0
        self._loaded = False
        self._still = True
        self.external = ExternalMemory.of(config, schedule, timing)

    @property
    def elapsed(self) -> int:
        """Clocks since the start, or since the checkpoint that it continues from, those included in which it waited."""
        if self.external is None:
            return self.clock
        self.external.run(self.clock)
        return self.clock + self.external.stall_clocks

    @property
    def cycle(self) -> int:
        """The next junction cycle of the first junction: the number of samples and bubbles that have entered."""
        return self._first_cycle + self._periods

    @property
    def repeated_cycles(self) -> int:
        """Junction cycles so far whose ports have not been looked at again, since a cycle like them had been checked."""
        return self._repetition.repeated

    @property
    def checked_cycles(self) -> int:
        """Junction cycles so far that have been checked in full, clock by clock."""
        return self._cycles - self._repetition.repeated

    @property
    def violations(self) -> int:
        """Violations so far; more than 0 only if they are not enforced."""
        return int(self._fault[0])

    @property
    def first_violation(self) -> Violation | None:
        """The first violation, as the error it would have been."""
        return violation(self._fault) if self._fault[0] else None

    @property
    def illegal(self) -> IllegalCounts:
        """Training samples so far that were none; only :meth:`samples` with ``as_carried`` gives any."""
        return IllegalCounts(*np.minimum(self._s.control.illegal, 0xFFFFFFFF).tolist())

    def samples(
        self,
        inputs: np.ndarray,
        labels: npt.ArrayLike,
        kappa: npt.ArrayLike,
        train: npt.ArrayLike = True,
        *,
        as_carried: bool = False,
    ) -> Samples:
        """Samples in the form that :meth:`feed` takes; ``kappa`` and ``train`` are scalars or one for each sample.

        Parameters
        ----------
        as_carried
            Take every label and shift that the fields of the stream can carry, as the hardware does. A training sample in
            which one is illegal is fed forward only and counted (:attr:`illegal`); its label comes out as it was given.

        Raises
        ------
        InputError
            If shapes do not fit or a number is out of range: labels below ``classes`` and, for training samples, shifts that
            the hardware can be given; or, as carried, what the fields hold.
        """
        return fed(self.config, inputs, labels, kappa, train, as_carried=as_carried)

    def record(self, first: int | None = None, last: int | None = None, capacity: int = Log.capacity) -> None:
        """From now on, write down every access in a window of clocks; :attr:`accesses` has them.

        Parameters
        ----------
        first, last
            First clock of the window, and first one behind it; by default from :attr:`clock` on, without an end.
        capacity
            Accesses for which there is room, 88 bytes each. The window ends before the clock that finds no room.

        Raises
        ------
        InputError
            If the window ends before it begins.
        """
        first, last = self.clock if first is None else first, _ENDLESS if last is None else last
        if last < first:
            raise InputError("last", last, f"lies before the window's first clock, {first}")
        self.log = Log(first, last, capacity)

    @property
    def accesses(self) -> EventLog:
        """What has been recorded so far, in canonical order; ``accesses.array`` is an array of records.

        Raises
        ------
        InputError
            If nothing is recorded, the window has not begun, or there was no room for even one clock.
        """
        if self.log is None:
            raise InputError("accesses", None, "are not recorded: let the machine record a window of clocks first")
        last, period = min(self.log.last, self.clock), self.timing.period
        # Junction cycle 0 begins when the host has loaded the first sample.
        clocking = Clocking(period, period, tuple(j.offset for j in self.timing.junctions))
        known = self._regular_until is None or last <= self._regular_until
        header = Header("machine", config_file.fingerprint(self.config), self.log.first, last, clocking if known else None)
        return EventLog.of(header, self.log.events, self.log.lost)

    def warm_up(self) -> None:
        """Compile the loops by running them for no clock at all."""
        nothing, stretch = np.zeros(0, np.int64), Stretch(self.clock, self.clock, self.clock, 0, 0, 0, 0)
        entering, leaving = self._no_samples(), none(0, self.network.layers[-1])
        self._repetition.warm_up(self._d, self._s, stretch, nothing, entering, leaving, self._watch)

    def feed(self, samples: Samples, source: npt.ArrayLike | None = None) -> Results:
        """Let samples enter, one a junction cycle; ``NO_SAMPLE`` in ``source`` is a cycle without one.

        The host loads a sample in the cycle before it enters. The last one stays loaded: the next call, or
        :meth:`settle`, lets it enter.

        Parameters
        ----------
        samples
            As :meth:`samples` makes them.
        source
            int [cycles]: which of them enters in each junction cycle; each once, in order, when left out.

        Returns
        -------
        Results
            Of the samples that came out meanwhile, [n] each, ``output`` [n, N_L].

        Raises
        ------
        InputError
            If there is no such sample.
        hwsim.schedule.violations.Violation
            If violations are enforced, by the first one.
        """
        source = np.arange(len(samples.label)) if source is None else np.asarray(source, np.int64)
        if not source.size:
            return none(0, self.network.layers[-1])
        check_range("source", source, NO_SAMPLE, len(samples.label) - 1)
        return self._advance(samples, source, len(source) if self._loaded else len(source) - 1)

    def settle(self) -> Results:
        """Let the loaded sample enter and wait until every junction has come to the end of the same cycle."""
        if not self._still:
            self._end_regularity()
        nothing = none(0, self.network.layers[-1])
        first = self._advance(self._no_samples(), np.zeros(0, np.int64), 1) if self._loaded else nothing
        self._loaded = False
        if self._still:
            return first
        rest = self._run(
            self._base + self._periods * self.timing.period + self.skew, self._no_samples(), np.zeros(0, np.int64)
        )
        self._still = True
        return joined(first, rest)

    def drain(self) -> Results:
        """Settle, then bubbles until no sample is in flight."""
        first = self.settle()
        bubbles = np.full(self.config.hops.drain(len(self.network.patterns)), NO_SAMPLE)
        return joined(first, self._bubbles(bubbles))

    def _bubbles(self, bubbles: np.ndarray) -> Results:
        first = self.feed(self._no_samples(), bubbles)
        return joined(first, self.settle())

    def stand(self, clocks: int) -> Results:
        """A blocked output holds the machine at a junction-cycle boundary; a sample that is loaded waits.

        Junctions that run behind the first one come to the end of the same cycle, :attr:`skew` clocks later, before they
        stand still too: what leaves until then is returned.

        Raises
        ------
        InputError
            If so few clocks do not suffice for that.
        """
        results = none(0, self.network.layers[-1])
        if self._still:
            self._end_regularity()
            self.clock += clocks
        elif clocks < self.skew:
            raise InputError("clocks", clocks, "is too short for all junctions to come to rest", [self.skew])
        else:
            self._end_regularity()
            results = self._run(self.clock + clocks, self._no_samples(), np.zeros(0, np.int64))
            self._still = True
        self.standing_clocks += clocks
        return results

    def _end_regularity(self) -> None:
        """Junction cycles follow each other without a standstill up to this clock, or up to an earlier one."""
        if self._regular_until is None:
            self._regular_until = self.clock

    @property
    def skew(self) -> int:
        """Clocks from the end of the last period until the last junction has finished and landed."""
        return self.timing.skew

    def _advance(self, samples: Samples, source: np.ndarray, cycles: int) -> Results:
        """Load what ``source`` says and work for ``cycles`` junction cycles."""
        if self.cycle + cycles >= _MOST_CYCLES:
            raise InputError("cycle", self.cycle, f"ends here: the machine can tell {_MOST_CYCLES} samples apart")
        if self._still:
            # A standing machine first needs a period in which only the host works.
            ahead = 0 if self._loaded else 1
            self._base, self._first_cycle, self._periods = self.clock, self.cycle - ahead, 0
            self._lead = ahead
            cycles += ahead
        first_fed = self._periods
        self._periods += cycles
        self._cycles += cycles
        self._still = False
        if self.external is not None:
            self.external.enter(samples, source)
            self.external.begin(self._base + np.arange(max(first_fed, self._lead), self._periods) * self.timing.period)
        end = self._base + self._periods * self.timing.period
        results = self._run(end, samples, source, first_fed, whole_cycles=True)
        self._loaded = True
        return results

    def _run(
        self, end: int, samples: Samples, source: np.ndarray, first_fed: int = 0, *, whole_cycles: bool = False
    ) -> Results:
        """Work up to a clock; ``whole_cycles``: from one boundary of junction cycles to another."""
        results = none((end - self.clock) // self.timing.period + 2, self.network.layers[-1])
        stretch = Stretch(self.clock, end, self._base, self._first_cycle, self._lead, self._periods, first_fed)
        may_repeat = whole_cycles and self.enforce and not self.check_every
        loop = self._repetition.run if may_repeat else run
        filled, self.clock = loop(self._d, self._s, stretch, source.astype(np.int64), samples, results, self._watch)
        if self.enforce and self._fault[0]:
            raise violation(self._fault)
        if self.external is not None:
            self.external.run(self.clock)
        return Results(*(a[:filled] for a in results))  # type: ignore[arg-type]

    @property
    def _watch(self) -> Watch:
        """What is noted on the way."""
        log = self.log.rows if self.log else np.zeros((1, len(EVENT_FIELDS)), np.int64)
        window = (self.log.first, self.log.last) if self.log else (0, 0)
        return Watch(self._fault, self.enforce, self.saturation, self.counts, log, *window)

    def _no_samples(self) -> Samples:
        return self.samples(np.zeros((0, self.network.layers[0]), np.int32), np.zeros(0, np.int32), 0)

    @property
    def parameters(self) -> IntegerParameters:
        """Weights and biases as the memories hold them (int32 copies)."""
        weights = np.split(self._s.memories.weight, self._d.junctions[1:, columns.EDGES])
        biases = np.split(self._s.memories.bias.astype(np.int32), self._d.junctions[1:, columns.RIGHT])
        return IntegerParameters([w.copy() for w in weights], [b.copy() for b in biases])

    @parameters.setter
    def parameters(self, given: IntegerParameters) -> None:
        """Written by the host, while nothing moves: what is in flight stays."""
        checked = IntegerParameters.of_this_kind(given)
        checked.check_shapes(self.network)
        checked.check_ranges(self.config.numbers.system)
        self._s.memories.weight[:] = np.concatenate(given.weights)
        self._s.memories.bias[:] = np.concatenate(given.biases)

    @property
    def random(self) -> dict[str, np.ndarray]:
        """``random_<i>``: the states of the generators of stochastic rounding; nothing without it."""
        return stochastic.named(self._s.registers.random) if self.config.numbers.system.stochastic else {}

    def arrays(self) -> dict[str, np.ndarray]:
        """All state between two junction cycles, in the form of the reference engine's checkpoint.

        Call :meth:`settle` before. The counts of :attr:`illegal` belong to the machine, not to its state.

        Raises
        ------
        InputError
            If the machine is in the middle of a junction cycle, or a sample whose label is no class has not come out yet:
            the reference has no such samples.
        """
        if self._loaded or not self._still:
            raise InputError("checkpoint", None, "needs a machine at the end of a junction cycle: settle first")
        flight = self._flight().arrays(self.cycle)
        strange = flight["flight_label"][flight["flight_label"] >= self.network.classes]
        if strange.size:
            rule = "is the label of a sample that has not come out yet, and no class: drain first"
            raise InputError("checkpoint", int(strange[0]), rule)
        counters = {"cycle": np.array(self.cycle), "saturation": self.saturation.copy()}
        return self.parameters.arrays() | self.random | counters | flight

    def restore(self, arrays: dict[str, np.ndarray], kappas: tuple[int, int] = KAPPAS) -> None:
        """Continue from a checkpoint of this machine or of the reference engine, bit for bit.

        Parameters
        ----------
        arrays
            Of a machine or engine of the same design.
        kappas
            Least and greatest learning-rate shift that samples in flight can have.

        Raises
        ------
        InputError
            If one of them is not what an engine of this design could have written; then nothing has changed.
        """
        form = Checkpoint(self.network, self.config.numbers.system, self.config.hops, self._ranges)
        form.check(arrays, kappas, _MOST_CYCLES - 1)
        self._d.junctions[:, columns.SHORT] = self._ranges.short and form.fits_vectors(arrays)
        n = len(self.network.patterns)
        # Nothing that was under way may still land.
        self._s.lines.arrivals[:], self._s.registers.output[:] = 0, 0
        memories = self._s.memories
        for lands in (memories.weight_lands, memories.bias_lands, memories.partial_lands):
            lands[:] = -1
        self._s.memories.weight[:] = np.concatenate([arrays[f"weight_{i}"] for i in range(1, n + 1)])
        self._s.memories.bias[:] = np.concatenate([arrays[f"bias_{i}"] for i in range(1, n + 1)])
        if self.config.numbers.system.stochastic:
            self._s.registers.random[:] = stochastic.states_of(arrays, n)
        self.saturation[:] = arrays["saturation"]
        self._first_cycle, self._periods = int(arrays["cycle"]), 0
        self._loaded, self._still = False, True
        self._flight().restore(self.cycle, arrays)
        self._repetition.forget()
        self._end_regularity()
        entered = arrays["flight_kind"][max(0, len(arrays["flight_kind"]) - self.cycle) :]
        self.external = ExternalMemory.of(self.config, self.schedule, self.timing, self.clock, entered)

    def _flight(self) -> Flight:
        return Flight(self._d, self._s, self.config.hops, np.int32 if self._ranges.narrow else np.int64)
