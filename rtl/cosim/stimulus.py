"""What a co-simulation is fed: samples as beats, idle and back-pressure patterns, and requests of the bus."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsim.configuration.configuration import Configuration
from hwsim.design import Design
from hwsim.random_streams import Stream
from models.errors import ArgumentError
from models.network.parameters import IntegerParameters
from rtl.plan.plan import Plan
from rtl.ports.register_map import AddressMap
from rtl.ports.samples import sample_layout


@dataclass(frozen=True, eq=False)
class StreamSamples:
    """Samples as integers: input [n, N_0], label, kappa [n], train bool [n]."""

    input: npt.NDArray[np.int32]
    label: npt.NDArray[np.int32]
    kappa: npt.NDArray[np.int32]
    train: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.label)

    @classmethod
    def none(cls, inputs: int) -> "StreamSamples":
        """No sample of so many inputs."""
        nothing = np.zeros(0, np.int32)
        return cls(np.zeros((0, inputs), np.int32), nothing, nothing, np.zeros(0, np.bool_))


def anything(of: Plan, n: int, rng: np.random.Generator, inference: float = 0.0) -> StreamSamples:
    """Inputs over their whole range, labels and learning-rate shifts over all legal ones; a share of them for inference."""
    fmt, config, (least, greatest) = of.numbers.input, of.config, of.kappas
    return StreamSamples(
        rng.integers(fmt.lowest, fmt.highest + 1, (n, config.network.layers[0])).astype(np.int32),
        rng.integers(0, config.classes, n).astype(np.int32),
        rng.integers(least, greatest + 1, n).astype(np.int32),
        rng.random(n) >= (inference if of.trains else 1.0),
    )


def joined(parts: Sequence[StreamSamples]) -> StreamSamples:
    """Samples one after the other."""
    names = ("input", "label", "kappa", "train")
    return StreamSamples(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def beats(of: Plan, samples: StreamSamples) -> npt.NDArray[np.uint8]:
    """The stream of samples: uint8 [n * beats per sample, bytes], little-endian."""
    layout, per_sample = sample_layout(of), of.inputs.groups
    n, width, beat = len(samples), of.junctions[0].left.width, of.beat
    padded = np.zeros((n, per_sample * beat), np.int64)
    padded[:, : samples.input.shape[1]] = samples.input
    fields = [bits(padded.reshape(n * per_sample, beat), width).reshape(n * per_sample, beat * width)]
    for name, values in (("label", samples.label), ("kappa", samples.kappa), ("train", samples.train)):
        repeated = np.repeat(np.asarray(values, np.int64), per_sample)[:, None]
        # Only the last beat's counts: the others carry the complement, so that taking the wrong one shows.
        wrong = np.arange(n * per_sample) % per_sample != per_sample - 1
        size = layout[name].shape.width if hasattr(layout[name].shape, "width") else layout[name].shape
        repeated[wrong] ^= (1 << size) - 1
        fields.append(bits(repeated, size).reshape(n * per_sample, size))
    beat_bits = np.concatenate(fields, axis=1)
    assert beat_bits.shape[1] == layout.size
    return np.packbits(beat_bits, axis=1, bitorder="little")


def bits(values: np.ndarray, width: int) -> npt.NDArray[np.uint8]:
    """uint8 [..., width]: the low bits, the lowest first."""
    return (values[..., None] >> np.arange(width) & 1).astype(np.uint8)


def pattern(rng: np.random.Generator, share: float, length: int = 4093) -> npt.NDArray[np.bool_]:
    """Clocks in which a stream pauses, in runs of different lengths; used over and over."""
    if share <= 0:
        return np.zeros(1, np.bool_)
    runs = rng.geometric(1 / rng.choice([1, 2, 5, 40], size=length))
    busy = np.maximum(1, np.round(runs * (1 - share) / share)).astype(int)
    return np.concatenate([np.repeat([True, False], [a, b]) for a, b in zip(runs, busy, strict=True)])[:length]


def illegal_values(config: Configuration, share: float) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Learning-rate shifts and labels, one of the two possibly none, that the stream can carry and that are illegal.

    Raises
    ------
    InputError
        If there are none, so that no ``share`` of the samples can have them.
    """
    assert config.hardware is not None
    if not config.hardware.trains:
        rule = "needs hardware that trains: without, every label and learning-rate shift is legal"
        raise ArgumentError("illegal", share, rule, [0])
    least, greatest = config.kappa_range
    kappas = np.array([k for k in range(1 << config.kappa_bits) if not least <= k <= greatest], np.int32)
    labels = np.arange(config.classes, 1 << config.label_bits, dtype=np.int32)
    if not kappas.size and not labels.size:
        rule = "is impossible: whatever fits into the stream's fields of label and learning-rate shift is legal"
        raise ArgumentError("illegal", share, rule, [0])
    return kappas, labels


def spoilt(design: Design, samples: StreamSamples, share: float, rng: np.random.Generator | None = None) -> StreamSamples:
    """``samples``, a share of those for training with an illegal learning-rate shift, an illegal label or both."""
    kappas, labels = illegal_values(design.config, share)
    rng, n = rng or design.generator(Stream.COSIM_ILLEGAL), len(samples)
    hit, which = samples.train & (rng.random(n) < share), rng.integers(0, 3, n)
    of_label = hit & (labels.size > 0) & ((which != 0) | (kappas.size == 0))
    of_kappa = hit & (kappas.size > 0) & ((which != 1) | (labels.size == 0))
    return StreamSamples(
        samples.input,
        np.where(of_label, rng.choice(labels, n) if labels.size else 0, samples.label).astype(np.int32),
        np.where(of_kappa, rng.choice(kappas, n) if kappas.size else 0, samples.kappa).astype(np.int32),
        samples.train,
    )


def parameter_words(of: Plan, parameters: IntegerParameters) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Addresses and words of all weights, then all biases, in the order of the junctions."""
    where = AddressMap.of(of)
    regions = [*where.weights, *where.biases]
    values = [*parameters.weights, *parameters.biases]
    addresses = [np.array([r.address(k) for k in range(v.size)], np.int64) for r, v in zip(regions, values, strict=True)]
    return np.concatenate(addresses), np.concatenate(values).astype(np.int64)


def parameters_of(of: Plan, words: npt.NDArray[np.int64]) -> IntegerParameters:
    """The inverse, of words as they were read."""
    signed = words.astype(np.uint32).astype(np.int32)
    sizes = [j.pattern.n_edges for j in of.junctions] + [j.n_right for j in of.junctions]
    parts = np.split(signed, np.cumsum(sizes)[:-1])
    n = len(of.junctions)
    return IntegerParameters(parts[:n], parts[n:])
