"""Pages of the documentation as tests read them: sections, tables, code, and what they name."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("models", "hwsim", "rtl")


def page(name):
    return (ROOT / name).read_text(encoding="utf-8")


def section(text, title):
    """What stands under a heading that begins with ``title``, up to the next heading of the same rank or a higher one."""
    rank, body = re.search(rf"^(#+) {re.escape(title)}\b[^\n]*\n(.*)", text, re.MULTILINE | re.DOTALL).groups()
    return re.split(rf"^#{{1,{len(rank)}}} ", body, maxsplit=1, flags=re.MULTILINE)[0]


def cells(line):
    """The cells of a line of a table."""
    return [cell.strip() for cell in line.strip()[1:-1].split("|")]


def table(text, head):
    """Rows of the table whose head begins with the cell ``head``, as lists of cells without code marks."""
    block = re.search(rf"^\| {re.escape(head)} \|[^\n]*\n\| ---[^\n]*\n((?:\|[^\n]*\n)+)", text, re.MULTILINE)[1]
    return [cells(line.replace("`", "")) for line in block.splitlines()]


def number(cell):
    """A number as the pages print it."""
    return int(cell.replace("−", "-").replace(",", ""))


def named_files(text):
    """Every file or folder of the repository that a text names in code marks, and the names that follow it."""
    folders = "|".join((*PACKAGES, "tests", "sim_configs", "docs", "tools"))
    found = re.findall(rf"`((?:{folders})/[\w./-]*)`((?: `\w+`)*)", text)
    return [(path, re.findall(r"\w+", names)) for path, names in found]


@cache
def defined_in(path):
    """Names of functions, classes, constants, and of members as Class.member, that a module defines."""
    found = set()

    def visit(body, prefix):
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                found.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{node.name}.")
            elif isinstance(node, ast.FunctionDef) and prefix:  # attributes that a method sets
                visit([n for n in ast.walk(node) if isinstance(n, ast.Assign | ast.AnnAssign)], prefix)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [n for target in targets for n in ast.walk(target) if isinstance(n, ast.Name | ast.Attribute)]
                found.update(prefix + (n.id if isinstance(n, ast.Name) else n.attr) for n in names)

    body = ast.parse(path.read_text(encoding="utf-8")).body
    visit(body, "")
    for node in body:  # what a package offers of its modules
        if isinstance(node, ast.Assign) and any(isinstance(n, ast.Name) and n.id == "__all__" for n in node.targets):
            found.update(ast.literal_eval(node.value))
    return found


@cache
def defined():
    """What all modules of the three packages define."""
    return set().union(*(defined_in(path) for package in PACKAGES for path in (ROOT / package).rglob("*.py")))
