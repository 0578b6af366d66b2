"""Records that installed distributions add, and the one line about those that cannot be used."""

from fractions import Fraction

import pytest

from models.errors import InputError
from models.plugins import Plugins
from tests.distributions import install

GROUP = "hwsim.examples"


def plugins():
    return Plugins(GROUP, Fraction, {"half": Fraction(1, 2), "later": "tests.models.test_plugins:LATER"})


LATER = Fraction(3, 4)


def test_its_own_records_come_first_and_are_loaded_when_asked_for(tmp_path, monkeypatch):
    made = plugins()
    assert [*made] == ["half", "later"] and made["later"] is LATER and "third" not in made
    install(
        tmp_path,
        "some-thirds",
        {GROUP: {"third": "thirds:THIRD"}},
        thirds="from fractions import Fraction\nTHIRD = Fraction(1, 3)\n",
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert [*made] == ["half", "later", "third"] and made["third"] == Fraction(1, 3)
    assert made.is_added("third") and not made.is_added("half")
    assert (made.module("third"), made.module("half")) == ("thirds", "")


def test_what_is_registered_twice_in_the_same_way_is_one_record(tmp_path, monkeypatch):
    install(tmp_path, "hwsim-again", {GROUP: {"later": "tests.models.test_plugins:LATER"}})
    monkeypatch.syspath_prepend(tmp_path)
    assert plugins()["later"] is LATER and len(plugins()) == 2


@pytest.mark.parametrize("name", ["half", "later"])
def test_a_name_that_is_taken_is_refused(name, tmp_path, monkeypatch):
    install(tmp_path, "rival", {GROUP: {name: "rivals:RIVAL"}})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=rf"^hwsim\.examples: {name}, which rival 1\.0 adds, is taken by hwsim itself: "):
        list(plugins())


def test_two_distributions_with_the_same_name_are_refused(tmp_path, monkeypatch):
    for rival in ("one", "two"):
        install(tmp_path, rival, {GROUP: {"third": f"{rival}:THIRD"}})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"third, which (one|two) 1\.0 adds, is taken by (one|two) 1\.0"):
        list(plugins())


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("THIRD = 0.33", "is a float, not a Fraction"),
        ("THIRDS = 1", "cannot be loaded: AttributeError"),
        ("import nowhere_at_all", "cannot be loaded: ModuleNotFoundError"),
        ("from fractions import Fraction\nclass Odd(Fraction):\n    name = 'fourth'\nTHIRD = Odd(1)", "calls itself fourth"),
    ],
)
def test_what_cannot_be_used_is_refused_when_it_is_asked_for(source, told, tmp_path, monkeypatch):
    module = f"odd_{abs(hash(source))}"
    install(tmp_path, "odd-one", {GROUP: {"third": f"{module}:THIRD"}}, **{module: source})
    monkeypatch.syspath_prepend(tmp_path)
    made = plugins()
    assert "third" in made
    with pytest.raises(InputError, match=rf"^hwsim\.examples: third, which odd-one 1\.0 adds, {told}"):
        made["third"]
