"""Errors of the library name what a Python caller knows; those of the command line name options."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import typer

from hwsim.commands import app as cli
from models.errors import ArgumentError

ROOT = Path(__file__).parents[3]
COMMANDS = sorted((ROOT / "hwsim/commands").rglob("*.py"))
PROGRAMS = {ROOT / "hwsim/__main__.py", *(ROOT / "hwsim/host" / f"{name}.py" for name in ("adapt", "demo", "program"))}
"""With a command line: the entry point of ours, and those of the driver, which know nothing of it."""
LIBRARY = sorted(
    {p for package in ("models", "hwsim", "rtl") for p in (ROOT / package).rglob("*.py")} - {*COMMANDS, *PROGRAMS}
)
CALLS_TOOLS = (
    *("hwsim/benchmark/trees.py", "hwsim/benchmark/cluster_process.py", "hwsim/benchmark/sampled_tests.py"),
    *("rtl/synthesis/flow.py", "rtl/synthesis/targets.py", "rtl/synthesis/tools.py"),
    *("rtl/boards/boards.py", "rtl/boards/instructions.py"),
    *("rtl/emulation/board.py", "rtl/emulation/program.py", "rtl/emulation/session.py", "rtl/emulation/adapting.py"),
    *(
        "rtl/cosim/capture.py",
        "rtl/cosim/simulators.py",
        "rtl/cosim/verilated.py",
        "rtl/mutation/replay.py",
        "rtl/proofs/prover.py",
    ),
)
"""Where other programs are called: a text that is nothing but an option is an argument of theirs."""


@cache
def tree(path):
    return ast.parse(path.read_text())


def texts(of):
    """String constants but docstrings: those of modules, classes and functions, and below attributes."""
    said = {id(n.value) for n in ast.walk(of) if isinstance(n, ast.Expr)}
    return [n.value for n in ast.walk(of) if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in said]


def options_in(text, calls_tools):
    """Options of hwsim that a text speaks of: not those of a command of another program, `verilator --lint-only`, nor the
    name of a colour in a page, `var(--series-1)`."""
    if calls_tools and re.fullmatch(r"--?[\w-]+", text):
        return []
    return re.findall(r"(?<![\w-])(?<!var\()--[a-z][\w-]*", re.sub(r"`(?!hwsim)[a-z]+ [^`]*", "", text))


@pytest.mark.parametrize("path", LIBRARY, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_library_speaks_of_no_options(path):
    tools = str(path.relative_to(ROOT)).startswith(CALLS_TOOLS)
    assert [(text, found) for text in texts(tree(path)) if (found := options_in(text, tools))] == []


def test_the_rule_finds_what_it_should():
    assert options_in("give --data-dir or set it", False) == ["--data-dir"] and options_in("--set x=1", True) == ["--set"]
    assert options_in("--json", False) == ["--json"] and options_in("--json", True) == []
    assert options_in("`verilator --lint-only -Wall ", False) == [] and options_in("`hwsim train --resume`", False)
    assert options_in("a -- b, x--y, ---", False) == []


def consoles_in(of):
    """What is told the user directly: modules of the command line's libraries, and the standard streams."""
    found = set()
    for n in ast.walk(of):
        if isinstance(n, ast.Import):
            found |= {name.name.split(".")[0] for name in n.names}
        elif isinstance(n, ast.ImportFrom):
            found |= {f"sys.{name.name}" for name in n.names} if n.module == "sys" else {(n.module or "").split(".")[0]}
        elif isinstance(n, ast.Attribute):
            found.add(ast.unparse(n))
    return found & {"typer", "rich", "sys.stdout", "sys.stderr"}


@pytest.mark.parametrize("path", LIBRARY, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_library_prints_nothing(path):
    # The entry point answers the interrupt key before the command line is there.
    assert consoles_in(tree(path)) - ({"sys.stderr"} if path.name == "__main__.py" else set()) == set()


@pytest.mark.parametrize(
    "text",
    ["import rich.table", "from rich import box", "import typer as t", "from sys import stderr", "import sys; sys.stdout.x"],
)
def test_every_way_to_print_is_found(text):
    assert len(consoles_in(ast.parse(text))) == 1


def named():
    """Every parameter that an error names: (file, name)."""
    found = set()
    for path in LIBRARY + COMMANDS:
        classes = [n for n in ast.walk(tree(path)) if isinstance(n, ast.ClassDef)]
        for function in (n for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef)):
            calls = [
                n for n in ast.walk(function) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "ArgumentError"
            ]
            for call in calls:
                found |= {(path.name, name) for name in _fields(call.args[0], function, classes)}
            if calls:
                found |= {(path.name, n) for t in texts(function) for n in re.findall(r"<([a-z_]+)>", t) if len(n) > 1}
    return found


