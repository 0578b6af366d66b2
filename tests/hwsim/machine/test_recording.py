"""The machine writes down every access of a window of clocks, and says what the window is."""

import numpy as np
import pytest

from hwsim.configuration.config_file import fingerprint
from hwsim.configuration.configuration import Configuration
from hwsim.design import Design
from hwsim.events.log import Clocking
from hwsim.vocabulary import EVENT_FIELDS
from models.errors import InputError
from tests.hwsim.runs import FIXED


def fed(cycles, before=lambda machine: machine.record()):
    """A machine that some samples have entered."""
    machine = Design(Configuration(**FIXED)).machine()
    before(machine)
    rng = np.random.default_rng(0)
    samples = machine.samples(rng.integers(0, 256, (cycles, 16)), rng.integers(0, 4, cycles), 3)
    for n in range(cycles):
        machine.feed(samples, [n])
    return machine, samples


def test_everything_from_now_on_is_recorded_unless_a_window_is_given():
    whole = fed(6)[0].accesses
    assert (whole.header.first, whole.header.last) == (0, 6 * 6)
    part = fed(6, lambda machine: machine.record(10, 20))[0].accesses
    assert part.array.tolist() == whole.within(10, 20).array.tolist() and len(part)
    machine, samples = fed(3, lambda machine: None)
    machine.record()
    machine.feed(samples)
    assert machine.accesses.header.first == 3 * 6
    assert machine.accesses.array["clock"].min() == 3 * 6


def test_an_array_has_a_record_for_every_event():
    log = fed(5)[0].accesses
    assert log.array.dtype.names == EVENT_FIELDS
    assert [tuple(event) for event in log] == log.array.tolist()


def test_every_weight_is_read_and_written_once_a_sample():
    machine, _ = fed(7)
    machine.drain()
    found = machine.accesses.array
    weights = found[found["memory"] == "weight"]
    written = weights[weights["access"] == "write"]
    assert len(written) == 7 * (32 + 16) and (written["operation"] == "UP").all()
    last = {(int(e["junction"]), int(e["address"]), int(e["lane"])): int(e["value"]) for e in written}
    for junction, (z, weight) in enumerate(zip((8, 4), machine.parameters.weights, strict=True), 1):
        assert [last[junction, e // z, e % z] for e in range(weight.size)] == weight.tolist()


def test_the_header_knows_the_design_and_its_junction_cycles():
    machine, _ = fed(4)
    offsets = tuple(j.offset for j in machine.timing.junctions)
    header = machine.accesses.header
    assert (header.source, header.configuration) == ("machine", fingerprint(machine.config))
    assert header.clocking == Clocking(6, 6, offsets)


@pytest.mark.parametrize("stop", [lambda m: m.stand(50), lambda m: m.settle(), lambda m: m.drain()])
def test_junction_cycles_are_known_until_the_machine_first_stands(stop):
    machine, samples = fed(4)
    stop(machine)
    assert machine.accesses.header.clocking is None
    machine.feed(samples)
    machine.record()
    machine.feed(samples)
    assert machine.accesses.header.clocking is None, "they lie elsewhere than without the standstill"


def test_a_window_before_the_first_standstill_has_known_junction_cycles():
    machine, _ = fed(4, lambda machine: machine.record(6, 20))
    machine.drain()
    assert machine.accesses.header.clocking is not None


def test_a_continued_machine_has_other_junction_cycles():
    machine, samples = fed(4)
    machine.settle()
    other = Design(machine.config).machine()
    other.restore(machine.arrays())
    other.record()
    other.feed(samples)
    assert other.accesses.header.clocking is None


def test_what_finds_no_room_ends_the_window():
    whole = fed(6)[0].accesses
    short = fed(6, lambda machine: machine.record(capacity=100))[0].accesses
    assert short.header.last < whole.header.last
    assert short.array.tolist() == whole.within(0, short.header.last).array.tolist()


def test_nothing_is_there_without_a_record():
    machine, _ = fed(1, lambda machine: None)
    with pytest.raises(InputError, match="accesses: are not recorded"):
        _ = machine.accesses
    with pytest.raises(InputError, match="last = 4: lies before the window's first clock, 5"):
        machine.record(5, 4)
