"""The cycle-level machine: lanes, memories with ports, banks and latencies, clock by clock, on real integers.

One object is one accelerator. It is fed samples, moves their integers through modelled memories exactly as the schedule and
the timing say, and checks every access. Its state between junction cycles is that of the reference engine
(:meth:`models.fixed_engine.FixedEngine.arrays`), so checkpoints cross over in both directions.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim import machine_columns as columns
from hwsim import machine_kernel as kernel
from hwsim.banks import Banks
from hwsim.config import Configuration
from hwsim.constraints import check_fixed
from hwsim.schedule import JunctionSchedule, Schedule, schedule
from hwsim.timing import Timing, timing
from hwsim.violations import IncompleteSum, PendingWrite, PortConflict, StaleWord, Violation
from models.activations import ACTIVATIONS
from models.errors import InputError
from models.fixedpoint import Rounding
from models.network import Network, Parameters
from models.ranges import Ranges

_MODE = {Rounding.FLOOR: 0, Rounding.HALF_UP: 1, Rounding.HALF_EVEN: 2}
_FAULTS = {
    columns.READ_PORT: PortConflict,
    columns.WRITE_PORT: PortConflict,
    columns.STALE: StaleWord,
    columns.PENDING: PendingWrite,
    columns.INCOMPLETE: IncompleteSum,
}


class Samples(NamedTuple):
    """What the host can feed: ``input`` int32 [n, N_0], ``label``, ``kappa`` int32 [n], ``kind`` int8 [n]."""

    input: np.ndarray
    label: np.ndarray
    kappa: np.ndarray
    kind: np.ndarray


class Results(NamedTuple):
    """What left the output, in order: as in the reference, and the ``clock`` in which each result was complete."""

    prediction: npt.NDArray[np.int32]
    label: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int8]
    output: npt.NDArray[np.int32]
    clock: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.prediction.size)


@dataclass
class Log:
    """Accesses of a window of clocks, recorded as they happen; rows have the fields of ``EVENT_FIELDS``."""

    first: int
    last: int
    capacity: int = 1_000_000
    rows: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.rows = np.zeros((self.capacity + 1, len(columns.EVENT_FIELDS)), np.int64)

    @property
    def events(self) -> np.ndarray:
        """int64 [n, fields] in order of occurrence."""
        return self.rows[: min(int(self.rows[-1, 0]), self.capacity)]

    @property
    def lost(self) -> int:
        """Events beyond the capacity."""
        return max(0, int(self.rows[-1, 0]) - self.capacity)


class Machine:
    """An accelerator in operation.

    Parameters
    ----------
    config, network, parameters
        The design and its initial integers.
    schedule, timing, banks
        In place of those that follow from the configuration; for experiments with broken ones.
    enforce
        Whether the first violation ends the simulation; if not, violations are only counted and wrong data flows on.
    log
        Where accesses are recorded.
    """

    def __init__(
        self,
        config: Configuration,
        network: Network,
        parameters: Parameters,
        *,
        schedule: Schedule | None = None,
        timing: Timing | None = None,
        banks: Banks | None = None,
        enforce: bool = True,
        log: Log | None = None,
    ) -> None:
        if config.training.order != "pipelined":
            raise InputError("training.order", config.training.order, "has no machine", ["pipelined"])
        check_fixed(config)
        self.config, self.network = config, network
        self._ranges = Ranges.of(network, config.numbers.system)
        self.schedule = schedule or _schedule(config, network)
        self.timing = timing or _timing(config, self.schedule)
        self.banks = banks or Banks.of(config.hops, len(network.patterns))
        self.enforce, self.log = enforce, log
        self._d, self._s = _build(config, network, self.schedule, self.timing, self.banks)
        self._s.weight[:] = np.concatenate(parameters.weights)
        self._s.bias[:] = np.concatenate(parameters.biases)
        n = len(network.patterns)
        self.saturation = np.zeros((n, 4), np.int64)
        self.counts = np.zeros((n, 3, 2), np.int64)
        self._fault = np.zeros(12, np.int64)
        self.clock = 0
        self.stalled_clocks = 0
        # Periods are counted from the last standstill on.
        self._base, self._first_cycle, self._lead, self._periods = 0, 0, 0, 0
        self._loaded = False
        self._still = True

    @property
    def cycle(self) -> int:
        """The next junction cycle of the first junction: the number of samples and bubbles that have entered."""
        return self._first_cycle + self._periods

    @property
    def violations(self) -> int:
        """Violations so far; more than 0 only if they are not enforced."""
        return int(self._fault[0])

    @property
    def first_violation(self) -> Violation | None:
        """The first violation, as the error it would have been."""
        return _violation(self._fault) if self._fault[0] else None

    def samples(
        self, inputs: np.ndarray, labels: npt.ArrayLike, kappa: npt.ArrayLike, train: npt.ArrayLike = True
    ) -> Samples:
        """Samples in the form that :meth:`feed` takes; ``kappa`` and ``train`` are scalars or one for each sample."""
        n_inputs, legal, labels = self.network.layers[0], self.config.numbers.system.input, np.asarray(labels)
        if inputs.ndim != 2 or inputs.shape[1] != n_inputs or labels.shape != inputs.shape[:1]:
            rule = f"inputs and labels must have shapes (n, {n_inputs}) and (n,)"
            raise InputError("samples", f"{inputs.shape}, {labels.shape}", rule)
        kappas = np.broadcast_to(np.asarray(kappa, np.int32), len(labels)).copy()
        _check_range("inputs", inputs, legal.lowest, legal.highest)
        _check_range("labels", labels, 0, self.network.classes - 1)
        _check_range("kappa", kappas, 0, np.iinfo(np.int32).max)
        trains = np.broadcast_to(np.asarray(train, np.bool_), len(labels))
        return Samples(
            np.ascontiguousarray(inputs, np.int32),
            np.ascontiguousarray(labels, np.int32),
            kappas,
            np.where(trains, columns.TRAINING, columns.INFERENCE).astype(np.int8),
        )

    def warm_up(self) -> None:
        """Compile the clock loop by running it for no clock at all."""
        self._run(self.clock, self._no_samples(), np.zeros(0, np.int64))

    def feed(self, samples: Samples, source: npt.ArrayLike | None = None) -> Results:
        """Let samples enter, one a junction cycle; -1 in ``source`` is a junction cycle without one.

        The host loads a sample in the cycle before it enters. The last one stays loaded: the next call, or
        :meth:`settle`, lets it enter.
        """
        source = np.arange(len(samples.label)) if source is None else np.asarray(source, np.int64)
        if not source.size:
            return self._no_results(0)
        _check_range("source", source, -1, len(samples.label) - 1)
        return self._advance(samples, source, len(source) if self._loaded else len(source) - 1)

    def settle(self) -> Results:
        """Let the loaded sample enter and wait until every junction has come to the end of the same cycle."""
        first = self._advance(self._no_samples(), np.zeros(0, np.int64), 1) if self._loaded else self._no_results(0)
        self._loaded = False
        if self._still:
            return first
        rest = self._run(
            self._base + self._periods * self.timing.period + self._skew(), self._no_samples(), np.zeros(0, np.int64)
        )
        self._still = True
        return joined(first, rest)

    def drain(self) -> Results:
        """Settle, then bubbles until no sample is in flight."""
        first = self.settle()
        bubbles = np.full(self.config.hops.drain(len(self.network.patterns)), -1)
        return joined(first, self._bubbles(bubbles))

    def _bubbles(self, bubbles: np.ndarray) -> Results:
        first = self.feed(self._no_samples(), bubbles)
        return joined(first, self.settle())

    def stall(self, clocks: int) -> None:
        """A blocked output holds the machine at a junction-cycle boundary; nothing moves."""
        if not self._still:
            raise InputError(
                "stall", clocks, "is possible only where all junctions stand at the end of a cycle: settle first"
            )
        self.clock += clocks
        self.stalled_clocks += clocks

    def _skew(self) -> int:
        """Clocks from the end of the last period until the last junction has finished and landed."""
        last = self.timing.junctions[-1]
        return 0 if self.timing.flush else last.offset + max(j.longest for j in self.timing.junctions)

    def _advance(self, samples: Samples, source: np.ndarray, cycles: int) -> Results:
        """Load what ``source`` says and work for ``cycles`` junction cycles."""
        if self._still:
            # A standing machine first needs a period in which only the host works.
            ahead = 0 if self._loaded else 1
            self._base, self._first_cycle, self._periods = self.clock, self.cycle - ahead, 0
            self._lead = ahead
            cycles += ahead
        first_fed = self._periods
        self._periods += cycles
        self._still = False
        results = self._run(self._base + self._periods * self.timing.period, samples, source, first_fed)
        self._loaded = True
        return results

    def _run(self, end: int, samples: Samples, source: np.ndarray, first_fed: int = 0) -> Results:
        results = self._no_results((end - self.clock) // self.timing.period + 2)
        log = self.log.rows if self.log else np.zeros((1, len(columns.EVENT_FIELDS)), np.int64)
        window = (self.log.first, self.log.last) if self.log else (0, 0)
        at = np.array([self._base, self._first_cycle, self._lead, self._periods, first_fed], np.int64)
        filled, self.clock = kernel.run(
            self._d,
            self._s,
            self.clock,
            end,
            at,
            source.astype(np.int64),
            samples,
            results,
            self.saturation,
            self.counts,
            self._fault,
            self.enforce,
            log,
            window,
        )
        if self.enforce and self._fault[0]:
            raise _violation(self._fault)
        return Results(*(a[:filled] for a in results))  # type: ignore[arg-type]

    def _no_samples(self) -> Samples:
        return self.samples(np.zeros((0, self.network.layers[0]), np.int32), np.zeros(0, np.int32), 0)

    def _no_results(self, n: int) -> Results:
        shape = (n, self.network.layers[-1])
        return Results(
            np.zeros(n, np.int32),
            np.zeros(n, np.int32),
            np.zeros(n, np.int8),
            np.zeros(shape, np.int32),
            np.zeros(n, np.int64),
        )

    @property
    def parameters(self) -> Parameters:
        """Weights and biases as the memories hold them (int32 copies)."""
        weights = np.split(self._s.weight, self._d.junctions[1:, columns.EDGES])
        biases = np.split(self._s.bias.astype(np.int32), self._d.junctions[1:, columns.RIGHT])
        return Parameters([w.copy() for w in weights], [b.copy() for b in biases])

    def arrays(self) -> dict[str, np.ndarray]:
        """All state between two junction cycles, in the form of the reference engine's checkpoint.

        Call :meth:`settle` before.
        """
        if self._loaded or not self._still:
            raise InputError("checkpoint", None, "needs a machine at the end of a junction cycle: settle first")
        return self.parameters.arrays() | self._flight().arrays(self)

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Continue from a checkpoint of this machine or of the reference engine, bit for bit."""
        n = len(self.network.patterns)
        for name, own in (self.parameters.arrays() | {"saturation": self.saturation, "cycle": np.array(0)}).items():
            if name not in arrays or arrays[name].shape != own.shape:
                raise InputError(f"checkpoint:{name}", None, f"must be present with shape {own.shape}")
        # Nothing that was under way may still land.
        self._s.line[:], self._s.output[:] = 0, 0
        for lands in (self._s.row_lands, self._s.bias_lands, self._s.lands):
            lands[:] = -1
        self._s.weight[:] = np.concatenate([arrays[f"weight_{i}"] for i in range(1, n + 1)])
        self._s.bias[:] = np.concatenate([arrays[f"bias_{i}"] for i in range(1, n + 1)])
        self.saturation[:] = arrays["saturation"]
        self._first_cycle, self._periods = int(arrays["cycle"]), 0
        self._loaded, self._still = False, True
        self._flight().restore(self, arrays)

    def _flight(self) -> Any:
        from hwsim.flight import Flight

        return Flight(self._d, self._s, self.config.hops, np.int32 if self._ranges.narrow else np.int64)


