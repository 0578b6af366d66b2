"""What ``hwsim emulate`` does: the board's directory, its program, and whether it has learned what it should have."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from hwsim.configuration.provenance import provenance
from hwsim.design import Design
from hwsim.figure import JUDGED, Figure, Figures
from hwsim.results.directory import CHECKPOINT, FINAL, METRICS, SAMPLES, TIMING, RunDirectory
from hwsim.tables import percent
from models.data.dataset import Dataset, Split
from models.errors import ArgumentError, InputError
from models.files.npz import read_npz
from models.fixed.engine import FixedEngine
from models.network.parameters import IntegerParameters
from rtl.cosim import cosimulation, golden
from rtl.cosim.stimulus import StreamSamples
from rtl.emulation import program
from rtl.emulation.board import Spell
from rtl.verilog import files
from rtl.verilog.generate import generate

SETTINGS = {
    "hardware.interface": "serial",
    "hardware.beat_bits": 8,
    "hardware.parameter_stream": False,
    "hardware.bit_clocks": 4,
}
"""What a configuration must say for a board, whatever it says: wires, and as few clocks on them as there can be."""

PROGRAM_FOLDER = "emulation"
_QUIET = 1 << 20
"""Clocks without a bit after which the design has nothing left to do: far more than any request takes, and a blink."""

Watch = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """How a board is trained.

    Attributes
    ----------
    samples
        How many, None for a board that others train.
    every
        Samples of a batch, after which the pipeline is drained.
    adapt
        The group of samples that it adapts to, trained on all others; None if it does not.
    """

    samples: int | None
    every: int
    adapt: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What a run's directory depends on."""
        if self.adapt is not None:
            return {"adapt": self.adapt}
        return {} if self.samples is None else {"train": self.samples, "every": self.every}


def check(design: Design, port: int, asked: Asked) -> None:
    """Refuse what cannot be done, before anything long.

    Raises
    ------
    InputError
        If a number is out of range, the design has no hardware or cannot learn, or a tool is missing.
    """
    if not 0 <= port <= 65535:
        raise ArgumentError("port", port, "must be 0..65535, 0 for any that is free", [0, 65535][port > 0 :])
    for name, value in (("train", asked.samples), ("every", asked.every)):
        if value is not None and value < 1:
            raise ArgumentError(name, value, "must be at least 1", [1])
    hardware = design.config.hardware
    if asked.samples is not None and asked.adapt is not None:
        raise ArgumentError("adapt", asked.adapt, "is another way of training than <train>: give one of both")
    for name, wanted in (("train", asked.samples), ("adapt", asked.adapt)):
        if wanted is not None and hardware is not None and not hardware.trains:
            raise ArgumentError(name, wanted, "needs hardware.build = training: this one was built for inference")
    program.check()


def training_samples(design: Design, data: Dataset, n: int | None) -> StreamSamples:
    """The first ``n`` samples of a training run, in its order and with its rates; the first epoch if none are asked for."""
    return cosimulation.training_samples(design, data.train, len(data.train) if n is None else n, 0.0)


def prepare(
    design: Design,
    data: Dataset,
    samples: StreamSamples,
    directory: RunDirectory,
    watch: Watch | None = None,
) -> Path:
    """Write the board's directory, unless it is there to be continued, and build its program; returns the program.

    Raises
    ------
    InputError
        If the design has no Verilog, or a tool is missing.
    BuildError
        If the program cannot be built.
    """
    tell = watch or (lambda step: None)
    tell("generating Verilog")
    emitted = generate(design)
    if not (directory / CHECKPOINT).is_file():
        files.write(emitted, directory, golden.files(emitted))
        directory.write_arrays(SAMPLES, arrays(design, data, samples))
    tell("compiling the board's program")
    hardware, period = design.config.hardware, emitted.accelerator.plan.period
    assert hardware is not None
    quiet = _QUIET + 64 * period
    folder = directory / PROGRAM_FOLDER
    return program.build(emitted.text, emitted.top, folder, bit_clocks=hardware.bit_clocks, quiet_clocks=quiet)


def arrays(design: Design, data: Dataset, samples: StreamSamples) -> dict[str, npt.NDArray]:
    """What a client trains on and is judged by."""
    return {
        "train_inputs": samples.input.astype(_small(design)),
        "train_labels": samples.label,
        "train_kappa": samples.kappa,
        "test_inputs": inputs(design, data.test),
        "test_labels": data.test.labels.astype(np.int32),
    }


