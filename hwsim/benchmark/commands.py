"""Whole commands, measured as a user meets them: time from start to end, processor time, memory."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from hwsim.benchmark.trees import Spent, Tree
from hwsim.configuration import config_file
from hwsim.configuration.messages import told
from hwsim.configuration.sections import Bool, Count, Real, Section, Text, Version
from models.errors import InputError

_OUT = "{out}"


class CommandSection(Section):
    """One command."""

    run: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)] = Field(
        description="its arguments; in them, {out} stands for a new folder, and relative names begin in the file's folder"
    )
    times: Annotated[int, Field(strict=True, ge=1, le=100)] = Field(3, description="how often; the best is told")
    fresh: Bool = Field(False, description="whether every run begins without what earlier ones have built and kept")
    amount: Count | None = Field(None, description="how much one run does, for a rate")
    of: Text = Field("", description="what the amount counts")
    limit: Annotated[Real, Field(gt=0, le=86400)] = Field(600.0, description="seconds after which a run is ended")


class CommandFile(Section):
    """Commands by name."""

    schema_version: Version
    commands: Annotated[dict[Text, CommandSection], Field(min_length=1, max_length=1000)]


@dataclass(frozen=True)
class CommandRow:
    """One command in one state of the code: the best of its runs, or why there is none."""

    name: str
    section: CommandSection
    spent: Spent

    @property
    def rate(self) -> float | None:
        """Amount per second on the wall."""
        known = self.section.amount is not None and self.spent.failure is None
        return self.section.amount / self.spent.seconds if known and self.section.amount else None


def load(path: Path) -> dict[str, CommandSection]:
    """The commands of a file.

    Raises
    ------
    InputError
        For a file that cannot be read or parsed, and for every violated rule.
    """
    data = config_file.read_sections(path, "file of commands")
    try:
        commands = CommandFile.model_validate(data).commands
    except ValidationError as e:
        raise told(e, CommandFile) from None
    for name, section in commands.items():
        if section.run[0] == "bench":
            raise InputError(f"commands.{name}.run", "bench", "must be another command: it measures others")
    return commands


def measure(
    commands: dict[str, CommandSection], folder: Path, trees: list[Tree], say: Callable[[str], None] | None = None
) -> list[list[CommandRow]]:
    """Run every command with every state of the code, in turns.

    Parameters
    ----------
    folder
        Of the file, in which the commands run.

    Returns
    -------
    list
        For every command, a row for every state of the code.
    """
    for tree in trees:
        tree.run(["compile"])  # code without this command compiles in its first run
    result = []
    for name, section in commands.items():
        found: list[list[Spent]] = [[] for _ in trees]
        for _ in range(section.times):
            for tree, spent in zip(trees, found, strict=True):
                if any(s.failure for s in spent):
                    continue  # it will not get better
                spent.append(_once(section, folder, tree))
                if say is not None:
                    last = spent[-1]
                    say(f"{name}: {tree.name}: {last.failure or f'{last.seconds:.2f} s'}")
        result.append([CommandRow(name, section, _best(spent)) for spent in found])
    return result


def _once(section: CommandSection, folder: Path, tree: Tree) -> Spent:
    with tempfile.TemporaryDirectory(prefix="hwsim-") as place:
        out = Path(place) / "out"
        arguments = [word.replace(_OUT, str(out)) for word in section.run]
        kept = Path(place) / "kept"
        kept.mkdir()
        empty = {"XDG_CACHE_HOME": str(kept), "CCACHE_DIR": str(kept), "CCACHE_DISABLE": "1"} if section.fresh else {}
        return tree.run(arguments, folder, empty, section.limit)


def _best(spent: list[Spent]) -> Spent:
    """Of each figure the best; of runs that failed, the failure."""
    failed = next((s for s in spent if s.failure), None)
    if failed is not None:
        return failed
    return Spent(min(s.seconds for s in spent), min(s.processor_seconds for s in spent), min(s.peak_memory for s in spent))