def _fields(first, function, classes):
    if isinstance(first, ast.Constant):
        return [first.value]
    owner = next((c for c in classes if function in c.body), None)
    if isinstance(first, ast.Attribute):  # of dataclasses.fields
        assert owner is not None and first.attr == "name"
        return [n.target.id for n in owner.body if isinstance(n, ast.AnnAssign)]
    for n in ast.walk(function):  # one of two words, as the case may be
        if isinstance(n, ast.Assign) and first.id in ast.unparse(n.targets[0]):
            words = [c.value for c in ast.walk(n.value) if isinstance(c, ast.Constant) and isinstance(c.value, str)]
            return [word for word in words if word.isidentifier()]
    loop = next(n for n in ast.walk(function) if isinstance(n, ast.For) and first.id in ast.unparse(n.target))
    rows = [row.elts[0] if isinstance(row, ast.Tuple) else row for row in loop.iter.elts]
    return [row.value for row in rows]


ACTION = re.compile(
    r"\b(must|needs?|give|take|keep|leave|install|set|remove|save|wait|choose|let|put|replaces|continues|measures|"
    r"pip install|apt-get|cannot be written)\b|`hwsim|hint\("
)
"""What tells a user what to do; where the system refuses to write, place and reason do."""


def advice(call, function):
    """Whether the error of a call has legal values near by, or a rule that says what to do; rules made before count."""
    if len(call.args) > 3 or any(k.arg == "nearest" for k in call.keywords):
        return True
    rule = call.args[2]
    names = {n.id for n in ast.walk(rule) if isinstance(n, ast.Name)}
    made = [
        n
        for n in ast.walk(function)
        if isinstance(n, ast.Assign) and names & set(re.findall(r"\w+", ast.unparse(n.targets[0])))
    ]
    return ACTION.search(" ".join(map(ast.unparse, [rule, *(n.value for n in made)]))) is not None


def errors_in(of):
    """Calls that make an error of a parameter, with their functions."""
    for function in (n for n in ast.walk(of) if isinstance(n, ast.FunctionDef)):
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "ArgumentError":
                yield call, function


def test_every_error_of_an_option_says_what_to_do():
    found = [(path.name, call.lineno, call, f) for path in LIBRARY + COMMANDS for call, f in errors_in(tree(path))]
    assert len(found) > 100
    assert [(name, line) for name, line, call, f in found if not advice(call, f)] == []


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ('raise ArgumentError("out", out, "holds a run")', False),
        ('raise ArgumentError("out", out, "holds a run: <force> replaces it")', True),
        ('raise ArgumentError("out", out, "is not known", ["a", "b"])', True),
        ('rule = f"is {what}"\n    raise ArgumentError("out", out, rule)', False),
        ('rule = f"must be {what}"\n    raise ArgumentError("out", out, rule)', True),
    ],
)
def test_advice_is_told_from_complaint(text, good):
    of = ast.parse(f"def f():\n    {text}")
    assert [advice(*found) for found in errors_in(of)] == [good]


def parameters():
    """Parameters of every function, and fields of classes, which are those of their constructors."""
    result = set()
    for path in LIBRARY + COMMANDS:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.arguments):
                result |= {a.arg for a in (*node.posonlyargs, *node.args, *node.kwonlyargs)}
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                result.add(node.target.id)
    return result


def options(command):
    """All options of a command and those below it."""
    found = {o for p in command.params for o in p.opts}
    return found.union(*(options(c) for c in getattr(command, "commands", {}).values()))


def test_every_parameter_that_an_error_names_is_one_and_has_an_option():
    of_library, of_commands = parameters(), options(typer.main.get_command(cli.app))
    names = named()
    assert {n for _, n in names} >= {"resume", "force", "out", "seeds", "late", "idle", "data_dir", "trials", "clocks"}
    for where, name in sorted(names):
        assert name in of_library, (where, name)
        assert cli._option(name) in of_commands, (where, name)


def test_a_caller_and_a_user_are_told_the_same_in_their_own_words(tmp_path, capsys):
    from models.data import catalogue

    with pytest.raises(ArgumentError) as caught:
        catalogue.load("mnist", None, seed=0)
    assert str(caught.value).startswith(
        "data_dir: is missing: mnist needs a data directory: give data_dir or set HWSIM_DATA"
    )
    assert cli.run(["data", "info", "mnist"]) == 2
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith("hwsim: --data-dir: is missing: mnist needs a data directory: give --data-dir or set HWSIM_DATA")
    )
    demo = str(ROOT / "sim_configs/demo.yaml")
    assert cli.run(["train", demo, "--set", "data.name=mnist", "--data-dir", str(tmp_path / "none"), "-q"]) == 2
    assert f"hwsim: --data-dir = {tmp_path}/none: no such directory" in capsys.readouterr().err
    assert cli.run(["solve", str(ROOT / "sim_configs/demo.yaml"), "--clock", "-1"]) == 2
    assert capsys.readouterr().err == "hwsim: --clock = -1.0: must be a positive number\n"
    assert cli.run(["--version"]) == 0
    assert re.fullmatch(r"hwsim \d+\.\d+\.\d+\S*\n", capsys.readouterr().out)
