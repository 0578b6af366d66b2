"""Every random number has a named purpose, and comes from the one place that knows all purposes."""

import ast
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from hwsim import random_streams
from hwsim.random_streams import Stream
from tests.hwsim.machine.machines import Design, configuration

ROOT = Path(__file__).parents[2]
OWNER = ROOT / "hwsim/random_streams.py"
SOURCES = sorted(p for package in ("hwsim", "rtl") for p in (ROOT / package).rglob("*.py"))
MAKERS = {"default_rng", "SeedSequence", "RandomState", "PCG64", "Philox", "SFC64", "MT19937", "seed"}

KEYS = {
    Stream.CONNECTIVITY: (0,),
    Stream.INITIAL: (1,),
    Stream.SHUFFLE: (2,),
    Stream.DISTURBANCES: (3,),
    Stream.ROUNDING: (4,),
    Stream.SEARCH_DRAWS: (8, 0),
    Stream.SEARCH_MOVES: (8, 1),
    Stream.ADAPTATION: (9,),
    Stream.KERNELS: (16,),
    Stream.DROPOUT: (17,),
    Stream.COSIM_INFERENCE: (24,),
    Stream.COSIM_ILLEGAL: (25,),
    Stream.COSIM_PAUSES: (26,),
    Stream.MUTATION: (27,),
    Stream.COSIM_SCENARIOS: (28,),
    Stream.TEST_BENCH: (29,),
    Stream.BENCHMARK: (32,),
    Stream.SELFTEST_DESIGN: (40, 0),
    Stream.SELFTEST_SAMPLES: (40, 1),
}
"""What a seed means: designs, runs and studies that are out there were drawn with these."""


def made_in(source: Path) -> list[str]:
    """Calls that make a generator of random numbers, and imports of the standard library's."""
    found = []
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            found += [f"{source.name}:{node.lineno}: {name}"] if name in MAKERS else []
        elif isinstance(node, ast.Import) and "random" in [a.name for a in node.names]:
            found.append(f"{source.name}:{node.lineno}: import random")
        elif isinstance(node, ast.ImportFrom) and node.module in ("random", "numpy.random"):
            found.append(f"{source.name}:{node.lineno}: from {node.module}")
    return found


def test_nobody_else_makes_random_numbers():
    assert len(made_in(OWNER)) == 3, "the search finds what it looks for"
    assert [line for path in SOURCES if path != OWNER for line in made_in(path)] == []


def test_a_seed_keeps_its_meaning():
    assert {s: s.value for s in Stream} == KEYS


@pytest.mark.parametrize("stream", Stream)
def test_a_stream_is_that_of_its_key(stream):
    expected = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(*KEYS[stream], 3, 1))).integers(2**63, size=4)
    found = Design(configuration(seed=7)).generator(stream, 3, 1).integers(2**63, size=4)
    assert found.tolist() == expected.tolist()


def test_no_stream_is_part_of_another():
    """What numbers the draws of one purpose never makes the key of another one."""
    for one, other in combinations(KEYS.values(), 2):
        n = min(len(one), len(other))
        assert one[:n] != other[:n]


def test_the_axes_of_a_study_keep_their_numbers():
    expected = np.random.default_rng([5, 2, 1]).integers(2**63, size=4)
    assert random_streams.of_axis(5, 2, 1).integers(2**63, size=4).tolist() == expected.tolist()