def _schedule(config: Configuration, network: Network) -> Schedule:
    return schedule(config, network.patterns)


def _timing(config: Configuration, made: Schedule) -> Timing:
    return timing(config, made)


def _check_range(name: str, given: np.ndarray, lowest: int, highest: int) -> None:
    if given.size and (given.min() < lowest or given.max() > highest):
        raise InputError(name, f"{given.min()}..{given.max()}", f"must lie in {lowest}..{highest}")


def joined(a: Results, b: Results) -> Results:
    """Results in sequence."""
    return Results(*(np.concatenate(pair) for pair in zip(a, b, strict=True)))  # type: ignore[arg-type]


def _violation(fault: np.ndarray) -> Violation:
    _, code, clock, junction, memory, bank, index, address, lane, operation, expected, found = map(int, fault)
    name = f"{columns.MEMORIES[memory]} memory {index}, bank {bank}, address {address}"
    detail = f"expected {expected}, found {found}" if code in (columns.STALE, columns.INCOMPLETE) else ""
    port = {columns.READ_PORT: " read", columns.WRITE_PORT: " write"}.get(code, "")
    return _FAULTS[code](clock, junction, name, [lane], [columns.OPERATIONS[operation] + port], detail)


class _Design(NamedTuple):
    """Everything that does not change, as the clock loop takes it."""

    junctions: np.ndarray  # int64 [L, columns]
    clocks: np.ndarray  # int64 [clocks of all passes, columns]
    memory: np.ndarray  # per access of all junctions
    word: np.ndarray
    lane: np.ndarray
    first_visit: np.ndarray
    segment: np.ndarray  # [segments, 3]: right neuron (counted over all junctions), first lane, last lane + 1
    begin_neuron: np.ndarray
    end_neuron: np.ndarray
    output_neurons: np.ndarray
    tables: np.ndarray  # int32 [L, pre-activations, 2]: activation and derivative
    common: np.ndarray  # period, beat


