"""Models of the queues of ``amaranth.lib.fifo`` that the streams are built from."""

from collections import deque
from typing import Any


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
