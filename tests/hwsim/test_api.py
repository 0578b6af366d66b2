"""The face of hwsim: every public name is documented with what applies to it, and every example is right."""

import ast
import dataclasses
import doctest
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import hwsim
import rtl
from models.data.dataset import Dataset
from models.errors import InputError
from tests.documents import ROOT, page

NAMES = [*hwsim.__all__]
CLASSES = [name for name in NAMES if inspect.isclass(getattr(hwsim, name))]
FUNCTIONS = [name for name in NAMES if name not in CLASSES]
ERRORS = ("InputError", "ArgumentError")


def sections(documented):
    """The sections of a docstring in NumPy style: their texts by title."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}\n", inspect.getdoc(documented) or "", flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def listed(text):
    """The names that a section of parameters or attributes explains, one or several to a line."""
    heads = re.findall(r"^(?! )([\w*, ]+)(?: : .*)?$", text, re.MULTILINE)
    return {name.strip(" *") for head in heads for name in head.split(",")}


def parameters(of):
    return {name for name in inspect.signature(of).parameters if name != "self"}


def attributes(of):
    """What the instances of a class hold: fields, and what ``__init__`` sets."""
    if dataclasses.is_dataclass(of):
        found = {field.name for field in dataclasses.fields(of)}
    elif hasattr(of, "model_fields"):
        found = {*of.model_fields}
    else:
        tree = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(of.__init__))))
        found = {n.attr for n in tree if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
    return {name for name in found if not name.startswith("_")}


def members(of):
    """Public methods and properties of a class by name, as far as they are ours."""
    for owner in of.__mro__:
        if owner.__module__.split(".")[0] in ("hwsim", "models"):
            yield from ((name, m) for name, m in vars(owner).items() if not name.startswith("_") and is_code(m))


def is_code(member):
    return callable(code_of(member))


def code_of(member):
    """The function behind a method or property."""
    for inner in ("fget", "func", "__func__"):
        member = getattr(member, inner, member)
    return member if inspect.isfunction(member) else None


def refuses(function):
    """Whether the function itself raises an error about its input."""
    tree = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function))))
    raised = [n.exc.func for n in tree if isinstance(n, ast.Raise) and isinstance(n.exc, ast.Call)]
    return any(isinstance(f, ast.Name) and f.id in ERRORS for f in raised)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_explained_by_an_example(name):
    summary = (inspect.getdoc(getattr(hwsim, name)) or "").partition("\n")[0]
    assert summary.endswith((".", ":")), f"{name}: the first line of its docstring is no sentence: {summary!r}"
    assert ">>> " in sections(getattr(hwsim, name)).get("Examples", ""), f"{name} has no example"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_takes_gives_and_refuses(name):
    function = getattr(hwsim, name)
    said = sections(function)
    assert listed(said.get("Parameters", "")) == parameters(function)
    assert said.get("Returns", "").strip()
    assert "InputError" in said.get("Raises", ""), "whatever a user gives can be wrong"


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_says_what_it_is_made_of_and_holds(name):
    described = getattr(hwsim, name)
    said = sections(described)
    held, taken = listed(said.get("Attributes", "")), listed(said.get("Parameters", ""))
    assert attributes(described) <= held, "Attributes"
    # What is kept under the name by which it was given need not be told twice.
    assert parameters(described) <= taken | held, "Parameters"


@pytest.mark.parametrize("name", CLASSES)
def test_methods_and_properties_are_documented(name):
    for member, found in members(getattr(hwsim, name)):
        assert inspect.getdoc(found), f"{name}.{member} needs a docstring"
        if refuses(code_of(found)):
            assert "InputError" in sections(found).get("Raises", ""), f"{name}.{member} does not say what it refuses"


def test_the_rules_find_what_they_should():
    def sloppy(a, b):
        """Without sections."""
        raise InputError("a", a, "is no good")

    assert refuses(sloppy) and not refuses(listed) and sections(sloppy) == {}
    documented = hwsim.load
    assert sections(documented).keys() == {"Parameters", "Returns", "Raises", "Examples"}
    assert listed("a, b\n    Both, or: one\nc : int\n    And *this*\n**d\n    Rest\n") == {"a", "b", "c", "d"}
    assert attributes(Dataset) == {"name", "classes", "train", "test", "validation", "image", "selected"}
    assert {"clock", "saturation", "log"} <= attributes(hwsim.Machine)
    assert {"hold_out", "features"} <= dict(members(Dataset)).keys()


@pytest.fixture
def at_the_root(tmp_path, monkeypatch):
    """A folder that looks like the repository's root to whoever reads configurations there, and takes what is written."""
    (tmp_path / "sim_configs").symlink_to(ROOT / "sim_configs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(example):
    """Runs the examples of a text; they see nothing but what they import."""
    said = []
    outcome = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=said.append)
    assert outcome.attempted and not outcome.failed, "".join(said)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_right(name, at_the_root):
    described = getattr(hwsim, name)
    names = vars(importlib.import_module(described.__module__)).copy()
    run(doctest.DocTestParser().get_doctest(inspect.getdoc(described), names, name, None, 0))
    assert [path.name for path in at_the_root.iterdir()] == ["sim_configs"], "an example leaves nothing behind"


def blocks(title):
    """The examples of docs/api.md under a heading."""
    body = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page("docs/api.md"), re.MULTILINE | re.DOTALL)[1]
    return "\n".join(re.findall(r"```pycon\n(.*?)```", body, re.DOTALL))


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("title", re.findall(r"^## (.*)", page("docs/api.md"), re.MULTILINE)[:-1])
def test_the_page_is_right(title, at_the_root):
    run(doctest.DocTestParser().get_doctest(blocks(title), {}, f"docs/api.md, {title}", None, 0))


def test_the_page_knows_every_name():
    rows = re.findall(r"^\| `(?:hwsim|rtl)\.(\w+)", page("docs/api.md"), re.MULTILINE)
    assert sorted(rows) == sorted([*hwsim.__all__, *rtl.__all__])


def test_names_are_there_and_found():
    assert {*hwsim.__all__} <= {*dir(hwsim)} and {*rtl.__all__} <= {*dir(rtl)}
    assert all(getattr(hwsim, name).__name__ == name for name in NAMES)
    assert all(getattr(rtl, name).__name__ == name for name in rtl.__all__)
    for package in (hwsim, rtl):
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            _ = package.nothing


def python(code):
    """What a new interpreter prints."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def test_importing_loads_nothing():
    """The command line must answer the interrupt key before anything is loaded."""
    loaded = "import hwsim, rtl, sys; print(*(m for m in sys.modules if m.split('.')[0] in {!r}))"
    assert python(loaded.format(("hwsim", "models", "rtl", "numpy", "amaranth"))).split() == ["hwsim", "rtl"]


def test_hardware_without_amaranth_says_so_on_use():
    told = python(
        """
        import sys
        sys.modules["amaranth"] = None  # as if it were not installed
        import rtl
        try:
            rtl.Accelerator
        except ImportError as error:
            print(error)
        """
    )
    assert told == "rtl.Accelerator needs the hardware tools: install them with pip install 'hwsim[rtl]'\n"
    assert Path(rtl.__file__).parent == ROOT / "rtl"
