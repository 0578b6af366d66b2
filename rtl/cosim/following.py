"""Writes are compared while the simulator still runs: block by block, as soon as it has told of a clock behind the block.

This can only find that everything agrees. Where something does not, or the simulator ends early, the comparison afterwards
begins anew, and says what differs.
"""

from collections.abc import Mapping
from pathlib import Path
from threading import Condition, Thread

from rtl.cosim.expectation import Expectation
from rtl.cosim.matching import Matching
from rtl.cosim.testbench import Watched


class Following:
    """Beside a simulator that writes into a folder; the expectation's pieces are taken in a thread of its own.

    Parameters
    ----------
    files
        What the simulator writes down, by name.
    """

    def __init__(self, expected: Expectation, files: Mapping[str, Watched], folder: Path) -> None:
        self._expected, self._folder = expected, folder
        self._files = {name: w for name, w in files.items() if w.probe is not None}
        self._left_out = dict.fromkeys(self._files, 0)  # lines that were compared before the latest reading,
        self._compared = dict.fromkeys(self._files, 0)  # and since
        self._changed, self._clock, self._over = Condition(), 0, False
        self._writes: dict[str, int] | None = None
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()

    def tell(self, clock: int) -> None:
        """The lines of all clocks before this one have been written."""
        with self._changed:
            self._clock = clock
            self._changed.notify()

    def finish(self) -> dict[str, int] | None:
        """The simulator has ended: writes compared, by kind of memory, if all agree; else ``None``."""
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join()
        return self._writes

    def _follow(self) -> None:
        found: dict[str, int] = {}
        seen, match = 0, self._read()
        for piece in self._expected.pieces():
            if piece.last > seen:
                seen, match = self._wait(piece.last), self._read()
            counts = match.agree(piece.events, piece.first, piece.last)
            if counts is None:
                return
            for k, name in enumerate(self._files):
                self._compared[name] = match.rows(k, piece.first, piece.last).stop
            for kind, n in counts.items():
                found[kind] = found.get(kind, 0) + n
        self._writes = found

    def _wait(self, clock: int) -> int:
        """Until a clock has passed, or all have; the clock that has."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._clock >= clock)
            return max(clock, self._clock)

    def _read(self) -> Matching:
        """The lines that are there and have not been compared."""
        for name, n in self._compared.items():
            self._left_out[name] += n
            self._compared[name] = 0
        lines = {name: w.read(self._folder)[self._left_out[name] :] for name, w in self._files.items()}
        return Matching.of(self._files, lines)
