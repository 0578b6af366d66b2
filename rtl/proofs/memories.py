"""Memories in proofs: their contents are free, but for one word."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from rtl.blocks.properties import Ram


class FreeMemories:
    """The platform that a component is elaborated for to be proved: no RAM keeps what is written to it.

    Whatever may be in a RAM can be read, so that what is proved holds for all contents. Only the word that is written in a
    clock in which ``mark`` is set stays what it is until its address is written again.

    Attributes
    ----------
    free
        What comes out of the RAMs: inputs of the proof.
    rams
        Their ports.
    """

    def __init__(self, mark: Signal) -> None:
        self._mark = mark
        self.free: list[Signal] = []
        self.rams: list[Ram] = []

    def get_memory(self, memory: Memory) -> Module:
        """What stands for a RAM; called by :class:`amaranth.lib.memory.Memory`."""
        m, number = Module(), len(self.rams)
        marked = Signal(range(memory.depth), name=f"marked_address_{number}", reset_less=True)
        word = Signal(memory.shape, name=f"marked_word_{number}", reset_less=True)
        for port in memory.write_ports:
            with m.If(Value.cast(port.en).any() & (self._mark | (port.addr == marked))):
                m.d.sync += [marked.eq(port.addr), word.eq(port.data)]
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

    def _steady(self, m: Module, memory: Memory, port: Any, anything: Signal) -> Value:
        """What was read a clock ago is read again, unless it was written meanwhile or another address is read."""
        number = len(self.free)
        known, at = Signal(name=f"known_{number}"), Signal.like(port.addr, name=f"last_address_{number}")
        last = Signal(memory.shape, name=f"last_word_{number}")
        written = [Value.cast(w.en).any() & (w.addr == port.addr) for w in memory.write_ports]
        m.d.sync += [known.eq(~Cat(*written).any()), at.eq(port.addr), last.eq(port.data)]
        return Mux(known & (at == port.addr), last, anything)
