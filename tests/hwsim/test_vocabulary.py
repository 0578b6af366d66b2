"""Names of memories: keys are values, texts are made of them in one place."""

import re
from pathlib import Path

from hwsim.vocabulary import MemoryKey, MemoryKind

ROOT = Path(__file__).parents[2]


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


def test_names_are_made_in_one_place():
    made = re.compile(r"(weights|biases|activations|derivatives|deltas) of (layer|junction) \{")
    sources = [p for package in ("models", "hwsim", "rtl") for p in (ROOT / package).rglob("*.py")]
    assert len(sources) > 100 and [p for p in sources if made.search(p.read_text())] == []
