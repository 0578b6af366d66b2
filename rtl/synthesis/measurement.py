"""``synth``: what a design takes of an FPGA once it is synthesized, and how fast it can run there."""

import json
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hwsim.costs.resources import FAMILIES, SYNTHESISED, area_figures
from hwsim.figure import Figure, Figures
from hwsim.measurements.measurement import Measurement, Need, Subject
from models.errors import InputError
from rtl.synthesis.flow import Options, Synthesis, prepare, synthesise
from rtl.synthesis.targets import TARGETS, Family, Target, target
from rtl.synthesis.tools import ToolError
from rtl.verilog.generate import generate


def _families() -> dict[str, Family]:
    """By name: those that estimates know, too, and then those of targets that a distribution adds."""
    known = {t.family.name: t.family for t in TARGETS.values()}
    return {name: known[name] for name in (*FAMILIES, *(n for n in known if n not in FAMILIES))}


def _speeds(family: str, device: str) -> dict[str, Figure]:
    return {
        f"{family}_fits": Figure("1", f"1 if the {device} target has room for the design, else 0", "more"),
        f"{family}_fmax": Figure("MHz", f"clock frequency on {device} after routing", "more", f"MHz, {device}"),
        f"{family}_inputs_per_second": Figure(
            "inputs/s", f"trained at that clock frequency on {device}", "more", f"inputs per second, {device}"
        ),
    }


def _all_figures() -> dict[str, Figure]:
    families = _families()
    devices = {name: FAMILIES.get(name, name) for name in families}
    placed = {name: device for name, device in devices.items() if families[name].placer is not None}
    speeds = {name: known for family, device in placed.items() for name, known in _speeds(family, device).items()}
    return area_figures("as synthesized", families=devices) | speeds


FIGURES = Figures("synth", _all_figures())


def depends(settings: Mapping[str, Any]) -> list[str]:
    """What was asked for, and the tools that are going to be used.

    Raises
    ------
    InputError
        If one is missing, a target is unknown, or two targets are of one family.
    """
    return [json.dumps(settings, sort_keys=True), *_tools(tuple(settings["targets"]), bool(settings["place"]))]


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


def measure(subject: Subject) -> dict[str, Any]:
    """Resources and, if asked for, the clock frequency of a design, for each family of the targets.

    Raises
    ------
    ToolError
        If a tool fails or exceeds the time limit.
    """
    settings = subject.settings
    options = Options(time_limit=settings["time_limit"], place=settings["place"])
    emitted = generate(subject.design)
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
    known: dict[str, Any] = {SYNTHESISED[r.name]: r.count(result.cells) for r in family.resources if r.name in SYNTHESISED}
    if made.options.place and family.placer is not None:
        known["fits"] = int(not result.overflow)
        if result.fmax is not None:
            known |= {"fmax": result.fmax, "inputs_per_second": made.samples_per_second}
    return known


SYNTH = Measurement("synth", FIGURES, measure, frozenset({Need.HARDWARE}), once=True, depends=depends)
