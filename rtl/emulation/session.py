"""What ``hwsim emulate`` does: the board's directory, its program, and whether it has learned what it should have."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwsim.configuration.provenance import provenance
from hwsim.design import Design
from hwsim.figure import JUDGED, Figure, Figures
from hwsim.results.directory import CHECKPOINT, FINAL, METRICS, SAMPLES, TIMING, RunDirectory
from models.data.dataset import Dataset
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
    """

    samples: int | None
    every: int

    @property
    def options(self) -> dict[str, Any]:
        """What a run's directory depends on."""
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
    if asked.samples is not None and hardware is not None and not hardware.trains:
        raise ArgumentError("train", asked.samples, "needs hardware.build = training: this one was built for inference")
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
    """What a client trains on and is judged by, each input in as few bytes as its format needs."""
    to = design.config.numbers.system.input
    small = np.promote_types(np.min_scalar_type(to.lowest), np.min_scalar_type(to.highest))
    return {
        "train_inputs": samples.input.astype(small),
        "train_labels": samples.label,
        "train_kappa": samples.kappa,
        "test_inputs": data.test.integers(to).astype(small),
        "test_labels": data.test.labels.astype(np.int32),
    }


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
class Trained:
    """A board that has been trained.

    Attributes
    ----------
    samples, every
        How many, and after how many of them the pipeline was drained.
    fed
        Through the wires, by this client: training samples, and those it is judged by.
    difference
        The first weight or bias in which it differs from the reference, and how many do; None if all are equal.
    accuracy
        Share of the test samples that are predicted right with its weights.
    spell
        What it did for its client.
    seconds
        The client's, from its start to its end.
    """

    samples: int
    every: int
    fed: int
    difference: str | None
    accuracy: float
    spell: Spell
    seconds: float

    @property
    def speed(self) -> dict[str, Any]:
        """How fast it learned, by the names of the figures."""
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


def judge(
    design: Design, data: Dataset, directory: RunDirectory, samples: StreamSamples, every: int
) -> tuple[str | None, float]:
    """Compare what a client has left with the reference: the first difference, and the test accuracy of what was left.

    Raises
    ------
    InputError
        If the client's file is none.
    """
    found = _parameters(design, directory / FINAL)
    engine = FixedEngine(design.network, design.config.numbers.system, found, design.config.hops, design.generators)
    results = engine.infer(engine.samples(data.test.integers(engine.numbers.input), data.test.labels))
    return first_difference(found, reference(design, samples, every)), float((results.prediction == results.label).mean())


def _parameters(design: Design, path: Path) -> IntegerParameters:
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


def write(trained: Trained, design: Design, directory: RunDirectory) -> None:
    """Leave the figures; those that depend on the machine's speed apart from the others."""
    result = provenance(design.config) | {"status": "agree" if trained.difference is None else "differ"}
    learned = {
        "samples": trained.samples,
        "batch": trained.every,
        "first_difference": trained.difference,
        "test_accuracy": trained.accuracy,
    }
    directory.write_json(METRICS, result | EMULATION.all_told(learned))
    directory.write_json(TIMING, EMULATION.all_told(trained.speed))
    (directory / CHECKPOINT).unlink(missing_ok=True)


def told(trained: Trained) -> str:
    """How fast it was, in a line."""
    speed = trained.speed
    return (
        f"{trained.fed:,} samples in {trained.seconds:.1f} s: {speed['samples_per_second']:,.0f} samples/s, "
        f"{speed['clocks_per_sample']:,.0f} clocks a sample, {speed['clocks_per_second']:,.0f} clocks/s"
    )
