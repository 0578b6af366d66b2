"""What the directory of a run holds, as far as it can be read: what is missing or damaged is named, no reason to stop."""

from functools import cached_property
from pathlib import Path
from typing import Any

from hwsim.configuration.configuration import Configuration
from hwsim.reports.values import Told, figures
from hwsim.results.directory import CONFIG, METRICS, PROOFS, SYNTHESIS, recorded
from hwsim.results.stored import read_run
from hwsim.schedule.inventory import Inventory, inventory
from models.errors import InputError
from models.files import json_text
from models.files.regular import is_file, read_bytes

_FILES = {"synth": SYNTHESIS[0], "prove": PROOFS}
"""Where a command leaves its figures, if not in the usual file."""
_WITHOUT = ("check", "verilog", "scatter", "search", "mutate", "board")
"""Commands that leave no figures of this kind."""


class RunContent:
    """A run's directory, read for a report.

    Parameters
    ----------
    path
        The directory.

    Attributes
    ----------
    config
        Of the run.
    command, options
        By which the directory was filled; empty if nobody has recorded it.
    missing
        What the report cannot show, and why.

    Raises
    ------
    InputError
        If there is no configuration of a run, or no legal one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config: Configuration = read_run(path).config
        record = recorded(path)
        command, options = record.get("command"), record.get("options", {})
        self.command = command if isinstance(command, str) else ""
        self.options: dict[str, Any] = options
        self.missing: list[tuple[str, str]] = []
        if not self.command:
            self.missing.append((CONFIG, "does not say which command has filled the directory"))

    def read(self, name: str, most: int) -> bytes | None:
        """The content of a file; None if it is not there or cannot be read."""
        if not is_file(self.path / name):
            return None
        try:
            return read_bytes(self.path / name, most)
        except InputError as e:
            self.missing.append((name, e.rule))
            return None

    @cached_property
    def content(self) -> dict[str, Any]:
        """Figures, status and origin, as their file has them; empty without it."""
        name = _FILES.get(self.command, METRICS)
        if not is_file(self.path / name):
            if self.command not in _WITHOUT:
                self.missing.append((name, "is not there: the command that makes it has not ended"))
            return {}
        try:
            found = json_text.read(self.path / name)
        except (ValueError, InputError) as e:
            self.missing.append((name, f"is damaged: {e}"))
            return {}
        if not isinstance(found, dict):
            self.missing.append((name, "is damaged: it must hold figures by name"))
            return {}
        return found

    @cached_property
    def figures(self) -> list[Told]:
        """Every figure."""
        return [*figures(self.content)]

    @cached_property
    def history(self) -> dict[str, list[float | None]]:
        """Figures after every epoch, by name; empty if nothing was trained."""
        found = next((t.value for t in self.figures if t.name == "history"), None)
        if not isinstance(found, dict):
            return {}
        sound = {name: values for name, values in found.items() if isinstance(values, list) and values}
        return {n: [v if isinstance(v, int | float) else None for v in values] for n, values in sound.items()}

    @cached_property
    def accelerator(self) -> Inventory | None:
        """Of the configuration, if it has one."""
        if self.config.hardware is None or self.config.out_degrees is None:
            return None
        return inventory(self.config)

    @property
    def has_charts(self) -> bool:
        """Whether the report has charts anyway: for a bar of bits alone no library is embedded."""
        return bool(self.history)
