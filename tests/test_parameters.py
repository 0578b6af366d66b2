"""No function takes more than a person can keep in mind; compiled ones, which know arrays and numbers only, may."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST = 8
EVERY = [p for package in ("models", "hwsim", "rtl", "tests", "tools") for p in sorted((ROOT / package).rglob("*.py"))]
COMPILING = {"njit", "intrinsic", "compiled", "inlined", "kernel", "sum_kernel"}
"""Decorators of compiled functions, whatever is before their names."""


def is_compiled(function):
    """Whether a function is decorated as one that the compiler gets."""
    found = [d.func if isinstance(d, ast.Call) else d for d in getattr(function, "decorator_list", [])]
    return any(isinstance(d, ast.Name) and d.id.removeprefix("_") in COMPILING for d in found)


def crowded(tree):
    """Names of the functions with too many parameters, the object that a method belongs to left out."""
    found = []
    for f in ast.walk(tree):
        if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not is_compiled(f):
            of = f.args
            names = [p.arg for p in (*of.posonlyargs, *of.args, *of.kwonlyargs)]
            if len(names) - (names[:1] in (["self"], ["cls"])) > MOST:
                found.append(getattr(f, "name", "lambda"))
    return found


def test_no_function_has_too_many_parameters():
    assert len(EVERY) > 200
    assert {str(p.relative_to(ROOT)): names for p in EVERY if (names := crowded(ast.parse(p.read_text())))} == {}


@pytest.mark.parametrize(
    "text",
    ["def f({}): ...", "async def f(*, {}): ...", "def f(a, /, {}, *rest): ...", "class C:\n def f(self, {}): ..."],
)
def test_the_rule_finds_what_it_should(text):
    letters = "bcdefghij"
    assert crowded(ast.parse(text.format(", ".join(letters)))) == ["f"]
    assert crowded(ast.parse(text.format(", ".join(letters[:7])))) == []


def test_only_compiled_functions_may():
    many = ", ".join("bcdefghij")
    for decorator in ("njit(cache=True)", "_inlined", "compiled", "intrinsic"):
        assert crowded(ast.parse(f"@{decorator}\ndef f({many}): ...")) == []
    assert crowded(ast.parse(f"@cache\ndef f({many}): ...")) == ["f"]
    modules = [p for p in EVERY if any(map(is_compiled, ast.walk(ast.parse(p.read_text())))) and p.parts[-2] != "tests"]
    assert len(modules) >= 3
    for path in modules:  # the names are those of the one place that compiles
        assert "compiled" in path.read_text() or "compiling" in path.read_text()
