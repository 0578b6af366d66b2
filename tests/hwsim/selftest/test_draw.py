"""Drawn designs: every value of every option occurs, and a number of a seed always means the same."""

import numpy as np
import pytest

from hwsim.configuration import config_file
from hwsim.selftest import coverage
from hwsim.selftest.case import Case, Meets, read
from hwsim.selftest.draw import CONNECTIVITIES, LATENCIES, SCHEDULES, draw_design, drawn
from models.errors import InputError


def test_every_value_of_every_option_occurs_in_300_designs():
    found = [coverage.values(drawn(0, number)) for number in range(300)]
    counts = coverage.counted(found)
    assert coverage.missing(counts) == []
    # Nothing is called by a name that the table does not know.
    assert {(o, v) for case in found for o, several in case.items() for v in several} == {
        (o, v) for o, several in counts.items() for v in several
    }


def test_what_is_missing_is_told():
    counts = coverage.counted(coverage.values(drawn(0, number)) for number in range(3))
    assert sum(counts["schedule"].values()) == sum(counts["junctions"].values()) == 3
    told = {f"{option}: {value}" for option, several in counts.items() for value, n in several.items() if n == 0}
    assert {*coverage.missing(counts)} == told and len(told) > 20
    assert any("overlap: " in cells[1] for cells in (row.cells for row in coverage.as_table(counts, 3).rows))


def test_a_number_is_the_same_case_whatever_else_is_drawn():
    assert drawn(5, 7) == drawn(5, 7) != drawn(5, 8) != drawn(6, 8)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("connectivity", CONNECTIVITIES, ids=str)
def test_a_wanted_connectivity_and_schedule_are_drawn(connectivity, schedule):
    sections = draw_design(np.random.default_rng(1), 2, connectivity, schedule)
    assert sections["connectivity"] == connectivity and sections["hardware"]["schedule"] == schedule
    assert sections["hardware"]["latency"].keys() == {*LATENCIES, "accumulate"}


def test_a_case_survives_its_file(tmp_path):
    path = tmp_path / "case.yaml"
    for number in range(20):
        case = drawn(1, number)
        path.write_text(case.text())
        assert read(path) == case


def test_any_configuration_is_a_case(tmp_path):
    path = tmp_path / "case.yaml"
    path.write_text(drawn(1, 2).text().partition("\n")[2])
    assert read(path) == Case(drawn(1, 2).config, Meets())


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ("{", "has an unreadable first line"),
        ("[]", "has a first line that must say some of samples, late,"),
        ('{"pauses": 1}', "has a first line that must say some of samples, late,"),
        ('{"samples": 0}', "meets.samples = 0: must lie in 1..10000"),
        ('{"samples": true}', "meets.samples = True: must lie in 1..10000"),
        ('{"late": 1}', "meets.late = 1: must lie in 0..0.99"),
        ('{"parameters": "loud"}', "meets.parameters = loud: is not known; nearest: drawn, random, extreme"),
    ],
)
def test_a_spoilt_file_is_refused(told, line, tmp_path):
    path = tmp_path / "case.yaml"
    head, _, rest = drawn(1, 2).text().partition("{")
    path.write_text(f"{head}{told}\n{rest.partition(chr(10))[2]}")
    with pytest.raises(InputError) as error:
        read(path)
    assert line in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("hardware", None, "hardware"),
        ("training.order", "sequential", "training.order"),
        ("connectivity.kind", "random", "connectivity.kind"),
        ("hardware.latency.accumulate", 16, "hardware.latency.accumulate"),
    ],
)
def test_a_design_without_a_machine_is_refused(key, value, field, tmp_path):
    path = tmp_path / "case.yaml"
    sections = draw_design(np.random.default_rng(1), 2, {"kind": "structured"}, "overlap")
    path.write_text(config_file.as_yaml(config_file.parse(sections), {key: value}))
    with pytest.raises(InputError) as error:
        read(path)
    assert error.value.field == field


def test_parameters_are_what_they_are_called():
    case = drawn(2, 3)
    numbers = case.config.numbers.system.weight
    start = {p: Case(case.config, Meets(parameters=p)).design.initial_integers for p in ("drawn", "random", "extreme")}
    assert {int(w) for w in np.concatenate(start["extreme"].weights)} == {numbers.lowest, numbers.highest}
    for p in ("random", "extreme"):
        start[p].check_ranges(case.config.numbers.system)
    assert len({np.concatenate(s.weights).tobytes() for s in start.values()}) == 3


def test_fewer_samples_are_the_first_ones():
    case = drawn(2, 3)
    few, many = (Case(case.config, Meets(samples=n)) for n in (3, 9))
    assert few.inputs().tolist() == many.inputs()[:3].tolist()
    assert few.labels().tolist() == many.labels()[:3].tolist()
