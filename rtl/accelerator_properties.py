"""What an accelerator keeps: what its parts assume of each other, and that no word is read while it is written."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Cat, Const, Mux, Signal, Value

from rtl.blocks.choose import lookup
from rtl.blocks.properties import Monitor, implies
from rtl.plan.plan import JunctionPlan, Plan

_QUEUE = (
    *("beat_of_sample", "samples_held", "room", "samples_counted", "beats_counted", "no_overflow"),
    *("words_places", "words_room", "words_moves"),
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
        self._before = (last.clocks + last.late + last.timing.feedforward + last.timing.offset - 1) // of.period

    def state(self, p: Monitor) -> None:
        """All of them."""
        of, whole = self._of, self._whole
        passed = p.given("pacer", whole.pacer).counters["passed"]
        p.given("registers", whole.registers)
        since, short = p.surround("loader", whole.loader).counters["since"], of.inputs.groups + 1
        p.require("loading", "the loader counts the same clocks", since == Mux(passed > short, short, passed))
        strobes = Cat(getattr(whole.registers, f"access_{j.number}").strobe for j in of.junctions)
        if whole.lends:
            strobes = Cat(strobes, self._lent(p))
        p.require(
            "rest",
            "the bus has the memories while all stands",
            implies(strobes.any(), (passed > of.period + of.skew) & ~whole.pacer.advance),
        )
        for j, unit in zip(of.junctions, whole.junctions, strict=True):
            self._pace(p, j, unit, passed)
            lemmas = [f"pass_{name}" for name in ("active", "part", "row", "clock", "complete", "ends", "group", "phase")]
            p.surround(f"junction_{j.number}", unit, ("left_memory_write_in_place", "exists", "stays"), lemmas)
        p.rely()
        entered = self._samples(p, passed)
        self._results(p, passed, entered)
        p.rely()
        for i in range(len(of.junctions)):
            self._banks(p, passed, i)
        p.reach("begins", "a junction cycle begins", whole.pacer.advance)

    def _lent(self, p: Monitor) -> Value:
        """Strobes of who borrows the memories, and what is taken for granted of them."""
        whole = self._whole
        rests, runs = whole.pacer.standing & ~whole.registers.run, p.past(whole.registers.run, "ran_lately")
        accesses = [getattr(whole, f"access_{j.number}") for j in self._of.junctions]
        own = Cat(getattr(whole.registers, f"access_{j.number}").strobe for j in self._of.junctions)
        strobes = Cat(access.strobe for access in accesses)
        p.assume("lent_at_rest", "memories are lent while it stands and is to stand", implies(whole.lent, rests & ~runs))
        p.assume("lent", "and accessed while they are", implies(strobes.any(), whole.lent & p.past(whole.lent, "was_lent")))
        p.assume("not_asked", "and not for the bus", implies(whole.lent, ~own.any()))
        for j, access in zip(self._of.junctions, accesses, strict=True):
            there = Mux(access.bias, j.groups, j.rows)
            p.assume(f"lent_word_{j.number}", "for words that there are", implies(access.strobe, access.row < there))
        return strobes

    def _pace(self, p: Monitor, j: JunctionPlan, unit: Any, passed: Value) -> None:
        """Where a junction is so many clocks after the first one has begun a cycle."""
        i, offset, period, seq = j.number, j.timing.offset, self._of.period, unit.sequencer
        since = p.since(unit.advance, f"since_{i}", period + 1)
        behind = Mux(passed > offset + period, period + 1, passed - offset)
        p.longest = max(p.longest, offset + 1)
        p.require(
            f"advance_{i}",
            "a junction begins its cycle so late",
            (unit.advance == (passed == offset)) if offset else Const(1),
        )
        p.require(f"behind_{i}", "and is so far", Mux(passed > offset, since == behind, since >= period - offset + passed))
        p.require(f"active_{i}", "a pass has its clocks, and no more", seq.active == (since <= j.clocks))
        p.require(f"clock_{i}", "a clock of it is that of the cycle", implies(seq.active, seq.clock + 1 == since))

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
        late = j.timing.feedforward + 1  # from the first row's clock to its results
        p.longest = max(p.longest, late + 1)
        queue = p.surround("queue", whole.queue, lemmas=_QUEUE).counters
        go, no_bubbles = whole.pacer.go, whole.registers.no_bubbles
        for clocks in range(1, of.permission + 1):
            permitted = p.past(go, f"permitted_{clocks}", clocks) & (passed > clocks)
            p.require(
                f"room_stays_{clocks}",
                f"room that was there {clocks} clocks ago is there still, unless a cycle has begun since",
                implies(permitted, whole.queue.room | ~whole.queue.due),
            )
            p.require(
                f"sample_stays_{clocks}",
                "and so is a sample that was to be there",
                implies(permitted & p.past(no_bubbles, f"no_bubbles_{clocks}", clocks), whole.loader.tags.r_rdy),
            )
        must = p.past(no_bubbles, "no_bubbles", of.permission)
        p.require(
            "no_bubble",
            "no cycle begins without a sample that must not",
            implies(whole.pacer.advance & must, whole.loader.tags.r_rdy),
        )
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

        rows = {late + int(j.end_clock(n)) for n in range(j.n_right)}
        beats = (late + j.group_clocks).tolist()
        beats[-1] += j.late

        bits = (j.groups).bit_length()
        p.require("row", "results of a row come in their clock", last.results.valid == told(lambda t: int(t in rows), 1))
        ends = told(lambda t: int(t == max(rows)), 1)
        p.require("row_last", "the last ones are called so", implies(last.results.valid, last.last == ends))
        p.require("result", "a beat comes in its clock", whole.queue.valid == told(lambda t: int(t in beats), 1))
        p.require(
            "results_of_sample",
            "so many of a sample have come",
            queue["coming"] == told(lambda t: sum(beat < t for beat in beats) % j.groups, bits),
        )
        p.require("samples_owed", "the others have been told of", queue["owed"] == told(lambda t: int(t <= beats[-1]), 2))

    def _banks(self, p: Monitor, passed: Value, i: int) -> None:
        """Left of junction i + 1: no bank is read while it is written."""
        of, whole = self._of, self._whole
        j, unit, before = of.junctions[i], whole.junctions[i], whole.junctions[i - 1] if i else None
        left, offset = unit.left, j.timing.offset
        behind = of.junctions[i - 1].timing.offset if i else 0
        read = {"feedforward": (unit.banks["left_forward"], j.forward_lag)}
        if self._of.trains:
            read["update"] = (unit.banks["left_backward"], j.backward_lag)
        writing = before.banks["right_forward"] if before else whole.loader.writes.bank
        lag = of.junctions[i - 1].forward_lag if i else -1
        for reader, (bank, own) in read.items():
            moved = self._moved(passed, bank, own - lag, (behind, offset), j.left_banks)
            p.require(
                f"bank_{i + 1}_{reader}",
                "banks are as far from each other as the samples are",
                (writing == moved) & (bank < j.left_banks),
            )
            same = left.write_enable.any() & unit.sequencer.active & (left.write_bank == bank)
            p.require(f"activations_{i + 1}_{reader}", "no activations are read while they are written", ~same)
        if not (self._of.trains and before):
            return
        p.longest = max(p.longest, j.timing.accumulated + 1)
        other = of.junctions[i - 1]
        read_bank, written = before.banks["right_backward"], unit.banks["partial_backward"]
        moved = self._moved(passed, read_bank, other.backward_lag - j.backward_lag, (offset, behind), j.partial_banks)
        p.require(
            f"bank_{i + 1}_backward",
            "and so are those of partial deltas",
            (written == moved) & (read_bank < j.partial_banks),
        )
        bank = unit.partials.target[0][len(unit.partials.address[0]) :]
        same = unit.partials.enable.any() & before.sequencer.active & (bank == before.partial_in.bank)
        p.require(f"partials_{i + 1}", "no partial deltas are handed over while they are added up", ~same)

    def _moved(self, passed: Value, bank: Value, by: int, offsets: tuple[int, int], banks: int) -> Value:
        """A bank so many samples on, between junctions that begin their cycles at these offsets."""

        def on(samples: int) -> Value:
            return lookup(bank, [(b + samples) % banks for b in range(banks)], max(1, len(bank)))

        ours, others = offsets
        first = (passed > ours) & (passed <= others)
        return Mux(first, on(by + 1), Mux((passed <= ours) & (passed > others), on(by - 1), on(by)))
