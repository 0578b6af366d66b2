"""From beats of so many numbers to beats of another size."""

from collections.abc import Sequence
from math import gcd
from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.choose import choose
from rtl.blocks.properties import Monitor, implies


def given_layout(width: int, given: int) -> data.StructLayout:
    """A beat that is given: numbers, and whether it is the last of a packet."""
    return data.StructLayout({"numbers": data.ArrayLayout(unsigned(width), given), "last": 1})


class Gear(wiring.Component):
    """Takes packets of numbers in beats of one size and gives them in beats of another, both beginning with the packet.

    Throughput one beat in every clock, on the side that has more of them.

    Parameters
    ----------
    width
        Bits of a number.
    taken, given
        Numbers of a beat on each side.
    total
        Numbers of a packet; what else is in its last beat means nothing.

    Ports
    -----
    beats : in, stream of ArrayLayout
        Beats of ``taken`` numbers.
    words : out, stream of given_layout
        Beats of ``given`` numbers (:func:`given_layout`).

    Attributes
    ----------
    loaded, passed
        Beats of the present packet that have been taken and given.
    """

    latency = 1
    """Clocks from a beat to the one that it completes."""

    def __init__(self, width: int, taken: int, given: int, total: int) -> None:
        self._width, self._taken, self._given = width, taken, given
        self._step = step = gcd(taken, given)  # by which the place of the next number moves
        self._size = given + taken - step
        self.beats_taken, self.beats_given = -(-total // taken), -(-total // given)
        self.loaded = Signal(range(self.beats_taken + 1), name="loaded")
        self.passed = Signal(range(self.beats_given), name="passed")
        self._held = Signal(range(self._size // step + 1), name="held")
        self._numbers = [Signal(width, name=f"number_{i}", reset_less=True) for i in range(self._size)]
        super().__init__(
            {
                "beats": In(stream.Signature(data.ArrayLayout(unsigned(width), taken))),
                "words": Out(stream.Signature(given_layout(width, given))),
            }
        )

    def model(self) -> "GearModel":
        """The gear after reset, to be taken clock by clock."""
        return GearModel(self._taken, self._given, self._step, (self.beats_taken, self.beats_given))

    def properties(self, p: Monitor) -> None:
        """Numbers leave in the order in which they came, packet by packet; a beat that is offered stays."""
        m, beats, words = p.module, self.beats, self.words
        per_taken, per_given = self._taken // self._step, self._given // self._step
        leaves, enters = words.valid & words.ready, beats.valid & beats.ready
        stays = p.past(words.valid & ~words.ready, "offered")
        p.require(
            "stays",
            "a beat that is offered stays until it is taken",
            implies(stays, words.valid & (words.payload.as_value() == p.past(words.payload.as_value(), "offer"))),
        )
        p.require(
            "numbers_counted",
            "all numbers that came and have not left are there",
            (self.loaded * per_taken == self.passed * per_given + self._held)
            & (self.loaded <= self.beats_taken)
            & (self.passed < self.beats_given)
            & (self._held <= self._size // self._step),
        )
        within, at = Signal(name="within"), Signal(range(self._size), name="at")
        number = Signal(self._width, name="marked_number")
        rest = Mux(leaves, self._held - per_given, self._held)
        with m.If(p.mark & enters):
            place = Mux(leaves & words.payload.last, 0, rest * self._step)
            m.d.sync += [within.eq(1), at.eq(place), number.eq(beats.payload[0])]
        with m.Elif(within & leaves):
            m.d.sync += [within.eq(at >= self._given), at.eq(at - self._given)]
        p.choose("one_mark", "no number is marked while another one is there", ~(p.mark & within))
        p.require(
            "in_order",
            "the marked number moves up to its beat as it came",
            implies(within, (at < self._held * self._step) & (Array(self._numbers)[at] == number)),
        )
        p.reach("ends", "a packet ends", leaves & words.payload.last)

    def elaborate(self, platform: object) -> Module:
        m, step, numbers = Module(), self._step, self._numbers
        beats, words, held = self.beats, self.words, self._held
        per_taken, per_given = self._taken // step, self._given // step
        complete = Signal()
        last = Signal()
        leaves = Signal()
        ends = Signal()
        enters = Signal()
        rest = Signal.like(held)
        m.d.comb += [
            complete.eq(self.loaded == self.beats_taken),
            last.eq(self.passed == self.beats_given - 1),
            words.valid.eq((held >= per_given) | complete),
            words.payload.last.eq(last),
            words.payload.numbers.as_value().eq(Cat(*numbers[: self._given])),
            leaves.eq(words.valid & words.ready),
            ends.eq(leaves & last),
            rest.eq(Mux(ends, 0, Mux(leaves, held - per_given, held))),
            beats.ready.eq((ends | ~complete) & (rest < per_given)),
            enters.eq(beats.valid & beats.ready),
        ]
        m.d.sync += [
            held.eq(rest + Mux(enters, per_taken, 0)),
            self.loaded.eq(Mux(ends, 0, self.loaded) + enters),
        ]
        with m.If(leaves):
            m.d.sync += self.passed.eq(Mux(last, 0, self.passed + 1))
        for i, number in enumerate(numbers):
            after: Any = numbers[i + self._given] if i + self._given < self._size else number
            kept = Mux(leaves, after, number)
            # By the place of the first number that comes; behind the last one that comes anything may be.
            places = [i - place * step for place in range(per_given)]
            ways = [kept if k < 0 else beats.payload[min(k, self._taken - 1)] for k in places]
            m.d.sync += number.eq(Mux(enters, choose(rest, [Value.cast(way) for way in ways]), kept))
        return m


class GearModel:
    """A :class:`Gear` as the numbers in it."""

    def __init__(self, taken: int, given: int, step: int, beats: tuple[int, int]) -> None:
        self._given, self._most = given, given - step
        self._taken_beats, self._given_beats = beats
        self._numbers: list[int] = []
        self._loaded = self._passed = self._taken = 0
        self._taken = taken

    def clock(
        self, *, beats_valid: int = 0, beats_payload: Sequence[int] = (), words_ready: int = 0
    ) -> dict[str, int | dict[str, Any] | None]:
        """Outputs of a clock with these inputs; ``None`` is what means nothing."""
        complete, last = self._loaded == self._taken_beats, self._passed == self._given_beats - 1
        valid = complete or len(self._numbers) >= self._given
        leaves = valid and bool(words_ready)
        offered: list[int | None] = [*self._numbers[: self._given]]
        offered += [None] * (self._given - len(offered))
        ends = leaves and last
        rest = [] if ends else self._numbers[self._given :] if leaves else self._numbers
        ready = (ends or not complete) and len(rest) <= self._most
        enters = bool(beats_valid) and ready
        result: dict[str, int | dict[str, Any] | None] = {
            "beats_ready": int(ready),
            "words_valid": int(valid),
            "words_payload": {"numbers": offered, "last": int(last)} if valid else None,
        }
        self._numbers = rest + (list(beats_payload) if enters else [])
        self._loaded = (0 if ends else self._loaded) + enters
        self._passed = 0 if ends else self._passed + leaves
        return result
