"""The driver: an accelerator as a Python object, whatever the way to it."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import packets
from .design import DesignMap, Integers
from .errors import BadValue, HostError, Refused, Silence, WrongDesign
from .packets import Results
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
        Samples that may be under way: sent, and their results not yet taken.

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

    def start(self) -> None:
        """Let it take samples."""
        self.transport.write([self._address("CONTROL")], [_RUN])

    def stop(self) -> None:
        """Have it stand at the end of a junction cycle, and wait until it does; samples under way stay there."""
        self.transport.write([self._address("CONTROL")], [0])
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
        """Write all weights and biases.

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
            planned.append((memory.addresses, memory.format.words(numbers)))
        with _Standing(self):
            for addresses, words in planned:
                self.transport.write(addresses, words)

    def read(self) -> dict[str, npt.NDArray[np.int32]]:
        """All weights and biases, named and ordered as :meth:`load` takes them; it stands meanwhile."""
        with _Standing(self):
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
        control = {"CONTROL", "STATUS", "RATE", "ERRORS", "INTERRUPT_ENABLE", "INTERRUPT_STATUS"}
        names = [n for n in self.map.registers if n not in control | self.map.constants.keys()]
        return dict(zip(names, self.transport.read([self.map.registers[n] for n in names]), strict=True))

    def train(self, inputs: npt.ArrayLike, labels: npt.ArrayLike, kappa: npt.ArrayLike | None = None) -> Results:
        """Train on n samples, in order; returns when the last one has changed its last weight.

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
        if not self.map.trains:
            raise BadValue(f"{self.map.name} was built for inference: it cannot train")
        return self._all(inputs, labels, self.map.kappas[0] if kappa is None else kappa, train=True)

    def predict(self, inputs: npt.ArrayLike) -> Results:
        """Feed n samples forward, [n, N_0] as :meth:`train` takes them; nothing is learned, and labels come back as 0."""
        return self._all(inputs, 0, 0, train=False)

    def stream(self, batches: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]], kappa: int | None = None) -> Iterator[Results]:
        """Train on batches of inputs and labels as they come: results batch by batch, for more samples than memory holds."""
        for inputs, labels in batches:
            yield self.train(inputs, labels, kappa)

    def _all(self, inputs: npt.ArrayLike, labels: npt.ArrayLike, kappa: npt.ArrayLike, train: bool) -> Results:
        of = self.map
        numbers = of.input.integers("inputs", inputs)
        if numbers.ndim != 2 or numbers.shape[1] != of.layers[0]:
            raise BadValue(f"inputs have the shape {list(numbers.shape)} instead of [n, {of.layers[0]}]")
        label = _for_each("labels", labels, len(numbers), 0, of.classes - 1)
        rate = _for_each("kappa", kappa, len(numbers), of.kappas[0] if train else 0, of.kappas[1] if train else 255)
        return packets.results(of, self._exchange(packets.samples(of, numbers, label, rate, train)))

    def _exchange(self, sent: list[bytes]) -> list[bytes]:
        """Send packets and take as many results, at most ``window`` under way at a time."""
        self.discard()
        before, taken = self._dropped(), list[bytes]()
        for k, packet in enumerate(sent):
            while k - len(taken) >= self._window:
                taken.append(self._result(len(sent), k, len(taken), before))
            self.transport.send(packet)
            while (result := self.transport.receive(0)) is not None:
                taken.append(result)
        while len(taken) < len(sent):
            taken.append(self._result(len(sent), len(sent), len(taken), before))
        if sent:
            self.drain()
        if len(taken) > len(sent) or self.transport.receive(0) is not None:
            raise HostError(f"more results have come than the {len(sent)} of these samples")
        return taken

    def discard(self) -> None:
        """Let it run, and forget results of an earlier transfer that was given up half way."""
        self.start()
        # What nobody takes would block the samples behind it.
        self._await("samples stay under way", _EMPTY, self._forget)
        self._forget()

    def _forget(self) -> None:
        while self.transport.receive(0) is not None:
            pass

    def _result(self, of: int, sent: int, taken: int, before: dict[str, int]) -> bytes:
        result = self.transport.receive(self._patience)
        if result is None:
            lost = {name: n - before[name] for name, n in self._dropped().items() if n != before[name]}
            why = ", ".join(f"{name} has counted {n}" for name, n in lost.items()) or "no sample was dropped"
            raise Silence(f"of {of} samples {sent} were sent and {taken} results came within {self._patience:g} s: {why}")
        return result

    def _dropped(self) -> dict[str, int]:
        names = [n for n in _DROPPED if n in self.map.registers]
        return dict(zip(names, self.transport.read([self.map.registers[n] for n in names]), strict=True))

    def checkpoint(self, path: str | PathLike[str]) -> None:
        """Write weights and biases into a file that :meth:`load` takes; an older one stays whole until the new one is."""
        target = Path(path)
        partial = target.with_name(target.name + ".partial")
        with partial.open("wb") as file:
            np.savez(file, **self.read())  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)


class _Standing:
    """The memories are the bus' as long as the accelerator stands; it goes on afterwards if it ran before."""

    def __init__(self, accelerator: Accelerator) -> None:
        self._of = accelerator

    def __enter__(self) -> None:
        self._ran = self._of.running
        if self._ran:
            self._of.discard()  # nothing, unless a transfer was given up
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
    file = file / "final.npz" if file.is_dir() else file
    try:
        with np.load(file, allow_pickle=False) as known:
            return {name: known[name] for name in known.files}
    except (OSError, ValueError, EOFError) as e:
        raise BadValue(f"{file}: cannot be read: {e}") from None
