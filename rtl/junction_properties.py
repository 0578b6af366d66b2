"""What a junction keeps: which word of which memory each lane is given, and that every access is alone and in depth."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Cat, Const, Value

from rtl.blocks.choose import choose, lookup
from rtl.blocks.properties import Monitor, implies, one_of
from rtl.memories.row import RowMemory
from rtl.plan.plan import JunctionPlan, Plan
from rtl.plan.signatures import clocks_of, in_place, stays


@dataclass(frozen=True, eq=False)
class Clocks:
    """A pass, clock by clock, as the pattern says: the lanes of a row that ask the same memory are served in turn.

    Attributes
    ----------
    memory
        int64 [K, z] by lane: the memory that serves it, -1 for none.
    lane, address
        int64 [K, z] by memory: the lane that it serves and the word that it is asked for, -1 for none.
    first
        bool [K, z] by memory: whether the word is asked for the first time in the pass.
    late
        int64 [K, z] by lane, for the last clocks of rows: how many clocks ago it was served.
    """

    memory: npt.NDArray[np.int64]
    lane: npt.NDArray[np.int64]
    address: npt.NDArray[np.int64]
    first: npt.NDArray[np.bool_]
    late: npt.NDArray[np.int64]

    @classmethod
    def of(cls, left: npt.NDArray[np.integer]) -> "Clocks":
        """Those of a pattern, left neurons [C, z]."""
        z = left.shape[1]
        clocks: list[dict[int, int]] = []  # which lane each memory serves
        words, late = [], []
        for row in left.tolist():
            turn = [sum(other % z == n % z for other in row[:lane]) for lane, n in enumerate(row)]
            last = max(turn)
            for t in range(last + 1):
                clocks.append({row[lane] % z: lane for lane in range(z) if turn[lane] == t})
                words.append({n % z: n // z for n, at in zip(row, turn, strict=True) if at == t})
                late.append([last - at for at in turn])
        shape = len(clocks), z
        by_lane, by_memory, words_of = (np.full(shape, -1) for _ in range(3))
        made = cls(by_lane, by_memory, words_of, np.zeros(shape, np.bool_), np.array(late))
        met: set[tuple[int, int]] = set()
        for c, serves in enumerate(clocks):
            for memory, lane in serves.items():
                made.memory[c, lane], made.lane[c, memory], made.address[c, memory] = memory, lane, words[c][memory]
                made.first[c, memory] = (memory, words[c][memory]) not in met
                met.add((memory, words[c][memory]))
        return made


class JunctionProperties:
    """Statements about a junction, in terms of its parts' ports.

    Where words lie is told from the pattern, not from the tables that the circuit is built from.

    Parameters
    ----------
    unit
        The junction.
    """

    def __init__(self, of: Plan, j: JunctionPlan, unit: Any) -> None:
        assert of.config.hardware is not None
        self._of, self._j, self._unit = of, j, unit
        self._read = of.config.hardware.latency.memory_read
        self._clocks = Clocks.of(np.asarray(j.pattern.left).reshape(j.rows, j.z))

    def state(self, p: Monitor) -> None:
        """All of them."""
        unit, j, seq, access = self._unit, self._j, self._unit.sequencer, self._unit.access
        p.include("pass", seq)
        p.include("left_memory", unit.left)
        alone = implies(access.strobe, ~seq.active & ~unit.advance)
        p.assume("alone", "the bus has the memories while no pass is under way, nor begins", alone)
        words = [(access.bias == b) & (access.row < n) for b, n in ((0, j.rows), (1, j.groups))]
        p.assume("exists", "the bus asks for words that there are", implies(access.strobe, one_of(words)))
        hardware = self._of.config.hardware
        if hardware is not None and not hardware.parameter_stream:
            p.assume("stays", "what it asks for stays for a clock", stays(p, access))
        counted = [bank < unit.bank_counts[name] for name, bank in unit.banks.items()]
        p.require("banks", "banks are counted round", Cat(*counted).all())
        self._rows(p)
        self._left(p)
        self._results(p)
        if self._of.trains and j.number > 1:
            self._partials(p)
        p.reach("result", "a result is written", unit.results.valid)

    def _rows(self, p: Monitor) -> None:
        unit, j, seq, access = self._unit, self._j, self._unit.sequencer, self._unit.access
        late = j.timing.update if self._of.trains else 1 + self._read
        for name, memory, depth, bias in (("weights", unit.weights, j.rows, 0), ("biases", unit.biases, j.groups, 1)):
            used = seq.active | p.past(access.strobe & (access.bias == bias), f"{name}_asked")
            p.require(
                f"{name}_read",
                f"no row of {name} beyond the last is read",
                implies(used, Cat(address < depth for address in _each(memory, memory.read_address)).all()),
            )
            p.require(f"{name}_write", "none is written", _written(memory, depth))
            before = p.past(Value.cast(memory.read_address), f"{name}_read_at", late)
            back = [
                implies(memory.write_enable[i], to == at)
                for i, (to, at) in enumerate(zip(_each(memory, memory.write_address), _each(memory, before), strict=True))
            ]
            p.require(f"{name}_back", "a row goes back where it was read", Cat(*back).all())
            by = p.past(used, f"{name}_used", late)
            p.require(f"{name}_owner", "and was read for a pass, or for the bus", implies(memory.write_enable.any(), by))
        p.require("row", "in a pass the row of the pass is read", implies(seq.active, unit.weights.read_address == seq.row))
        stores = {"deltas": unit.deltas} if j.is_last and self._of.trains else {}
        if self._of.trains and not j.is_last:
            stores = {"derivatives": unit.derivatives}
        for name, store in stores.items():
            p.require(
                f"{name}_write",
                f"no {name} beyond the last are written",
                _written(store, j.groups),
            )
            read = Cat(address < j.groups for address in _each(store, store.read_address)).all()
            p.require(f"{name}_read", "none are read", implies(seq.active, read))

    def _left(self, p: Monitor) -> None:
        """The left memories' reads of a row, and what the lanes are given of them."""
        unit, seq, clocks = self._unit, self._unit.sequencer, self._clocks
        addresses = self._are(seq.clock, clocks.address, unit.left.read_address)
        p.require("left_addresses", "every left memory reads the word of the row", implies(seq.active, addresses))
        first = self._are(Const(0, len(seq.clock)), clocks.address, unit.left.read_address)
        p.require("left_at_rest", "between passes that of the first one", implies(~seq.active, first))
        clock, there = p.past(seq.clock, "clock_read", self._read), p.past(seq.active, "there", self._read)
        whole = {reader: dither.taken for reader, dither in unit.to_lanes.items()}
        for reader, dither in unit.to_lanes.items():
            given = getattr(unit.left, f"{reader}_data")
            p.require(
                f"{reader}_lanes",
                "every lane has the word of its edge's left neuron, each from another memory",
                implies(there, self._chosen(clock, clocks.memory, given, dither.taken)),
            )
            if self._j.stalls:
                whole[reader] = unit.collections[reader].taken
                there_at_end = there & p.past(seq.complete, "completed", self._read)
                p.require(
                    f"{reader}_row",
                    "in the last clock of a row all lanes have their words",
                    implies(there_at_end, self._kept(p, reader, clock, dither.taken)),
                )
        if self._of.trains:
            late = unit.source.latency
            lanes = p.past(whole["update"].as_value(), "lanes", late)
            p.require(
                "update_operands",
                "UP has them with the deltas",
                implies(unit.update.valid, unit.update.left.as_value() == lanes),
            )

    def _results(self, p: Monitor) -> None:
        unit, j = self._unit, self._j
        p.require(
            "results_in_place",
            "results go where the neurons of the next layer lie",
            in_place(unit.results, j.right, j.next_banks),
        )
        right, results = j.right, unit.results
        here = clocks_of(right, results.base, results.phase, results.enable)
        groups = [first // right.per_clock for first, _, _ in right.walked]
        of_group = [at & (unit.group == group) for at, group in zip(here, groups, strict=True)]
        p.longest = max(p.longest, j.timing.feedforward + 1)
        p.require("results_of_group", "to those of their group", implies(results.valid, one_of(of_group)))
        p.require("results_last", "the last ones are called so", implies(results.valid, unit.last == of_group[-1]))

    def _partials(self, p: Monitor) -> None:
        """BP: where its products go, and that no sum is read while its write is under way."""
        unit, j, seq, clocks = self._unit, self._j, self._unit.sequencer, self._clocks
        partials, loop = unit.partials, unit.partials.loop
        clock = p.past(seq.clock, "clock_of_visits", j.timing.backward - loop.ahead - loop.behind)
        adds = [partials.valid[k % len(partials.valid)] for k in range(j.z)]
        any_adds = partials.valid.any()
        there = [
            a == lookup(clock, (lane >= 0).astype(int).tolist(), 1) for a, lane in zip(adds, clocks.lane.T, strict=True)
        ]
        p.require("partials_added", "a product is added where a lane has one", implies(any_adds, Cat(*there).all()))
        addresses = self._are(clock, clocks.address, partials.address)
        p.require("partial_addresses", "every partial delta is that of the row", implies(any_adds, addresses))
        first = self._are(Const(0, len(seq.clock)), clocks.address, partials.address)
        p.require("partials_at_rest", "between passes of the first one", implies(~unit.back_addresses.active, first))
        clock_of_products = p.past(clock, "clock_of_products", loop.ahead)
        p.longest = max(p.longest, j.timing.backward)
        p.require(
            "backward_lanes",
            "every partial delta is given the product of its edge, each by another lane",
            implies(
                partials.adding.any(), self._chosen(clock_of_products, clocks.lane, unit.to_memories.given, partials.product)
            ),
        )
        begins = [
            implies(a, partials.first[k % len(partials.first)] == lookup(clock, first, 1))
            for k, (a, first) in enumerate(zip(adds, clocks.first.T.astype(int).tolist(), strict=True))
        ]
        p.require("first_visit", "the first product of a pass begins the sum", Cat(*begins).all())
        met = []
        for ago in range(1, loop.apart):
            before = p.past(partials.valid, f"adding_{ago}", ago)
            address = p.past(partials.address.as_value(), f"added_at_{ago}", ago)
            width = len(address) // j.z
            for k in range(j.z):
                same = address[k * width : (k + 1) * width] == partials.address[k]
                met.append(adds[k] & ~partials.first[k % len(partials.first)] & before[k % len(partials.valid)] & same)
        p.require("hazard", "no partial delta is read, but for a first visit, whose write is under way", ~one_of(met))

    def _are(self, clock: Value, table: npt.NDArray[np.int64], words: Any) -> Value:
        """Whether the words are those of the clock in a table [K, z], where it has one."""
        return Cat(
            _any_or(clock, column, words[k] == lookup(clock, np.maximum(column, 0).tolist(), max(1, len(words[k]))))
            for k, column in enumerate(table.T)
        ).all()

    def _chosen(self, clock: Value, table: npt.NDArray[np.int64], given: Any, taken: Any) -> Value:
        """Whether each word that is taken is the given one whose number a table [K, z] holds, where it holds one."""
        options, bits = [Value.cast(given[k])[:] for k in range(self._j.z)], max(1, (self._j.z - 1).bit_length())
        return Cat(
            _any_or(
                clock,
                column,
                Value.cast(taken[i])[:] == choose(lookup(clock, np.maximum(column, 0).tolist(), bits), options),
            )
            for i, column in enumerate(table.T)
        ).all()

    def _kept(self, p: Monitor, reader: str, clock: Value, given: Any) -> Value:
        """Whether the row that is put together has what each lane was given when it was served."""
        late, row = self._clocks.late, self._unit.collections[reader].taken
        bits = max(1, int(late.max()).bit_length())
        words = [Value.cast(given)]
        for ago in range(1, int(late.max()) + 1):
            words.append(p.past(words[0], f"{reader}_given_{ago}", ago))
        width = len(words[0]) // self._j.z
        return Cat(
            Value.cast(row[i])[:]
            == choose(lookup(clock, late[:, i].tolist(), bits), [w[i * width : (i + 1) * width] for w in words])
            for i in range(self._j.z)
        ).all()


def _any_or(clock: Value, column: npt.NDArray[np.int64], holds: Value) -> Value:
    """Whether something holds in the clocks in which a column of a table has an entry."""
    return implies(lookup(clock, (column >= 0).astype(int).tolist(), 1), holds)


def _each(memory: RowMemory, address: Any) -> list[Value]:
    """The addresses of a memory's RAMs: one, or one for each lane."""
    bits, whole = memory.address_bits, Value.cast(address)
    return [whole[i * bits : (i + 1) * bits] for i in range(memory.rams)]


def _written(memory: RowMemory, depth: int) -> Value:
    """Whether what is written is written within the depth."""
    addresses = _each(memory, memory.write_address)
    return Cat(implies(memory.write_enable[i], address < depth) for i, address in enumerate(addresses)).all()
