"""The registers of an interface, clock by clock."""

from typing import Any

from rtl.ports.interface_table import CAUSES, DRAINED, ERROR, LOAD, OFFSETS, PARAMETERS, SEND
from rtl.ports.register_map import CONTROL, EMPTY, STATUS, WIDTH

_REACTION = 2
_MODELLED = {"MISFRAMED": 0, "REFUSED": 0, "UNFIT": 0, "INTERRUPT_ENABLE": (1 << CAUSES) - 1, "INTERRUPT_STATUS": 1 << ERROR}
"""Bits that may be 1 in a word that is written, of the registers that can be."""


class InterfaceRegistersModel:
    """The :class:`rtl.ports.interface_registers.InterfaceRegisters`, clock by clock.

    Parameters
    ----------
    bits
        Of the accelerator's addresses.
    block_bits
        Of those that are no memory's, where there is a stream of parameters.
    """

    def __init__(self, bits: int, block_bits: int | None) -> None:
        self._bits, self._block_bits = bits, block_bits
        self._load, self._send, self._passes, self._barred = 0, 0, False, False
        self._counts, self._enable, self._error = [0, 0, 0], 0, 0
        self._done, self._found, self._bad, self._drained = 0, 0, 0, 1
        self._passed = [0] * _REACTION

    def clock(self, **inputs: Any) -> dict[str, int | None]:
        """Outputs of a clock with these inputs, ``None`` for what means nothing; interfaces' ports are ``name_port``."""

        def given(name: str) -> int:
            return int(inputs.get(name, 0))

        ours, offset = divmod(given("bus_address"), 1 << self._bits)
        request, write, word = given("bus_request"), given("bus_write"), given("bus_write_data")
        waits = bool(given("waiting") or any(self._passed))
        streams = self._load | self._send | given("loading") | given("sending")
        if not self._done:
            runs = offset == CONTROL and write and word & 1
            at_memory = self._block_bits is not None and offset >> self._block_bits > 0
            self._barred = bool(streams and not ours and not self._passes and (at_memory or runs))
        own, ours = ours, ours or self._barred
        causes = given("result") | self._drained << DRAINED | self._error << ERROR
        done = self._done or given("inner_done")
        error = self._bad if ours else given("inner_error")
        read = given("inner_read_data")
        if offset == STATUS and waits:
            read &= ~(1 << EMPTY)
        result: dict[str, int | None] = {
            "inner_request": int(request and not ours),
            "inner_write": write,
            "inner_address": offset,
            "inner_write_data": word,
            "bus_done": int(done),
            "bus_error": int(done and error),
            "bus_read_data": (self._found if ours else read) if done and not error else None,
            "causes": causes,
            "interrupt": int(causes & self._enable != 0),
        }
        if self._block_bits is not None:
            result |= {"load": self._load, "send": self._send}
        self._passes = bool(result["inner_request"]) and not given("inner_done")
        takes = request and ours and not self._done
        values = [*self._counts, given("level"), self._enable, causes]
        known = OFFSETS if self._block_bits is None else (*OFFSETS, PARAMETERS)
        values.append(given("loading") | given("sending") << 1 | given("loaded") << 2)
        register = known[offset] if own and offset < len(known) else None
        legal = register is not None and register.name in _MODELLED and not word & ~_MODELLED[register.name]
        if register is PARAMETERS:
            free = given("quiet") and given("empty") and not waits and not streams
            legal = word == 0 or (word == 1 and bool(self._load or free)) or (word == 2 and bool(free))
        self._found = values[offset] if register is not None else 0
        self._bad = int(register is None or bool(write and not legal))
        cleared = offset if takes and write and legal else None
        events = [given(name) for name in ("misframed", "refused", "unfit")]
        for i, event in enumerate(events):
            kept = 0 if cleared == i else self._counts[i]
            self._counts[i] = min(kept + event, (1 << WIDTH) - 1)
        if cleared == 4:
            self._enable = word
        self._send = int(cleared == PARAMETERS.address and word == 1 << SEND)
        if cleared == PARAMETERS.address:
            self._load = int(word == 1 << LOAD)
        happened = any(events) or given("illegal") or (done and error)
        if happened or (cleared == 5 and word >> ERROR & 1):
            self._error = int(bool(happened))
        self._drained = int(not waits and given("empty"))
        self._passed = [given("waiting"), *self._passed[:-1]]
        self._done = int(bool(takes))
        return result
