"""No function takes more than a person can keep in mind; compiled kernels, which know arrays and numbers only, may."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST = 8
EVERY = [p for package in ("models", "hwsim", "rtl", "tests", "tools") for p in sorted((ROOT / package).rglob("*.py"))]
KERNELS = [path for path in EVERY if "kernel" in path.name]
FILES = [path for path in EVERY if path not in KERNELS]


def crowded(tree):
    """Names of the functions with too many parameters, the object that a method belongs to left out."""
    found = []
    for f in ast.walk(tree):
        if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            of = f.args
            names = [p.arg for p in (*of.posonlyargs, *of.args, *of.kwonlyargs)]
            if len(names) - (names[:1] in (["self"], ["cls"])) > MOST:
                found.append(getattr(f, "name", "lambda"))
    return found


def test_no_function_has_too_many_parameters():
    assert len(FILES) > 200
    assert {str(p.relative_to(ROOT)): names for p in FILES if (names := crowded(ast.parse(p.read_text())))} == {}


@pytest.mark.parametrize(
    "text",
    ["def f({}): ...", "async def f(*, {}): ...", "def f(a, /, {}, *rest): ...", "class C:\n def f(self, {}): ..."],
)
def test_the_rule_finds_what_it_should(text):
    letters = "bcdefghij"
    assert crowded(ast.parse(text.format(", ".join(letters)))) == ["f"]
    assert crowded(ast.parse(text.format(", ".join(letters[:7])))) == []


def test_kernels_are_compiled():
    assert len(KERNELS) >= 3 and all("njit" in path.read_text() for path in KERNELS)
