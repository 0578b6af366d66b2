"""The clock of junction cycles: when the next one begins, and when it must wait."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.plan.plan import Plan


class Pacer(wiring.Component):
    """Begins a junction cycle every ``period`` clocks, unless it may not.

    A cycle lasts at least ``period`` clocks. Where one cannot follow at once, the accelerator stands until all junctions
    have come to the end of theirs (``skew`` clocks) and longer if it must: no state moves while it stands.

    Latency 0.

    Ports
    -----
    go : in, 1
        A cycle may begin.
    advance : out, 1
        The last clock before a junction cycle.
    standing : out, 1
        Nothing moves.
    clock : out, bits(period)
        Clock of the junction cycle; it stays at the last one while standing.
    """

    go: Signal
    advance: Signal
    standing: Signal
    clock: Signal

    def __init__(self, of: Plan) -> None:
        self._period, self._skew = of.period, of.skew
        super().__init__({"go": In(1), "advance": Out(1), "standing": Out(1), "clock": Out(range(of.period))})

    latency = 0

    def model(self) -> "PacerModel":
        """The pacer after reset, to be taken clock by clock."""
        return PacerModel(self._period, self._skew)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Out of reset the accelerator stands. What the advance depends on is known a clock ahead: it fans out widely.
        clock = Signal(range(self._period), init=self._period - 1)
        waited = Signal(range(self._skew + 2), init=self._skew + 1)
        at_end = Signal(init=1)
        settled = Signal(init=1)
        standing = Signal(init=1)
        m.d.comb += [self.clock.eq(clock), self.standing.eq(standing), self.advance.eq(at_end & settled & self.go)]
        with m.If(self.advance):
            m.d.sync += [clock.eq(0), waited.eq(0), at_end.eq(self._period == 1), settled.eq(1), standing.eq(0)]
        with m.Elif(at_end), m.If(~standing):
            m.d.sync += [
                waited.eq(waited + 1),
                settled.eq(waited + 1 >= self._skew if self._skew else 1),
                standing.eq(waited == self._skew),
            ]
        with m.Else():
            m.d.sync += [clock.eq(clock + 1), at_end.eq(clock == self._period - 2)]
        return m


class PacerModel:
    """A :class:`Pacer` as the clocks that have passed since the last cycle began."""

    def __init__(self, period: int, skew: int) -> None:
        self._period, self._skew = period, skew
        self._passed = period + skew + 1  # out of reset it has been standing since before the first clock

    def clock(self, *, go: int = 0) -> dict[str, int]:
        """Outputs of a clock with these inputs."""
        over = self._passed - self._period
        advance = bool(go) and (over == 0 or over >= max(self._skew, 1))
        result = {
            "advance": int(advance),
            "standing": int(over > self._skew),
            "clock": min(self._passed, self._period) - 1,
        }
        self._passed = 1 if advance else self._passed + 1
        return result
