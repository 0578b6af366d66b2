"""A configuration is the same object however it was made: from a file, from plain data, from sections, from a copy."""

import pickle

import pytest

from hwsim.configuration import config_file
from hwsim.configuration.config_file import fingerprint, parse, resolved
from hwsim.configuration.configuration import Configuration
from hwsim.configuration.sections import ConnectivitySection, DataSection, HardwareSection, NetworkSection, TrainingSection
from models.errors import InputError
from tests.hwsim.shipped import SHIPPED

PLAIN = {"network": {"layers": [12, 8, 6], "density": [0.5, 0.5]}, "hardware": {"z": [4, 4]}}


def of_sections(**more) -> Configuration:
    network = NetworkSection(layers=(12, 8, 6), density=(0.5, 0.5))
    return Configuration(network=network, hardware=HardwareSection(z=(4, 4)), **more)


def same(one: Configuration, other: Configuration) -> bool:
    facts = [(c, type(c.data), c.states_data, resolved(c), fingerprint(c)) for c in (one, other)]
    return facts[0] == facts[1]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_a_file_and_a_call_give_the_same(path):
    loaded = config_file.load(path)
    data = config_file.read_design(path)
    assert same(Configuration(**data), loaded)
    assert same(Configuration.model_validate(data), loaded)
    assert same(Configuration(**dict(loaded)), loaded)
    assert same(pickle.loads(pickle.dumps(loaded)), loaded)
    assert same(loaded.model_copy(), loaded)


def test_sections_are_as_good_as_plain_data():
    assert same(of_sections(), parse(PLAIN))
    assert of_sections().network.out_degree == (4, 3)
    assert of_sections().network.density is None
    assert of_sections().network.classes == 6


@pytest.mark.parametrize("data", [{}, {"data": {}}, {"data": DataSection()}])
def test_a_data_set_that_nobody_names_is_the_default(data):
    config = Configuration(**PLAIN | data)
    assert same(config, parse(PLAIN))
    assert not config.states_data and "data" not in resolved(config)


def test_naming_the_default_data_set_is_another_configuration():
    """It is held against the network; so it has another fingerprint, and is not equal."""
    stated, default = of_sections(data=DataSection(name="mnist-mini")), of_sections()
    assert stated.data.name == default.data.name
    assert stated.states_data and not default.states_data
    assert stated != default
    assert fingerprint(stated) != fingerprint(default)


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"hardware": {"z": [5, 4]}}, "hardware.z[0] = 5: does not divide N_0 = 12; nearest: 4, 6"),
        ({"network": {"layers": [12, 8, 6]}}, "network.out_degree: is missing: give out_degree, density or "),
        ({"numbers": {"width": 4}}, "numbers.fraction = 8: must not exceed the width 4; nearest: 4"),
        ({"numbers": {"weight": {"width": 4, "fraction": 9}}}, "numbers.weight.fraction = 9: must not exceed the width 4"),
        ({"numbers": {"width": 24}}, "numbers.width = 24: is that of the pre-activations, which address the activation "),
        (
            {"numbers": {"preactivation": {"width": 21, "fraction": 9}}},
            "numbers.preactivation.width = 21: is that of the pre-activations",
        ),
        ({"netwrk": {}}, "netwrk: is an unknown key; nearest: network"),
        ({"scatter": {"windows": {"left_3": {"size": [2]}}}}, "scatter.windows.left_3: is no layer of a junction"),
        ({"training": TrainingSection(init="file")}, "training.init_file: is missing"),
        ({"connectivity": ConnectivitySection(kind="full")}, "connectivity.kind = full: contradicts network.density"),
    ],
)
def test_a_call_tells_what_a_file_tells(sections, line):
    for door in (parse, lambda data: Configuration(**data)):
        with pytest.raises(InputError) as error:
            door(PLAIN | sections)
        assert str(error.value).startswith(line)


def test_what_is_no_section_is_told():
    with pytest.raises(InputError, match=r"^configuration = \[1\]: must be a section with keys$"):
        parse([1])