class _State(NamedTuple):
    """Memories, ports (the clock of their last access), registers, delay lines and the control pipeline."""

    weight: np.ndarray
    row_lands: np.ndarray  # clock in which the last write to a weight row lands
    bias: np.ndarray
    bias_lands: np.ndarray
    words: np.ndarray  # activations, derivatives and deltas, each with the sample it belongs to
    partial: np.ndarray
    tags: np.ndarray  # sample and contributions of each partial delta
    lands: np.ndarray
    read_at: np.ndarray
    written_at: np.ndarray
    row_weight: np.ndarray
    row_new: np.ndarray
    left: np.ndarray
    sums: np.ndarray
    deltas: np.ndarray
    output: np.ndarray  # [N_L + 1, 2]: pre-activation, activation; the last row counts
    line: np.ndarray
    queue: np.ndarray
    updates: np.ndarray
    product: np.ndarray
    sum_values: np.ndarray
    sum_tags: np.ndarray
    landing: np.ndarray
    control: np.ndarray
    now: np.ndarray


def _starts(sizes: Any) -> npt.NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(list(sizes)))).astype(np.int64)


class _Places:
    """Hands out consecutive places in a shared array."""

    def __init__(self) -> None:
        self.total = 0

    def take(self, size: int) -> int:
        """The first of ``size`` new places."""
        self.total += size
        return self.total - size


