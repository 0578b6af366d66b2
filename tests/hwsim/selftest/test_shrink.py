"""Cases are made smaller as long as they fail."""

from dataclasses import asdict

from hwsim.selftest.case import Case, Meets
from hwsim.selftest.draw import drawn
from hwsim.selftest.shrink import shrink


def large(fails):
    return next(case for case in (drawn(0, number) for number in range(200)) if fails(case))


def test_what_does_not_matter_goes():
    left = shrink(large(lambda c: len(c.config.edges) == 5), lambda c: True, 1000).case
    assert left.config.network.layers == (1, 1) and left.config.hardware.z == (1,)
    assert asdict(left.meets) == asdict(Meets(samples=1)) and left.config.seed == 0
    hardware, numbers = left.config.hardware, left.config.numbers
    assert set(hardware.latency.model_dump().values()) == {0, 1} and hardware.latency.accumulate == 1
    assert (hardware.schedule, hardware.build, hardware.address, hardware.kappa) == ("flush", "training", "auto", None)
    assert str(numbers.rounding) == "half_up" and numbers.weight is None and (numbers.width, numbers.fraction) == (6, 3)
    assert left.config.connectivity.kind == "full" and left.config.network.activations == ("sigmoid",)


def test_what_matters_stays():
    def fails(case):
        c = case.config
        return c.connectivity.dither and c.hardware.schedule == "overlap" and len(c.edges) >= 2 and case.meets.samples >= 3

    left = shrink(large(fails), fails, 1000).case
    assert fails(left)
    assert len(left.config.edges) == 2 and left.meets.samples == 3 and left.config.connectivity.type == 1
    assert max(left.config.network.layers) <= 2


def test_so_many_are_tried_and_no_more():
    case, tried = large(lambda c: True), []

    def fails(smaller):
        tried.append(smaller)
        return False

    found = shrink(case, fails, 7)
    assert found.case == case and found.tried == len(tried) == 7
    assert len({c.text() for c in tried} | {case.text()}) == 8, "none of them twice"


def test_every_case_that_is_tried_is_legal():
    def fails(smaller):
        smaller.design.check()
        assert smaller.design.machine() and Case(smaller.config, smaller.meets) == smaller
        return True

    for number in range(5):
        shrink(drawn(8, number), fails, 100)
