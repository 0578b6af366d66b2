"""The driver: an accelerator as a Python object, whatever the way to it."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import packets
from .design import DesignMap, Integers
from .errors import BadValue, HostError, Refused, Silence, WrongDesign
from .files import read_arrays, write_arrays
from .packets import Results
from .parameters import ParameterStream
from .transport import Transport

_RUN = 1
_STANDING, _EMPTY = 1, 2
"""Of STATUS."""
_DROPPED = ("MISFRAMED", "REFUSED")
"""Counters of samples that give no result."""

Source = str | PathLike[str] | Mapping[str, npt.ArrayLike]


class Accelerator:
    """An accelerator that is there at the other end of a transport.

    Parameters
    ----------
    transport
        The way to it.
    map
        What it is: ``registers.json`` beside its Verilog, the directory that holds it, or the map itself.
    patience
        Seconds within which something has to happen where something must.
    window
        Samples that may be under way: sent, and their results not yet taken. In training there may always be as many as
        the accelerator holds.

    Raises
    ------
    WrongDesign
        If something else answers. Its weights are not touched.

    Examples
    --------
    ``board`` is any transport::

        accelerator = Accelerator(board, "build/registers.json")
        accelerator.load("runs/demo/initial.npz")
        accelerator.train(digits, labels, kappa=3)
        print((accelerator.predict(others).prediction == truth).mean())
    """

    def __init__(
        self, transport: Transport, map: DesignMap | str | PathLike[str], *, patience: float = 10.0, window: int = 32
    ) -> None:
        self.transport, self._patience, self._window = transport, patience, max(window, 1)
        self.map = map if isinstance(map, DesignMap) else DesignMap.read(map)
        self._controlled = 0  # how often CONTROL was written
        self._stream = ParameterStream(transport, self.map, patience)
        self._check()

    def _check(self) -> None:
        """Whether every constant register says what the map says, MAGIC first."""
        for name in sorted(self.map.constants, key=lambda n: (n != "MAGIC", n != "VERSION", n != "HASH", n)):
            try:
                (word,) = self.transport.read([self.map.registers[name]])
            except Refused:
                word = None
            if word != self.map.constants[name]:
                found = "nothing" if word is None else f"{word:#x}"
                raise WrongDesign(f"{self.map.name}: {name} must be {self.map.constants[name]:#x} and is {found}")

    def register(self, name: str) -> int:
        """What a register holds.

        Raises
        ------
        BadValue
            If there is none of this name.
        """
        return self.transport.read([self._address(name)])[0]

    def _address(self, name: str) -> int:
        if name not in self.map.registers:
            raise BadValue(f"{self.map.name} has no register {name}; it has {', '.join(self.map.registers)}")
        return self.map.registers[name]

    @property
    def running(self) -> bool:
        """Whether samples are taken."""
        return bool(self.register("CONTROL") & _RUN)

    def _control(self, word: int) -> None:
        self._controlled += 1
        self.transport.write([self._address("CONTROL")], [word])

    def start(self) -> None:
        """Let it take samples, and junction cycles begin whether there is one or not."""
        self._control(_RUN)

    def stop(self) -> None:
        """Have it stand at the end of a junction cycle, and wait until it does; samples under way stay there."""
        self._control(0)
        self._await("it does not come to a standstill", _STANDING)

    def drain(self) -> None:
        """Wait until no sample is under way; it has to run, and all results have to be taken.

        Raises
        ------
        Silence
            If some sample stays.
        """
        self._await("samples stay under way", _EMPTY)

    def _await(self, complaint: str, bits: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        end = time.monotonic() + self._patience
        while self.register("STATUS") & bits != bits:
            meanwhile()
            if time.monotonic() > end:
                raise Silence(f"{self.map.name}: {complaint} within {self._patience:g} s")

    def load(self, parameters: Source) -> None:
        """Write all weights and biases; samples that are still under way leave first.

        Parameters
        ----------
        parameters
            ``weight_<i>`` [W_i] in edge order, ``bias_<i>`` [N_i], i from 1: integers of their formats, or real numbers,
            which are rounded. A mapping, a file such as ``final.npz``, or the directory of a run: its ``final.npz``.

        Raises
        ------
        BadValue
            If an array is missing, has another size or a number that its format cannot hold; nothing has been written then.
        """
        given = _arrays(parameters)
        planned = []
        for name, memory in self._memories():
            if name not in given:
                raise BadValue(f"{name} is missing; there are {', '.join(sorted(given)) or 'no arrays'}")
            numbers = memory.format.integers(name, given[name]).ravel()
            if numbers.size != memory.words:
                raise BadValue(f"{name} has {numbers.size} numbers instead of {memory.words}")
            planned.append((memory, numbers))
        with _Standing(self, clears=True):
            if self._stream.free and self._stream.load({memory.name: numbers for memory, numbers in planned}):
                return
            for memory, numbers in planned:
                self.transport.write(memory.addresses, memory.format.words(numbers))

    def read(self) -> dict[str, npt.NDArray[np.int32]]:
        """All weights and biases, named and ordered as :meth:`load` takes them; it stands meanwhile."""
        with _Standing(self):
            known = self._stream.read() if self._stream.free else None
            if known is not None:
                return {name: known[memory.name] for name, memory in self._memories()}
            return {
                name: memory.format.numbers(self.transport.read(memory.addresses)).astype(np.int32)
                for name, memory in self._memories()
            }

    def _memories(self) -> Iterator[tuple[str, Any]]:
        for kind, memories in (("weight", self.map.weights), ("bias", self.map.biases)):
            for i, memory in enumerate(memories, 1):
                yield f"{kind}_{i}", memory

    def counters(self) -> dict[str, int]:
        """What is counted, by name: samples, results, junction cycles, numbers that were clipped, what was refused."""
        control = {"CONTROL", "STATUS", "RATE", "ERRORS", "INTERRUPT_ENABLE", "INTERRUPT_STATUS", "PARAMETERS"}
        names = [n for n in self.map.registers if n not in control | self.map.constants.keys()]
        return dict(zip(names, self.transport.read([self.map.registers[n] for n in names]), strict=True))

    def train(self, inputs: npt.ArrayLike, labels: npt.ArrayLike, kappa: npt.ArrayLike | None = None) -> Results:
        """Train on n samples, in order; returns when the last one has changed its last weight.

        They enter in consecutive junction cycles, however slow the way to the accelerator is, so that the same samples give
        the same weights; designs without the bit NO_BUBBLES of CONTROL have bubbles where the next one was late.

        Parameters
        ----------
        inputs
            [n, N_0]: integers of the input's format, or real numbers, which are rounded to it.
        labels
            [n], below the number of classes.
        kappa
            Learning rate 2**-kappa, one for all or one for each; by default the least one that there is.

        Raises
        ------
        BadValue
            If the design cannot take an argument; nothing has been sent then.
        HostError
            If fewer results come than samples were sent; its text says what the counters tell.
        """
        (told,) = self._transfer([self._training(inputs, labels, kappa)], self.map.no_bubbles)
        return told

    def predict(self, inputs: npt.ArrayLike) -> Results:
        """Feed n samples forward, [n, N_0] as :meth:`train` takes them; nothing is learned, and labels come back as 0."""
        # Outputs depend on the sample and the weights alone: bubbles are harmless, and the last results need no drain.
        (told,) = self._transfer([self._packets(inputs, 0, 0, False)], 0)
        return told

    def stream(
        self, batches: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]], kappa: npt.ArrayLike | None = None
    ) -> Iterator[Results]:
        """Train on batches of inputs and labels as they come, for more samples than memory holds.

        All batches are one stream without a gap: weights are those of one :meth:`train` on all of them. The results of a
        batch come as soon as they are complete, those of the last samples when there are no more batches. What else is asked
        of the accelerator meanwhile, but registers and counters, ends the stream, as does a batch that it cannot take, or a
        caller who takes no more: samples that were sent are learned from, their results are lost.

        Parameters
        ----------
        batches
            Inputs [n, N_0] and labels [n], as :meth:`train` takes them; n may differ.
        kappa
            As of :meth:`train`; for each sample only if all batches are equally long.

        Yields
        ------
        Results
            Of one batch.

        Raises
        ------
        BadValue
            If the design cannot take a batch; nothing of that one has been sent.
        HostError
            As :meth:`train`; also if the stream was ended meanwhile.
        """
        made = (self._training(inputs, labels, kappa) for inputs, labels in batches)
        return self._transfer(made, self.map.no_bubbles)

    def _training(self, inputs: npt.ArrayLike, labels: npt.ArrayLike, kappa: npt.ArrayLike | None) -> list[bytes]:
        if not self.map.trains:
            raise BadValue(f"{self.map.name} was built for inference: it cannot train")
        return self._packets(inputs, labels, self.map.kappas[0] if kappa is None else kappa, True)

    def _packets(self, inputs: npt.ArrayLike, labels: npt.ArrayLike, kappa: npt.ArrayLike, train: bool) -> list[bytes]:
        of = self.map
        numbers = of.input.integers("inputs", inputs)
        if numbers.ndim != 2 or numbers.shape[1] != of.layers[0]:
            raise BadValue(f"inputs have the shape {list(numbers.shape)} instead of [n, {of.layers[0]}]")
        label = _for_each("labels", labels, len(numbers), 0, of.classes - 1)
        rate = _for_each("kappa", kappa, len(numbers), of.kappas[0] if train else 0, of.kappas[1] if train else 255)
        return packets.samples(of, numbers, label, rate, train)

    def _transfer(self, batches: Iterable[list[bytes]], held: int) -> Iterator[Results]:
        """Send packets and take as many results; the bit ``held`` of CONTROL is set until the last one is sent.

        As long as it is, the accelerator keeps what its pipe holds, so the window is no smaller than that. Nothing is tidied
        up if this is given up half way, as whoever is killed cannot do it: the next one's :meth:`discard` does.
        """
        self.discard()
        window = max(self._window, 2 * len(self.map.weights) + 8 if held else 1)
        way, before = _UnderWay(), self._dropped()
        if held:
            self._control(_RUN | held)
        turn = self._controlled
        for batch in batches:
            way.begin(len(batch))
            for packet in batch:
                self._only(turn)
                while way.sent - way.taken >= window:
                    way.take(self._result(way, before))
                self.transport.send(packet)
                way.sent += 1
                while (result := self.transport.receive(0)) is not None:
                    way.take(result)
                yield from way.complete(self.map)
            yield from way.complete(self.map)  # a batch of none, too
        self._only(turn)
        if held:
            self._control(_RUN)
        while way.taken < way.sent:
            way.take(self._result(way, before))
        if way.sent:
            self.drain()
        if way.taken > way.sent or self.transport.receive(0) is not None:
            raise HostError(f"more results have come than the {way.sent} of these samples")
        yield from way.complete(self.map)

    def _only(self, turn: int) -> None:
        """Between two batches of a stream its caller may have done anything."""
        if self._controlled != turn:
            raise HostError("the stream has ended, as something else was asked of the accelerator meanwhile")

    def discard(self) -> None:
        """Let it run, and forget what a transfer that was given up has left: samples, results, the begin of a packet.

        If there is anything, MISFRAMED or REFUSED may count one packet more (:func:`hwsim.host.packets.flush`).
        """
        self._stream.release()
        self.start()
        if not self.register("STATUS") & _EMPTY:
            self._forget()  # what nobody takes would block the samples behind it
            self.transport.send(packets.flush(self.map))
        self._await("samples stay under way", _EMPTY, self._forget)
        self._forget()

    def _forget(self) -> None:
        while self.transport.receive(0) is not None:
            pass

    def _result(self, way: "_UnderWay", before: dict[str, int]) -> bytes:
        result = self.transport.receive(self._patience)
        if result is None:
            lost = {name: n - before[name] for name, n in self._dropped().items() if n != before[name]}
            why = ", ".join(f"{name} has counted {n}" for name, n in lost.items()) or "no sample was dropped"
            told = f"of {way.samples} samples {way.sent} were sent and {way.taken} results came within {self._patience:g} s"
            raise Silence(f"{told}: {why}")
        return result

    def _dropped(self) -> dict[str, int]:
        names = [n for n in _DROPPED if n in self.map.registers]
        return dict(zip(names, self.transport.read([self.map.registers[n] for n in names]), strict=True))

    def checkpoint(self, path: str | PathLike[str], **more: npt.ArrayLike) -> None:
        """Write weights and biases into a file that :meth:`load` takes; an older one stays whole until the new one is.

        Parameters
        ----------
        path
            The file.
        more
            What else shall be in it; :meth:`load` does not look at it.
        """
        write_arrays(path, {**self.read(), **more})


class _UnderWay:
    """What a transfer has sent and taken, and how many samples are in the batches whose results are not complete."""

    def __init__(self) -> None:
        self.samples = self.sent = self.taken = 0
        self._sizes, self._come = deque[int](), deque[bytes]()

    def begin(self, n: int) -> None:
        """A batch of n samples comes."""
        self.samples += n
        self._sizes.append(n)

    def take(self, result: bytes) -> None:
        """The next result has come."""
        self.taken += 1
        self._come.append(result)

    def complete(self, of: DesignMap) -> Iterator[Results]:
        """The results of batches of which all are there, once."""
        while self._sizes and len(self._come) >= self._sizes[0]:
            yield packets.results(of, [self._come.popleft() for _ in range(self._sizes.popleft())])


class _Standing:
    """The memories are the bus' as long as the accelerator stands; it goes on afterwards if it ran before.

    What a transfer that was given up has left under way leaves first: if it runs, or in any case if ``clears``.
    """

    def __init__(self, accelerator: Accelerator, clears: bool = False) -> None:
        self._of, self._clears = accelerator, clears

    def __enter__(self) -> None:
        self._of._stream.release()
        self._ran = self._of.running
        if self._ran or (self._clears and not self._of.register("STATUS") & _EMPTY):
            self._of.discard()
        self._of.stop()

    def __exit__(self, kind: object, *_: object) -> None:
        if self._ran and kind is None:
            self._of.start()


def _for_each(what: str, given: npt.ArrayLike, n: int, least: int, greatest: int) -> Integers:
    """An integer for each of n samples, of a range."""
    numbers = np.asarray(given)
    if numbers.dtype.kind not in "iu" and numbers.size:
        raise BadValue(f"{what}: must be whole numbers, not {numbers.dtype}")
    if numbers.shape not in ((), (n,)):
        raise BadValue(f"{what} have the shape {list(numbers.shape)} instead of [{n}]")
    outside = (numbers < least) | (numbers > greatest)
    if outside.any():
        raise BadValue(f"{what}: {int(numbers[outside].flat[0])} is outside {least}..{greatest}")
    return np.broadcast_to(numbers.astype(np.int64), (n,))


def _arrays(parameters: Source) -> Mapping[str, npt.ArrayLike]:
    if isinstance(parameters, Mapping):
        return parameters
    file = Path(parameters)
    return read_arrays(file / "final.npz" if file.is_dir() else file)