def _junction_rows(
    config: Configuration, network: Network, plan: Schedule, times: Timing, banks: Banks
) -> tuple[np.ndarray, int, int, int]:
    """The junctions' parameters, and how many words, partial deltas and ports there are in all."""
    js, hops, n = plan.junctions, config.hops, len(plan.junctions)
    words, partials, ports = _Places(), _Places(), _Places()
    # A power of two, so that a clock's place in the delay lines is a mask away.
    line = 1 << max(t.longest for t in times.junctions).bit_length()
    rows: list[dict[str, int]] = []
    edges, weight_rows, right, clock = (_Places() for _ in range(4))
    for i, (j, t) in enumerate(zip(js, times.junctions, strict=True)):
        behind = js[i + 1] if i + 1 < n else None
        rows.append(
            _numeric_columns(config, network, i)
            | {
                "NUMBER": j.number,
                "IS_LAST": int(behind is None),
                "Z": j.z,
                "Z_NEXT": j.z_next,
                "RESULTS": j.results_per_clock,
                "N_LEFT": j.n_left,
                "N_RIGHT": j.n_right,
                "NEXT_D_OUT": behind.edge.size // behind.n_left if behind else 0,
                "CLOCKS": j.clocks,
                "OFFSET": t.offset,
                "LINE": line,
                "WIDEST": max(other.z for other in js),
                "FORWARD_LAG": hops.feedforward_lag(j.number),
                "BACKWARD_LAG": hops.backward_lag(j.number, n),
                "FORWARD_LATENCY": t.feedforward,
                "BACKWARD_LATENCY": t.backward,
                "UPDATE_LATENCY": t.update,
                "ACCUMULATE": t.accumulate,
                "EDGES": edges.take(j.edge.size),
                "ROWS": weight_rows.take(j.rows),
                "RIGHT": right.take(j.n_right),
                "FIRST_CLOCK": clock.take(j.clocks),
                "WEIGHT_PORT": ports.take(1),
                "BIAS_PORTS": ports.take(j.results_per_clock),
                "LEFT_BANKS": banks.activation[i],
                "LEFT_WORDS": words.take(banks.activation[i] * j.n_left),
                "LEFT_PORTS": ports.take(banks.activation[i] * j.z),
                "PARTIAL_BANKS": banks.partial[i - 1] if i else 1,
                "PARTIAL_WORDS": partials.take(banks.partial[i - 1] * j.n_left) if i else 0,
                "PARTIAL_PORTS": ports.take(banks.partial[i - 1] * j.z) if i else 0,
            }
        )
    for i, row in enumerate(rows[:-1]):
        nxt = rows[i + 1]
        row |= {f"NEXT_{k}": nxt[f"LEFT_{k}"] for k in ("BANKS", "WORDS", "PORTS")}
        row |= {f"DELTA_{k}": nxt[f"PARTIAL_{k}"] for k in ("BANKS", "WORDS", "PORTS")}
        row["SLOPE_BANKS"] = banks.derivative[i]
        row["SLOPE_WORDS"] = words.take(banks.derivative[i] * row["N_RIGHT"])
        row["SLOPE_PORTS"] = ports.take(banks.derivative[i] * row["Z_NEXT"])
    rows[-1] |= {
        "NEXT_BANKS": 1,
        "DELTA_BANKS": banks.delta,
        "DELTA_WORDS": words.take(banks.delta * js[-1].n_right),
        "DELTA_PORTS": ports.take(banks.delta * js[-1].z_next),
    }
    table = np.array([[row.get(c, 0) for c in columns.JUNCTION_COLUMNS] for row in rows], np.int64)
    return table, words.total, partials.total, ports.total


