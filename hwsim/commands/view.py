"""The command ``hwsim view``."""

from dataclasses import dataclass
from typing import Annotated

from hwsim.commands.console import console_of
from hwsim.commands.options import Common, ConfigPath, Force, Where, given


@dataclass(frozen=True)
class Viewing:
    """What is looked at."""

    clocks: Annotated[str | None, given("clocks to play; two steady junction cycles if not given", "A:B")] = None
    junction: Annotated[int | None, given("only this one, from 1; all if not given", "N")] = None


def view(config: ConfigPath, where: Where, viewing: Viewing, *, force: Force = False, common: Common) -> None:
    """See the machine work in a browser, clock by clock.

    A page plays lanes, memories and banks of a junction.
    """
    from hwsim.commands.simulate import parse_window
    from hwsim.design import Design
    from hwsim.results.directory import VIEW, RunDirectory
    from hwsim.view.page import page
    from hwsim.view.recording import record

    clocks = parse_window(viewing.clocks, to_play=True)
    junctions = None if viewing.junction is None else (viewing.junction,)
    loaded = common.load(config)
    design = Design(loaded)
    console = console_of(common.quiet)
    data = design.dataset(where.data_dir).train
    options = {"clocks": viewing.clocks, "junction": viewing.junction}
    directory = RunDirectory(where.out, loaded, "view", options, force=force)
    with directory.locked():
        recording = record(design, data, clocks, junctions)
        text = page(recording, junctions)
        directory.begin()
        directory.write_bytes(VIEW, text.encode())
    if recording.shortened:
        console.print("a page has no room for a whole junction cycle: choose by --clocks A:B, or one --junction")
    console.print(f"clocks {recording.first} to {recording.last - 1}: open {directory / VIEW} in a browser")
