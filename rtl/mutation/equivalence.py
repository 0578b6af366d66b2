"""Whether a mutant that no co-simulation shows is a fault at all: proofs that its ports can never tell it from the design.

Design and mutant start alike, from the state at power-up, and are given the same inputs in every clock, reset and requests
included, whatever they are. What neither protocol nor memory looks at may differ: results that are not valid, words that are
not written. Each level asks for less than the one before, and costs more:

- *structure*: switched on, the mutant leaves the same gates;
- *any state*: in whatever state both are, they give the same outputs and go to the same state;
- *reachable states*: in every state that the design can come to, they do;
- *two machines*: side by side, their outputs and what they write to memories stay the same, whatever registers do
  and whichever words are read;
- *with memories*: their outputs do, whatever their accesses are; the memories are registers then.

Where the Verilog leaves a bit undefined, both take it for 0. The memories that a level cuts out give the same words to both:
they do as long as the same is written, and read from the same address. That it is written is what the level proves; a word
from another address can be any.
"""

import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from threading import Lock

from rtl.mutation.aig import Aig, read
from rtl.mutation.mutants import NETLIST, SELECTOR, Workbench, numbered_memories
from rtl.synthesis.tools import Deadline, Tool, ToolError, run

_GATES = "opt_expr; opt_clean; techmap; dffunmap; opt_expr; opt_clean; setundef -zero; aigmap; clean\n"
_CUT, _WHOLE = "cut", "whole"
_SCRIPTS = {
    _CUT: "memory_map\nhierarchy -generate memory_* direct_* o:RD_DATA i:*\n"
    "flatten\nsetundef -undriven -expose\nexpose -evert t:memory_* t:direct_*\n",
    _WHOLE: "flatten\nsetundef -undriven -expose\nmemory_map\nsetundef -zero\nopt_clean\n",
}
STRUCTURE, ANY_STATE, REACHABLE = "structure", "any state", "reachable states"
TWO_MACHINES, WITH_MEMORIES = "two machines", "with memories"
LEVELS = (STRUCTURE, ANY_STATE, REACHABLE, TWO_MACHINES, WITH_MEMORIES)
_PROVED = re.compile(r"^(?:Property proved|UNSATISFIABLE|Networks are equivalent)", re.MULTILINE)
_DIRECT = re.compile(r"^New module port: (\w+)/(\S+)\.RD_ADDR \(direct_\d+\)", re.MULTILINE)
_PATIENCE = 20
"""Rounds after which nothing more is asked of where a word has been read."""
_SHOWN = re.compile(r"was asserted in frame (\d+)")
_SEQUENTIAL = (
    "read_aiger {file}; strash; pdr -m -T {seconds:.0f}",
    "read_aiger {file}; strash; scorr; write_aiger {reduced}; pdr -m -T {seconds:.0f}",
    "read_aiger {file}; strash; scorr -F 2; write_aiger {reduced}; int -T {seconds:.0f}",
)
"""Property-directed reachability as it is, then behind induction over signals that are always equal; interpolation."""
_ONE, _REDUCED = "miter.aig", "reduced.aig"


