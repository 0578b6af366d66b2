"""Whether a mutant that no co-simulation shows is a fault at all: proofs that its ports can never tell it from the design.

Design and mutant start alike, from the state at power-up, and are given the same inputs in every clock, reset and requests
included, whatever they are (:mod:`rtl.mutation.environment`). What neither protocol nor memory looks at may differ: results
that are not valid, words that are not written. Each level asks for less than the one before, and costs more:

- *structure*: switched on, the mutant leaves the same gates;
- *any state*: in whatever state both are, they give the same outputs and go to the same state;
- *reachable states*: in every state that the design can come to, they do;
- *a few apart*: the few registers in which a simulation has seen the two differ are there twice; in all others they agree;
- *two machines*: side by side, their outputs and what they write to memories stay the same, whatever registers do
  and whichever words are read; but for bits of words that may be anything when they are read;
- *with memories*: their outputs do, whatever their accesses are; the memories are registers then.

Where the Verilog leaves a bit undefined, both take it for 0. The memories that a level cuts out give the same words to both:
they do as long as the same is written, and read from the same address. That it is written is what the level proves; a word
from another address can be any.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np

from rtl.mutation import aig_kernel
from rtl.mutation.aig import Aig, read
from rtl.mutation.differing import seen_apart
from rtl.mutation.environment import surrounded
from rtl.mutation.mutants import NETLIST, Workbench, empty_bits, with_ports
from rtl.mutation.pairing import Pairing, selection
from rtl.mutation.trace import Trace, columns, inputs, looked_at
from rtl.synthesis.tools import Deadline, Tool, ToolError, run
from rtl.verilog.emission import Verilog

_GATES = "opt_expr; opt_clean; techmap; dffunmap; opt_expr; opt_clean; setundef -zero -init; aigmap; clean\n"
_FREE, _CUT, _WHOLE = "free", "cut", "whole"
_FLAT = "flat.il"
# Registers that never change are constants, each bit for itself.
_FLATTEN = f"""flatten
setundef -zero
simplemap t:$mux
opt_expr
opt_dff -nodffe -nosdff
opt_expr
opt_clean
write_rtlil {_FLAT}
"""
_PORTS = (
    "memory_map\nhierarchy -generate memory_* direct_* o:RD_DATA i:*\n"
    "hierarchy -generate product_* o:Y i:*\n"
    "setundef -undriven -expose\nexpose -evert t:memory_* t:direct_* t:product_*\n"
)
_SCRIPTS = {
    _FREE: _PORTS,
    _CUT: _PORTS,
    _WHOLE: "setundef -undriven -expose\nmemory_map\nsetundef -zero\nopt_clean\n",
}
_TOLD = {
    _FREE: "memories and multipliers cut out",
    _CUT: "memories cut out",
    _WHOLE: "memories as registers",
}
STRUCTURE, ANY_STATE, REACHABLE = "structure", "any state", "reachable states"
A_FEW_APART, TWO_MACHINES, WITH_MEMORIES = "a few apart", "two machines", "with memories"
LEVELS = (STRUCTURE, ANY_STATE, REACHABLE, A_FEW_APART, TWO_MACHINES, WITH_MEMORIES)
_PROVED = re.compile(r"^(?:Property proved|UNSATISFIABLE|Networks are equivalent)", re.MULTILINE)
_DIRECT = re.compile(r"^New module port: (\w+)/(\S+)\.(?:RD_ADDR \(direct|A \(product)_\d+\)", re.MULTILINE)
_SHOWN = re.compile(r"was asserted in frame (\d+)")
_SEQUENTIAL = (
    "read_aiger {file}; strash; pdr -m -T {seconds:.0f}",
    "read_aiger {file}; strash; scorr; write_aiger {reduced}; pdr -m -T {seconds:.0f}",
    "read_aiger {file}; strash; scorr -F 2; write_aiger {reduced}; int -T {seconds:.0f}",
)
"""Property-directed reachability as it is, then behind induction over signals that are always equal; interpolation."""
_ONE, _REDUCED = "miter.aig", "reduced.aig"


Found = int | Literal[True] | None
"""That something is never so; or the clocks in which it can be, if that is found."""


class Prover:
    """Proofs about the mutants of one design.

    Parameters
    ----------
    bench
        Has written the netlist with all mutants.
    emitted
        The design.
    trace
        A co-simulation, for what usually happens.
    abc
        The tool.
    limit
        Seconds for each proof.
    watch
        Is told what takes long.
    """

    def __init__(
        self,
        bench: Workbench,
        emitted: Verilog,
        trace: Trace,
        abc: Tool,
        limit: float,
        watch: Callable[[str], None],
    ) -> None:
        self._bench, self._abc, self._limit, self._watch = bench, abc, limit, watch
        self._looked_at, self._column, self._given = looked_at(emitted), columns(inputs(emitted)), trace.given
        self._graphs: dict[str, tuple[Aig, frozenset[str], set[str]]] = {}
        self._one_at_a_time = Lock()

    def _pairing(self, kind: str, mutant: int) -> Pairing:
        """The design with all mutants, its memories cut out or made of registers, to compare one of them."""
        with self._one_at_a_time:
            if kind not in self._graphs:
                self._watch(f"gates of the design, {_TOLD[kind]}")
                folder, netlist, direct = self._bench.folder, _FLAT, frozenset[str]()
                if not (folder / _FLAT).exists():
                    self._bench.run(f"read_rtlil {NETLIST}\nhierarchy -top {self._bench.top}\n{_FLATTEN}", Deadline(None))
                if kind != _WHOLE:
                    netlist = f"{kind}.il"
                    (folder / netlist).write_text(with_ports((folder / _FLAT).read_text(), products=kind == _FREE))
                begin = f"read_rtlil {netlist}\nhierarchy -top {self._bench.top}\n"
                script = f"{begin}{_SCRIPTS[kind]}{_GATES}write_aiger -zinit -symbols {kind}.aig\n"
                self._bench.run(script, Deadline(None))
                if kind != _WHOLE:
                    found = _DIRECT.findall((folder / "yosys.txt").read_text())
                    direct = frozenset(name for module, name in found if module == self._bench.top)
                empty = empty_bits((folder / _FLAT).read_text())
                self._graphs[kind] = read(folder / f"{kind}.aig"), direct, empty
        graph, direct, empty = self._graphs[kind]
        # What is never set in the one nor in the other need not be looked at.
        idle = _constants(graph, empty, 0) & _constants(graph, empty, mutant)
        return Pairing(surrounded(graph.grounded(idle)), self._looked_at, direct)

    def quickly(self, mutant: int, folder: Path) -> str | None:
        """The level that proves a mutant equivalent, of those that take a moment."""
        graph, bad = self._pairing(_CUT, mutant).one_state(mutant)
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
        of = cache(lambda kind: self._pairing(kind, mutant))

        def beside(kind: str, scripts: Sequence[str] = _SEQUENTIAL) -> Found:
            return self._never(*of(kind).two_machines(mutant), folder, scripts)

        attempts: tuple[tuple[str, Callable[[], Found]], ...] = (
            (REACHABLE, lambda: self._never(*of(_CUT).one_state(mutant), folder)),
            (A_FEW_APART, lambda: self._apart(of(_CUT), mutant, folder)),
            (TWO_MACHINES, lambda: beside(_FREE, _SEQUENTIAL[:1])),
            (TWO_MACHINES, lambda: self._loosely(of(_CUT), mutant, folder)),
            (A_FEW_APART, lambda: self._apart(of(_WHOLE), mutant, folder)),
            (TWO_MACHINES, lambda: beside(_CUT)),
            (WITH_MEMORIES, lambda: beside(_WHOLE)),
        )
        found: Found = None
        for level, attempt in attempts:
            if (found := attempt()) is True:
                return level, None
        return None, found or None

    def _loosely(self, pairing: Pairing, mutant: int, folder: Path) -> bool:
        """Whether the two are alike, whatever is in the bits of memories that are written otherwise."""
        loose = pairing.written_otherwise(mutant)
        return bool(loose) and self._never(*pairing.two_machines(mutant, loose), folder, _SEQUENTIAL[:2]) is True

    def _apart(self, pairing: Pairing, mutant: int, folder: Path) -> bool:
        """Whether the two agree for ever in all registers but those in which a simulation has seen them differ."""
        apart = seen_apart(pairing, mutant, self._given, self._column)
        return self._never(*pairing.two_machines(mutant, apart=apart), folder, _SEQUENTIAL[:2]) is True

    def _never(self, graph: Aig, bad: int, folder: Path, scripts: Sequence[str] = _SEQUENTIAL) -> Found:
        """Whether a literal is never set; else in how many clocks it can be, if that is found."""
        if bad == 0:
            return True
        graph.write(folder / _ONE, bad)
        for script in scripts:
            said = self._said(script.format(file=_ONE, reduced=_REDUCED, seconds=self._limit), folder)
            if _PROVED.search(said) or _is_zero(folder / _REDUCED):
                return True
            if found := _SHOWN.search(said):
                return int(found[1]) + 1
        return None

    def _said(self, script: str, folder: Path) -> str:
        """What ABC says; nothing if it takes too long."""
        (folder / _REDUCED).unlink(missing_ok=True)
        try:
            run(self._abc, ["-q", script], folder, Deadline(3 * self._limit))  # not all of its commands know a limit
        except ToolError:
            return ""
        return (folder / f"{self._abc.name}.log").read_text(errors="replace")


def _constants(graph: Aig, empty: set[str], mutant: int) -> set[int]:
    """Registers and bits of memories that are 0 for ever with this mutant, as nodes; ``empty`` ones are 0 at the start."""
    # Some inputs have no name: what registers hold at power-up is one where the Verilog leaves it undefined.
    place = {name: k for k, name in enumerate(graph.inputs) if name}
    later = np.full(len(graph.inputs), -1, np.int64)
    can = np.full(len(graph.inputs), 3, np.uint8)
    for name, x in graph.outputs.items():
        read = name.replace(".WR_DATA", ".RD_DATA")
        if read != name and read in empty and read in place:
            can[place[read]], later[place[read]] = 1, x
    chosen = {place[name]: bit for name, bit in selection(graph.inputs, mutant).items()}
    for k, bit in chosen.items():
        can[k] = 2 if bit else 1
    gates, next_ = np.array(graph.gates, np.int64).reshape(-1, 2), np.array(graph.next, np.int64)
    reached = aig_kernel.reached(gates, next_, can, later)
    return {k for k in range(1, graph.first_gate) if reached[k] == 1 and k - 1 not in chosen}


def _is_zero(file: Path) -> bool:
    """Whether the one output of a graph, if it has been written, is constant 0."""
    if not file.exists():
        return False
    head, *rest = file.read_bytes().split(b"\n")
    latches, outputs = (int(x) for x in head.split()[3:5])
    return outputs == 1 and rest[latches] == b"0"
