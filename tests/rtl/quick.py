"""Amaranth's simulator with less of what changes nothing: the same simulation, in a fifth to a half of the time."""

import re
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from amaranth.hdl._ast import _StatementList
from amaranth.hdl._mem import MemoryInstance
from amaranth.sim import _pyrtl
from amaranth.sim.pysim import PySimEngine, _PyEngineState, _PyMemoryState, _PySignalState, _run_wakers

_UPDATE = re.compile(r"^( *)(slots\[(\d+)\])\.update\(next_\3(, .*)?\)$", re.MULTILINE)
_WRITE = re.compile(r"^( *)(slots\[\d+\]\.write\(\w+, \w+, (\w+)\))$", re.MULTILINE)
_SLOT = re.compile(r"\bslots\[(\d+)\]")
_TELLS = re.compile(r"\b(?:print|pin_blame)\(")
_SIGN = re.compile(r", -(0x[0-9a-f]+)\)")
_SIGNED = re.compile(r"^( *next_\d+ = )sign\((.*), -(\d+)\)$", re.MULTILINE)


class QuickEngine(PySimEngine):
    """Three things are left out: calls for registers that keep their value, edges of the clock, and values on the way.

    At an edge only those processes run of which a signal or memory has changed since they ran last: the others would come to
    what stands there already. Combinational ones run in the order in which they depend on each other, where there is one.
    """

    def __init__(self, design: Any) -> None:
        process, flush = _pyrtl.PyRTLProcess, _pyrtl._PythonEmitter.flush
        made: list = []  # the last is the one of which code is emitted

        def makes(**options: Any) -> Any:
            made.append(process(**options))
            return made[-1]

        def only_changes(emitter: Any, indent: str = "") -> str:
            code = flush(emitter, indent)
            slots = {int(slot) for slot in _SLOT.findall(code)}
            written = {int(found[2]) for found in _UPDATE.findall(code)}
            self._state.emitted(made[-1], slots, written, _TELLS.search(code) is not None)
            code = _UPDATE.sub(self._state.if_new, code)
            code = _SIGNED.sub(r"\1((\2) ^ \3) - \3", code)
            code = _SIGN.sub(r") ^ \1) - \1)", code).replace("sign(", "(((")
            return _WRITE.sub(r"\1if \3: \2", code)

        with ExitStack() as stack:
            for name, instead in (("comb_waker", _always), ("edge_waker", _at_edge), ("memory_waker", _always)):
                stack.enter_context(patch.object(_pyrtl, name, instead))
            stack.enter_context(patch.object(_pyrtl, "PyRTLProcess", makes))
            stack.enter_context(patch.object(_pyrtl._PythonEmitter, "flush", only_changes))
            stack.enter_context(patch("amaranth.sim.pysim._PyEngineState", _State))
            stack.enter_context(patch("amaranth.sim.pysim._FragmentCompiler", _InParts))
            super().__init__(design)
        self._compiled, self._processes = self._processes, set()  # what is left here are clocks and coroutines
        self._state.order([process for process in made if process.is_comb])
        self._state.wake_all()

    def reset(self) -> None:
        super().reset()
        self._state.wake_all()

    def step_design(self) -> None:
        if self._vcd_writers:
            raise NotImplementedError("waveforms: take Amaranth's own engine")
        state, ready = self._state, self._state.ready
        while True:
            for trigger in self._active_triggers:
                trigger.run()
            self._active_triggers.clear()
            for process in self._processes:
                if process.runnable:
                    process.runnable = False
                    process.run()
            for level in ready:
                if level:
                    processes = list(level)
                    level.clear()
                    for process in processes:
                        process.run()
                    break
            self._delta_cycles += 1
            if state.commit() and not any(ready):
                return


class _InParts(_pyrtl._FragmentCompiler):
    """Makes a process of statements that drive the same, not of all in a module: it runs seldom, and its turn is clear."""

    def __call__(self, fragment: Any) -> set:
        if isinstance(fragment, MemoryInstance):
            return super().__call__(fragment)
        processes = super().__call__(SimpleNamespace(statements={}, subfragments=fragment.subfragments))
        for domain, statements in fragment.statements.items():
            for part in _parts(statements):
                one = SimpleNamespace(statements={domain: part}, domains=fragment.domains, subfragments=())
                processes |= super().__call__(one)
        return processes


def _parts(statements: Any) -> list[_StatementList]:
    """Statements in order, those together that drive a signal in common; what only says something is alone."""
    part_of: dict[Any, list] = {}
    for at, statement in enumerate(statements):
        driven = [id(signal) for signal in statement._lhs_signals()] or [-1 - at]
        known = {id(part): part for part in (part_of.get(signal) for signal in driven) if part is not None}
        joined = [(at, driven, statement), *(entry for part in known.values() for entry in part)]
        part_of.update((signal, joined) for _, signals, _ in joined for signal in signals)
    parts = {id(part): sorted(part, key=lambda entry: entry[0]) for part in part_of.values()}
    return [_StatementList(statement for _, _, statement in part) for part in parts.values()]


class _Wakes:
    """In place of a function that wakes a process: whom, and at which value of a signal."""

    def __init__(self, process: Any, polarity: int | None) -> None:
        self.process, self.polarity = process, polarity


def _always(process: Any) -> _Wakes:
    return _Wakes(process, None)


def _at_edge(process: Any, polarity: int) -> _Wakes:
    return _Wakes(process, polarity)


class _Edge:
    """An edge of a signal: the processes that wait for it, and those of them that would come to something new."""

    def __init__(self) -> None:
        self.processes: list = []
        self.due: set = set()


