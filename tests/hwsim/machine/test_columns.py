"""Codes in the machine's arrays, and what has the same meaning elsewhere."""

from hwsim import vocabulary
from hwsim.vocabulary import ACTIVATION, BIAS, DELTA, DERIVATIVE, MEMORIES, PARTIAL, WEIGHT, MemoryKind
from models.fixed import checkpoint, kernel
from models.network.order import NO_SAMPLE


def test_the_codes_of_the_machine_are_those_of_the_kinds():
    codes = {
        WEIGHT: MemoryKind.WEIGHTS,
        BIAS: MemoryKind.BIASES,
        ACTIVATION: MemoryKind.ACTIVATIONS,
        DERIVATIVE: MemoryKind.DERIVATIVES,
        PARTIAL: MemoryKind.PARTIAL_DELTAS,
        DELTA: MemoryKind.DELTAS,
    }
    assert {kind.code: kind for kind in MemoryKind} == codes
    # The words of event logs and waveforms, which other programs read.
    assert MEMORIES == ("weight", "bias", "activation", "derivative", "partial delta", "delta")


def test_what_enters_is_told_alike_by_machine_reference_and_checkpoint():
    kinds = [(m.BUBBLE, m.INFERENCE, m.TRAINING) for m in (vocabulary, kernel, checkpoint)]
    assert kinds == [(0, 1, 2)] * 3
    assert NO_SAMPLE == -1  # in place of a row of samples, which a kind is not
