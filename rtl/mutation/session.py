"""What the command line needs of mutation: a run that can be broken off and resumed."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from hwsim.design import Design
from hwsim.results import seal
from hwsim.results.directory import CHECKPOINT, METRICS, MUTANTS, RunDirectory
from models.errors import ArgumentError, InputError
from models.files.npz import read_npz
from rtl.mutation.campaign import (
    OPEN,
    Campaign,
    Judgement,
    Options,
    check,
    comma_separated,
    details,
    figures,
    restored,
    stored,
    summary,
)
from rtl.verilog.generate import generate_native

__all__ = ["OPEN", "Options", "check", "details", "mutate", "resumed", "summary"]

_FREE = ("workers", "simulator", "time_limit")
"""Options that may change when a run is resumed."""


def resumed(directory: RunDirectory, options: Options) -> dict[int, Judgement]:
    """What the interrupted run in a directory has found out, by the mutants' numbers.

    Raises
    ------
    InputError
        If its checkpoint is damaged, or of a run with other options.
    """
    path = directory / CHECKPOINT
    try:
        state = seal.opened(read_npz(path))
        of, asked = str(state["configuration"]), dict(state["options"])
        known = {j.mutant.number: j for j in map(restored, state["judgements"]) if j.verdict != OPEN}
    except (KeyError, TypeError, ValueError) as e:
        raise InputError(str(path), None, f"is not a checkpoint of this version: {e}") from None
    if of != directory.fingerprint:
        raise InputError(str(path), None, "belongs to a run of another configuration")
    lasting = _lasting(options)
    if asked.get("count") != options.count:
        raise ArgumentError("count", options.count, "must be as when the run began", [asked.get("count")])
    if asked != lasting:
        raise InputError(str(path), None, "belongs to a run of other parts of the co-simulation")
    return known


def mutate(
    design: Design,
    options: Options,
    directory: RunDirectory,
    known: dict[int, Judgement],
    watch: Callable[[str], None],
    progress: Callable[[int, int, int], None],
) -> list[Judgement]:
    """Judge the mutants of a design and leave ``mutants.csv`` and ``metrics.json``.

    Whatever breaks it off can be resumed, and so can a run that left mutants open: they are tried again.

    Parameters
    ----------
    known
        What is known already, by the mutants' numbers.
    watch, progress
        Are told what begins; and mutants judged, all, open ones.

    Raises
    ------
    SimulationError
        If the design itself differs from the machine.
    ToolError
        If a tool fails.
    """
    found = dict(known)
    if not known:
        directory.begin()
    _keep(directory, options, found)
    campaign = Campaign(generate_native(design), options, directory / "mutation", watch)
    if any(found[m.number].mutant != m for m in campaign.mutants if m.number in found):
        raise InputError(str(directory.path), None, "began with other mutants: the design's Verilog has changed")
    watch("judging")
    for judgement in campaign.judged(found):
        found[judgement.mutant.number] = judgement
        _keep(directory, options, found)
        progress(len(found), len(campaign.mutants), sum(j.verdict == OPEN for j in found.values()))
    result = [found[m.number] for m in campaign.mutants]
    directory.write_text(MUTANTS, comma_separated(result))
    directory.write_json(METRICS, figures(design.config, campaign, result))
    if not any(j.verdict == OPEN for j in result):  # which can be tried again, with more time
        (directory / CHECKPOINT).unlink(missing_ok=True)
    return result


def _keep(directory: RunDirectory, options: Options, found: dict[int, Judgement]) -> None:
    state = {
        "configuration": directory.fingerprint,
        "options": _lasting(options),
        "judgements": [stored(j) for j in found.values()],
    }
    directory.write_arrays(CHECKPOINT, seal.sealed({}, state))


def _lasting(options: Options) -> dict[str, Any]:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(options).items() if name not in _FREE}
