"""Properties: what holds of a component in every clock, stated beside it and proved by ``rtl.proofs``."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from rtl.blocks.delay import delayed


@dataclass(frozen=True, eq=False)
class Property:
    """A statement about a component.

    Attributes
    ----------
    name
        Short, unique for the component.
    statement
        What it says, in words.
    holds
        1 in every clock after reset.
    given
        Names of conclusions that it may rely on.
    reached
        It is no rule but a state that must be possible: ``holds`` is 1 in some clock.
    """

    name: str
    statement: str
    holds: Value
    given: tuple[str, ...] = ()
    reached: bool = False


@dataclass(frozen=True, eq=False)
class Ram:
    """A RAM of a component, as the proof sees it.

    Attributes
    ----------
    depth, width
        Words, bits of a word.
    writes, reads
        Addresses of its ports.
    marked, word
        Address and content of the word that was written in the marked clock.
    """

    depth: int
    width: int
    writes: list[Value]
    reads: list[Value]
    marked: Value
    word: Value


class Monitor:
    """Collects what a component states about itself; what must be remembered for that lies beside the component.

    Nothing of it is in the design: ``module`` is that of the proof, with the component in it.

    Attributes
    ----------
    required, assumed
        What is to be proved, and what is taken for granted of the component's inputs. Whatever surrounds a component proves
        what the component assumes.
    concluded
        What follows from all that is required before it, and is taken for granted by all that is required after it.
    chosen
        What the proof keeps of its own inputs.
    mark
        An input: in the clock in which it is set, RAMs are written what statements about contents are made for.
    rams
        The component's RAMs; none where they are real.
    longest
        Clocks, the most that a statement looks back.
    counters
        What :meth:`since` has made, by name.
    """

    def __init__(self, module: Module, mark: Signal, rams: Sequence[Ram] = ()) -> None:
        self.module, self.mark, self.rams, self.prefix = module, mark, list(rams), ""
        self.longest = 1
        self.counters: dict[str, Signal] = {}
        self.required: list[Property] = []
        self.assumed: list[Property] = []
        self.concluded: list[Property] = []
        self.chosen: list[Property] = []

    def require(self, name: str, statement: str, holds: Any) -> None:
        """The component keeps this."""
        self.required.append(self._stated(name, statement, holds))

    def assume(self, name: str, statement: str, holds: Any) -> None:
        """Whoever drives the component keeps this."""
        self.assumed.append(self._stated(name, statement, holds))

    def reach(self, name: str, statement: str, condition: Any) -> None:
        """Some clock is so: what is proved is not true for want of such clocks."""
        self.required.append(self._stated(name, statement, condition, reached=True))

    def conclude(self, name: str, statement: str, holds: Any) -> None:
        """What is required so far, of a word or a clock that is any one, says this of every one."""
        self.concluded.append(self._stated(name, statement, holds))

    def rely(self) -> None:
        """What is required from here on may rely on what has been so far."""
        self.concluded += [p for p in self.required if not p.reached and p not in self.concluded]

    def choose(self, name: str, statement: str, holds: Any) -> None:
        """The proof's own inputs keep this."""
        self.chosen.append(self._stated(name, statement, holds))

    def include(self, name: str, part: Any) -> None:
        """A part inside states what it keeps, and what it assumes, of the whole: the same inputs are the whole's."""
        inner = self._inner(name, part)
        self.required += [self._as_stated(p) for p in inner.required]
        self.assumed += inner.assumed
        self.chosen += inner.chosen

    def surround(self, name: str, part: Any, proved: Sequence[str] = (), lemmas: Sequence[str] = ()) -> "Monitor":
        """What a part inside assumes is required; what it concludes of itself is given.

        Parameters
        ----------
        proved
            Assumptions that are proved elsewhere.
        lemmas
            What the part keeps and is proved once more, because it helps.
        """
        inner = self._inner(name, part)
        short = {p: p.name.removeprefix(inner.prefix) for p in (*inner.assumed, *inner.required)}
        self.required += [self._as_stated(p) for p in inner.assumed if short[p] not in proved]
        self.required += [self._as_stated(p) for p in inner.required if short[p] in lemmas]
        self.chosen += [*inner.chosen, *(p for p in inner.concluded if p not in inner.required)]
        return inner

    def given(self, name: str, part: Any) -> "Monitor":
        """A part that assumes nothing of the others keeps what it states, which is proved by itself."""
        inner = self._inner(name, part)
        self.assumed += inner.assumed
        self.chosen += [*inner.chosen, *(p for p in inner.required if not p.reached)]
        return inner

    def _inner(self, name: str, part: Any) -> "Monitor":
        inner = Monitor(self.module, self.mark, self.rams)
        inner.prefix = f"{self.prefix}{name}_"
        part.properties(inner)
        self.longest = max(self.longest, inner.longest)
        return inner

    def past(self, value: Any, name: str, clocks: int = 1) -> Any:
        """``value`` so many clocks ago; 0 before reset."""
        self.longest = max(self.longest, clocks)
        return delayed(self.module, value, clocks, name, valid=True)

    def since(self, event: Any, name: str, longest: int, first: int | None = None) -> Signal:
        """Clocks since ``event``, 1 in the clock after it; it stays at ``longest``, and begins with ``first``, or there."""
        passed = self.counters[name] = Signal(range(longest + 1), name=name, init=longest if first is None else first)
        self.module.d.sync += passed.eq(Mux(event, 1, Mux(passed >= longest, longest, passed + 1)))
        return passed

    def _as_stated(self, p: Property) -> Property:
        """A part's property among one's own."""
        return replace(p, given=tuple(known.name for known in self.concluded))

    def _stated(self, name: str, statement: str, holds: Any, reached: bool = False) -> Property:
        name = f"{self.prefix}{name}"
        bit = Signal(name=name)
        self.module.d.comb += bit.eq(Value.cast(holds).any())
        return Property(name, statement, bit, tuple(p.name for p in self.concluded), reached)


def implies(condition: Any, consequence: Any) -> Value:
    """The consequence, where the condition is met."""
    return ~Value.cast(condition).any() | Value.cast(consequence).any()


def one_of(conditions: Iterable[Any]) -> Value:
    """Whether any of the conditions is met."""
    return Cat(*conditions).any()


def modulo(x: Value, y: Value, by: int, times: int = 2) -> Value:
    """Whether x, less than so many times ``by``, is y modulo ``by``."""
    return Cat(x == y + k * by for k in range(times)).any()
