"""What reference and machine meet in the self test, and that all of it is looked at."""

import numpy as np
import pytest

from hwsim.machine.machine import Machine
from hwsim.machine.streams import Results
from hwsim.selftest import machine
from hwsim.selftest.case import Case, Different, Meets
from hwsim.selftest.draw import drawn
from hwsim.selftest.machine import Fed, compare
from models.fixed.engine import FixedEngine
from tests.hwsim.machine.machines import configuration

DISTURBED = Meets(samples=40, late=0.3, inference=0.3, blocked=0.3, illegal=0.4, parameters="random")


def case(meets=DISTURBED, **hardware):
    rates = {"rate_shift": [[0, 3], [1, 5]]}
    network = {"layers": [12, 8, 6], "out_degree": [4, 3], "classes": 5}
    return Case(configuration(network=network, hardware={"kappa": None} | hardware, training=rates), meets)


def test_everything_enters():
    fed = Fed.of(case())
    assert len(fed.source) > 40 and (fed.source >= 0).sum() == 40 and (fed.blocked > 0).any()
    assert 0 < fed.trained.sum() < fed.train.sum() < 40 and min(fed.illegal) > 0
    assert {*fed.kappa[fed.trained]} == {3, 4, 5} and fed.label[fed.trained].max() < 5


def test_nothing_is_learned_without_the_hardware_for_it():
    fed = Fed.of(case(build="inference"))
    assert not fed.train.any() and fed.illegal == (0, 0)
    assert compare(case(build="inference")) > 0


@pytest.mark.parametrize("schedule", ["flush", "overlap"])
def test_engines_take_over_from_each_other(schedule, monkeypatch):
    """From the middle on, each goes on with the checkpoint of the other."""
    seen = []
    for engine in (Machine, FixedEngine):
        whole = engine.restore

        def restore(self, arrays, *rest, whole=whole):
            seen.append((type(self).__name__, int(arrays["cycle"])))
            whole(self, arrays, *rest)

        monkeypatch.setattr(engine, "restore", restore)
    assert compare(case(schedule=schedule)) > 1000
    (first, cycle), (second, other) = seen
    assert (first, second) == ("Machine", "FixedEngine") and cycle == other >= len(Fed.of(case()).source) // 2


def changed(of, name, change):
    """A method or property of an engine whose result is changed."""
    whole = getattr(of, name)
    if isinstance(whole, property):
        return property(lambda self: change(whole.fget(self)))
    return lambda self, *given, **more: change(whole(self, *given, **more))


def one_more(array):
    array = array.copy()
    array.flat[-1] += 1
    return array


def in_results(name):
    def change(results):
        return Results(**results._asdict() | {name: one_more(getattr(results, name))}) if len(results) else results

    return change


def in_state(name):
    return lambda arrays: arrays | {name: one_more(arrays[name])}


@pytest.mark.parametrize("result", ["prediction", "label", "kind", "output"])
def test_a_wrong_result_is_seen(result, monkeypatch):
    monkeypatch.setattr(Machine, "drain", changed(Machine, "drain", in_results(result)))
    with pytest.raises(Different, match=f"^{result} of result"):
        compare(case())


@pytest.mark.parametrize(
    "array",
    [
        *("weight_1", "weight_2", "bias_1", "bias_2", "saturation", "flight_partial", "flight_output_delta"),
        *("flight_activation", "flight_derivative", "flight_kappa", "flight_label", "flight_kind"),
    ],
)
def test_a_wrong_state_is_seen(array, monkeypatch):
    monkeypatch.setattr(Machine, "arrays", changed(Machine, "arrays", in_state(array)))
    with pytest.raises(Different, match=rf"^{array}\["):
        compare(case(Meets(samples=20)))


def test_wrong_counts_are_seen(monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(Machine, "illegal", changed(Machine, "illegal", lambda found: found._replace(label=found.label + 1)))
        with pytest.raises(Different, match=r"^illegal shifts and labels"):
            compare(case())
    monkeypatch.setattr(machine._Pair, "updates", property(lambda self: np.zeros(2, np.int64)))
    with pytest.raises(Different, match=r"^edges updated"):
        compare(case())


def test_a_state_that_is_not_a_checkpoint_is_compared_as_far_as_it_goes(monkeypatch):
    """Labels that are no classes are in flight at some standstill of these cases, which is no fault."""
    strange = []
    whole = machine._Pair._strange
    monkeypatch.setattr(machine._Pair, "_strange", lambda self: strange.append(whole(self)) or strange[-1])
    for number in range(30):
        compare(drawn(4, number))
    assert {*strange} == {True, False}
