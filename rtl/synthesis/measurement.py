"""Synthesis as a measurement of a study: ``synth``."""

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hwsim.design import Design
from models.errors import InputError
from rtl.delivery import generate
from rtl.synthesis.flow import Options, Synthesis, prepare, synthesise
from rtl.synthesis.targets import BLOCK_RAM, DSP, FF, LUT, LUT_RAM, Target, target
from rtl.synthesis.tools import ToolError

_NAMES = {LUT: "luts", LUT_RAM: "lut_ram", FF: "ffs", DSP: "dsps", BLOCK_RAM: "block_rams"}
"""Of the figures that every family has, by resource."""


def depends(settings: Mapping[str, Any]) -> list[str]:
    """The tools that are going to be used.

    Raises
    ------
    InputError
        If one is missing, a target is unknown, or two targets are of one family.
    """
    return _tools(tuple(settings["targets"]), bool(settings["place"]))


@cache
def _tools(names: tuple[str, ...], place: bool) -> list[str]:
    targets = _targets(names)
    return [tool.identity for t in targets for tool in prepare(t, Options(place=place)).all]


def _targets(names: tuple[str, ...]) -> list[Target]:
    targets: dict[str, Target] = {}
    for name in names:
        chosen = target(name)
        if (other := targets.get(chosen.family.name)) is not None:
            rule = f"is of the same family as {other.name}: figures are named after families"
            raise InputError("synth.targets", name, rule)
        targets[chosen.family.name] = chosen
    return [*targets.values()]


def measure(design: Design, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Resources and, if asked for, the clock frequency of a design, for each family of the targets.

    Raises
    ------
    ToolError
        If a tool fails or exceeds the time limit.
    """
    options = Options(time_limit=settings["time_limit"], place=settings["place"])
    emitted = generate(design)
    figures: dict[str, Any] = {}
    for chosen in _targets(tuple(settings["targets"])):
        with tempfile.TemporaryDirectory() as folder:
            try:
                made = synthesise(emitted, chosen, Path(folder) / "synthesis", options)
            except ToolError as e:
                raise ToolError(e.what) from None  # the log goes with the folder
        figures |= {f"{chosen.family.name}_{name}": value for name, value in _figures(made).items()}
    return figures


def _figures(made: Synthesis) -> dict[str, Any]:
    result, family = made.result, made.target.family
    known: dict[str, Any] = {_NAMES[r.name]: r.count(result.cells) for r in family.resources if r.name in _NAMES}
    if made.options.place and family.placer is not None:
        known["fits"] = int(not result.overflow)
        if result.fmax is not None:
            known |= {"fmax": result.fmax, "inputs_per_second": made.samples_per_second}
    return known
