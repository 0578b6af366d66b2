"""The figures of a design's accelerator that follow from the configuration: degrees, clocks, banks and storage."""

from dataclasses import dataclass, replace

from hwsim.configuration.configuration import Configuration
from hwsim.configuration.sections import HardwareSection
from hwsim.edge_processors import operations, partial_bits, results_per_clock
from hwsim.schedule.banks import Banks
from hwsim.schedule.external import ExternalWeights, Shape, external_weights
from hwsim.schedule.outline import Outline
from hwsim.schedule.passes import Schedule
from hwsim.schedule.timing import LANDING_CLOCKS, QUEUE_CLOCKS, JunctionTiming, SampleLatency, flush, latencies
from hwsim.vocabulary import MemoryKey, MemoryKind
from models.errors import InputError
from models.numbers.system import NumberSystem


@dataclass(frozen=True)
class JunctionInventory:
    """Figures of one junction; see docs/architecture.md §1 for the letters.

    Attributes
    ----------
    number
        i, from 1.
    edges
        W.
    rows
        Weight rows, C = W / z: clocks of one pass without clashes.
    stall_clocks
        Clocks of a pass beyond C: the price of a pattern that is not clash-free.
    depth
        D = N_left / z, words of each left memory and clocks of one sweep.
    utilisation
        Share of the junction cycle's clocks (without flush) in which this junction works, 0..1.
    """

    number: int
    n_left: int
    n_right: int
    d_out: int
    d_in: int
    edges: int
    z: int
    rows: int
    stall_clocks: int
    depth: int
    utilisation: float

    @property
    def pass_clocks(self) -> int:
        """Clocks of one pass, clashes included."""
        return self.rows + self.stall_clocks

    @property
    def density(self) -> float:
        """W / (N_left N_right)."""
        return self.edges / (self.n_left * self.n_right)

    @property
    def results_per_clock(self) -> int:
        """Right neurons of one clock, q."""
        return results_per_clock(self.z, self.d_in)


@dataclass(frozen=True)
class Memory:
    """One kind of memory of a layer or junction.

    Attributes
    ----------
    key
        What it holds, and whose.
    banks
        Samples it holds at once.
    lanes
        Independently addressed memories per bank.
    depth
        Words of each.
    width
        Bits of a word.
    """

    key: MemoryKey
    banks: int
    lanes: int
    depth: int
    width: int

    @property
    def name(self) -> str:
        """What it is called where people read it."""
        return str(self.key)

    @property
    def count(self) -> int:
        """Memories with an address of their own, in all banks."""
        return self.banks * self.lanes

    @property
    def words(self) -> int:
        """Words of all banks."""
        return self.count * self.depth

    @property
    def bits(self) -> int:
        """Bits of all banks."""
        return self.words * self.width

    def as_dict(self) -> dict[str, str | int]:
        """For a file."""
        sizes = {"banks": self.banks, "lanes": self.lanes, "depth": self.depth, "width": self.width}
        return {"name": self.name, **sizes, "bits": self.bits}


@dataclass(frozen=True)
class Inventory:
    """Figures of a whole accelerator.

    Attributes
    ----------
    pass_clocks
        Clocks of the slowest junction's pass: its C and its stall clocks.
    flush
        Clocks added to every junction cycle until results have landed.
    drain
        Junction cycles from the entry of the last sample to its last update.
    latency
        Of one sample.
    trains
        Whether it has BP, UP and their memories.
    external
        The stream of weights if an external memory holds them; :attr:`memories` has then what is on chip of them.
    """

    junctions: tuple[JunctionInventory, ...]
    memories: tuple[Memory, ...]
    pass_clocks: int
    flush: int
    drain: int
    latency: SampleLatency
    trains: bool = True
    external: ExternalWeights | None = None

    @property
    def period(self) -> int:
        """Clocks of a junction cycle that waits for nothing."""
        return self.pass_clocks + self.flush

    @property
    def clocks_per_input(self) -> int | float:
        """Clocks between the entries of two samples; on average, where an external memory makes the accelerator wait."""
        if self.external is None:
            return self.period
        clocks = self.external.clocks_per_input
        return int(clocks) if clocks.denominator == 1 else float(clocks)

    @property
    def multipliers(self) -> int:
        """Of the edge processors."""
        return sum(j.z * operations(j.number, self.trains) for j in self.junctions)

    @property
    def storage_bits(self) -> int:
        """Bits of all memories."""
        return sum(m.bits for m in self.memories)