class _Slot:
    """What a signal and a memory have in common: the processes that read it, and into which sets they go when it changes."""

    __slots__ = ()
    readers: list
    told: list[tuple[set, list]]

    def tell(self, to: set, process: Any) -> None:
        """Put a process into a set at every change."""
        for known, processes in self.told:
            if known is to:
                processes.append(process)
                return
        self.told.append((to, [process]))


class _Signal(_Slot, _PySignalState):
    __slots__ = ("edges", "readers", "told")

    def __init__(self, signal: Any, pending: set) -> None:
        super().__init__(signal, pending)
        self.readers, self.told = [], []
        self.edges: dict[int, _Edge] = {}


class _Memory(_Slot, _PyMemoryState):
    __slots__ = ("readers", "told")

    def __init__(self, memory: Any, pending: set) -> None:
        super().__init__(memory, pending)
        self.readers, self.told = [], []

    def commit(self) -> bool:
        for to, processes in self.told:
            to.update(processes)
        return super().commit()


class _State(_PyEngineState):
    """Signals and memories, and the processes that are ready to run: those at an edge, then combinational ones in order."""

    def __init__(self) -> None:
        super().__init__()
        self.ready: list[set] = [set()]
        self.combinational: list = []
        self.waits: dict[Any, list[tuple[int, _Edge]]] = {}
        self.written: dict[Any, set[int]] = {}

    def commit(self, changed: set | None = None) -> bool:
        converged, fired = True, []
        for slot in self.pending:
            if slot.__class__ is _Memory:
                converged &= not slot.commit()
            elif slot.curr != slot.next:
                converged = False
                for to, processes in slot.told:
                    to.update(processes)
                if slot.edges and slot.next in slot.edges:
                    fired.append(slot.edges[slot.next])
                if slot.wakers:
                    _run_wakers(slot.wakers, slot.curr, slot.next)
                slot.curr = slot.next
        self.pending.clear()
        for edge in fired:  # only now, as values that change together with the clock are seen at this edge
            self.ready[0].update(edge.due)
            edge.due.clear()
        return converged

    def if_new(self, found: re.Match[str]) -> str:
        """In place of a call that gives a signal its next value, or some bits of it."""
        indent, slot, number, mask = found[1], found[2], int(found[3]), int(found[4][2:])
        if mask not in (-1, (1 << len(self.slots[number].signal)) - 1):
            return f"{indent}if {slot}.next != next_{number}: {slot}.update(next_{number}, {mask})"
        return f"{indent}if (slot := {slot}).next != next_{number}: slot.next = next_{number}; slot.pending.add(slot)"

    def emitted(self, process: Any, slots: set[int], written: set[int], tells: bool) -> None:
        """Of a process that waits for edges, what it depends on; one that says or checks something does so every time."""
        self.written[process] = written
        for clock, edge in self.waits.get(process, ()):
            for slot in slots | ({clock} if tells else set()):
                self.slots[slot].tell(edge.due, process)

    def order(self, combinational: list) -> None:
        """Levels of combinational processes, each behind what it depends on; of a circle, one has to be the first."""
        self.combinational = combinational
        level: dict[Any, int] = {}
        if not any(slot.is_comb and slot.edges for slot in self.slots if isinstance(slot, _Signal)):
            level = self._levels(combinational)
        self.ready += [set() for _ in range(1 + max(level.values(), default=0))]
        for slot in self.slots:
            for process in slot.readers:
                slot.tell(self.ready[1 + level.get(process, 0)], process)

    def _levels(self, combinational: list) -> dict[Any, int]:
        follow = {p: {q for slot in self.written[p] for q in self.slots[slot].readers if q is not p} for p in combinational}
        behind: list = []  # each process before those that it depends on, but for circles
        done: set = set()
        for start in combinational:
            stack = [(start, iter(follow[start]))] if start not in done else []
            done.add(start)
            while stack:
                process, rest = stack[-1]
                for other in rest:
                    if other not in done:
                        done.add(other)
                        stack.append((other, iter(follow[other])))
                        break
                else:
                    stack.pop()
                    behind.append(process)
        place = {process: k for k, process in enumerate(reversed(behind))}
        level = dict.fromkeys(place, 0)
        for process in place:
            for other in follow[process]:
                if place[other] > place[process]:
                    level[other] = max(level[other], level[process] + 1)
        return level

    def wake_all(self) -> None:
        """Combinational processes run now, all others at their next edge."""
        for level in self.ready:
            level.clear()
        self.ready[1].update(self.combinational)
        for waits in self.waits.values():
            for _, edge in waits:
                edge.due.update(edge.processes)

    def get_signal(self, signal: Any) -> int:
        if signal not in self.signals:
            self.signals[signal] = len(self.slots)
            self.slots.append(_Signal(signal, self.pending))
        return self.signals[signal]

    def get_memory(self, memory: Any) -> int:
        if memory not in self.memories:
            self.memories[memory] = len(self.slots)
            self.slots.append(_Memory(memory, self.pending))
        return self.memories[memory]

    def add_signal_waker(self, signal: Any, waker: Any) -> None:
        slot = self.get_signal(signal)
        if not isinstance(waker, _Wakes):
            self.slots[slot].add_waker(waker)
        elif waker.polarity is None:
            self.slots[slot].readers.append(waker.process)
        else:
            edge = self.slots[slot].edges.setdefault(waker.polarity, _Edge())
            edge.processes.append(waker.process)
            self.waits.setdefault(waker.process, []).append((slot, edge))

    def add_memory_waker(self, memory: Any, waker: Any) -> None:
        slot = self.slots[self.get_memory(memory)]
        if isinstance(waker, _Wakes):
            slot.readers.append(waker.process)
        else:
            slot.add_waker(waker)
