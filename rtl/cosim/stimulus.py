"""What a co-simulation is fed: samples as beats, idle and back-pressure patterns, and requests of the bus."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.network.parameters import IntegerParameters
from rtl.plan.plan import Plan
from rtl.ports.registers import AddressMap
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


def beats(of: Plan, samples: StreamSamples) -> npt.NDArray[np.uint8]:
    """The stream of samples: uint8 [n * beats per sample, bytes], little-endian."""
    layout, per_sample = sample_layout(of), of.inputs.groups
    n, width, beat = len(samples), of.junctions[0].left.width, of.beat
    padded = np.zeros((n, per_sample * beat), np.int64)
    padded[:, : samples.input.shape[1]] = samples.input
    fields = [_bits(padded.reshape(n * per_sample, beat), width).reshape(n * per_sample, -1)]
    for name, values in (("label", samples.label), ("kappa", samples.kappa), ("train", samples.train)):
        repeated = np.repeat(np.asarray(values, np.int64), per_sample)[:, None]
        # Only the last beat's counts: the others carry the complement, so that taking the wrong one shows.
        wrong = np.arange(n * per_sample) % per_sample != per_sample - 1
        size = layout[name].shape.width if hasattr(layout[name].shape, "width") else layout[name].shape
        repeated[wrong] ^= (1 << size) - 1
        fields.append(_bits(repeated, size).reshape(n * per_sample, -1))
    bits = np.concatenate(fields, axis=1)
    assert bits.shape[1] == layout.size
    return np.packbits(bits, axis=1, bitorder="little")


def _bits(values: np.ndarray, width: int) -> npt.NDArray[np.uint8]:
    """uint8 [..., width]: the low bits, the lowest first."""
    return (values[..., None] >> np.arange(width) & 1).astype(np.uint8)


def pattern(rng: np.random.Generator, share: float, length: int = 4093) -> npt.NDArray[np.bool_]:
    """Clocks in which a stream pauses, in runs of different lengths; used over and over."""
    if share <= 0:
        return np.zeros(1, np.bool_)
    runs = rng.geometric(1 / rng.choice([1, 2, 5, 40], size=length))
    busy = np.maximum(1, np.round(runs * (1 - share) / share)).astype(int)
    return np.concatenate([np.repeat([True, False], [a, b]) for a, b in zip(runs, busy, strict=True)])[:length]


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
