"""Names of memories: keys are values, texts are made of them in one place."""

from hwsim import machine_columns as columns
from hwsim.memories import MemoryKey, MemoryKind


def test_the_codes_of_the_machine_are_those_of_the_kinds():
    codes = {
        columns.WEIGHT: MemoryKind.WEIGHTS,
        columns.BIAS: MemoryKind.BIASES,
        columns.ACTIVATION: MemoryKind.ACTIVATIONS,
        columns.DERIVATIVE: MemoryKind.DERIVATIVES,
        columns.PARTIAL: MemoryKind.PARTIAL_DELTAS,
        columns.DELTA: MemoryKind.DELTAS,
    }
    assert {kind.code: kind for kind in MemoryKind} == codes
    # The words of event logs and waveforms, which other programs read.
    assert columns.MEMORIES == ("weight", "bias", "activation", "derivative", "partial delta", "delta")


def test_weights_are_a_junctions_and_all_else_a_layers():
    assert [str(MemoryKey(kind, 2)) for kind in MemoryKind] == [
        "weights of junction 2",
        "biases of layer 2",
        "activations of layer 2",
        "derivatives of layer 2",
        "partial deltas of layer 2",
        "deltas of layer 2",
    ]
    assert MemoryKind.PARTIAL_DELTAS.identifier == "partial_deltas"
    assert len({MemoryKey(kind, i) for kind in MemoryKind for i in (0, 1, 0)}) == 2 * len(MemoryKind)
