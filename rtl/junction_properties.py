"""What a junction keeps: which word of which memory each lane is given, and that every access is alone and in depth."""

from typing import Any

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Cat, Value

from rtl.blocks.choose import choose, lookup
from rtl.blocks.properties import Monitor, implies, one_of
from rtl.plan.plan import JunctionPlan, Plan
from rtl.plan.signatures import in_place


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
        left = np.asarray(j.pattern.left).reshape(j.rows, j.z)
        self._memory: npt.NDArray[np.int32] = left % j.z  # by lane
        self._lane = np.argsort(self._memory, axis=1).astype(np.int32)  # by memory
        self._address = np.take_along_axis(left // j.z, self._lane, axis=1)  # by memory
        self._clash_free = bool((np.sort(self._memory, axis=1) == np.arange(j.z)).all())

    def state(self, p: Monitor) -> None:
        """All of them."""
        unit, j, seq, access = self._unit, self._j, self._unit.sequencer, self._unit.access
        p.include("pass", seq)
        p.include("left_memory", unit.left)
        p.assume("alone", "the bus has the memories while no pass is under way", implies(access.strobe, ~seq.active))
        words = [(access.bias == b) & (access.row < n) for b, n in ((0, j.rows), (1, j.groups))]
        p.assume("exists", "the bus asks for words that there are", implies(access.strobe, one_of(words)))
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
            used = seq.active | (access.strobe & (access.bias == bias))
            p.require(
                f"{name}_read", f"no row of {name} beyond the last is read", implies(used, memory.read_address < depth)
            )
            p.require(f"{name}_write", "none is written", implies(memory.write_enable, memory.write_address < depth))
            before = p.past(memory.read_address, f"{name}_read_at", late)
            p.require(
                f"{name}_back",
                "a row goes back where it was read",
                implies(memory.write_enable, memory.write_address == before),
            )
            by = p.past(used, f"{name}_used", late)
            p.require(f"{name}_owner", "and was read for a pass, or for the bus", implies(memory.write_enable, by))
        p.require("row", "in a pass the row of the pass is read", implies(seq.active, unit.weights.read_address == seq.row))
        stores = {"deltas": unit.deltas} if j.is_last and self._of.trains else {}
        if self._of.trains and not j.is_last:
            stores = {"derivatives": unit.derivatives}
        for name, store in stores.items():
            p.require(
                f"{name}_write",
                f"no {name} beyond the last are written",
                implies(store.write_enable, store.write_address < j.groups),
            )
            p.require(f"{name}_read", "none are read", implies(seq.active, store.read_address < j.groups))

    def _left(self, p: Monitor) -> None:
        """The left memories' reads of a row, and what the lanes are given of them."""
        unit, seq = self._unit, self._unit.sequencer
        addresses = self._are(seq.row, self._address, unit.left.read_address)
        p.require("left_addresses", "every left memory reads the word of the row", implies(seq.active, addresses))
        row, there = p.past(seq.row, "row_read", self._read), p.past(seq.active, "there", self._read)
        for reader, dither in unit.to_lanes.items():
            given = getattr(unit.left, f"{reader}_data")
            p.require(
                f"{reader}_lanes",
                "every lane has the word of its edge's left neuron, each from another memory",
                self._clash_free & implies(there, self._chosen(row, self._memory, given, dither.taken)),
            )
        if self._of.trains:
            late = unit.source.latency
            lanes = p.past(unit.to_lanes["update"].taken.as_value(), "lanes", late)
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
        right = j.right
        places = {
            "base": [g * right.per_clock // right.memories for g in range(j.groups)],
            "phase": [g % right.phases for g in range(j.groups)],
        }
        of_group = [
            getattr(unit.results, name) == lookup(unit.group, values, max(1, len(getattr(unit.results, name))))
            for name, values in places.items()
        ]
        p.require("results_of_group", "to those of their group", implies(unit.results.valid, Cat(*of_group).all()))
        p.require(
            "results_last",
            "the last group is called so",
            implies(unit.results.valid, (unit.group < j.groups) & (unit.last == (unit.group == j.groups - 1))),
        )

    def _partials(self, p: Monitor) -> None:
        """BP: where its products go, and that no sum is read while its write is under way."""
        unit, j, seq = self._unit, self._j, self._unit.sequencer
        partials, late = unit.partials, j.timing.backward
        row = p.past(seq.row, "row_of_products", late)
        addresses = self._are(row, self._address, partials.address)
        p.require("partial_addresses", "every partial delta is that of the row", implies(partials.valid, addresses))
        p.require(
            "backward_lanes",
            "every partial delta is given the product of its edge, each by another lane",
            self._clash_free
            & implies(partials.valid, self._chosen(row, self._lane, unit.to_memories.given, partials.product)),
        )
        p.require(
            "first_visit", "the first sweep begins the sums", implies(partials.valid, partials.first == (row < j.depth))
        )
        met = []
        for clocks in range(1, partials.accumulate):
            before = p.past(partials.valid, f"adding_{clocks}", clocks)
            address = p.past(partials.address.as_value(), f"added_at_{clocks}", clocks)
            width = len(address) // j.z
            same = [address[k * width : (k + 1) * width] == partials.address[k] for k in range(j.z)]
            met.append(partials.valid & before & Cat(*same).any())
        p.require("hazard", "no partial delta is read whose write is under way", ~one_of(met))

    def _are(self, row: Value, table: npt.NDArray[np.int32], words: Any) -> Value:
        """Whether the words are those of the row in a table [C, z]."""
        return Cat(words[k] == lookup(row, table[:, k].tolist(), max(1, len(words[k]))) for k in range(self._j.z)).all()

    def _chosen(self, row: Value, table: npt.NDArray[np.int32], given: Any, taken: Any) -> Value:
        """Whether each word that is taken is the given one whose number a table [C, z] holds."""
        options, bits = [Value.cast(given[k])[:] for k in range(self._j.z)], max(1, (self._j.z - 1).bit_length())
        return Cat(
            Value.cast(taken[i])[:] == choose(lookup(row, table[:, i].tolist(), bits), options) for i in range(self._j.z)
        ).all()
