"""The command line: its commands, its entry point, and what becomes of errors.

Exit codes: 0 good, 1 a check failed, 2 bad input (one line says what), 130 interrupted, 141 nobody reads the output.
"""

import io
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from hwsim.commands import (
    bench,
    board,
    check,
    data,
    emulate,
    explore,
    hardware,
    mutate,
    patterns,
    power,
    prove,
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

_OPTIONS = {"assignments": "set", "deviation": "std", "megahertz": "clock", "show": "list", "window": "trace"}
"""Options whose names are not those of the library's parameters."""

GROUPS = {
    "Design": (check.check, solve.solve, patterns.scatter, patterns.search, check.schema),
    "Train": (train.train, torch.frontend, torch.export_frontend, torch.import_torch),
    "Simulate": (simulate.simulate, view.view, simulate.diff, selftest.selftest, bench.bench),
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
    "Explore": (explore.explore, explore.fit_area),
}
"""Commands as ``hwsim --help`` lists them; those of the data sets come last, with a name of their own."""

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for _group, _commands in GROUPS.items():
    for _command in _commands:
        app.command(rich_help_panel=_group)(expanded(_command))
app.add_typer(data.app, name="data", rich_help_panel="Data")


def _version(asked: bool) -> None:
    if asked:
        from importlib import metadata

        sys.stdout.write(f"hwsim {metadata.version('hwsim')}\n")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version and stop")
    ] = False,
) -> None:
    """Accelerators that train pre-defined sparse neural networks: reference, model, hardware."""


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
    try:
        command = typer.main.get_command(app)
        code = command.main(arguments, prog_name="hwsim", standalone_mode=False)
        if code == 130:  # also what the command-line library makes of an interrupt
            return fail("interrupted", 130)
        return code if isinstance(code, int) else 0
    except ArgumentError as e:
        return fail(e.told(_option), 2)
    except InputError as e:
        return fail(str(e), 2)
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
        return fail(message, e.exit_code) if message else e.exit_code


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
