"""Results are kept under what the code says, not under what its files are called."""

import itertools

import pytest

from hwsim.studies.measuring.code_version import code_version

SIZES = "WIDTH = 12\n\n\ndef area(n):\n    return n * WIDTH\n"
TIMES = "PERIOD = 5\n\n\ndef area(n):\n    return n + PERIOD\n"
MEASURE = """import math

from {package} import {sizes}
from {package}.{times} import PERIOD, area


def measure(n):
    from {package} import {times}

    return math.sqrt({sizes}.area(n)) + area(n) + {times}.PERIOD * PERIOD
"""
PACKAGES = itertools.count()


@pytest.fixture
def version(tmp_path, monkeypatch):
    """Of a new package each time, from the sources of its modules and from what these are called."""
    monkeypatch.syspath_prepend(tmp_path)

    def made(sizes=SIZES, times=TIMES, measure=MEASURE, names=("sizes", "times", "measure")):
        package = f"package_{next(PACKAGES)}"
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
        called = {"package": package, "sizes": names[0], "times": names[1]}
        for name, text in zip(names, (sizes, times, measure), strict=True):
            (tmp_path / package / f"{name}.py").write_text(text.format(**called))
        return code_version(f"{package}.{names[2]}")

    return made


def test_modules_that_are_renamed_with_their_imports_are_the_same_code(version):
    before = version()
    assert version() == before
    assert version(names=("areas", "times", "measure")) == before
    assert version(names=("sizes", "clocks", "all_of_it")) == before
    assert version(names=("zzz", "aaa", "measure")) == before


def test_imports_may_stand_in_any_order_and_name_a_module_as_anything(version):
    other = MEASURE.replace("from {package} import {sizes}\n", "")
    other = other.replace("area\n\n", "area\nfrom {package} import {sizes} as s\n\n", 1)
    assert version(measure=other.replace("{sizes}.area", "s.area")) == version()


def test_comments_docstrings_layout_and_types_are_no_code(version):
    told = '"""Times."""\n\nfrom typing import TYPE_CHECKING\n' + TIMES.replace("return", "# why\n    return")
    plain = "from typing import TYPE_CHECKING\n" + TIMES
    typed = told.replace("CHECKING\n", "CHECKING\n\nif TYPE_CHECKING:\n    from {package}.measure import measure\n")
    assert version(times=told) == version(times=typed) == version(times=plain) != version()


@pytest.mark.parametrize(
    "changed",
    [
        {"sizes": SIZES.replace("12", "13")},
        {"times": TIMES.replace("n + PERIOD", "PERIOD - n")},
        {"times": TIMES + "\nSTART = 0\n"},
        {"measure": MEASURE.replace("math.sqrt", "math.exp")},
        {"measure": MEASURE.replace("{times}.PERIOD", "{sizes}.PERIOD")},
        {"measure": MEASURE.replace("{times} import PERIOD", "{sizes} import PERIOD")},  # another function of the same name
        {"sizes": TIMES, "times": SIZES},
    ],
)
def test_a_change_of_what_is_computed_is_other_code(changed, version):
    assert version(**changed) != version()