class Prover:
    """Proofs about the mutants of one design.

    Parameters
    ----------
    bench
        Has written the netlist with all mutants.
    abc
        The tool.
    limit
        Seconds for each proof.
    watch
        Is told what takes long.
    """

    def __init__(self, bench: Workbench, abc: Tool, limit: float, watch: Callable[[str], None]) -> None:
        self._bench, self._abc, self._limit, self._watch = bench, abc, limit, watch
        self._graphs: dict[str, Aig] = {}
        self._direct: frozenset[str] = frozenset()
        self._one_at_a_time = Lock()

    def _graph(self, kind: str) -> Aig:
        """The design with all mutants, its memories cut out or made of registers."""
        with self._one_at_a_time:
            if kind not in self._graphs:
                self._watch(f"gates of the design, memories {'cut out' if kind == _CUT else 'as registers'}")
                folder, netlist = self._bench.folder, NETLIST
                if kind == _CUT:
                    netlist = "cut.il"
                    (folder / netlist).write_text(numbered_memories((folder / NETLIST).read_text()))
                begin = f"read_rtlil {netlist}\nhierarchy -top {self._bench.top}\n"
                script = f"{begin}{_SCRIPTS[kind]}{_GATES}write_aiger -zinit -symbols {kind}.aig\n"
                self._bench.run(script, Deadline(None))
                if kind == _CUT:
                    found = _DIRECT.findall((folder / "yosys.txt").read_text())
                    self._direct = frozenset(name for module, name in found if module == self._bench.top)
                self._graphs[kind] = read(folder / f"{kind}.aig")
            return self._graphs[kind]

    def quickly(self, mutant: int, folder: Path) -> str | None:
        """The level that proves a mutant equivalent, of those that take a moment."""
        graph, bad = one_state(self._graph(_CUT), mutant)
        if bad == 0:
            return STRUCTURE
        folder.mkdir(parents=True, exist_ok=True)
        graph.write(folder / _ONE, bad)
        said = self._said(f"read_aiger {_ONE}; comb; strash; cone -O 0; iprove", folder)
        return ANY_STATE if _PROVED.search(said) else None

    def thoroughly(self, mutant: int, folder: Path) -> tuple[str | None, int | None]:
        """The level that proves a mutant equivalent, of those that may take as long as they are given.

        If it is found to be none, in its place the clocks within which some inputs show the mutant.
        """
        folder.mkdir(parents=True, exist_ok=True)
        shown = None
        for level, kind in ((REACHABLE, _CUT), (TWO_MACHINES, _CUT), (WITH_MEMORIES, _WHOLE)):
            whole = self._graph(kind)
            direct = self._direct if kind == _CUT else frozenset[str]()
            graph, bad = one_state(whole, mutant) if level == REACHABLE else two_machines(whole, mutant, direct)
            if bad == 0:
                return level, None
            graph.write(folder / _ONE, bad)
            for script in _SEQUENTIAL:
                said = self._said(script.format(file=_ONE, reduced=_REDUCED, seconds=self._limit), folder)
                if _PROVED.search(said) or _is_zero(folder / _REDUCED):
                    return level, None
                if found := _SHOWN.search(said):
                    shown = int(found[1]) + 1
                    break
            else:
                shown = None
        return None, shown

    def _said(self, script: str, folder: Path) -> str:
        """What ABC says; nothing if it takes too long."""
        (folder / _REDUCED).unlink(missing_ok=True)
        try:
            run(self._abc, ["-q", script], folder, Deadline(3 * self._limit))  # not all of its commands know a limit
        except ToolError:
            return ""
        return (folder / f"{self._abc.name}.log").read_text(errors="replace")


def _is_zero(file: Path) -> bool:
    """Whether the one output of a graph, if it has been written, is constant 0."""
    if not file.exists():
        return False
    head, *rest = file.read_bytes().split(b"\n")
    latches, outputs = (int(x) for x in head.split()[3:5])
    return outputs == 1 and rest[latches] == b"0"


def one_state(graph: Aig, mutant: int) -> tuple[Aig, int]:
    """Design and mutant in one state; the literal says that an output or the next state differs."""
    into, values = _shared(graph)
    whole, other = (graph.rebuild(into, _chosen(graph, values, k)) for k in (0, mutant))
    into.next = [_at(whole, x) for x in graph.next]
    bad = [into.differ(a, _at(other, x)) for a, x in zip(into.next, graph.next, strict=True)]
    return into, into.either([*bad, *_outputs(graph, into, whole, other)])


