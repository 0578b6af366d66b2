"""Options that several commands share, and how a command takes them in groups.

Each of them, its default and its text, stands here once. Options that always come together are fields of a frozen
dataclass, which a command takes as one parameter: :func:`expanded` tells the command-line library of the fields.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from hwsim.commands import completion
from hwsim.commands.document import OPTION
from hwsim.simulation.disturbances import Place

if TYPE_CHECKING:  # whoever asks for help needs no configuration
    from hwsim.configuration.configuration import Configuration


Complete = Callable[..., list[str]]
"""What a shell may offer (:mod:`hwsim.commands.completion`)."""


def given(text: str, metavar: str | None = None, *names: str, complete: Complete | None = None) -> Any:
    """An option that says nothing of its default."""
    return typer.Option(*names, metavar=metavar, help=text, show_default=False, autocompletion=complete)


def replacing(what: str) -> Any:
    """The option that lets results be replaced."""
    return typer.Option("--force", help=f"replace {what} in --out")


def resuming(text: str) -> Any:
    """The option that goes on with what is there."""
    return typer.Option("--resume", help=text)


def seeding(text: str) -> Any:
    """The option for the seed."""
    return given(text, "N", "--seed")


def setting(text: str) -> Any:
    """The option for values of the configuration."""
    return given(text, "KEY=VALUE", "--set", complete=completion.settings)


def silent(text: str) -> Any:
    """The option that prints less."""
    return typer.Option("--quiet", "-q", help=text)


def file(text: str) -> Any:
    """The option for a file to write."""
    return given(text, "FILE", "--out")


def folder(text: str) -> Any:
    """The option for a directory to write."""
    return given(text, "DIR", "--out")


def met(place: Place, disturbance: str) -> Any:
    """An option for how much of a disturbance a simulation meets."""
    return typer.Option(metavar="P", help=place.meanings[disturbance].text)


Json = Annotated[bool, typer.Option(OPTION, help="print one JSON document in place of tables and lines (docs/json.md)")]
ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="configuration file (YAML)", show_default=False)]
Out = Annotated[Path | None, folder("directory for the results")]
Seed = Annotated[int | None, seeding("in place of the configuration's")]
Set = Annotated[list[str] | None, setting("any configuration key, e.g. data.morse.sigma=3")]
Quiet = Annotated[bool, silent("no progress and no tables")]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", envvar="HWSIM_DATA", help="folder of the data sets", show_default=False),
]
Force = Annotated[bool, replacing("another run")]
Resume = Annotated[bool, resuming("continue an interrupted run in --out")]
Samples = Annotated[int | None, given("training samples of an epoch", "N")]
Epochs = Annotated[int | None, typer.Option(metavar="E", help="passes over the samples")]


@dataclass(frozen=True)
class Common:
    """What every command on a configuration takes: values in place of the configuration's, and whether to be quiet."""

    assign: Set = None
    seed: Seed = None
    quiet: Quiet = False

    def load(self, path: Path, fixed: Mapping[str, Any] | None = None, **training: Any) -> "Configuration":
        """The configuration with what the command line says in place of what the file says.

        Parameters
        ----------
        path
            Its file.
        fixed
            Values by key that stand, whatever both say.
        training
            Further values, by key of the section ``training``; None is none.
        """
        from hwsim.configuration import config_file

        told = {f"training.{key}": value for key, value in training.items() if value is not None}
        return config_file.load(path, overrides(self.assign, self.seed) | told | dict(fixed or {}))

    def load_circuit(self, path: Path, fixed: Mapping[str, Any] | None = None) -> "Configuration":
        """The same, of a design that shall become a circuit: refused, before anything is left, if there is none."""
        from hwsim.configuration import rules

        loaded = self.load(path, fixed)
        rules.check_circuit(loaded)
        return loaded


@dataclass(frozen=True)
class Where:
    """Where results go and data sets come from."""

    out: Out = None
    data_dir: DataDir = None


@dataclass(frozen=True)
class Again:
    """What may happen to an earlier run in the directory."""

    resume: Resume = False
    force: Force = False


_JSON = "as_json"


def overrides(assignments: list[str] | None, seed: int | None = None) -> dict[str, Any]:
    """What ``--set`` and ``--seed`` say, by configuration key."""
    from hwsim.configuration import config_file

    told = dict(config_file.assignment(text) for text in assignments or [])
    return told | ({} if seed is None else {"seed": seed})


def expanded(command: Callable[..., None], speaks_json: bool = False) -> Callable[..., None]:
    """The command with the fields of its dataclasses in place of those, in their order, as the command-line library sees it.

    Every command gets ``--json``, which it need not know of: consoles do (:mod:`hwsim.commands.document`).

    Parameters
    ----------
    command
        Its parameters are options and arguments, or dataclasses whose fields are.
    speaks_json
        Whether what it prints is JSON of a standard's own in any case, so that there is nothing to choose.
    """
    groups: dict[str, type] = {}
    flat: list[Parameter] = []
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in signature(command).parameters.items():
        if is_dataclass(group := hints[name]) and isinstance(group, type):
            groups[name] = group
            flat += _parameters(group)
        else:
            flat.append(parameter.replace(annotation=group, kind=Parameter.KEYWORD_ONLY))

    if not speaks_json:
        flat.append(Parameter(_JSON, Parameter.KEYWORD_ONLY, default=False, annotation=Json))

    @wraps(command)
    def run(**told: Any) -> None:
        told.pop(_JSON, None)  # known before any option was understood
        for name, group in groups.items():
            told[name] = group(**{field.name: told.pop(field.name) for field in fields(group)})
        command(**told)

    run.__signature__ = Signature(flat)  # type: ignore[attr-defined]  # where inspect.signature looks first
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return run


def _parameters(group: type) -> list[Parameter]:
    """The fields of a dataclass as parameters of a function."""
    hints = get_type_hints(group, include_extras=True)
    return [
        parameter.replace(annotation=hints[name], kind=Parameter.KEYWORD_ONLY)
        for name, parameter in signature(group).parameters.items()
    ]
