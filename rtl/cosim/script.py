"""What the host of a co-simulation does, in order: from words such as "load" and "run" to the steps of the protocol."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from hwsim.random_streams import Stream
from models.network.parameters import IntegerParameters
from rtl.cosim import protocol_kernel as kernel
from rtl.cosim.protocol import Protocol, play
from rtl.cosim.stimulus import StreamSamples, joined, parameter_words, pattern
from rtl.plan.plan import Plan
from rtl.ports.register_map import CONTROL, EMPTY, NO_BUBBLES, RUN, STANDING

_WORD = 0xFFFFFFFF


class Script:
    """Steps of a host, from power-up on, with the samples that it feeds.

    Parameters
    ----------
    samples
        Those that the first calls of :meth:`feed` and :meth:`run` feed, if any; :meth:`add` gives more.
    number
        Scripts of another number pause in other clocks.
    idle, blocked
        Shares of clocks in which the streams pause, at first.
    """

    def __init__(
        self, of: Plan, samples: StreamSamples | None = None, number: int = 0, idle: float = 0, blocked: float = 0
    ) -> None:
        self.plan = of
        self._rng = of.design.generator(Stream.COSIM_PAUSES, number)
        self._samples: list[StreamSamples] = []
        self._steps: list[npt.NDArray[np.int64]] = []
        self._pauses: list[npt.NDArray[np.bool_]] = []
        self.parts: list[str] = []
        self._fed = 0
        self.pause(idle, blocked)
        self.reset()
        if samples is not None:
            self.add(samples)

    @property
    def samples(self) -> StreamSamples:
        """All samples."""
        return joined(self._samples) if self._samples else StreamSamples.none(self.plan.junctions[0].n_left)

    def protocol(self) -> Protocol:
        """What every clock of this script must be."""
        if self._fed > len(self.samples):
            raise ValueError(f"{self._fed} samples are fed, there are {len(self.samples)}")
        return play(self.plan, np.concatenate(self._steps), self.samples, self._pauses)

    def begin(self, part: str) -> None:
        """What follows is part of something that has a name."""
        self.parts.append(part)
        self._step(kernel.MARK)

    def add(self, samples: StreamSamples) -> None:
        """Samples for the steps to come."""
        self._samples.append(samples)

    def pause(self, idle: float, blocked: float) -> None:
        """From now on, the streams pause in such shares of the clocks."""
        self.pause_by(pattern(self._rng, idle), pattern(self._rng, blocked))

    def pause_by(self, idle: npt.NDArray[np.bool_], blocked: npt.NDArray[np.bool_]) -> None:
        """From now on, the streams pause by these patterns, used over and over."""
        n = len(self._pauses)
        self._pauses += [idle, blocked]
        self._step(kernel.CONDITIONS, n, n + 1)

    def load(self, parameters: IntegerParameters) -> None:
        """Write all weights and biases."""
        self.access(*parameter_words(self.plan, parameters))

    def poke(self, address: Sequence[int], word: Sequence[int]) -> None:
        """Write single words, whether the port refuses them or not."""
        self.access(np.array(address, np.int64), np.array(word, np.int64))

    def read_parameters(self) -> None:
        """Read all weights and biases."""
        self.access(parameter_words(self.plan, self.plan.design.initial_integers)[0])

    def peek(self, address: Iterable[int]) -> None:
        """Read single words, whether the port refuses them or not."""
        self.access(np.array(list(address), np.int64))

    def access(self, address: npt.NDArray[np.int64], word: npt.NDArray[np.int64] | None = None) -> None:
        """Read, or write, words one after the other."""
        steps = np.zeros((len(address), 4), np.int64)
        steps[:, 0], steps[:, 1] = kernel.ACCESS, address
        if word is not None:
            steps[:, 2], steps[:, 3] = word & _WORD, 1
        self._steps.append(steps)

    def break_off(self, address: int, word: int, clocks: int) -> None:
        """Write a word, which a reset of one clock breaks off after so many clocks if it is not over by then."""
        self._step(kernel.BREAK, address, word & _WORD, 2 * clocks + 1)
        self.reset(1)

    def feed(self, samples: int) -> None:
        """Offer so many more samples from now on."""
        self._fed += samples
        self._step(kernel.FEED, samples * self.plan.inputs.groups)

    def start(self, no_bubbles: bool = False) -> None:
        """Junction cycles follow each other; or only as samples come."""
        self.poke([CONTROL], [1 << RUN | no_bubbles << NO_BUBBLES])

    def stop(self) -> None:
        """Stand at the end of the junction cycle, wherever the samples are."""
        self.poke([CONTROL], [0])
        self._step(kernel.POLL, STANDING)

    def wait(self, clocks: int) -> None:
        """Let so many clocks pass."""
        self._step(kernel.WAIT, clocks)

    def until_taken(self) -> None:
        """Wait until all samples that are offered have come in."""
        self._step(kernel.TAKEN)

    def finish(self) -> None:
        """Wait until all samples that are offered have come in and nothing is under way, stop, take all results."""
        self.until_taken()
        self._step(kernel.POLL, EMPTY)
        self.stop()
        self._step(kernel.DELIVERED)

    def run(self, samples: int) -> None:
        """Feed so many more samples, drain, stop."""
        self.feed(samples)
        self.start()
        self.finish()

    def abort(self, samples: int, clocks: int, reset: int = 2) -> None:
        """Feed samples for some clocks, then reset for a few; the samples are lost."""
        self.feed(samples)
        self.start()
        self.wait(clocks)
        self.reset(reset)

    def reset(self, clocks: int = 2) -> None:
        """Reset in the middle of whatever is going on; samples that were offered are lost."""
        self._step(kernel.RESET, clocks)
        self._step(kernel.DROP)

    def _step(self, *what: int) -> None:
        self._steps.append(np.array([[*what, *[0] * (4 - len(what))]], np.int64))
