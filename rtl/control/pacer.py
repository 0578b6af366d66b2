"""The clock of junction cycles: when the next one begins, and when it must wait."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.delay import DelayModel, delayed
from rtl.blocks.properties import Monitor, implies
from rtl.plan.plan import Plan


class Pacer(wiring.Component):
    """Begins a junction cycle every ``period`` clocks, unless it may not.

    A cycle lasts at least ``period`` clocks. Where one cannot follow at once, the accelerator stands until all junctions
    have come to the end of theirs (``skew`` clocks) and longer if it must: no state moves while it stands.

    Latency 2 from ``go`` to ``advance``: what permits it is far away, and the advance fans out widely; both are registers.
    Less where a cycle does not last so long.

    Ports
    -----
    go : in, 1
        A cycle may begin, ``latency`` clocks later.
    advance : out, 1
        The last clock before a junction cycle.
    waits : out, 1
        It is not: the same out of a register of its own, for the streams at the border, which may be far from the junctions.
    standing : out, 1
        Nothing moves.
    clock : out, bits(period)
        Clock of the junction cycle; it stays at the last one while standing.
    """

    go: Signal
    advance: Signal
    waits: Signal
    standing: Signal
    clock: Signal

    def __init__(self, of: Plan) -> None:
        self._period, self._skew, self._latency = of.period, of.skew, of.permission
        # Out of reset the accelerator stands. What the advance depends on is known a clock ahead.
        self._waited = Signal(range(self._skew + 2), init=self._skew + 1, name="waited")
        self._at_end, self._settled = Signal(init=1, name="at_end"), Signal(init=1, name="settled")
        ports = {"go": In(1), "advance": Out(1), "waits": Out(1, init=1), "standing": Out(1)}
        super().__init__(ports | {"clock": Out(range(of.period))})

    @property
    def latency(self) -> int:
        """Clocks from the permission to the beginning."""
        return self._latency

    def model(self) -> "PacerModel":
        """The pacer after reset, to be taken clock by clock."""
        return PacerModel(self._period, self._skew, self._latency)

    def properties(self, p: Monitor) -> None:
        """The pace, told from the clocks that have passed since the last cycle began."""
        period, rest = self._period, self._period + max(self._skew, 1)
        passed = p.since(self.advance, "passed", period + self._skew + 1)
        over, ended = passed - period, passed >= period
        p.require("at_end", "it is known a clock ahead that a cycle is at its end", self._at_end == ended)
        p.require(
            "waited", "and how long it has been", implies(ended, self._waited == over) & implies(~ended, self._waited == 0)
        )
        p.require("settled", "and whether all is at rest", self._settled == (~ended | (over == 0) | (passed >= rest)))
        p.require("passed", "no clock is counted beyond the last", (passed > 0) & (passed <= period + self._skew + 1))
        may = (passed == period) | (passed >= rest)
        p.require(
            "clock",
            "the clock of the cycle counts from 0 and stays at the last one",
            (self.clock == passed - 1) | ((self.clock == period - 1) & (passed >= period)),
        )
        p.require(
            "not_early",
            f"a cycle begins {period} clocks after the one before, or {rest} or more",
            implies(self.advance, may),
        )
        p.require("waits", "whether one begins is known twice", self.waits == ~self.advance)
        go = p.past(self.go, "permitted", self.latency)
        p.require("permitted", "a cycle begins that may", implies(self.advance, go))
        p.require("not_late", "a cycle begins as soon as it may", implies(go & may, self.advance))
        p.require(
            "stands",
            "nothing moves once all junctions have come to their end",
            self.standing == (passed > period + self._skew),
        )
        p.reach("begins", "a cycle begins", self.advance)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        clock = Signal(range(self._period), init=self._period - 1)
        standing = Signal(init=1)
        waited, at_end, settled = self._waited, self._at_end, self._settled
        next_at_end = Signal()
        next_settled = Signal()
        m.d.comb += [self.clock.eq(clock), self.standing.eq(standing), next_at_end.eq(at_end), next_settled.eq(settled)]
        m.d.sync += [at_end.eq(next_at_end), settled.eq(next_settled)]
        if self.latency:
            begins = next_at_end & next_settled & delayed(m, self.go, self.latency - 1, "permitted", valid=True)
            m.d.sync += [self.advance.eq(begins), self.waits.eq(~begins)]
        else:
            m.d.comb += [self.advance.eq(at_end & settled & self.go), self.waits.eq(~self.advance)]
        with m.If(self.advance):
            m.d.sync += [clock.eq(0), waited.eq(0), standing.eq(0)]
            m.d.comb += [next_at_end.eq(self._period == 1), next_settled.eq(1)]
        with m.Elif(at_end), m.If(~standing):
            m.d.sync += [waited.eq(waited + 1), standing.eq(waited == self._skew)]
            rest = [waited == n for n in (self._skew - 1, self._skew)] if self._skew else [Const(1)]
            m.d.comb += next_settled.eq(Cat(*rest).any())
        with m.Else():
            m.d.sync += clock.eq(clock + 1)
            m.d.comb += next_at_end.eq(clock == self._period - 2)
        return m


class PacerModel:
    """A :class:`Pacer` as the clocks that have passed since the last cycle began."""

    def __init__(self, period: int, skew: int, latency: int) -> None:
        self._period, self._skew = period, skew
        self._permitted = DelayModel(latency)
        self._passed = period + skew + 1  # out of reset it has been standing since before the first clock

    def clock(self, *, go: int = 0) -> dict[str, int]:
        """Outputs of a clock with these inputs."""
        over = self._passed - self._period
        advance = bool(self._permitted.clock(go)) and (over == 0 or over >= max(self._skew, 1))
        result = {
            "advance": int(advance),
            "waits": int(not advance),
            "standing": int(over > self._skew),
            "clock": min(self._passed, self._period) - 1,
        }
        self._passed = 1 if advance else self._passed + 1
        return result
