"""Samples and results as the bytes of their packets, many at once.

A sample: its inputs, neuron 0 first, each in 1, 2 or 4 bytes, little-endian; at the next multiple of 4 a word of label (16),
kappa (8) and whether it is trained on (1). A result: its output activations likewise, and a word of prediction (16), label
(15) and whether it was trained on (1). Zeros pad both to whole beats.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .design import DesignMap, Integers, Packet
from .errors import HostError

_LABEL, _KAPPA, _TRAIN = 0, 16, 24
_PREDICTION, _RESULT_LABEL, _TRAINED = 0, 16, 31


class Results(NamedTuple):
    """What the accelerator says of n samples, in their order.

    Attributes
    ----------
    prediction
        [n], the class that each is taken for.
    label
        [n], as it was sent.
    trained
        [n], whether it was learned from.
    outputs
        [n, N_L] output activations, integers.
    """

    prediction: Integers
    label: Integers
    trained: npt.NDArray[np.bool_]
    outputs: Integers


def samples(of: DesignMap, inputs: Integers, label: Integers, kappa: Integers, train: bool) -> list[bytes]:
    """Packets of samples: integers [n, N_0], [n] and [n], all of which are legal."""
    packet = of.samples
    made = np.zeros((len(inputs), packet.size), np.uint8)
    made[:, : packet.count * packet.number_bytes] = _bytes(inputs, packet.number_bytes)
    facts = label << _LABEL | kappa << _KAPPA | int(train) << _TRAIN
    made[:, packet.trailer : packet.trailer + 4] = _bytes(facts[:, None], 4)
    return [row.tobytes() for row in made]


def flush(of: DesignMap) -> bytes:
    """A packet that ends half a packet which somebody has left in the accelerator, and never becomes a sample itself.

    Whatever came before it, the accelerator drops all up to its end and counts that once: MISFRAMED if there are too few or
    too many bytes, else REFUSED, as bits are set that are reserved. A single byte would not do: if it were the last one
    that is missing, it would make a sample.
    """
    # Whole beats, which are of 64 bytes at most, and no fewer bytes than from the trailer on.
    return b"\xff" * min(of.samples.size & -of.samples.size, 64)


def results(of: DesignMap, packets: list[bytes]) -> Results:
    """What packets of results say.

    Raises
    ------
    HostError
        If one is longer or shorter than results are.
    """
    packet = of.results
    wrong = next((len(p) for p in packets if len(p) != packet.size), None)
    if wrong is not None:
        raise HostError(f"a result has {wrong} bytes instead of {packet.size}")
    given = np.frombuffer(b"".join(packets), np.uint8).reshape(-1, packet.size)
    outputs = _integers(given[:, : packet.count * packet.number_bytes], packet, of.activation.signed)
    facts = np.ascontiguousarray(given[:, packet.trailer : packet.trailer + 4]).view("<u4")[:, 0].astype(np.int64)
    return Results(facts & 0xFFFF, facts >> _RESULT_LABEL & 0x7FFF, (facts >> _TRAINED & 1).astype(bool), outputs)


def _bytes(numbers: Integers, size: int) -> npt.NDArray[np.uint8]:
    """Numbers [n, k] in bytes [n, k * size]."""
    return np.ascontiguousarray(numbers.astype(f"<i{size}")).view(np.uint8)


def _integers(given: npt.NDArray[np.uint8], packet: Packet, signed: bool) -> Integers:
    words = np.ascontiguousarray(given).view(f"<{'i' if signed else 'u'}{packet.number_bytes}")
    return words.astype(np.int64)
