"""Design and mutant in one graph of gates, made to be asked whether anybody can tell one from the other."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import count

from rtl.mutation.aig import Aig
from rtl.mutation.mutants import SELECTOR

LookedAt = Mapping[str, Sequence[str]]
"""For bits of outputs that mean something at times only: see :func:`rtl.mutation.trace.looked_at`."""

_PATIENCE = 20
"""Rounds after which nothing more is asked of where a word has been read."""


class Pairing:
    """A graph of all mutants, of which one is compared with the design.

    Parameters
    ----------
    looked_at
        When bits of outputs mean something.
    direct
        Memories cut out that give a word in the clock of its address: read from another address, it can be any. Multipliers
        that are cut out are taken for such memories, their factors being the address.
    """

    def __init__(self, graph: Aig, looked_at: LookedAt, direct: frozenset[str] = frozenset()) -> None:
        self.graph, self._looked_at, self._direct = graph, looked_at, direct
        self._words = [k for k, name in enumerate(graph.inputs) if _memory(name, _WORD) in direct]

    def one_state(self, mutant: int) -> tuple[Aig, int]:
        """Both in one state; the literal says that an output, an address read or the next state differs."""
        graph = self.graph
        into, whole, other = self._alike(mutant)
        into.next = [at(whole, x) for x in graph.next]
        bad = [into.differ(a, at(other, x)) for a, x in zip(into.next, graph.next, strict=True)]
        return into, into.either([*bad, *self._outputs(into, whole, other, frozenset())])

    def two_machines(
        self, mutant: int, loose: frozenset[str] = frozenset(), apart: frozenset[int] | None = None
    ) -> tuple[Aig, int]:
        """Both side by side; the literal says that an output differs.

        They share the registers that the mutant cannot reach: those whose next state is the same gates in both.

        Parameters
        ----------
        loose
            Bits that memories are written with in which the two may differ: the mutant reads anything there.
        apart
            The registers that they do not share, if others are reached as well: the literal then says, too, that one of
            those will differ.
        """
        graph, n = self.graph, len(self.graph.latches)
        # The mutant may read other words.
        into = Aig([*graph.inputs, *(f"other {graph.inputs[k]}" for k in self._words)], [*graph.latches, *graph.latches])
        first = 1 + len(into.inputs)
        mine = [2 * k for k in (*range(1, 1 + len(graph.inputs)), *range(first, first + n))]
        own = [apart is None or k in apart for k in range(n)]
        whole, other = self._met(into, mine, lambda k: mine[len(graph.inputs) + k] + 2 * n * own[k], mutant, loose)
        into.next = [at(side, x) for side in (whole, other) for x in graph.next]
        shared = [into.differ(into.next[k], into.next[n + k]) for k in range(n) if not own[k]]
        return into, into.either([*shared, *self._outputs(into, whole, other, self._direct, loose)])

    def written_otherwise(self, mutant: int) -> frozenset[str]:
        """Bits that memories of words are written with which are not the same gates in both; both are in one state."""
        graph = self.graph
        _, whole, other = self._alike(mutant)
        names = {graph.inputs[k].replace(".RD_DATA", ".WR_DATA") for k in self._words}
        outputs = {name: graph.outputs[name] for name in names if name in graph.outputs}
        return frozenset(name for name, x in outputs.items() if at(whole, x) != at(other, x))

    def _alike(self, mutant: int) -> tuple[Aig, list[int], list[int]]:
        """A graph, and in it the literals of the design's gates and of the mutant's in the same state."""
        graph = self.graph
        into = Aig(list(graph.inputs), list(graph.latches))
        mine = [2 * k for k in range(1, into.first_gate)]
        whole, other = (graph.rebuild(into, self._chosen(mine, k)) for k in (0, mutant))
        return into, whole, other

    def _met(
        self,
        into: Aig,
        mine: list[int],
        theirs: Callable[[int], int],
        mutant: int,
        loose: frozenset[str] = frozenset(),
    ) -> tuple[list[int], list[int]]:
        """Literals of the design's gates and of the mutant's, whose registers are ``theirs`` where it reaches them."""
        graph, n = self.graph, len(self.graph.inputs)
        whole = graph.rebuild(into, self._chosen(mine, 0))
        apart: set[int] = set()
        strays = dict.fromkeys(sorted(self._direct), 0)
        for attempt in count():
            given = [theirs(k - n) if k - n in apart else x for k, x in enumerate(mine)]
            for i, k in enumerate(self._words):
                any_ = graph.inputs[k].replace(".RD_DATA", ".WR_DATA") in loose
                given[k] = into.choose(int(any_) or strays[_memory(graph.inputs[k], _WORD)], 2 * (1 + n + i), mine[k])
            other = graph.rebuild(into, self._chosen(given, mutant))
            reached = {k for k, x in enumerate(graph.next) if at(whole, x) != at(other, x)}
            found = self._strays(into, whole, other)
            if attempt > _PATIENCE:  # any word, wherever it comes from
                found = {name: int(stray != 0 or strays[name] != 0) for name, stray in found.items()}
            if reached <= apart and found == strays:
                return whole, other
            apart, strays = apart | reached, found
        raise AssertionError

    def _strays(self, into: Aig, whole: list[int], other: list[int]) -> dict[str, int]:
        """For each memory the literal that says that the two read it differently; for a multiplier, have other products."""
        ports: dict[tuple[str, str], list[int]] = {}
        for name, x in self.graph.outputs.items():
            if (memory := _memory(name, _ADDRESS)) in self._direct:
                ports.setdefault((memory, name.partition("[")[0].rpartition(".")[2]), []).append(x)
        result = dict.fromkeys(sorted(self._direct), 0)
        nothing: dict[str, list[int]] = {}
        for (memory, port), bits in ports.items():
            differs = (into.differ(at(whole, x), at(other, x)) for x in bits)
            result[memory] = into.either([result[memory], *differs])
            if port in _FACTORS:
                nothing.setdefault(memory, []).append(self._nothing(into, whole, other, bits))
        for multiplier, factors in nothing.items():
            result[multiplier] = into.both(result[multiplier], into.either(factors) ^ 1)
        return result

    def _nothing(self, into: Aig, whole: list[int], other: list[int], bits: list[int]) -> int:
        """That a word is 0 in both."""
        return into.either(at(side, x) for side in (whole, other) for x in bits) ^ 1

    def _chosen(self, values: list[int], mutant: int) -> list[int]:
        """The inputs, every selector being the number of the mutant."""
        result = list(values)
        bits = selection(self.graph.inputs, mutant)
        for k, name in enumerate(self.graph.inputs):
            result[k] = bits.get(name, result[k])
        return result

    def _outputs(
        self,
        into: Aig,
        whole: list[int],
        other: list[int],
        unread: frozenset[str],
        loose: frozenset[str] = frozenset(),
    ) -> list[int]:
        """For each output but ``loose`` ones whether it differs where somebody looks; reads of ``unread`` memories none."""
        outputs = self.graph.outputs

        def both(name: str) -> int:
            """That a bit is set in both, or clear where ``!`` precedes."""
            x, flip = outputs[name.removeprefix("!")], int(name.startswith("!"))
            return into.both(at(whole, x) ^ flip, at(other, x) ^ flip)

        result = []
        for name, x in outputs.items():
            if _memory(name, _ADDRESS) in unread or name in loose:
                continue
            # Whether somebody looks is itself an output: where the two do not agree on it, that one differs.
            differs = into.differ(at(whole, x), at(other, x))
            for one in self._looked_at.get(name, ()):
                differs = into.both(differs, both(one))
            if enables := _enables(self.graph, name):
                differs = into.both(differs, into.either(both(e) for e in enables))
            result.append(differs)
        return result


def selection(inputs: Sequence[str], mutant: int) -> dict[str, int]:
    """What the inputs that select a mutant are."""
    found = ((name, re.search(rf"(?:^|\.){SELECTOR}\[(\d+)\]$", name)) for name in inputs)
    return {name: mutant >> int(bit[1]) & 1 for name, bit in found if bit}


def at(literals: Sequence[int], x: int) -> int:
    """What a literal has become."""
    return literals[x >> 1] ^ (x & 1)


_FACTORS = ("A", "B")
_ADDRESS, _WORD = ("RD_ADDR", "RD_EN", *_FACTORS), ("RD_DATA", "Y")


def _memory(name: str, ports: tuple[str, ...]) -> str:
    """The memory one of whose ports a bit belongs to; empty if it is none."""
    memory, _, found = name.partition("[")[0].rpartition(".")
    return memory if found in ports else ""


def _enables(graph: Aig, name: str) -> list[str]:
    """The outputs of which one must be set for a bit of a memory's write port to mean anything; none if it always does."""
    base, _, index = name.partition("[")
    memory, _, port = base.rpartition(".")
    if port == "WR_DATA":
        return [f"{memory}.WR_EN" + ("[" + index if index else "")]
    if port == "WR_ADDR":
        return [n for n in graph.outputs if n.partition("[")[0] == f"{memory}.WR_EN"]
    return []