def _small(design: Design) -> npt.DTypeLike:
    """As few bytes as the format of an input needs."""
    to = design.config.numbers.system.input
    return np.promote_types(np.min_scalar_type(to.lowest), np.min_scalar_type(to.highest))


def inputs(design: Design, of: Split) -> npt.NDArray:
    """Inputs [n, N_0] in the design's format, as a client sends them."""
    return of.integers(design.config.numbers.system.input).astype(_small(design))


def done(directory: RunDirectory) -> int:
    """How many samples a client that was interrupted has trained on.

    Raises
    ------
    InputError
        If its checkpoint is none.
    """
    if not (directory / CHECKPOINT).is_file():
        return 0
    try:
        return int(read_npz(directory / CHECKPOINT)["samples"])
    except (KeyError, TypeError):
        raise InputError(str(directory / CHECKPOINT), None, "is no checkpoint of a board: it lacks samples") from None


def client(directory: Path, where: str, asked: Asked, *, resume: bool = False) -> list[str]:
    """The words, behind the name of Python, of the command that trains a board.

    Parameters
    ----------
    where
        The board's port or device, as the client takes it.
    """
    words = ["-m", "hwsim.host.demo", os.fspath(directory), "--port", where]
    if asked.samples is not None:
        words += ["--samples", str(asked.samples), "--every", str(asked.every)]
    return [*words, "--resume"] if resume else words


def reference(design: Design, samples: StreamSamples, every: int) -> IntegerParameters:
    """What a network has learned from the samples when it was drained after each batch: no hardware, and no clocks."""
    engine = design.fixed_engine()
    known = engine.samples(samples.input, samples.label)
    for first in range(0, len(samples), every):
        batch = np.arange(first, min(first + every, len(samples)))
        engine.run(known, samples.kappa[batch], source=batch)
        engine.drain()
    return engine.parameters


@dataclass(frozen=True, eq=False)
class Speed:
    """How fast a board was.

    Attributes
    ----------
    fed
        Samples through the wires, by this client: those it trained on, and those it is judged by.
    spell
        What it did for its client.
    seconds
        The client's, from its start to its end.
    """

    fed: int
    spell: Spell
    seconds: float

    @property
    def figures(self) -> dict[str, Any]:
        """By their names."""
        spell = self.spell
        return {
            "fed": self.fed,
            "seconds": self.seconds,
            "samples_per_second": self.fed / self.seconds,
            "clocks": spell.clocks,
            "clocks_per_sample": spell.clocks / self.fed,
            "clocks_per_second": spell.clocks / spell.seconds,
            "bytes_in": spell.bytes_in,
            "bytes_out": spell.bytes_out,
        }

    @property
    def told(self) -> str:
        """In a line."""
        known = self.figures
        return (
            f"{self.fed:,} samples in {self.seconds:.1f} s: {known['samples_per_second']:,.0f} samples/s, "
            f"{known['clocks_per_sample']:,.0f} clocks a sample, {known['clocks_per_second']:,.0f} clocks/s"
        )


class Verdict(NamedTuple):
    """What a board has learned: its first difference from the reference, None if there is none, and a line about it."""

    difference: str | None
    told: str


class Lesson(Protocol):
    """What a board learns at once."""

    def prepare(self, directory: RunDirectory) -> None:
        """Leave what the client needs beside :func:`prepare`'s files."""

    def client(self, directory: RunDirectory, where: str, resume: bool) -> list[str]:
        """The words, behind the name of Python, of the command that teaches the board at ``where``."""

    def fed(self, directory: RunDirectory) -> int:
        """Samples that the client will send, before it begins."""

    def judged(self, directory: RunDirectory, speed: Speed) -> Verdict:
        """Compare what the client has left with the reference, and leave the figures."""


