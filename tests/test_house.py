"""The plan of the house: no circle of imports, short files, tests that mirror the rooms, true signs at every door."""

import ast
import re
import tomllib
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import pytest

from tests.documents import PACKAGES, ROOT, defined_in, page

MOST_LINES = 500


def files(*folders):
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in files(*PACKAGES)}


COPIED = "hwsim.host"
"""Its modules name each other relatively, and nothing else of ours: a copy of it works under any name."""


def imported(name, text, modules):
    """What a module imports of ``modules``: at its top, in functions, and for type checkers only."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = node.module
            if name.startswith(COPIED):
                assert node.level < 2, f"{name}:{node.lineno}: a copy of {COPIED} has nothing above it"
                source = f"{COPIED}.{source}".removesuffix(".None") if node.level else source
            else:
                assert node.level == 0, f"{name}:{node.lineno}: give the whole name of what is imported, not a relative one"
            members = {f"{source}.{alias.name}" for alias in node.names}
            found |= members & modules
            if members - modules:  # a member that is no module comes from the package or module itself
                found.add(source)
    return found & modules


def test_what_is_copied_needs_nothing_that_is_not():
    for name, path in MODULES.items():
        if name.startswith(COPIED):
            outside = {n for n in imported(name, path.read_text(encoding="utf-8"), set(MODULES)) if not n.startswith(COPIED)}
            assert not outside, f"{name} imports {outside}"


def circles(graph):
    """Circles of a graph {node: nodes it imports}: one for each import that has to go until there is none left."""
    graph = {name: sorted(imports) for name, imports in sorted(graph.items())}
    found = []
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = error.args[1][::-1]  # graphlib tells it from the imported to the importing
            found.append(circle)
            graph[circle[0]].remove(circle[1])
        else:
            return found


def test_imports_go_in_no_circle():
    modules = set(MODULES)
    graph = {name: imported(name, path.read_text(encoding="utf-8"), modules) for name, path in MODULES.items()}
    found = circles(graph)
    told = "\n".join("  " + " imports ".join(circle) for circle in found)
    assert not found, f"{len(found)} circles of imports (those in functions and for type checkers count):\n{told}"


def test_every_way_to_import_is_seen():
    text = """
import p.a
from p import b, thing
from p.c import name
from p.d import *
def f():
    from p import e
if TYPE_CHECKING:
    import p.f as g
"""
    modules = {"p", *(f"p.{m}" for m in "abcdef")}
    assert imported("p.x", text, modules) == modules
    assert imported("p.x", "from p import b\nimport numpy", modules) == {"p.b"}


def test_circles_are_named():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": set()}) == []
    (one,) = circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()})
    assert one[0] == one[-1] and list(pairwise(one)) in (
        [("a", "b"), ("b", "c"), ("c", "a")],
        [("b", "c"), ("c", "a"), ("a", "b")],
        [("c", "a"), ("a", "b"), ("b", "c")],
    )
    assert len(circles({"a": {"b"}, "b": {"a"}, "c": {"d"}, "d": {"c"}})) == 2


def test_no_file_is_long():
    """But compiled kernels: the compiler's cache looks at one file, so each stays whole."""
    long = {}
    for path in files(*PACKAGES, "tests", "tools"):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES and "kernel" not in path.stem:
            long[str(path.relative_to(ROOT))] = lines
    assert not long, f"longer than {MOST_LINES} lines: {long}; split them by concept"


def test_tests_mirror_the_rooms():
    """A folder of tests is named after the package whose files it tests."""
    folders = {path.parent.relative_to(ROOT / "tests") for path in files(*(f"tests/{package}" for package in PACKAGES))}
    nowhere = sorted(f"tests/{folder}" for folder in folders if not (ROOT / folder / "__init__.py").is_file())
    assert not nowhere, f"no such packages: {nowhere}; move the tests to the rooms of what they test"


def leads_somewhere(name):
    """Whether a dotted name is that of a module, or of something that a module or one of its classes has."""
    module, rest = name, []
    while module not in MODULES:
        module, _, last = module.rpartition(".")
        rest.insert(0, last)
        if not module:
            return False
    return not rest or ".".join(rest) in defined_in(MODULES[module])


REFERENCE = rf":\w+:`~?((?:{'|'.join(PACKAGES)})\.[\w.]+)`"


def test_docstrings_refer_to_what_there_is():
    lost = {
        f"{name} refers to {reference}"
        for name, path in MODULES.items()
        for reference in re.findall(REFERENCE, path.read_text(encoding="utf-8"))
        if not leads_somewhere(reference)
    }
    assert not lost, "\n".join(sorted(lost))


GROUPS = tomllib.loads(page("pyproject.toml"))["project"]["entry-points"].keys() | {"hwsim.targets", "hwsim.datasets"}
"""Of entry points: they only look like modules."""
MODULE_IN_TEXT = rf"(?:{'|'.join(PACKAGES)})(?:\.[a-z]\w*)+(?:[:.]\w+)?"


def strings(tree):
    """Texts of a module that a program may read, docstrings left out."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    said = {
        id(n.body[0].value)
        for n in ast.walk(tree)
        if isinstance(n, documented) and n.body and isinstance(n.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


def test_texts_that_programs_read_name_modules_that_there_are():
    """Of workers, entry points, simulators and replaced attributes: no type checker looks into a text."""
    texts = {str(p.relative_to(ROOT)): strings(ast.parse(p.read_text(encoding="utf-8"))) for p in files(*PACKAGES)}
    texts["pyproject.toml"] = re.findall(r'"([^"]*)"', page("pyproject.toml"))
    lost = {
        f"{where} names {text}"
        for where, of in texts.items()
        for text in of
        if re.fullmatch(MODULE_IN_TEXT, text) and text not in GROUPS and not leads_somewhere(text.replace(":", "."))
    }
    assert not lost, "\n".join(sorted(lost))


def test_programs_in_texts_import_what_there_is():
    """Tests that start a process of their own hand it a program as text."""
    everywhere = MODULES | {module_name(path): path for path in files("tests")}
    lost = set()
    for where, path in everywhere.items():
        for text in strings(ast.parse(path.read_text(encoding="utf-8"))):
            for module, names in re.findall(rf"from ((?:{'|'.join(PACKAGES)}|tests)\b[\w.]*) import ([\w, ]+)", text):
                for name in re.findall(r"(\w+)(?: as \w+)?", names):
                    known = module in everywhere and (
                        f"{module}.{name}" in everywhere or re.search(rf"\b{name}\b", everywhere[module].read_text())
                    )
                    lost |= set() if known else {f"{where}: from {module} import {name}"}
    assert not lost, "\n".join(sorted(lost))


def test_pages_name_modules_that_there_are():
    pages = ["README.md", *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]
    named = {name for of in pages for name in re.findall(rf"`((?:{'|'.join(PACKAGES)})\.[a-z_][\w.]*)`", page(of))}
    lost = {name for name in named - GROUPS if not leads_somewhere(name)}
    assert not lost


@pytest.mark.parametrize("name", sorted(name for name in MODULES if "._" not in f".{name}"))
def test_a_module_says_what_it_is(name):
    said = ast.get_docstring(ast.parse(MODULES[name].read_text(encoding="utf-8")))
    assert said, f"{name} needs a docstring: what is in there?"
    first = said.splitlines()[0]
    assert first[0].isupper() or not first[0].isalpha(), f"{name}: its docstring begins with a sentence, not {first!r}"
    assert first.endswith((".", ":", "?")), f"{name}: the first line of its docstring is no whole sentence: {first!r}"
