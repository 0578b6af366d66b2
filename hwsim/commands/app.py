"""The command line: its commands, its entry point, and what becomes of errors.

Exit codes: 0 good, 1 a check failed, 2 bad input (one line says what), 130 interrupted, 141 nobody reads the output.
"""

import io
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from hwsim.commands import (
    bench,
    board,
    check,
    compile,
    completion,
    data,
    document,
    emulate,
    explore,
    hardware,
    models,
    mutate,
    patterns,
    power,
    prove,
    report,
    selftest,
    simulate,
    solve,
    torch,
    train,
    view,
)
from hwsim.commands.console import fail
from hwsim.commands.options import expanded
from hwsim.schedule.violations import Violation
from models.errors import ArgumentError, InputError
from models.files import temporary

_OPTIONS = {
    "assignments": "set",
    "deviation": "std",
    "form": "format",
    "megahertz": "clock",
    "show": "list",
    "window": "trace",
}
"""Options whose names are not those of the library's parameters."""

GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "Design": (
        check.check,
        solve.solve,
        patterns.scatter,
        patterns.search,
        check.schema,
    ),
    "Train": (
        train.train,
        torch.frontend,
        torch.export_frontend,
        models.import_model,
        models.import_torch,
        models.export_model,
    ),
    "Simulate": (
        simulate.simulate,
        view.view,
        simulate.diff,
        selftest.selftest,
        bench.bench,
        compile.compile_,
    ),
    "Hardware": (
        hardware.verilog,
        hardware.cosim,
        prove.prove,
        mutate.mutate,
        hardware.synth,
        power.power,
        board.board,
        emulate.emulate,
    ),
    "Explore": (
        explore.explore,
        report.report,
        explore.fit_area,
    ),
}
"""Commands as ``hwsim --help`` lists them, a line for each; those of the data sets come last, with a name of their own."""

SPEAK_JSON = (check.schema,)
"""Commands whose output is JSON in any case."""

START = """\
hwsim designs, trains, simulates and builds accelerators that train sparse
neural networks on chip.

What to do first: describe a network, look at it, train it, run its machine.

  echo 'network: {layers: [784, 112, 10], out_degree: [10, 5]}' > first.yaml
  echo 'hardware: {z: [112, 8]}' >> first.yaml
  hwsim check first.yaml
  hwsim train first.yaml --samples 2000 --epochs 2 --out runs/first
  hwsim simulate first.yaml --samples 200 --out runs/machine

More: hwsim --help lists all commands, hwsim train --help tells of one, and
hwsim --install-completion teaches your shell. The README walks on from here.
"""
"""What ``hwsim`` alone says."""


def _name(command: Callable[..., None]) -> str:
    """Of a command: its function's; a trailing line below keeps that from being one of Python's own."""
    return command.__name__.strip("_").replace("_", "-")


app = typer.Typer(invoke_without_command=True, pretty_exceptions_enable=False)
for _group, _commands in GROUPS.items():
    for _command in _commands:
        app.command(_name(_command), rich_help_panel=_group)(expanded(_command, _command in SPEAK_JSON))
app.add_typer(data.app, name="data", rich_help_panel="Data")


def _version(asked: bool) -> None:
    if asked:
        from importlib import metadata

        sys.stdout.write(f"hwsim {metadata.version('hwsim')}\n")
        raise typer.Exit


@app.callback()
def _main(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version and stop")
    ] = False,
) -> None:
    """Accelerators that train pre-defined sparse neural networks: reference, model, hardware."""
    if context.invoked_subcommand is None:
        sys.stdout.write(START)


def main() -> None:
    """Entry point: every fault a user can cause ends in one line and an exit code."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115  # closed by our caller, for example `>&-`
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an arrow that the terminal lacks is no reason to fail
    logging.basicConfig(format="hwsim: %(message)s")
    temporary.stand_in("MPLCONFIGDIR", "XDG_CONFIG_HOME", "~/.config")  # matplotlib
    temporary.stand_in("YOWASP_CACHE_DIR", "XDG_CACHE_HOME", "~/.cache")
    code = run()
    try:
        sys.stdout.flush()
    except OSError as e:
        code = code or _output_lost(e)
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    completion.rejoin(os.environ)
    with document.wanted(words) as kept:
        code = _run(words)
        if kept is None:
            return code
        try:
            sys.stdout.write(kept.text(_named(words), code))
            return code
        except OSError as e:
            return _output_lost(e)


def _named(words: list[str]) -> str:
    """The command that these arguments are for: words that name one, and one below it."""
    names: list[str] = []
    known: Any = typer.main.get_command(app)
    for word in words:
        known = getattr(known, "commands", {}).get(word)
        if known is None:
            break
        names.append(word)
    return " ".join(names)


def _help(words: list[str]) -> str:
    """Where it says what may be given."""
    return f"(see {' '.join(['hwsim', *_named(words).split()])} --help)"


def _run(arguments: list[str]) -> int:
    try:
        command = typer.main.get_command(app)
        code = command.main(arguments, prog_name="hwsim", standalone_mode=False)
        if code == 130:  # also what the command-line library makes of an interrupt
            return fail("interrupted", 130)
        return code if isinstance(code, int) else 0
    except ArgumentError as e:
        return _refuse(e, e.told(_option), _option(e.field), e.ruled(_option))
    except InputError as e:
        return _refuse(e, str(e), e.field, e.rule)
    except Violation as e:
        return fail(str(e), 1)
    except (KeyboardInterrupt, typer.Abort):
        return fail("interrupted", 130)
    except MemoryError:
        return fail("not enough memory for this configuration", 2)
    except OSError as e:
        return fail(f"{e.filename}: {e.strerror or e}", 2) if e.filename else _output_lost(e)
    except SystemExit as e:  # the command-line library's answer to a closed pipe, and how completion ends
        return 0 if e.code == 0 else _output_lost(BrokenPipeError())
    except Exception as e:
        if not hasattr(e, "exit_code"):  # not one of the command-line library's own
            raise
        message = e.format_message() if hasattr(e, "format_message") else str(e)
        hint = f" {_help(arguments)}" if e.exit_code == 2 else ""  # a tool that has failed was not called wrongly
        return fail(message + hint, e.exit_code) if message else e.exit_code


def _refuse(error: InputError, line: str, field: str, rule: str) -> int:
    """Tell of bad input; returns the exit code."""
    code = fail(line, 2)
    if (kept := document.current()) is not None:
        kept.refuse(error, field, rule)
    return code


def _option(parameter: str) -> str:
    """The option by which a parameter of the library is given."""
    return "--" + _OPTIONS.get(parameter, parameter).replace("_", "-")


def _output_lost(error: OSError) -> int:
    """Standard output cannot be written to any more."""
    # Else the interpreter would try again when it exits, and complain a second time.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):  # whoever read our output has seen enough
        return 141
    return fail(f"output cannot be written: {error.strerror or error}", 2)
