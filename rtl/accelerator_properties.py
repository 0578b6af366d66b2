"""What an accelerator keeps: what its parts assume of each other, and that no word is read while it is written."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Cat, Const, Mux, Signal, Value

from rtl.blocks.choose import lookup
from rtl.blocks.properties import Monitor, implies
from rtl.plan.plan import JunctionPlan, Plan

_QUEUE = (
    *("beat_of_sample", "samples_held", "room", "samples_counted", "beats_counted", "no_overflow", "facts_in_time"),
    *("words_places", "facts_places"),
)
"""What the queue of results keeps as long as its beats are those that room was made for; proved with that together."""


class AcceleratorProperties:
    """Statements about an accelerator: all is where the clocks since the last junction cycle began say.

    Taken for granted is what pacer and registers keep whatever the others do, and what the queue of results concludes of
    earlier clocks.

    Parameters
    ----------
    whole
        The accelerator.
    """

    def __init__(self, of: Plan, whole: Any) -> None:
        self._of, self._whole = of, whole
        last = of.junctions[-1]
        # Passes of the last junction that may be under way when a junction cycle begins, but for its own.
        self._before = (last.rows + last.timing.feedforward + last.timing.offset - 1) // of.period

    def state(self, p: Monitor) -> None:
        """All of them."""
        of, whole = self._of, self._whole
        passed = p.given("pacer", whole.pacer).counters["passed"]
        p.given("registers", whole.registers)
        since, short = p.surround("loader", whole.loader).counters["since"], of.inputs.groups + 1
        p.require("loading", "the loader counts the same clocks", since == Mux(passed > short, short, passed))
        strobes = Cat(getattr(whole.registers, f"access_{j.number}").strobe for j in of.junctions)
        p.require("rest", "the bus has the memories while all stands", implies(strobes.any(), passed > of.period + of.skew))
        for j, unit in zip(of.junctions, whole.junctions, strict=True):
            self._pace(p, j, unit, passed)
            lemmas = ("pass_active", "pass_row", "pass_ends", "pass_group")
            p.surround(f"junction_{j.number}", unit, ("left_memory_write_in_place", "exists"), lemmas)
        entered = self._samples(p, passed)
        self._results(p, passed, entered)
        p.rely()
        for i, (before, unit) in enumerate(zip(whole.junctions[:-1], whole.junctions[1:], strict=True), 2):
            self._banks(p, i, before, unit)
        p.reach("begins", "a junction cycle begins", whole.pacer.advance)

    def _pace(self, p: Monitor, j: JunctionPlan, unit: Any, passed: Value) -> None:
        """Where a junction is so many clocks after the first one has begun a cycle."""
        i, offset, period, seq = j.number, j.timing.offset, self._of.period, unit.sequencer
        since = p.since(unit.advance, f"since_{i}", period + 1)
        behind = Mux(passed > offset + period, period + 1, passed - offset)
        p.longest = max(p.longest, offset + 1)
        p.require(f"advance_{i}", "a junction begins its cycle so late", (unit.advance == (passed == offset)) if offset else Const(1))
        p.require(f"behind_{i}", "and is so far", Mux(passed > offset, since == behind, since >= period - offset + passed))
        p.require(f"active_{i}", "a pass has its rows, and no more", seq.active == (since <= j.rows))
        p.require(f"row_{i}", "a row is that of the clock", implies(seq.active, seq.row + 1 == since))

    def _samples(self, p: Monitor, passed: Value) -> Signal:
        """Which junction cycles have brought a sample, the last one first; each junction works on its own one of them."""
        whole, n = self._whole, len(self._of.junctions)
        entered = Signal(n + self._before + 4, name="entered_so_far")
        with p.module.If(whole.pacer.advance):
            p.module.d.sync += entered.eq(Cat(whole.loader.entering.valid, entered))
        known = min(len(whole.entered), len(entered))
        p.require("entered", "samples are counted as they enter", whole.entered[:known] == entered[:known])
        for i, (j, unit) in enumerate(zip(self._of.junctions, whole.junctions, strict=True)):
            begun = passed > j.timing.offset
            stages = [x.valid == Mux(begun, entered[i + k], entered[i + k + 1]) for k, x in enumerate(unit.forward)]
            p.require(f"sample_{i + 1}", "a junction has the sample that entered so many cycles ago", Cat(*stages).all())
        return entered

    def _results(self, p: Monitor, passed: Value, entered: Signal) -> None:
        """Results come in the clocks that follow from the pass they are of, and the queue has been told of their sample."""
        of, whole, last = self._of, self._whole, self._whole.junctions[-1]
        j, period = of.junctions[-1], of.period
        late, rows, each = j.timing.feedforward, j.rows, j.rows_per_neuron
        p.longest = max(p.longest, late + 2)
        queue = p.surround("queue", whole.queue, lemmas=_QUEUE).counters
        # Whether the cycles before this one have followed each other at once.
        follows = Signal(self._before + 1, name="follows")
        with p.module.If(whole.pacer.advance):
            p.module.d.sync += follows.eq(Cat(passed == period, follows))

        def told(of_pass: Callable[[int], int], bits: int) -> Value:
            """The sum over the passes under way of a function of the clocks since their first row."""
            total: Any = Const(0, bits)
            for m in range(self._before + 1):
                values = [of_pass(clock - j.timing.offset + m * period) for clock in range(period + of.skew + 2)]
                under_way = entered[len(of.junctions) - 1 + m] & (follows[:m].all() if m else Const(1))
                total = total + Mux(under_way, lookup(passed, values, bits), 0)
            return total

        def ended(t: int) -> int:
            """Groups that have been written before clock t of a pass."""
            return min(max(0, (t - 1 - late) // each), j.groups)

        bits = (j.groups).bit_length()
        valid = told(lambda t: int(late < t <= late + rows and (t - late) % each == 0), 1)
        p.require("result", "a result comes in its clock", last.results.valid == valid.any())
        p.require("results_of_sample", "so many of a sample have come", queue["coming"] == told(lambda t: ended(t) % j.groups, bits))
        p.require("samples_owed", "the others have been told of", queue["owed"] == told(lambda t: int(t <= late + rows), 2))
        p.require("result_group", "each is the next one", implies(last.results.valid, last.group == queue["coming"]))

    def _banks(self, p: Monitor, i: int, before: Any, unit: Any) -> None:
        """Between two junctions: who reads a bank while the other writes it."""
        left = unit.left
        for reader in unit.to_lanes:
            same = left.write_valid & unit.sequencer.active & (left.write_bank == getattr(left, f"{reader}_bank"))
            p.require(f"activations_{i}_{reader}", "no activations are read while they are written", ~same)
        if self._of.trains:
            partials, words = unit.partials, unit.partials.target[0]
            bank = words[len(partials.address[0]) :]
            same = partials.enable & before.sequencer.active & (bank == before.partial_in.bank)
            p.require(f"partials_{i}", "no partial deltas are handed over while they are added up", ~same)