def _numeric_columns(config: Configuration, network: Network, i: int) -> dict[str, int]:
    """Shifts, rounding modes and ranges of one junction."""
    numbers = config.numbers.system
    f_p, f_w, f_delta = numbers.product_fraction, numbers.weight.fraction, numbers.delta.fraction
    left, quadratic = numbers.left_activation(i).fraction, network.cost == "quadratic"
    mode = {step: _MODE[r] for step, r in numbers.rounding.items()}
    return {
        "PRODUCT_DROP": f_w + left - f_p,
        "PRODUCT_MODE": mode["product"],
        "BIAS_DROP": numbers.bias.fraction - f_p,
        "PRE_DROP": f_p - numbers.preactivation.fraction,
        "PRE_MODE": mode["preactivation"],
        "PRE_LOW": numbers.preactivation.lowest,
        "PRE_HIGH": numbers.preactivation.highest,
        "BACK_DROP": f_w + f_delta - f_p,
        "DELTA_DROP": f_p + numbers.derivative.fraction - f_delta,
        "OUTPUT_DROP": numbers.activation.fraction + (numbers.derivative.fraction if quadratic else 0) - f_delta,
        "DELTA_MODE": mode["delta"],
        "DELTA_LOW": numbers.delta.lowest,
        "DELTA_HIGH": numbers.delta.highest,
        "WEIGHT_DROP": left + f_delta - f_w,
        "WEIGHT_MODE": mode["weight_step"],
        "WEIGHT_LOW": numbers.weight.lowest,
        "WEIGHT_HIGH": numbers.weight.highest,
        "BIAS_STEP_DROP": f_delta - numbers.bias.fraction,
        "BIAS_MODE": mode["bias_step"],
        "BIAS_LOW": numbers.bias.lowest,
        "BIAS_HIGH": numbers.bias.highest,
        "ONE": numbers.activation.one,
        "QUADRATIC": int(quadratic),
    }


