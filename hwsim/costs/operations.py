"""What a design costs, from its configuration alone: arithmetic, memories, accesses and an estimate of energy.

Counts are of one sample fed forward, propagated back and learned from, or only fed forward if the accelerator infers only.
They follow from the schedule (docs/architecture.md §4, §5): one weight row is read per clock for all three operations;
activations are read once for FF and once for UP; the first contribution to a partial delta overwrites without a read.
Nothing here depends on a device; estimates fitted to synthesis results are in :mod:`hwsim.costs.area`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any

from hwsim.configuration.configuration import Configuration
from hwsim.costs.energy import Energies
from hwsim.edge_processors import lanes_per_neuron, partial_bits, product_bits
from hwsim.schedule.inventory import Inventory, JunctionInventory, Memory, inventory
from hwsim.vocabulary import MemoryKey, MemoryKind
from models.numbers.system import NumberSystem


@dataclass(frozen=True)
class Storage:
    """All memories of one kind: words and bits of all banks, and how many have an address of their own."""

    kind: MemoryKind
    words: int
    bits: int
    banks: int


@dataclass(frozen=True)
class Traffic:
    """Accesses to one memory (all its banks and lanes) per sample.

    Attributes
    ----------
    reads, writes
        Words per sample.
    width
        Bits of a word.
    size
        Bits of one memory with an address of its own.
    """

    memory: MemoryKey
    reads: int
    writes: int
    width: int
    size: int

    @property
    def bits(self) -> int:
        """Bits moved per sample, reads and writes."""
        return (self.reads + self.writes) * self.width


class Task(StrEnum):
    """What operations are for.

    The products of FF are added in trees, what came before or the bias is added to their sums (``ACCUMULATE``); derivatives
    are applied to partial deltas, and in the last layer, by the quadratic cost, to errors.
    """

    FF = auto()
    TREE = auto()
    ACCUMULATE = auto()
    BP = auto()
    UP = auto()
    BIAS = auto()
    DERIVATIVE = auto()


@dataclass(frozen=True)
class Work:
    """Operations of one kind per sample, and the hardware for them.

    Attributes
    ----------
    task, junction
        What they are for, and in which junction; every level of a tree is a work of its own.
    units
        Multipliers or adders.
    a, b
        Bits of the operands of a multiplication; of a sum, ``a`` are the bits of an adder and ``b`` is 0.
    """

    task: Task
    junction: int
    count: int
    units: int
    a: int
    b: int = 0


@dataclass(frozen=True)
class Costs:
    """Everything that is known before synthesis.

    Attributes
    ----------
    table_bits
        Activation and derivative tables, one copy for every result of a clock; ReLUs need none.
    """

    config: Configuration
    inventory: Inventory
    multiplications: tuple[Work, ...]
    additions: tuple[Work, ...]
    storage: tuple[Storage, ...]
    traffic: tuple[Traffic, ...]
    table_bits: int

    @property
    def edge_multipliers(self) -> int:
        """Those of the edge processors."""
        return self.inventory.multipliers

    @property
    def derivative_multipliers(self) -> int:
        """Those that apply derivatives, one for every delta of a clock."""
        return sum(w.units for w in self.multiplications) - self.inventory.multipliers

    @property
    def adder_bits(self) -> int:
        """Widths of all adders together."""
        return sum(w.units * w.a for w in self.additions)

    @property
    def bandwidth(self) -> float:
        """Bits per clock between memories and logic, reads and writes, averaged over a sample."""
        return sum(t.bits for t in self.traffic) / self.inventory.clocks_per_input

    def energy(self, table: Energies) -> dict[str, float]:
        """Estimated nanojoules per sample trained, by cause: dynamic energy of arithmetic and memories, nothing else.

        Raises
        ------
        InputError
            If there is an external memory, of which the table knows nothing.
        """
        parts = {
            "multiplications": sum(w.count * table.multiply(w.a, w.b) for w in self.multiplications),
            "additions": sum(w.count * table.add(w.a) for w in self.additions),
            "memories": sum((t.reads + t.writes) * table.access(t.size, t.width) for t in self.traffic),
        }
        if self.inventory.external is not None:
            parts["external"] = table.transfer(self.inventory.external.traffic)
        return {name: picojoules / 1000 for name, picojoules in parts.items()}


def costs(config: Configuration, known: Inventory | None = None) -> Costs:
    """Work out the costs of a configuration.

    Parameters
    ----------
    known
        Its inventory if worked out already.

    Raises
    ------
    InputError
        If it has no hardware.
    """
    known = known or inventory(config)
    numbers, junctions = config.numbers.system, known.junctions
    last = len(junctions)
    multiplications: list[Work] = []
    additions: list[Work] = []
    for j in junctions:
        multiplications += _multiplications(config, known.trains, j, last)
        additions += _additions(numbers, known.trains, j)
    return Costs(
        config,
        known,
        tuple(multiplications),
        tuple(additions),
        tuple(_storage(known.memories)),
        tuple(_traffic(known)),
        sum(_table_bits(config, known.trains, j, last) for j in junctions),
    )


def _multiplications(config: Configuration, trains: bool, j: JunctionInventory, last: int) -> Iterator[Work]:
    i, numbers = j.number, config.numbers.system
    weight, left, delta = numbers.weight.width, numbers.left_activation(i - 1).width, numbers.delta.width
    yield Work(Task.FF, i, j.edges, j.z, weight, left)
    if not trains:
        return
    if i > 1:
        yield Work(Task.BP, i, j.edges, j.z, weight, delta)
    yield Work(Task.UP, i, j.edges, j.z, left, delta)
    if _applies_derivatives(config, i, last):
        # In the last layer it is the difference of output and target that is multiplied.
        wide = numbers.activation.width + 1 if i == last else product_bits(numbers, numbers.delta)
        yield Work(Task.DERIVATIVE, i, j.n_right, j.results_per_clock, wide, numbers.derivative.width)


def _applies_derivatives(config: Configuration, junction: int, last: int) -> bool:
    """Cross-entropy needs none at the output."""
    return junction < last or config.network.cost == "quadratic"


def _additions(numbers: NumberSystem, trains: bool, j: JunctionInventory) -> Iterator[Work]:
    """A tree adds the products of one clock and neuron; what came before, or the bias, is added behind it."""
    i, groups, rows = j.number, j.results_per_clock, j.rows
    product = product_bits(numbers, numbers.left_activation(i - 1))
    leaves, level = lanes_per_neuron(j.z, j.d_in), 0
    while leaves > 1:
        level += 1
        pairs = leaves // 2
        leaves -= pairs
        yield Work(Task.TREE, i, pairs * groups * rows, pairs * groups, product + level)
    total = product + math.ceil(math.log2(j.d_in + 1))
    yield Work(Task.ACCUMULATE, i, groups * rows, groups, total)
    if not trains:
        return
    if i > 1:
        yield Work(Task.BP, i, j.edges, j.z, partial_bits(numbers, j.d_out))
    yield Work(Task.UP, i, j.edges, j.z, numbers.weight.width)
    yield Work(Task.BIAS, i, j.n_right, groups, numbers.bias.width)


def _storage(memories: tuple[Memory, ...]) -> Iterator[Storage]:
    kinds: dict[MemoryKind, list[Memory]] = {}
    for m in memories:
        kinds.setdefault(m.key.kind, []).append(m)
    for kind, members in kinds.items():
        yield Storage(
            kind,
            sum(m.words for m in members),
            sum(m.bits for m in members),
            sum(m.count for m in members),
        )


def _traffic(known: Inventory) -> Iterator[Traffic]:
    of = {m.key: m for m in known.memories}

    def moved(kind: MemoryKind, number: int, reads: int, writes: int) -> Traffic:
        m = of[MemoryKey(kind, number)]
        return Traffic(m.key, reads, writes, m.width, m.depth * m.width)

    for j in known.junctions:
        i = j.number
        yield moved(MemoryKind.ACTIVATIONS, i - 1, (2 if known.trains else 1) * j.edges, j.n_left)
        if i > 1 and known.trains:
            yield moved(MemoryKind.DERIVATIVES, i - 1, j.n_left, j.n_left)
            # All contributions but the first are read first, and UP of the junction before reads each sum once.
            yield moved(MemoryKind.PARTIAL_DELTAS, i - 1, j.edges, j.edges)
        written = 1 if known.trains else 0
        # Buffers of an external memory are written by it and by UP, and read by the lanes and by it.
        read, kept = (1, written) if known.external is None else (1 + written, 1 + written)
        yield moved(MemoryKind.WEIGHTS, i, read * j.rows, kept * j.rows)
        yield moved(MemoryKind.BIASES, i, j.n_right, written * j.n_right)
    if not known.trains:
        return
    last = known.junctions[-1]
    yield moved(MemoryKind.DELTAS, last.number, last.n_right, last.n_right)


def _table_bits(config: Configuration, trains: bool, j: JunctionInventory, last: int) -> int:
    if config.network.activations[j.number - 1] in ("relu", "clipped_relu"):
        return 0
    numbers = config.numbers.system
    derivative = trains and _applies_derivatives(config, j.number, last)
    width = numbers.activation.width + (numbers.derivative.width if derivative else 0)
    return int(2**numbers.preactivation.width * width * j.results_per_clock)


def figures(c: Costs, table: Energies) -> dict[str, Any]:
    """Costs as single numbers by name; units and meanings are in :mod:`hwsim.measurements.costs`."""
    energy = c.energy(table)
    return {
        "multipliers": c.edge_multipliers,
        "derivative_multipliers": c.derivative_multipliers,
        "adder_bits": c.adder_bits,
        "table_bits": c.table_bits,
        "storage_bits": c.inventory.storage_bits,
        "storage_words": sum(s.words for s in c.storage),
        "banks": sum(s.banks for s in c.storage),
        **{f"{s.kind.identifier}_bits": s.bits for s in c.storage},
        **{f"{s.kind.identifier}_banks": s.banks for s in c.storage},
        "bandwidth": c.bandwidth,
        **({} if c.inventory.external is None else {"external_traffic": c.inventory.external.traffic}),
        "energy": sum(energy.values()),
        **{f"energy_{name}": value for name, value in energy.items()},
    }
