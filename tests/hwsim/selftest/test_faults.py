"""Faults of an engine are found within a few designs, and the smallest design that shows one is small."""

import pytest

from hwsim.selftest.draw import drawn
from hwsim.selftest.run import examine, smallest
from tests.hwsim.selftest.faults import FAULTS, PAIRS, failing

TOLD = {
    "machine_has_a_bank_too_few": "StaleWord: clock ",
    "machine_breaks_off": "ZeroDivisionError: division by zero",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_made_small(name, monkeypatch):
    FAULTS[name](monkeypatch)
    case, failure = failing(drawn(3, number) for number in range(40))
    assert failure.what.startswith(TOLD.get(name, "")) and "\n" not in failure.what
    left = smallest(case, failure, PAIRS, 300).case
    assert examine(left, PAIRS).failure is not None
    layers, hardware = left.config.network.layers, left.config.hardware
    assert len(layers) == 2 and sum(layers) <= 12 and hardware.z[0] <= 2
    assert hardware.latency.multiplier == hardware.latency.table == 0
    assert left.meets.samples <= 4 and left.meets.blocked == left.meets.illegal == 0
    # The same on every machine and at any time.
    assert smallest(case, failure, PAIRS, 300).case == left


def test_without_a_fault_there_is_no_difference():
    assert failing(drawn(3, number) for number in range(60)) is None