def two_machines(graph: Aig, mutant: int, direct: frozenset[str] = frozenset()) -> tuple[Aig, int]:
    """Design and mutant side by side; the literal says that an output differs.

    They share the registers that the mutant cannot reach: those whose next state is the same gates in both.

    Parameters
    ----------
    direct
        Memories cut out that give a word in the clock of its address: read from another address, it can be any.
    """
    n, words = len(graph.inputs), [k for k, name in enumerate(graph.inputs) if _memory(name, "RD_DATA") in direct]
    into = Aig([*graph.inputs, *(f"other {graph.inputs[k]}" for k in words)], [*graph.latches, *graph.latches])
    first = 1 + n + len(words)
    mine = [2 * k for k in (*range(1, 1 + n), *range(first, first + len(graph.latches)))]
    whole = graph.rebuild(into, _chosen(graph, mine, 0))
    into.next = [_at(whole, x) for x in graph.next]
    apart: set[int] = set()
    strays = dict.fromkeys(direct, 0)
    for attempt in count():
        theirs = [x + 2 * len(graph.latches) if k - n in apart else x for k, x in enumerate(mine)]
        for at, k in enumerate(words):
            stray, fresh = strays[_memory(graph.inputs[k], "RD_DATA")], 2 * (1 + n + at)
            theirs[k] = into.both(into.both(stray, fresh) ^ 1, into.both(stray ^ 1, mine[k]) ^ 1) ^ 1
        other = graph.rebuild(into, _chosen(graph, theirs, mutant))
        reached = {k for k, x in enumerate(graph.next) if _at(whole, x) != _at(other, x)}
        found = _strays(graph, into, whole, other, direct)
        if attempt > _PATIENCE:  # any word, wherever it comes from
            found = {name: int(stray != 0 or strays[name] != 0) for name, stray in found.items()}
        if reached <= apart and found == strays:
            break
        apart, strays = apart | reached, found
    into.next += [_at(other, x) for x in graph.next]
    return into, into.either(_outputs(graph, into, whole, other, direct))


def _memory(name: str, port: str) -> str:
    """The memory whose port a bit belongs to; empty if it is none."""
    memory, _, found = name.partition("[")[0].rpartition(".")
    return memory if found == port else ""


def _strays(graph: Aig, into: Aig, whole: list[int], other: list[int], direct: frozenset[str]) -> dict[str, int]:
    """For each memory the literal that says that the two read it differently."""
    differs: dict[str, list[int]] = {name: [] for name in direct}
    for name, x in graph.outputs.items():
        if (memory := _memory(name, "RD_ADDR") or _memory(name, "RD_EN")) in direct:
            differs[memory].append(into.differ(_at(whole, x), _at(other, x)))
    return {memory: into.either(bits) for memory, bits in differs.items()}


def _shared(graph: Aig) -> tuple[Aig, list[int]]:
    into = Aig(list(graph.inputs), list(graph.latches))
    return into, [2 * k for k in range(1, into.first_gate)]


def _at(literals: list[int], x: int) -> int:
    return literals[x >> 1] ^ (x & 1)


def _chosen(graph: Aig, values: list[int], mutant: int) -> list[int]:
    """The inputs, every selector being the number of the mutant."""
    result = list(values)
    for k, name in enumerate(graph.inputs):
        if found := re.search(rf"(?:^|\.){SELECTOR}\[(\d+)\]$", name):
            result[k] = mutant >> int(found[1]) & 1
    return result


def _outputs(graph: Aig, into: Aig, whole: list[int], other: list[int], direct: frozenset[str] = frozenset()) -> list[int]:
    """For each output whether it differs where somebody looks at it; reads of ``direct`` memories are none."""
    result = []
    for name, x in graph.outputs.items():
        if (_memory(name, "RD_ADDR") or _memory(name, "RD_EN")) in direct:
            continue
        when = [into.both(_at(whole, v), _at(other, v)) for v in _looked_at(graph, name)]
        # Whether somebody looks is itself an output: where the two do not agree on it, that one differs.
        result.append(into.both(into.differ(_at(whole, x), _at(other, x)), into.either(when) if when else 1))
    return result


def _looked_at(graph: Aig, name: str) -> list[int]:
    """The outputs of which one must be set for another one to mean anything; none if it always does."""
    base, _, index = name.partition("[")
    memory, _, port = base.rpartition(".")
    if base == "results__payload":
        return [graph.outputs["results__valid"]]
    if base in ("bus__read_data", "bus__error"):
        return [graph.outputs["bus__done"]]
    if port == "WR_DATA":
        return [graph.outputs[f"{memory}.WR_EN" + ("[" + index if index else "")]]
    if port == "WR_ADDR":
        return [x for n, x in graph.outputs.items() if n.partition("[")[0] == f"{memory}.WR_EN"]
    return []
