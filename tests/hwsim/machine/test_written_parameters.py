"""A host that writes weights and biases while nothing moves: what is in flight goes on with the new ones."""

import numpy as np
import pytest

from models.errors import InputError
from models.network.parameters import IntegerParameters
from tests.hwsim.machine.machines import Pair, configuration, random_parameters


def test_what_is_in_flight_goes_on_with_what_was_written():
    """As in a checkpoint whose weights are replaced."""
    config = configuration()
    pair = Pair(config)
    rng = np.random.default_rng(0)
    fmt = config.numbers.system.input
    samples = pair.machine.samples(rng.integers(fmt.lowest, fmt.highest + 1, (12, 12)), rng.integers(0, 6, 12), 3)
    written = random_parameters(np.random.default_rng(7), config)
    machine = pair.machine
    machine.feed(samples, np.arange(6))
    machine.settle()
    restored = Pair(config).machine
    restored.restore(machine.arrays() | written.arrays())
    machine.parameters = written
    for one in (machine, restored):
        one.feed(samples, np.arange(6, 12))
        one.drain()
    found = [one.parameters.arrays() for one in (machine, restored)]
    assert {name: a.tolist() for name, a in found[0].items()} == {name: a.tolist() for name, a in found[1].items()}
    assert found[0]["weight_1"].tolist() != written.weights[0].tolist()


def test_what_no_memory_can_hold_is_refused():
    machine = Pair(configuration()).machine
    before = machine.parameters
    too_large = IntegerParameters([w + 100_000 for w in before.weights], before.biases)
    with pytest.raises(InputError):
        machine.parameters = too_large
    assert all((a == b).all() for a, b in zip(machine.parameters.weights, before.weights, strict=True))
