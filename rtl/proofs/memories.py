"""Memories in proofs, whose contents are free but for one word, and synchronisers, which catch changes early or late."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from rtl.blocks.properties import Ram
from rtl.blocks.synchroniser import Synchroniser


class Undecided:
    """Synchronisers in proofs: every bit that changes is caught as what it is or, once more, as what it was.

    So a bit may be undecided, and may take longer than its neighbours, but no longer than until its source's next edge.
    """

    def __init__(self) -> None:
        self._number = 0

    def caught(self, m: Module, between: Synchroniser) -> tuple[Value, Signal]:
        """What the first register catches, and which bits are late: an input of the proof."""
        i, number = Value.cast(between.i), self._number
        self._number += 1
        late, was = Signal(len(i), name=f"late_{number}"), Signal(len(i), name=f"was_{number}", init=between.init)
        m.d[between.source] += was.eq(i)
        return i ^ (late & (i ^ was) & (i ^ between.first)), late


class FreeMemories:
    """The platform that a component is elaborated for to be proved: no RAM keeps what is written to it.

    Whatever may be in a RAM can be read, so that what is proved holds for all contents. Only the word that is written in a
    clock in which ``mark`` is set stays what it is until its address is written again.

    Attributes
    ----------
    free
        What comes out of the RAMs, and which bits synchronisers catch late: inputs of the proof.
    rams
        Their ports.
    """

    def __init__(self, mark: Signal) -> None:
        self._mark = mark
        self._undecided = Undecided()
        self.free: list[Signal] = []
        self.rams: list[Ram] = []

    def get_memory(self, memory: Memory) -> Module:
        """What stands for a RAM; called by :class:`amaranth.lib.memory.Memory`."""
        m, number = Module(), len(self.rams)
        marked = Signal(range(memory.depth), name=f"marked_address_{number}", reset_less=True)
        word = Signal(memory.shape, name=f"marked_word_{number}", reset_less=True)
        for port in memory.write_ports:
            with m.If(Value.cast(port.en).any() & (self._mark | (port.addr == marked))):
                m.d[port.domain] += [marked.eq(port.addr), word.eq(port.data)]
        for i, port in enumerate(memory.read_ports):
            anything = Signal(memory.shape, name=f"anything_{number}_{i}")
            self.free.append(anything)
            read: Any = anything
            if port.domain == "comb":
                read = self._steady(m, memory, port, anything)
            read = Mux(port.addr == marked, word, read) if memory.write_ports else anything
            if port.domain == "comb":
                m.d.comb += port.data.eq(read)
            else:
                with m.If(port.en):
                    m.d.sync += port.data.eq(read)
        writes, reads = ([port.addr for port in ports] for ports in (memory.write_ports, memory.read_ports))
        self.rams.append(Ram(memory.depth, len(Value.cast(word)), writes, reads, marked, Value.cast(word)))
        return m

    def get_caught(self, m: Module, between: Synchroniser) -> Value:
        """What the first register of a synchroniser catches (:class:`Undecided`)."""
        value, late = self._undecided.caught(m, between)
        self.free.append(late)
        return value

    def _steady(self, m: Module, memory: Memory, port: Any, anything: Signal) -> Value:
        """What was read a clock ago is read again, unless it was written meanwhile or another address is read."""
        number = len(self.free)
        known, at = Signal(name=f"known_{number}"), Signal.like(port.addr, name=f"last_address_{number}")
        last = Signal(memory.shape, name=f"last_word_{number}")
        written = [Value.cast(w.en).any() & (w.addr == port.addr) for w in memory.write_ports]
        m.d.sync += [known.eq(~Cat(*written).any()), at.eq(port.addr), last.eq(port.data)]
        return Mux(known & (at == port.addr), last, anything)
