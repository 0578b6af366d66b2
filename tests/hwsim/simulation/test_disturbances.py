"""What disturbs the machine and the streams: one record, ranges and meanings in one place."""

import pickle

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.simulation.disturbances import MACHINE, STREAMS, UNDISTURBED, Disturbances
from hwsim.simulation.entering import entering
from hwsim.simulation.simulate import simulate
from models.data.dataset import Split
from models.errors import InputError
from models.network.order import NO_SAMPLE

RANGES = {
    MACHINE: ("probability", {"late": 0.99, "inference": 1, "blocked": 1}),
    STREAMS: ("share", {"idle": 0.99, "blocked": 0.99, "inference": 1, "illegal": 1}),
}


@pytest.mark.parametrize("place", RANGES, ids=lambda p: p.name)
def test_numbers_lie_in_their_range(place):
    number, ranges = RANGES[place]
    for name, most in ranges.items():
        for value in (-0.1, most + 0.005, float("nan")):
            with pytest.raises(InputError, match=rf"^{name} = .*: is a {number}: must lie in 0\.\.{most}$"):
                Disturbances(**{name: value}, place=place)
        assert Disturbances(**{name: most}, place=place).options == dict.fromkeys(ranges, 0.0) | {name: most}


def test_what_one_place_cannot_meet_is_refused():
    with pytest.raises(InputError, match=r"^illegal = 0\.5: is nothing that the machine can meet: late, inference, blocked"):
        Disturbances(illegal=0.5)
    with pytest.raises(InputError, match=r"^late = 0\.5: is nothing that the streams can meet: idle, blocked, inference"):
        Disturbances(late=0.5, place=STREAMS)


def test_no_disturbance_is_none_anywhere():
    assert pickle.loads(pickle.dumps(UNDISTURBED)) == UNDISTURBED
    for none in (UNDISTURBED, Disturbances(place=STREAMS)):
        none.check(MACHINE)
        none.check(STREAMS)
    with pytest.raises(InputError, match=r"^disturbances: are of the streams, not of the machine$"):
        Disturbances(blocked=0.5, place=STREAMS).check(MACHINE)


def design(**more):
    return Design(config_file.parse({"network": {"layers": [8, 4], "out_degree": [2]}, "hardware": {"z": [4]}} | more))


def test_the_machine_refuses_those_of_the_streams():
    data = Split(np.zeros((4, 8), np.uint8), np.zeros(4, np.int64))
    with pytest.raises(InputError, match="are of the streams"):
        simulate(design(), data, disturbances=Disturbances(idle=0.5, place=STREAMS))


def test_each_disturbance_is_drawn_on_its_own():
    calm = entering(UNDISTURBED, design(), 0, 200, 9)
    assert sorted(calm.source.tolist()) == list(range(200)) and calm.train.all() and not calm.blocked.any()
    late = entering(Disturbances(late=0.5), design(), 0, 200, 9)
    assert late.source[late.source != NO_SAMPLE].tolist() == calm.source.tolist()
    assert 120 < (late.source == NO_SAMPLE).sum() < 300
    both = entering(Disturbances(late=0.5, inference=0.3, blocked=0.2), design(), 0, 200, 9)
    assert both.source.tolist() == late.source.tolist() and 35 < (~both.train).sum() < 85
    assert both.blocked.size == both.source.size and set(both.blocked.tolist()) == set(range(10))


@pytest.mark.parametrize(("command", "place"), [("simulate", MACHINE), ("cosim", STREAMS)])
def test_the_commands_say_what_the_numbers_mean(command, place, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    assert cli.run([command, "--help"]) == 0
    told = capsys.readouterr().out
    for name, meaning in place.meanings.items():
        assert any(f"--{name} " in line and meaning.text in line for line in told.splitlines()), name