@dataclass(frozen=True, eq=False)
class Training:
    """The first samples of a training run."""

    design: Design
    data: Dataset
    samples: StreamSamples
    asked: Asked

    def prepare(self, directory: RunDirectory) -> None:
        """Nothing more."""

    def client(self, directory: RunDirectory, where: str, resume: bool) -> list[str]:
        """As for a board that others train."""
        return client(directory.path, where, self.asked, resume=resume)

    def fed(self, directory: RunDirectory) -> int:
        """Those that are not known yet, and the test samples."""
        return len(self.samples) - done(directory) + len(self.data.test)

    def judged(self, directory: RunDirectory, speed: Speed) -> Verdict:
        """By the weights that are left, and the test samples."""
        difference, accuracy = judge(self.design, self.data, directory, self.samples, self.asked.every)
        learned = {
            "samples": len(self.samples),
            "batch": self.asked.every,
            "first_difference": difference,
            "test_accuracy": accuracy,
        }
        write(self.design, directory, difference, EMULATION.all_told(learned), speed)
        (directory / CHECKPOINT).unlink(missing_ok=True)
        told = f"{percent(accuracy)} of {len(self.data.test):,} test samples are predicted right with the board's weights"
        return Verdict(difference, told)


def judge(
    design: Design, data: Dataset, directory: RunDirectory, samples: StreamSamples, every: int
) -> tuple[str | None, float]:
    """Compare what a client has left with the reference: the first difference, and the test accuracy of what was left.

    Raises
    ------
    InputError
        If the client's file is none.
    """
    found = parameters(design, directory / FINAL)
    engine = FixedEngine(design.network, design.config.numbers.system, found, design.config.hops, design.generators)
    results = engine.infer(engine.samples(data.test.integers(engine.numbers.input), data.test.labels))
    return first_difference(found, reference(design, samples, every)), float((results.prediction == results.label).mean())


def parameters(design: Design, path: Path) -> IntegerParameters:
    """What a client has left in a file.

    Raises
    ------
    InputError
        If it is none, or lacks some.
    """
    arrays, junctions = read_npz(path), range(1, len(design.patterns) + 1)
    try:
        lists = [[arrays[f"{kind}_{i}"].astype(np.int32) for i in junctions] for kind in ("weight", "bias")]
    except KeyError as e:
        raise InputError(str(path), None, f"lacks {e.args[0]}") from None
    return IntegerParameters(*lists)


def first_difference(found: IntegerParameters, expected: IntegerParameters) -> str | None:
    """The first weight or bias that differs, told in a line with how many there are."""
    there, wanted = found.arrays(), expected.arrays()
    first, count = None, 0
    for name in sorted(wanted, key=lambda n: (n.split("_")[0] != "weight", int(n.split("_")[1]))):
        differ = np.flatnonzero(there[name] != wanted[name])
        count += differ.size
        if first is None and differ.size:
            k = int(differ[0])
            first = f"{name}[{k}] is {there[name][k]} on the board and {wanted[name][k]} in the reference"
    return None if first is None else f"{first}; {count:,} numbers differ"


EMULATION = Figures(
    "emulation",
    {
        "samples": Figure("samples", "of the training run that the board was trained on, through its wires"),
        "batch": Figure("samples", "fed without a gap, after which the pipeline was drained"),
        "first_difference": Figure("text", "between the board's final weights and the reference's; null: none"),
        "test_accuracy": JUDGED["test_accuracy"]._replace(meaning="share of test samples predicted right with its weights"),
        "fed": Figure("samples", "through the wires, by the last client: those it trained on, and the test samples"),
        "seconds": Figure("s", "wall-clock time of that client, from its start to its end", "less"),
        "samples_per_second": Figure("samples/s", "samples fed over these seconds", "more"),
        "clocks": Figure(
            "clocks", "of the design while it was connected, all that weights and checkpoints took included", "less"
        ),
        "clocks_per_sample": Figure("clocks/sample", "these clocks over samples fed", "less"),
        "clocks_per_second": Figure("clocks/s", "of the board's program, while it did not sleep", "more"),
        "bytes_in": Figure("bytes", "that the client sent", "less"),
        "bytes_out": Figure("bytes", "that came back", "less"),
    },
)
"""By name, as ``metrics.json`` has what was learned, and ``timing.json`` how fast."""


def write(design: Design, directory: RunDirectory, difference: str | None, learned: Mapping[str, Any], speed: Speed) -> None:
    """Leave the figures; those that depend on the machine's speed apart from the others."""
    result = provenance(design.config) | {"status": "agree" if difference is None else "differ"}
    directory.write_json(METRICS, result | dict(learned))
    directory.write_json(TIMING, EMULATION.all_told(speed.figures))
