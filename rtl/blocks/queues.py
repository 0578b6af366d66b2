"""The queues of ``amaranth.lib.fifo`` that the streams are built from: their models, and what is to be proved of them."""

from collections import deque
from typing import Any

from amaranth.hdl import Signal, Value
from amaranth.lib.fifo import FIFOInterface, SyncFIFOBuffered

from rtl.blocks.properties import Monitor, implies


class QueueModel:
    """``SyncFIFO``: what was written in one clock can be read in the next.

    Parameters
    ----------
    depth
        Words that fit.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._words: deque[Any] = deque()

    @property
    def room(self) -> bool:
        """Whether a word can be written in this clock."""
        return len(self._words) < self._depth

    @property
    def head(self) -> Any:
        """The oldest word, ``None`` if there is none."""
        return self._words[0] if self._words else None

    def clock(self, taken: bool, *written: Any) -> None:
        """End of a clock in which the head was taken, or not, and at most one word was written."""
        if taken and self._words:
            self._words.popleft()
        self._words.extend(written)


class BufferedQueueModel(QueueModel):
    """``SyncFIFOBuffered``: the head lies in a register that the other words follow into a clock later."""

    def __init__(self, depth: int) -> None:
        super().__init__(depth - 1)
        self._head: Any = None

    @property
    def head(self) -> Any:
        """The oldest word, ``None`` if none has reached the register."""
        return self._head

    def clock(self, taken: bool, *written: Any) -> None:
        """End of a clock in which the head was taken, or not, and at most one word was written."""
        if self._head is None or taken:
            self._head = self._words.popleft() if self._words else None
        self._words.extend(written)


def queue_properties(p: Monitor, name: str, queue: FIFOInterface) -> tuple[Signal, Signal, Signal]:
    """A word, any one, comes out of the queue as it went in, after those that were in front of it and before all others.

    Returns
    -------
    tuple
        Whether the marked word is in the queue; how many are in front of it; the word.
    """
    m = p.module
    put, taken = queue.w_en & queue.w_rdy, queue.r_en & queue.r_rdy
    within, word = Signal(name=f"{name}_within"), Signal(queue.width, name=f"{name}_word")
    ahead = Signal(range(queue.depth + 1), name=f"{name}_ahead")
    with m.If(p.mark & put):
        m.d.sync += [within.eq(1), word.eq(queue.w_data), ahead.eq(queue.level - taken)]
    with m.Elif(within & taken):
        m.d.sync += [within.eq(ahead != 0), ahead.eq(ahead - 1)]
    p.choose(f"{name}_one_mark", "no word is marked while another one is in the queue", ~(p.mark & within))
    # A buffered queue has its head in a register.
    out: Any = queue.r_rdy if isinstance(queue, SyncFIFOBuffered) else 0
    words = queue.depth - isinstance(queue, SyncFIFOBuffered)
    for ram in (ram for ram in p.rams if (ram.depth, ram.width) == (words, queue.width)):
        (to,), (at,) = ram.writes, ram.reads
        inside = queue.level - out
        p.require(
            f"{name}_places",
            "words lie from the place to read up to the place to write",
            (to < words) & (at < words) & (queue.level >= out) & (inside <= words) & _modulo(at + inside, to, words),
        )
        behind = ahead - out
        p.require(
            f"{name}_marked_place",
            "the marked word lies where it was written until it is read",
            implies(
                within & (ahead >= out), (ram.marked < words) & _modulo(at + behind, ram.marked, words) & (ram.word == word)
            ),
        )
    p.require(f"{name}_kept", "the marked word is in the queue until it is taken", implies(within, ahead < queue.level))
    p.require(
        f"{name}_in_order",
        "the marked word comes out when those in front of it have, as it went in",
        implies(within & queue.r_rdy & (ahead == 0), queue.r_data == word),
    )
    return within, ahead, word


def _modulo(x: Value, y: Value, by: int) -> Value:
    """Whether x, less than twice ``by``, is y modulo ``by``."""
    return (x == y) | (x == y + by)
