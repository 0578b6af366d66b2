"""The plugin runs the same tests with two states of the code, and tells how many there were."""

import json
import subprocess
import zlib

import pytest

from hwsim.benchmark import trees

TESTS = """
import pytest

@pytest.mark.parametrize("k", range({count}))
def test_number(k):
    assert k != 7, "seven"

def test_of_{name}():
    pass
"""
PLUGIN = ("-q", "-p", "hwsim.benchmark.sampled_tests", "-p", "no:cacheprovider", "--known-in=../known")
GO_ON = "--continue-on-collection-errors"


@pytest.fixture
def run(tmp_path):
    """pytest with the plugin in the folder of a state of the code."""

    def run(name, *words):
        command = trees.this().words("pytest", *PLUGIN, *words)
        environment = trees.this().environment()
        done = subprocess.run(command, cwd=tmp_path / name, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    for name, count in (("one", 40), ("other", 60)):
        folder = tmp_path / name / "tests"
        folder.mkdir(parents=True)
        (tmp_path / name / "pyproject.toml").write_text("[tool.pytest.ini_options]\ntestpaths = ['tests']\n")
        (folder / "test_some.py").write_text(TESTS.format(count=count, name=name))
        assert run(name, "--collect-only")[0] == 0
    return run


def told(tmp_path):
    content = json.loads((tmp_path / "left" / "tests.json").read_text())
    return content["tests"]["value"], content["failed_tests"]["value"]


@pytest.mark.parametrize("processes", [0, 2])
def test_tests_that_both_have_are_run_and_counted(processes, run, tmp_path):
    for name in ("one", "other"):
        code, said = run(name, "--figures=../left/tests.json", "-n", str(processes))
        assert code == 0, said  # a test that fails is a figure
        assert told(tmp_path) == (40, 1)
        assert "seven" in said


def test_one_test_in_so_many_is_run_by_a_checksum_of_its_name(run, tmp_path):
    names = [f"tests/test_some.py::test_number[{k}]" for k in range(40)]
    wanted = sum(zlib.crc32(name.encode()) % 4 == 0 for name in names)
    assert 0 < wanted < 40
    for name in ("one", "other"):
        assert run(name, "--figures=../left/tests.json", "--one-in", "4")[0] == 0
        assert told(tmp_path)[0] == wanted


def test_without_a_folder_of_names_all_tests_are_run(run, tmp_path):
    command = trees.this().words(
        "pytest", "-q", "-p", "hwsim.benchmark.sampled_tests", "--figures", str(tmp_path / "all.json")
    )
    done = subprocess.run(command, cwd=tmp_path / "other", env=trees.this().environment(), capture_output=True, check=False)
    assert done.returncode == 0
    assert json.loads((tmp_path / "all.json").read_text())["tests"]["value"] == 61


def test_what_is_no_test_is_a_failure(run, tmp_path):
    (tmp_path / "one" / "tests" / "test_more.py").write_text("import nothing_of_the_kind\n")
    code, _ = run("one", "--figures=../left/tests.json")
    assert code not in (0, 1)


def test_a_file_that_only_one_of_them_can_read_has_no_names(run, tmp_path):
    (tmp_path / "one" / "tests" / "test_more.py").write_text("def test_more():\n    pass\n")
    (tmp_path / "other" / "tests" / "test_more.py").write_text("import nothing_of_the_kind\n")
    for file in (tmp_path / "known").iterdir():
        file.unlink()
    assert [run(name, "--collect-only", GO_ON)[0] for name in ("one", "other")] == [0, 0]
    assert run("one", "--figures=../left/tests.json", GO_ON)[0] == 0
    assert told(tmp_path) == (40, 1)
    assert run("other", "--figures=../left/tests.json", GO_ON)[0] == 0
    assert told(tmp_path) == (40, 2)
