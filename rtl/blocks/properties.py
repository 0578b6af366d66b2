"""Properties: what holds of a component in every clock, stated beside it and proved by ``rtl.proofs``."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
    """

    def __init__(self, module: Module, mark: Signal, rams: Sequence[Ram] = ()) -> None:
        self.module, self.mark, self.rams = module, mark, list(rams)
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

    def choose(self, name: str, statement: str, holds: Any) -> None:
        """The proof's own inputs keep this."""
        self.chosen.append(self._stated(name, statement, holds))

    def past(self, value: Any, name: str, clocks: int = 1) -> Any:
        """``value`` so many clocks ago; 0 before reset."""
        return delayed(self.module, value, clocks, name, valid=True)

    def since(self, event: Any, name: str, longest: int, first: int | None = None) -> Signal:
        """Clocks since ``event``, 1 in the clock after it; it stays at ``longest``, and begins with ``first``, or there."""
        passed = Signal(range(longest + 1), name=name, init=longest if first is None else first)
        self.module.d.sync += passed.eq(Mux(event, 1, Mux(passed >= longest, longest, passed + 1)))
        return passed

    def _stated(self, name: str, statement: str, holds: Any, reached: bool = False) -> Property:
        bit = Signal(name=name)
        self.module.d.comb += bit.eq(Value.cast(holds).any())
        return Property(name, statement, bit, tuple(p.name for p in self.concluded), reached)


def implies(condition: Any, consequence: Any) -> Value:
    """The consequence, where the condition is met."""
    return ~Value.cast(condition).any() | Value.cast(consequence).any()


def one_of(conditions: Iterable[Any]) -> Value:
    """Whether any of the conditions is met."""
    return Cat(*conditions).any()