def inventory(config: Configuration, schedule: Schedule | Outline | None = None) -> Inventory:
    """Work out the accelerator of a configuration.

    Parameters
    ----------
    schedule
        Where the stall clocks of each junction are known from; without it there are none, as in every clash-free pattern.

    Raises
    ------
    InputError
        If there is none: no hardware section, or a random pattern.
    """
    hardware = config.hardware
    if hardware is None:
        raise InputError("hardware", None, "is missing: give the edge processors of every junction, hardware.z")
    if config.out_degrees is None:
        raise InputError("connectivity.kind", "random", "has no hardware", ["structured", "clash_free", "full"])
    layers = config.network.layers
    rows = [w // z for w, z in zip(config.edges, hardware.z, strict=True)]
    stalls = [j.stall_clocks for j in schedule.junctions] if schedule else [0] * len(rows)
    slowest = max(c + s for c, s in zip(rows, stalls, strict=True))
    junctions = tuple(
        JunctionInventory(
            number=i,
            n_left=layers[i - 1],
            n_right=layers[i],
            d_out=config.out_degrees[i - 1],
            d_in=config.edges[i - 1] // layers[i],
            edges=config.edges[i - 1],
            z=z,
            rows=rows[i - 1],
            stall_clocks=stalls[i - 1],
            depth=layers[i - 1] // z,
            utilisation=(rows[i - 1] + stalls[i - 1]) / slowest,
        )
        for i, z in enumerate(hardware.z, 1)
    )
    drain = config.hardware_hops.drain(len(junctions))
    times = [latencies(hardware.latency, j.z, j.d_in) for j in junctions]
    added = flush(hardware, times)
    latency = _latency(config, junctions, times, slowest + added)
    memories = _memories(config, junctions) if hardware.trains else _memories_of_inference(config, junctions)
    external = _external(config, junctions, times, schedule, slowest, added)
    if external is not None:
        on_chip = {MemoryKey(MemoryKind.WEIGHTS, s.number): s.held.rows for s in external.streams}
        memories = [replace(m, depth=on_chip.get(m.key, m.depth)) for m in memories]
    return Inventory(junctions, tuple(memories), slowest, added, drain, latency, hardware.trains, external)


def _external(
    config: Configuration,
    junctions: tuple[JunctionInventory, ...],
    times: list[JunctionTiming],
    schedule: Schedule | Outline | None,
    pass_clocks: int,
    added: int,
) -> ExternalWeights | None:
    hardware = config.hardware
    assert hardware is not None
    if hardware.weights is None:
        return None
    offsets = _offsets(hardware, times)
    in_work = [j.row if j.stall_clocks else None for j in schedule.junctions] if schedule else [None] * len(times)
    shapes = [
        Shape(j.number, j.rows, j.z, t.update, offset, rows)
        for j, t, offset, rows in zip(junctions, times, offsets, in_work, strict=True)
    ]
    width = config.numbers.system.weight.width
    return external_weights(hardware.weights, shapes, width, pass_clocks, added, trains=hardware.trains)


def _offsets(hardware: HardwareSection, times: list[JunctionTiming]) -> list[int]:
    """Clocks that each junction runs behind the first one."""
    overlap = hardware.schedule == "overlap"
    return [sum(t.feedforward for t in times[:i]) if overlap else 0 for i in range(len(times))]


def _latency(
    config: Configuration, junctions: tuple[JunctionInventory, ...], times: list[JunctionTiming], period: int
) -> SampleLatency:
    """Of one sample: its beats, the cycle in which it is loaded, those of its operations, and the queues at both ends."""
    hardware, hops, n = config.hardware, config.hardware_hops, len(junctions)
    assert hardware is not None
    offsets = _offsets(hardware, times)
    n_0, last = junctions[0].n_left, junctions[-1]
    beats = -(-n_0 // -(-n_0 // max(j.pass_clocks for j in junctions)))
    # A pass begins in the clock after its cycle has; the sample is loaded in the cycle before it enters.
    entry = beats - 1 + LANDING_CLOCKS + QUEUE_CLOCKS + period + 1
    passed = [offset + j.pass_clocks - 1 for offset, j in zip(offsets, junctions, strict=True)]
    # The last neurons of a layer that does not fill its last clock have a clock of their own.
    alone = int(last.n_right % last.results_per_clock > 0)
    result = hops.feedforward_lag(n) * period + passed[-1] + times[-1].feedforward + alone
    if not hardware.trains:
        return SampleLatency(entry + result + QUEUE_CLOCKS, None)
    lags = [hops.backward_lag(j.number, n) * period for j in junctions]
    update = max(lag + end + t.update for lag, end, t in zip(lags, passed, times, strict=True))
    return SampleLatency(entry + result + QUEUE_CLOCKS, entry + update)


def _memories(config: Configuration, junctions: tuple[JunctionInventory, ...]) -> list[Memory]:
    """Every memory of the accelerator; a shared address makes one memory of many words (docs/architecture.md §4, §5)."""
    numbers, hops, n = config.numbers.system, config.hardware_hops, len(junctions)
    banks = Banks.of(hops, n)
    memories = []
    for j in junctions:
        i = j.number
        activations, *parameters = _forward(numbers, j, banks)
        memories.append(activations)
        if i > 1:
            derivatives = MemoryKey(MemoryKind.DERIVATIVES, i - 1)
            memories.append(Memory(derivatives, banks.derivative[i - 2], 1, j.n_left, numbers.derivative.width))
            partial = MemoryKey(MemoryKind.PARTIAL_DELTAS, i - 1)
            memories.append(Memory(partial, banks.partial[i - 2], j.z, j.depth, partial_bits(numbers, j.d_out)))
        memories += parameters
    last = junctions[-1]
    memories.append(Memory(MemoryKey(MemoryKind.DELTAS, n), banks.delta, 1, last.n_right, numbers.delta.width))
    return memories


def _memories_of_inference(config: Configuration, junctions: tuple[JunctionInventory, ...]) -> list[Memory]:
    banks = Banks.of_inference(len(junctions))
    return [m for j in junctions for m in _forward(config.numbers.system, j, banks)]


def _forward(numbers: NumberSystem, j: JunctionInventory, banks: Banks) -> list[Memory]:
    """What FF needs in one junction."""
    i, left = j.number, numbers.left_activation(j.number - 1)
    return [
        Memory(MemoryKey(MemoryKind.ACTIVATIONS, i - 1), banks.activation[i - 1], j.z, j.depth, left.width),
        Memory(MemoryKey(MemoryKind.WEIGHTS, i), 1, 1, j.rows, j.z * numbers.weight.width),
        Memory(MemoryKey(MemoryKind.BIASES, i), 1, 1, j.n_right, numbers.bias.width),
    ]
