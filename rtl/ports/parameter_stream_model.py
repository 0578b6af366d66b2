"""What a stream of parameters does, clock by clock."""

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from rtl.blocks.queues import QueueModel
from rtl.plan.plan import Plan
from rtl.ports.parameter_order import Word


class _Access(NamedTuple):
    """A word on its way, and the number to write; ``None`` if it is read."""

    place: Word
    number: int | None


class ParameterStreamModel:
    """A :class:`rtl.ports.parameter_stream.ParameterStream` as a list of words and what has become of them.

    Parameters
    ----------
    words
        All words of a packet, in order.
    settles
        Clocks after which a row that was written may be asked for again.
    reads
        Clocks from asking for a word to its coming.
    """

    def __init__(self, of: Plan, words: Sequence[Word], settles: int, reads: int) -> None:
        hardware = of.config.hardware
        assert hardware is not None
        self._of, self._words, self._size = of, words, hardware.beat_bits // 8
        self._settles, self._reads = settles, reads
        self._apart = _apart(words)
        self._next = 0  # number of the word to come
        # Of what has been asked for: how many clocks ago words were to be written, and how many are read and have not left.
        self._writing: list[int] = []
        self._reading, self._asks, self._sending = 0, False, False
        self._bytes, self._taken = b"", 0  # of a word that is not complete; words taken of a beat
        self._begun = self._skipping = self._spoilt = False
        self._judged: bool | None = None  # whether the packet that has ended had a wrong length
        self._written, self._loaded = [False] * settles, False  # whether packets ended so many clocks ago
        self._stage: _Access | None = None
        self._strobe: _Access | None = None
        self._coming: deque[int | None] = deque([None] * (reads - 2))  # junctions whose words come
        self._queue, self._sent = QueueModel(), b""  # words that were read; bytes of the beat that is filled, or of the word
        self._full: tuple[bytes, bool] | None = None  # a beat of several words, and whether it is the last one

    def clock(self, **inputs: Any) -> dict[str, Any]:
        """Outputs of a clock with these inputs, ``None`` for what means nothing; interfaces' ports are ``name_port``."""

        def given(name: str) -> int:
            return int(inputs.get(name, 0))

        room = self._room()
        routes = bool(given("load")) or self._begun or self._taken > 0 or self._judged is not None
        result: dict[str, Any] = {"routes": int(routes), "loading": int(routes or any(self._written))}
        result |= {"sending": int(self._sending), "loaded": int(self._loaded)} | self._asked()
        result["s_axis_tready"] = int(routes and self._ready(room))
        asks = self._asks
        result |= self._send(given)
        issued, verdict = self._receive(given, room) if routes else (None, None)
        if asks and room:
            issued = _Access(self._words[self._next], None)
            self._next = (self._next + 1) % len(self._words)
            self._asks = self._next != 0
            self._reading += 1
        result |= self._judge(issued, verdict)
        self._loaded = bool(given("load")) and (self._loaded or self._written[-1])
        self._written, self._judged = [self._judged is not None, *self._written[:-1]], verdict
        self._writing = [age + 1 for age in self._writing if age + 1 < self._settles]
        if given("send"):
            self._asks = self._sending = True
        return result

    def _room(self) -> bool:
        """Whether the next word can be asked for."""
        under_way = len(self._writing) + self._reading
        if self._next == 0:
            return under_way == 0
        if self._sending:
            return under_way < self._reads + 4
        place = self._words[self._next]
        return under_way < self._apart.get((place.junction, place.bias), self._settles)

    def _asked(self) -> dict[str, Any]:
        """The accesses of the clock."""
        result: dict[str, Any] = {}
        for j in self._of.junctions:
            name, at = f"access_{j.number}_", self._strobe
            here = at is not None and at.place.junction == j.number
            result[f"{name}strobe"] = int(here)
            fields: dict[str, int | None] = {"write": None, "bias": None, "row": None, "lane": None, "word": None}
            if here and at is not None:
                width = max(self._of.numbers.weight.width, self._of.numbers.bias.width)
                cut = None if at.number is None else at.number & ((1 << width) - 1)
                fields = {"write": int(at.number is not None), "word": cut}
                fields |= {"bias": at.place.bias, "row": at.place.row, "lane": at.place.lane}
            result |= {name + field: value for field, value in fields.items()}
        return result

    def _ready(self, room: bool) -> bool:
        """Whether the beat that may be there is taken whole."""
        if self._skipping or len(self._bytes) + self._size < 4:
            return True
        of_beat = max(self._size // 4, 1)
        return room and (self._taken == of_beat - 1 or self._next == len(self._words) - 1)

    def _receive(self, given: Any, room: bool) -> tuple[_Access | None, bool | None]:
        """The word that comes, if one does, and of a packet that ends whether its length is wrong."""
        if not given("s_axis_tvalid"):
            return None, None
        taken, ends = self._ready(room), bool(given("s_axis_tlast"))
        if self._skipping:
            self._skipping = self._begun = not ends
            return None, None
        beat = given("s_axis_tdata").to_bytes(self._size, "little")
        come, issued, final = self._bytes + beat[4 * self._taken :], None, False
        if len(come) >= 4 and room:
            issued = _Access(self._words[self._next], int.from_bytes(come[:4], "little", signed=True))
            self._writing.append(0)
            final = self._next == len(self._words) - 1
            self._next, self._taken = self._next + 1, self._taken + 1
        if not taken:
            return issued, None
        self._bytes, self._taken, self._begun = come if len(come) < 4 else b"", 0, not ends
        if not ends and not final:
            return issued, None
        self._next, self._bytes, self._skipping = 0, b"", not ends
        return issued, ends != final

    def _judge(self, issued: _Access | None, verdict: bool | None) -> dict[str, int]:
        """What became of the packet that ended a clock ago; what is under way moves on."""
        stage, judged = self._stage, self._judged
        bad = False
        if stage is not None and stage.number is not None:
            fmt = self._of.numbers.bias if stage.place.bias else self._of.numbers.weight
            bad = not fmt.lowest <= stage.number <= fmt.highest
        told = {"misframed": int(judged is True), "refused": int(judged is False and (self._spoilt or bad))}
        keeps = stage is not None and (stage.number is None or not (bad or self._spoilt))
        self._strobe, self._stage = stage if keeps else None, issued
        self._spoilt = (self._spoilt or bad) and judged is None
        return told

    def _send(self, given: Any) -> dict[str, Any]:
        """The beat that is offered; words come into the queue and leave it."""
        head, ready = self._queue.head, bool(given("m_axis_tready"))
        tail = not self._asks and self._reading == 1
        self._coming.append(self._strobe.place.junction if self._strobe and self._strobe.number is None else None)
        junction = self._coming.popleft()
        came = [] if junction is None else [given(f"access_{junction}_read_word")]
        offered, leaves = (self._wide if self._size > 4 else self._narrow)(head, ready, tail)
        self._queue.clock(leaves, *came)
        self._reading -= leaves
        if offered is None:
            return {"m_axis_tvalid": 0, "m_axis_tdata": None, "m_axis_tlast": None}
        beat, last = offered
        if ready and last:
            self._sending = False
        return {"m_axis_tvalid": 1, "m_axis_tdata": int.from_bytes(beat, "little"), "m_axis_tlast": int(last)}

    def _narrow(self, head: int | None, ready: bool, tail: bool) -> tuple[tuple[bytes, bool] | None, bool]:
        """A beat is a word or a part of one, and whether the word leaves with it."""
        if head is None:
            return None, False
        rest = self._sent or self._extended(head)
        beat, over = rest[: self._size], len(rest) == self._size
        if ready:
            self._sent = rest[self._size :]
        return (beat, tail and over), ready and over

    def _wide(self, head: int | None, ready: bool, tail: bool) -> tuple[tuple[bytes, bool] | None, bool]:
        """A beat is several words, and those of the last one that are missing are 0."""
        offered, leaves = self._full, head is not None and (self._full is None or ready)
        if ready:
            self._full = None
        if leaves and head is not None:
            self._sent += self._extended(head)
            if len(self._sent) == self._size or tail:
                self._full, self._sent = (self._sent.ljust(self._size, b"\0"), tail), b""
        return offered, leaves

    def _extended(self, word: int) -> bytes:
        """The four bytes of a word that was read."""
        width = max(self._of.numbers.weight.width, self._of.numbers.bias.width)
        word &= (1 << width) - 1
        return (word - (word >> (width - 1) << width)).to_bytes(4, "little", signed=True)


def _apart(words: Sequence[Word]) -> dict[tuple[int, int], int]:
    """By memory, words from one of a row to the next one of the same row, at least; none where no row has two."""
    last: dict[tuple[int, int, int], int] = {}
    result: dict[tuple[int, int], int] = {}
    for k, word in enumerate(words):
        memory, row = word[:2], word[:3]
        if row in last:
            result[memory] = min(result.get(memory, k), k - last[row])
        last[row] = k
    return result