def _clock_rows(j: JunctionSchedule, access: int, segment: int, right: int) -> np.ndarray:
    """What happens in every clock of a pass; offsets into the lists that all junctions share."""
    result = np.zeros((j.clocks, 11), np.int64)
    result[:, columns.ROW] = j.row
    result[:, columns.ROW_BEGINS] = np.diff(j.row, prepend=-1) > 0
    result[:, columns.ROW_ENDS] = np.diff(j.row, append=j.rows) > 0
    result[:, columns.ACCESS] = access + j.start[:-1]
    result[:, columns.COUNT] = np.diff(j.start)
    runs = (columns.SEGMENT, j.segments.start, segment), (columns.BEGIN, j.begins[0], right), (columns.END, j.ends[0], right)
    for column, start, offset in runs:
        result[:, column] = offset + start[:-1]
        result[:, column + 1] = offset + start[1:]
    return result


def _build(config: Configuration, network: Network, plan: Schedule, times: Timing, banks: Banks) -> tuple[_Design, _State]:
    """The arrays of a machine, empty."""
    js = plan.junctions
    numbers = config.numbers.system
    junctions, n_words, n_partials, n_ports = _junction_rows(config, network, plan, times, banks)
    edges, rights = _starts(j.edge.size for j in js), _starts(j.n_right for j in js)
    segments = _starts(j.segments.neuron.size for j in js)
    tables = [
        ACTIVATIONS[a].tables(numbers.preactivation, numbers.activation, numbers.derivative) for a in network.activations
    ]

    # The tables that every lane reads in every clock are as small as they can be: they share the first-level cache with
    # the memories.
    index = np.uint16 if max(network.layers) <= 1 << 16 else np.uint32

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(j, name) for j in js])

    design = _Design(
        junctions=junctions,
        clocks=np.concatenate(
            [_clock_rows(j, int(e), int(s), int(r)) for j, e, s, r in zip(js, edges, segments, rights, strict=False)]
        ),
        memory=joined("memory").astype(index),
        word=np.concatenate([j.address * j.z + j.memory for j in js]).astype(index),
        lane=joined("lane").astype(index),
        first_visit=joined("first_visit"),
        segment=np.concatenate(
            [
                np.stack([r + j.segments.neuron, j.segments.first, j.segments.last], 1)
                for j, r in zip(js, rights, strict=False)
            ]
        ),
        begin_neuron=np.concatenate([r + j.begins[1] for j, r in zip(js, rights, strict=False)]),
        end_neuron=np.concatenate([r + j.ends[1] for j, r in zip(js, rights, strict=False)]),
        output_neurons=network.output_neurons,
        tables=np.array([np.stack(pair, 1) for pair in tables], np.int32),
        common=np.array([times.period, -(-network.layers[0] // times.cycle)], np.int64),
    )
    n, line, z = len(js), int(junctions[0, columns.LINE]), max(j.z for j in js)
    results = max(j.results_per_clock for j in js)

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, np.int64)

    def never(size: int) -> np.ndarray:
        return np.full(size, -1, np.int64)

    state = _State(
        weight=np.zeros(edges[-1], np.int32),
        row_lands=never(sum(j.rows for j in js)),
        bias=zeros(int(rights[-1])),
        bias_lands=never(int(rights[-1])),
        words=never(n_words),
        partial=zeros(n_partials),
        tags=never(n_partials) << columns.COUNT_BITS,
        lands=never(n_partials),
        read_at=never(n_ports),
        written_at=never(n_ports),
        row_weight=np.zeros((n + 1) * z, np.int32),
        row_new=np.zeros(n * z, np.int32),
        left=np.zeros(z, np.int32),
        sums=zeros(int(rights[-1])),
        deltas=zeros(int(rights[-1])),
        output=zeros(network.layers[-1] + 1, 2),
        line=zeros(n, line, 12),
        queue=zeros(n, line, results, 4),
        updates=np.zeros((n * line + 1) * z, np.int32),
        product=zeros(n * line * z),
        sum_values=zeros(n * line * z),
        sum_tags=zeros(n * line * z),
        landing=never(z),
        control=zeros(config.hops.drain(n) + 3, 3),
        now=zeros(n, columns.NOW_COLUMNS),
    )
    return design, state
