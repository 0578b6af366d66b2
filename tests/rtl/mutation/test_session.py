"""What an interrupted run of mutation leaves, and who may go on with it."""

import pytest

from hwsim.results.directory import RunDirectory
from models.errors import InputError
from rtl.mutation import session
from rtl.mutation.campaign import CAUGHT, EQUIVALENT, OPEN, Judgement, Options, comma_separated
from rtl.mutation.mutants import Mutant
from tests.rtl.designs import configuration


def judgement(number, verdict, by):
    place = ("accelerator.pacer", "add", "Y", 3, "clock[3]", 17, "stuck at 1")
    return Judgement(Mutant(number, f"mutate {number}", *place), verdict, by)


FOUND = {
    1: judgement(1, CAUGHT, "few, clock 4: advance"),
    2: judgement(2, OPEN, ""),
    3: judgement(3, EQUIVALENT, "structure"),
}


@pytest.fixture
def directory(tmp_path):
    config = configuration([12, 6], [3], [6])
    made = RunDirectory(tmp_path / "run", config, "mutate", {"count": 5})
    with made.locked():
        made.begin()
        session._keep(made, Options(5), FOUND)
    return RunDirectory(tmp_path / "run", config, "mutate", {"count": 5}, resume=True)


def test_what_is_open_is_tried_again_and_the_rest_is_known(directory):
    assert session.resumed(directory, Options(5, "verilator", 60.0, 2)) == {1: FOUND[1], 3: FOUND[3]}


def test_another_run_goes_on_with_nothing(directory):
    with pytest.raises(InputError, match="count = 6: must be as when the run began; nearest: 5"):
        session.resumed(directory, Options(6))
    with pytest.raises(InputError, match="other parts"):
        session.resumed(directory, Options(5, parts=("few",)))


def test_every_mutant_is_a_line_with_its_place():
    lines = comma_separated(list(FOUND.values())).splitlines()
    assert lines[0] == "number,verdict,by,component,line,cell,port,bit,wire,fault"
    assert lines[1] == '1,caught,"few, clock 4: advance",accelerator.pacer,17,add,Y,3,clock[3],stuck at 1'
    assert len(lines) == 4
