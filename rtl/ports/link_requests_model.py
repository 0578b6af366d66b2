"""What a serial link makes of requests, clock by clock, told as a program that waits."""

from collections.abc import Generator
from typing import Any

PATIENCE = 256

Clocks = Generator[dict[str, Any], dict[str, int], Any]
"""Yields the outputs of a clock, is sent the inputs of the next."""


class LinkRequestsModel:
    """A :class:`rtl.ports.link_requests.LinkRequests` as a program."""

    def __init__(self, words: int, capacity: int) -> None:
        self._words, self._capacity = words, capacity
        self.busy, self.reply = 0, 0
        """Outputs of the clock to come, which follow from no input."""
        self._given: dict[str, int] = {}
        self._last: int | None = None  # number of the request that was carried out last
        self._length, self._at, self._put = 0, 0, 0
        self._byte, self._age = 0, 0
        self._written: tuple[int, int] | None = None  # place and byte, a clock after they were known
        self._run = self._serve()
        next(self._run)

    @property
    def length(self) -> int:
        """Bytes of the reply, as far as it is known."""
        return self._put

    def clock(self, **inputs: int) -> dict[str, int | None]:
        """Outputs of a clock with these inputs, ``None`` for what means nothing; interfaces' ports are ``name_port``."""
        return self._run.send(inputs)

    def _tick(
        self, write: tuple[int, int] | None = None, then: tuple[int, int] | None = None, **outputs: int | None
    ) -> Clocks:
        """A clock, and ``busy`` and ``reply`` behind it; bytes of the request come two clocks behind their place."""
        told: dict[str, int | None] = {"busy": self.busy, "reply": self.reply, "reply_length": None, "r_address": None}
        told |= {"w_en": int(self._written is not None), "bus_request": 0, "samples_tvalid": 0, "results_tready": 0}
        told |= dict.fromkeys(("bus_write", "bus_address", "bus_write_data", "samples_tdata", "samples_tlast"))
        told["w_address"], told["w_data"] = self._written or (None, None)
        self._written = write
        if self._age < 2:
            self._byte = self._given.get("r_data", 0)
            told["r_address"] = self._at if self.busy and self._at < self._length else None
        self._age += 1
        if then is not None:
            self.busy, self.reply = then
        self._given = yield told | outputs

    def _get(self) -> Clocks:
        """The next byte of the request."""
        while self._age < 2:
            yield from self._tick()
        return self._byte

    def _step(
        self, write: tuple[int, int] | None = None, then: tuple[int, int] | None = None, **outputs: int | None
    ) -> Clocks:
        """The clock in which the byte is taken."""
        yield from self._tick(write, then, **outputs)
        self._at, self._age = self._at + 1, 0

    def _word(self) -> Clocks:
        """Four bytes, the lowest first."""
        word = 0
        for k in range(4):
            word |= (yield from self._get()) << 8 * k
            yield from self._step()
        return word

    def _write(self, data: bytes) -> Clocks:
        for byte in data:
            yield from self._tick((self._put, byte))
            self._put += 1

    def _serve(self) -> Clocks:
        """Requests, one after the other."""
        self._given = yield {}
        while True:
            while not self._given.get("frame"):
                yield from self._tick()
            self._length = self._given["length"]
            yield from self._tick(then=(1, 0))
            self._at, self._age = 0, 0
            number = yield from self._get()
            yield from self._step()
            code = yield from self._get()
            if code and number == self._last:
                yield from self._step(then=(1, 1))
            else:
                yield from self._step((0, number))
                self._last, self._put = number, 2
                status = yield from self._carry_out(code)
                yield from self._tick((1, status), (1, 1))
            while not self._given.get("sent"):
                yield from self._tick(then=(1, 0), reply_length=self._put)
            yield from self._tick(then=(0, 0), reply_length=self._put)

    def _carry_out(self, code: int) -> Clocks:
        """How it went."""
        payload = self._length - 2
        if code == 0 and payload == 4:
            return (yield from self._hello())
        if code in (1, 2) and payload % (4 * code) == 0:
            return (yield from self._access(code == 2))
        if code == 3 and payload:
            return (yield from self._exchange())
        return 2

    def _hello(self) -> Clocks:
        yield from self._write(b"hwsl")
        dropped = self._given.get("dropped", 0)
        yield from self._write(bytes([1]))
        yield from self._write(self._capacity.to_bytes(2, "little") + dropped.to_bytes(2, "little"))
        yield from self._tick()
        echo = yield from self._word()
        yield from self._tick()
        yield from self._write(echo.to_bytes(4, "little"))
        return 0

    def _access(self, write: bool) -> Clocks:
        """Words one after the other, until one is refused."""
        n, status = 0, 0
        while not status:
            yield from self._tick()
            if self._at == self._length:
                break
            byte = yield from self._word()
            yield from self._tick()
            if byte % 4 or byte // 4 >= self._words:
                status = 1
                break
            word = (yield from self._word()) if write else None
            asked = {"bus_request": 1, "bus_write": int(write), "bus_address": byte // 4, "bus_write_data": word}
            while True:
                done, error, read = (self._given.get(f"bus_{name}", 0) for name in ("done", "error", "read_data"))
                yield from self._tick(**asked)
                if done:
                    break
            if error:
                status = 1
            elif write:
                n += 1
            else:
                yield from self._write(read.to_bytes(4, "little"))
        if write:
            yield from self._tick()
            yield from self._write(n.to_bytes(2, "little"))
        return status

    def _exchange(self) -> Clocks:
        ends_packet = (yield from self._get()) & 1
        yield from self._step()
        taken, late = 0, False
        while not late:
            if self._at == self._length:
                yield from self._tick()
                break
            byte = yield from self._get()
            offered = {"samples_tvalid": 1, "samples_tdata": byte}
            offered["samples_tlast"] = int(ends_packet and self._at == self._length - 1)
            for clock in range(PATIENCE):
                if self._given.get("samples_tready"):
                    yield from self._step(**offered)
                    taken += 1
                    break
                yield from self._tick(**offered)
                late = clock == PATIENCE - 1
        yield from self._tick()
        yield from self._write(taken.to_bytes(2, "little") + bytes(1))
        ended, patience = 0, 1
        while not ended and self._put < self._capacity and patience:
            come, byte = self._given.get("results_tvalid"), self._given.get("results_tdata", 0)
            if come:
                ended, patience = self._given["results_tlast"], PATIENCE
                yield from self._tick((self._put, byte), results_tready=1)
                self._put += 1
            else:
                patience -= 1
                yield from self._tick(results_tready=1)
        if self._put == self._capacity and not ended:
            yield from self._tick()
        yield from self._tick((4, ended | self._given.get("results_tvalid", 0) << 1))
        return 0
