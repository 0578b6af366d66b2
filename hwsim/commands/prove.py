"""The command ``hwsim prove``."""

from dataclasses import dataclass
from typing import Annotated

import typer

from hwsim.commands.console import console_of, say, stored
from hwsim.commands.hardware import tools
from hwsim.commands.options import Common, ConfigPath, Force, Out, given
from hwsim.commands.progress import step_watcher


@dataclass(frozen=True)
class Proving:
    """What is proved, and how much it may take."""

    time_limit: Annotated[float, typer.Option(metavar="S", help="seconds for each engine on each component")] = 120.0
    workers: Annotated[int, typer.Option(metavar="N", help="components that are proved at the same time")] = 1
    property: Annotated[str | None, given("the one property to prove, by its name in the table", "NAME")] = None


def prove(config: ConfigPath, out: Out = None, *, proving: Proving, force: Force = False, common: Common) -> None:
    """Prove that the hardware keeps its rules.

    They are: addresses in depth, lanes and memories, hazards, streams, pace and port.
    Every property is proved for all inputs and all contents of the memories, or refuted by a waveform. Exit code 1 if one is
    refuted, or not decided within --time-limit.
    """
    from hwsim.design import Design
    from hwsim.results.directory import PROOFS, RunDirectory

    with tools():
        from rtl.proofs import session

    session.check(proving.time_limit, proving.workers)
    loaded = common.load_circuit(config)
    console = console_of(common.quiet)
    options = {"property": proving.property, "time_limit": proving.time_limit}
    directory = RunDirectory(out, loaded, "prove", options, force=force)
    design = Design(loaded)
    if proving.property is not None:
        session.check_property(design, proving.property)
    with directory.locked(), step_watcher(common.quiet) as watch:
        directory.begin()
        proofs = session.prove_design(
            design,
            directory / "proofs",
            time_limit=proving.time_limit,
            workers=proving.workers,
            property=proving.property,
            watch=watch,
            keep=lambda so_far: session.write(so_far, design, directory, ended=False),
        )
        session.write(proofs, design, directory)
    console.found(stored(directory.path, PROOFS))
    console.print(session.table(proofs, f"{loaded.name}: {len(proofs)} properties"))
    for line in session.refuted(proofs):
        say(line)
    proved = sum(proof.verdict.is_proved for proof in proofs)
    console.print(f"{proved} of {len(proofs)} proved; in {directory.path}")
    if proved < len(proofs):
        raise typer.Exit(1)
