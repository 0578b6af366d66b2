"""The generator of random bits for stochastic rounding of weight steps."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from models.numbers.stochastic import BITS, stepped


class Generator(wiring.Component):
    """An xorshift32 generator, one step per weight row, whose state is turned for the learning rate of the row.

    UP multiplies deltas by 2**(K - kappa) instead of dropping fewer bits, so that the random bits must move up likewise: the
    state is rotated by K - kappa. What comes in below them cannot carry, since the step has zeros there.

    Latency 0, one row per clock.

    Parameters
    ----------
    seed
        The state after a reset, 1 .. 2**32 - 1.
    shifts
        How many values K - kappa has.

    Ports
    -----
    step : in, 1
        A row takes the bits in this clock; the next state comes in the next one.
    shift : in, bits(shifts)
        K - kappa of the row.
    bits : out, 32
        The state, rotated to the left by ``shift``.
    """

    latency = 0

    def __init__(self, seed: int, shifts: int) -> None:
        assert 0 < seed < 1 << BITS, seed
        self._shifts = shifts
        self.state = Signal(BITS, init=seed)
        super().__init__({"step": In(1), "shift": In(range(shifts)), "bits": Out(BITS)})

    def model(self, state: int, shift: int) -> tuple[int, int]:
        """Bits of a row, and the state for the next one."""
        return (state << shift | state >> (BITS - shift)) & ((1 << BITS) - 1), stepped(state)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        x: Value = self.state
        for left, places in ((True, 13), (False, 17), (True, 5)):
            x ^= (x << places)[:BITS] if left else x >> places
        with m.If(self.step):
            m.d.sync += self.state.eq(x)
        turned: Value = self.state
        # Bit by bit of the shift: a barrel of as many stages as it has bits.
        for place in range(len(self.shift)):
            stage = Signal(BITS, name=f"turned_{place}")
            m.d.comb += stage.eq(turned)
            with m.If(self.shift[place]):
                m.d.comb += stage.eq(turned.rotate_left(1 << place))
            turned = stage
        m.d.comb += self.bits.eq(turned)
        return m
