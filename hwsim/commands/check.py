"""The commands ``hwsim check`` and ``hwsim schema``."""

import json
import sys
from pathlib import Path
from typing import Annotated

from hwsim.commands import describe
from hwsim.commands.console import console_of
from hwsim.commands.options import Common, ConfigPath, Where, file


def check(config: ConfigPath, where: Where, common: Common) -> None:
    """Validate a configuration; show its clocks and storage.

    What follows from it is printed: junctions, clocks, storage. It must fit its data set, whose files need not be there.
    With --out the resolved configuration and the connectivity are written there.
    """
    from hwsim.configuration import data_fit
    from hwsim.design import Design
    from hwsim.results.directory import CONNECTIVITY, RunDirectory
    from models.connectivity.files import write_connectivity

    loaded = common.load(config)
    design = Design(loaded)
    design.check()
    notes = data_fit.check(loaded, where.data_dir)
    console = console_of(common.quiet)
    describe.describe(console, loaded, design)
    console.found(describe.figures(loaded, design))
    for line in notes:
        console.print(line)
    for line in describe.sequences(loaded):
        console.print(line)
    if where.out is not None:
        directory = RunDirectory(where.out, loaded, None)
        with directory.locked():
            directory.write_config()
            write_connectivity(directory / CONNECTIVITY, design.patterns)


def schema(out: Annotated[Path | None, file("file instead of standard output")] = None) -> None:
    """Print the JSON Schema of configuration files.

    It is for editors and other programs.
    """
    from hwsim.configuration import config_file
    from models.files.whole import write_whole

    text = json.dumps(config_file.json_schema(), indent=2) + "\n"
    if out is None:
        sys.stdout.write(text)
        return
    write_whole(out, text.encode())
