"""Whole commands, measured as a user meets them: time from start to end, processor time, memory, and what they tell."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

from pydantic import Field, ValidationError

from hwsim.benchmark import clusters
from hwsim.benchmark.trees import Spent, Tree
from hwsim.configuration import config_file
from hwsim.configuration.messages import told
from hwsim.configuration.sections import Bool, Count, Real, Section, Text, Version
from models.errors import InputError

_CLUSTER = "{cluster}"
_Words = Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)]


class CommandSection(Section):
    """One command."""

    run: _Words = Field(
        description="its arguments; in them, {out} is a new folder for every run, {shared} one for all runs of the command, "
        "{code} the folder of the code that runs"
    )
    module: Annotated[Text, Field(min_length=1)] = Field("hwsim", description="what runs: python -m module")
    folder: Text | None = Field(None, description="where it runs, and relative names begin; the file's own if not given")
    prepare: _Words | None = Field(None, description="arguments of a first run with each code, which is not measured")
    cluster: Annotated[int, Field(strict=True, ge=1, le=1024)] | None = Field(
        None, description="worker processes of a Dask cluster on this machine; {cluster} is its address"
    )
    figures: Text | None = Field(None, description="a JSON file in {out} with figures that a run leaves there, to be told")
    times: Annotated[int, Field(strict=True, ge=1, le=100)] = Field(3, description="how often; the best is told")
    fresh: Bool = Field(False, description="whether every run begins without what earlier ones have built and kept")
    amount: Count | None = Field(None, description="how much one run does, for a rate")
    of: Text = Field("", description="what the amount counts")
    limit: Annotated[Real, Field(gt=0, le=86400)] = Field(600.0, description="seconds after which a run is ended")


class CommandFile(Section):
    """Commands by name."""

    schema_version: Version
    commands: Annotated[dict[Text, CommandSection], Field(min_length=1, max_length=1000)]


class Command(NamedTuple):
    """A command of a file in ``folder``."""

    name: str
    section: CommandSection
    folder: Path


class Told(NamedTuple):
    """A figure that a command has left."""

    value: float
    unit: str
    meaning: str


@dataclass(frozen=True)
class CommandRow:
    """One command in one state of the code: the best of its runs, or why there is none.

    Attributes
    ----------
    told
        Figures of the run that took least, by name.
    """

    command: Command
    spent: Spent
    told: Mapping[str, Told] = field(default_factory=dict)

    @property
    def rate(self) -> float | None:
        """Amount per second on the wall."""
        amount = self.command.section.amount
        return amount / self.spent.seconds if amount is not None and self.spent.failure is None else None


def load(paths: Iterable[Path]) -> list[Command]:
    """The commands of some files.

    Raises
    ------
    InputError
        For a file that cannot be read or parsed, for every violated rule, and if Dask is needed and not installed.
    """
    found: dict[str, Command] = {}
    for path in paths:
        data = config_file.read_sections(path, "file of commands")
        try:
            commands = CommandFile.model_validate(data).commands
        except ValidationError as e:
            raise told(e, CommandFile) from None
        for name, section in commands.items():
            if name in found:
                raise InputError(f"commands.{name}", str(path), "is the name of an earlier file's command: give another one")
            _check(name, section)
            found[name] = Command(name, section, path.resolve().parent)
    if any(c.section.cluster for c in found.values()):
        clusters.check_installed()
    return [*found.values()]


def _check(name: str, section: CommandSection) -> None:
    if section.module == "hwsim" and section.run[0] == "bench":
        raise InputError(f"commands.{name}.run", "bench", "must be another command: it measures others")
    asks = any(_CLUSTER in word for word in section.run)
    if asks and section.cluster is None:
        raise InputError(f"commands.{name}.cluster", None, f"is missing: `run` asks for the address of one ({_CLUSTER})")
    if section.cluster is not None and not asks:
        rule = f"would be in vain: no word of `run` is its address ({_CLUSTER})"
        raise InputError(f"commands.{name}.cluster", section.cluster, rule)


def measure(commands: list[Command], trees: list[Tree], say: Callable[[str], None] | None = None) -> list[list[CommandRow]]:
    """Run every command with every state of the code, in turns.

    Returns
    -------
    list
        For every command, a row for every state of the code.
    """
    for tree in trees:
        tree.run(["compile"])  # code without this command compiles in its first run
    return [_measure(command, trees, say) for command in commands]


def _measure(command: Command, trees: list[Tree], say: Callable[[str], None] | None) -> list[CommandRow]:
    section = command.section
    found: list[list[CommandRow]] = [[] for _ in trees]
    with ExitStack() as held:
        shared = held.enter_context(_folder())
        runs = [_Runs(command, tree, shared) for tree in trees]
        for one, rows in zip(runs, found, strict=True):
            failure = one.begin(held)
            rows += [CommandRow(command, Spent(0.0, 0.0, 0, failure))] if failure else []
        for _ in range(section.times):
            for one, rows in zip(runs, found, strict=True):
                if any(row.spent.failure for row in rows):
                    continue  # it will not get better
                rows.append(one.once(section.run))
                if say is not None:
                    last = rows[-1].spent
                    say(f"{command.name}: {one.tree.name}: {last.failure or f'{last.seconds:.2f} s'}")
    return [_best(rows) for rows in found]


@contextmanager
def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="hwsim-", ignore_cleanup_errors=True) as place:
        yield Path(place)


class _Runs:
    """Of one command with one code."""

    def __init__(self, command: Command, tree: Tree, shared: Path) -> None:
        self.tree = tree
        self._command = command
        self._cluster: clusters.Cluster | None = None
        self._places = {"{shared}": str(shared), "{code}": str(tree.folder)}

    def begin(self, held: ExitStack) -> str | None:
        """What comes before the first run; says why it cannot be made."""
        section = self._command.section
        if section.cluster is not None:
            try:
                self._cluster = held.enter_context(clusters.cluster(self.tree, section.cluster))
            except clusters.NoCluster as e:
                return f"no cluster: {e}"
            self._places[_CLUSTER] = self._cluster.address
        return None if section.prepare is None else self.once(section.prepare).spent.failure

    def once(self, words: tuple[str, ...]) -> CommandRow:
        """A run."""
        section = self._command.section
        with _folder() as place:
            out, kept = place / "out", place / "kept"
            kept.mkdir()
            empty = {"XDG_CACHE_HOME": str(kept), "CCACHE_DIR": str(kept), "CCACHE_DISABLE": "1"} if section.fresh else {}
            arguments = [self._filled(word, out) for word in words]
            folder = self._command.folder / self._filled(section.folder or "", out)
            try:
                before = self._of_cluster()
                spent = self.tree.run(arguments, folder, empty, section.limit, section.module)
                spent = replace(spent, processor_seconds=spent.processor_seconds + self._of_cluster() - before)
            except clusters.NoCluster:
                spent = Spent(0.0, 0.0, 0, "the cluster has ended")
            left = out / section.figures if section.figures is not None and not spent.failure else None
            return CommandRow(self._command, spent, {} if left is None else _figures(left))

    def _of_cluster(self) -> float:
        return self._cluster.processor_seconds() if self._cluster is not None else 0.0

    def _filled(self, word: str, out: Path) -> str:
        for name, place in {"{out}": str(out), **self._places}.items():
            word = word.replace(name, place)
        return word


def _figures(left: Path) -> dict[str, Told]:
    """The figures of a file that hold a number; code that knows fewer of them leaves fewer, or no file."""
    try:
        content = json.loads(left.read_text())
    except (OSError, ValueError):
        return {}
    found = {}
    for name, one in content.items() if isinstance(content, dict) else ():
        if isinstance(one, dict) and type(one.get("value")) in (int, float):
            found[name] = Told(one["value"], str(one.get("unit", "")), str(one.get("meaning", "")))
    return found


def _best(rows: list[CommandRow]) -> CommandRow:
    """Of each figure the best; of runs that failed, the failure."""
    failed = next((row for row in rows if row.spent.failure), None)
    if failed is not None:
        return failed
    spent = [row.spent for row in rows]
    best = Spent(min(s.seconds for s in spent), min(s.processor_seconds for s in spent), min(s.peak_memory for s in spent))
    quickest = min(rows, key=lambda row: row.spent.seconds)
    return CommandRow(quickest.command, best, quickest.told)
