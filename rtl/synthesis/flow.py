"""The steps from Verilog to figures and a bitstream: Yosys, nextpnr and the packer, or a result that is known already."""

import json
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from models.errors import ArgumentError
from rtl.synthesis import cache, carry_chains, dsp_registers, ram_registers, reports
from rtl.synthesis.netlist import Netlist
from rtl.synthesis.targets import Family, Target
from rtl.synthesis.tools import Deadline, Tool, ToolError, complaint, find, find_optional, run
from rtl.synthesis.wrapper import WRAPPER, pins, wrapper
from rtl.verilog.emission import SOURCE, Verilog

_FORMAT = 3
"""Of results in the cache; to be raised when what is read from the tools' reports changes."""

_WRAPPER_SOURCE, _SCRIPT, _PLACES = f"{WRAPPER}.v", "synthesis.ys", "pins.txt"
_NETLIST, _STAT, _LAYOUT, _REPORT, _BITSTREAM = "netlist.json", "stat.json", "layout.txt", "report.json", "bitstream"


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Attributes
    ----------
    frequency
        MHz that are asked for; ``None`` for as much as there is.
    time_limit
        Seconds for all tools together; ``None`` for no limit.
    dsp
        Whether multipliers go into DSP blocks.
    cached
        Whether results may come from the cache, and go there.
    place
        Whether to place and route where there are tools for it.
    seeds
        How many placements to make, each from a seed of its own.
    enough
        Whether the first placement that reaches ``frequency`` is enough, and else the best one counts; if not, the median.

    Raises
    ------
    InputError
        If a number is not positive and finite.
    """

    frequency: float | None = None
    time_limit: float | None = None
    dsp: bool = True
    cached: bool = True
    place: bool = True
    seeds: int = 1
    enough: bool = False

    def __post_init__(self) -> None:
        for name in ("frequency", "time_limit"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ArgumentError(name, value, "must be a number above 0")
        if self.seeds < 1:
            raise ArgumentError("seeds", self.seeds, "must be at least 1", [1])


@dataclass(eq=False)
class Result:
    """What the tools have found; all of it repeats, except for ``seconds``.

    Attributes
    ----------
    tools
        Versions.
    cells
        By Yosys' names.
    utilisation
        Used and available by nextpnr's names; empty without place and route.
    overflow
        What the target has too little of: name, used, available.
    fmax
        MHz, of the placement that counts: the median of all (of two in the middle the lower) or, where one is enough, the
        best; ``None`` without place and route.
    by_seed
        MHz by the seed of the placement.
    seed
        Of that placement; utilisation, path and bitstream are its.
    wrapped
        Pins that the design would need, if it was wrapped because the target has fewer.
    packed
        Multiplier blocks that have taken registers in, by kind of register.
    seconds
        Wall-clock time by step, of the run in which the tools ran.
    """

    tools: dict[str, str]
    cells: dict[str, int]
    wrapped: int | None = None
    utilisation: dict[str, tuple[int, int]] = field(default_factory=dict)
    overflow: list[tuple[str, int, int]] = field(default_factory=list)
    fmax: float | None = None
    by_seed: dict[int, float] = field(default_factory=dict)
    seed: int | None = None
    path: reports.Path | None = None
    packed: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Result":
        """Back from JSON.

        Raises
        ------
        TypeError
            If it is something else.
        """
        result = cls(**stored)
        result.path = None if stored["path"] is None else reports.Path(**stored["path"])
        result.utilisation = {name: (n, most) for name, (n, most) in stored["utilisation"].items()}
        result.by_seed = {int(seed): fmax for seed, fmax in stored["by_seed"].items()}
        result.overflow = [(name, n, most) for name, n, most in stored["overflow"]]
        return result


@dataclass(frozen=True)
class Around:
    """What a design is put into before it is synthesized.

    Attributes
    ----------
    top
        The top module.
    sources
        Verilog that is read beside the design's, by file name.
    places
        Constraints that say where the pins are; empty where the placer may choose.
    packing
        Options of the tool that makes the bitstream.
    board
        Whether that is a board, on which the bitstream can be used.
    """

    top: str
    sources: Mapping[str, str] = field(default_factory=dict)
    places: str = ""
    packing: tuple[str, ...] = ()
    board: bool = False


@dataclass(eq=False)
class Synthesis:
    """A finished synthesis: the result, the bitstream if there is one, and whether no tool had to run."""

    emitted: Verilog
    target: Target
    options: Options
    result: Result
    bitstream: bytes | None
    from_cache: bool
    around: Around

    @property
    def samples_per_second(self) -> float | None:
        """At the highest clock frequency, one sample per junction cycle."""
        fmax = self.result.fmax
        return None if fmax is None else fmax * 1e6 / self.emitted.accelerator.plan.period

    @property
    def lacks_dsp(self) -> bool:
        """Whether the target has too few DSP blocks for the multipliers."""
        return self.options.dsp and any(name.startswith("DSP") for name, _, _ in self.result.overflow)

    @property
    def failure(self) -> str | None:
        """Why the design cannot be used on this target, in one line."""
        device = f"{self.target.name} ({self.target.device})"
        if self.result.overflow:
            lacks = ", ".join(f"{name}: {n:,} used, {most:,} available" for name, n, most in self.result.overflow)
            return f"the design does not fit into {device}: {lacks}"
        asked, fmax = self.options.frequency, self.result.fmax
        if asked is not None and fmax is not None and fmax < asked:
            often = len(self.result.by_seed)
            which = "the best" if self.options.enough else "the median"
            median = f", {which} of {often} placements," if often > 1 else ""
            return f"the design reaches {fmax:.2f} MHz{median} on {device}, less than the {asked:g} MHz asked for"
        return None


@dataclass(frozen=True)
class _Tools:
    yosys: Tool
    placer: Tool | None
    packer: Tool | None

    @classmethod
    def of(cls, family: Family, place: bool) -> "_Tools":
        if family.placer is None or not place:
            return cls(find("yosys"), None, None)
        return cls(find("yosys"), find(family.placer), find_optional(family.packer))

    @property
    def all(self) -> list[Tool]:
        return [t for t in (self.yosys, self.placer, self.packer) if t is not None]


def prepare(target: Target, options: Options) -> _Tools:
    """The tools that a target needs.

    Raises
    ------
    InputError
        If one is not there, or an option means nothing for this target.
    """
    if options.frequency is not None:
        if target.family.placer is None:
            rule = f"means nothing for {target.name}: {target.family.unplaced}, so no frequency is known; leave it out"
            raise ArgumentError("frequency", options.frequency, rule)
        if not options.place:
            raise ArgumentError("frequency", options.frequency, "means nothing without place and route: leave it out")
    if options.seeds > 1 and (target.family.placer is None or not options.place):
        raise ArgumentError("seeds", options.seeds, "means nothing without place and route", [1])
    return _Tools.of(target.family, options.place)


def synthesise(
    emitted: Verilog,
    target: Target,
    folder: Path,
    options: Options,
    tell: Callable[[str], None] | None = None,
    around: Around | None = None,
) -> Synthesis:
    """Synthesize a design for a target, in a folder that is made for it.

    Parameters
    ----------
    tell
        Is told each step when it begins.
    around
        What the design is part of; by default nothing, or a wrapper where the target has too few pins.

    Raises
    ------
    InputError
        If a tool is missing.
    ToolError
        If a tool fails or exceeds the time limit.
    """
    tools = prepare(target, options)
    wrapped = None
    if around is None:
        bits = sum(n for _, n in emitted.ports.values())
        # Pins limit what can be placed, not what can be counted.
        few = target.pins is not None and bits > target.pins
        wrapped = bits if tools.placer is not None and (few or target.sites) else None
        around = Around(emitted.top) if wrapped is None else _wrapped(emitted, target)
    texts = {SOURCE: emitted.text, **around.sources}
    steps = _Steps(target, options, tools, folder, around, tell or (lambda _: None))
    if around.places:
        texts[_PLACES] = around.places
    placements = [*steps.placement, str(options.seeds), *(["enough"] if options.enough else []), *around.packing]
    name = cache.key(_FORMAT, target.name, [t.identity for t in tools.all], texts, steps.script, placements)
    shutil.rmtree(folder, ignore_errors=True)  # logs and reports of a former run
    if options.cached and (known := _known(name)):
        return Synthesis(emitted, target, options, *known, from_cache=True, around=around)
    _make(folder, texts)
    result, bitstream = steps.run()
    result.wrapped = wrapped
    if options.cached:
        cache.store(name, asdict(result), bitstream)
    return Synthesis(emitted, target, options, result, bitstream, from_cache=False, around=around)


def _wrapped(emitted: Verilog, target: Target) -> Around:
    """The wrapper, its pins at the target's sites if it has any."""
    needed = pins(emitted.ports)
    if target.sites and len(needed) != len(target.sites):
        rule = f"is placed with one clock here: a design with hardware.bus_clock own needs the pins {', '.join(needed)}"
        raise ArgumentError("target", target.name, rule, ["without place and route"])
    pairs = zip(needed, target.sites, strict=True) if target.sites else ()
    places = "".join(target.family.location.format(pin=pin, site=site) + "\n" for pin, site in pairs)
    return Around(WRAPPER, {_WRAPPER_SOURCE: wrapper(emitted.top, emitted.ports)}, places)


def _known(name: str) -> tuple[Result, bytes | None] | None:
    entry = cache.load(name)
    if entry is None:
        return None
    try:
        return Result.of(entry[0]), entry[1]
    except (TypeError, ValueError, KeyError, AttributeError):  # not of our making
        return None


def _make(folder: Path, texts: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True)
        for name, text in texts.items():
            (folder / name).write_text(text)
    except OSError as e:
        raise ArgumentError("out", str(folder), f"cannot be written: {e.strerror or e}") from None


class _Steps:
    """The tools' calls, one after the other."""

    def __init__(
        self,
        target: Target,
        options: Options,
        tools: _Tools,
        folder: Path,
        around: Around,
        tell: Callable[[str], None],
    ) -> None:
        family, top = target.family, around.top
        self._target, self._options, self._tools, self._folder, self._tell = target, options, tools, folder, tell
        self._top, self._packing = top, around.packing
        dsp = family.dsp if options.dsp else family.no_dsp
        self.script = "\n".join(
            [
                *(f"read_verilog {source}" for source in (SOURCE, *around.sources)),
                *family.prepare,
                " ".join(f"{family.synthesis} {dsp} -top {top}".split()),
                f"tee -q -o {_STAT} stat -json -top {top}",
                *([] if tools.placer is None else [f"write_json {_NETLIST}"]),
                "",
            ]
        )
        self.placement: list[str] = []
        self._seeds = range(1, 1 + options.seeds)
        if tools.placer is not None:
            pins, layout = _PLACER_OPTIONS[tools.placer.name, bool(around.places)]
            frequency = options.frequency or target.frequency
            self.placement = [*target.arguments, "--json", _NETLIST, layout, _LAYOUT, "--report", _REPORT]
            self.placement += ["--freq", f"{frequency:g}", "--timing-allow-fail", *pins, "--seed"]

    def run(self) -> tuple[Result, bytes | None]:
        deadline = Deadline(self._options.time_limit)
        folder, tools = self._folder, self._tools
        (folder / _SCRIPT).write_text(self.script)
        result = Result({t.name: t.version() for t in tools.all}, {})
        try:
            # Nothing that Yosys says after its call of ABC gets to its standard output.
            code = self._step(result, tools.yosys, ["-q", "-l", "yosys-all.log", "-s", _SCRIPT], deadline)
            if code or not (folder / _STAT).exists():
                raise self._failed(tools.yosys, "yosys-all.log")
            result.cells = reports.cells(json.loads((folder / _STAT).read_text()))
            if tools.placer is not None and (self._target.family.packs_registers or self._target.family.opens_carries):
                result.packed = self._change()
            bitstream = self._place(result, deadline) if tools.placer is not None else None
        finally:
            for large in (_NETLIST, _LAYOUT, _BITSTREAM):
                (folder / large).unlink(missing_ok=True)
        return result, bitstream

    def _change(self) -> dict[str, int]:
        """Make the netlist what the placer wants; returns how many blocks have taken registers in."""
        path, family, packed = self._folder / _NETLIST, self._target.family, dict[str, int]()
        written = json.loads(path.read_text())
        module = written["modules"][self._top]
        if family.opens_carries:
            carry_chains.open_ends(module)
        if family.packs_registers:
            netlist = Netlist(module)
            packed = dsp_registers.pack(netlist) | ram_registers.pack(netlist)
            netlist.drop_unread()
        path.write_text(json.dumps(written))
        return packed

    def _place(self, result: Result, deadline: Deadline) -> bytes | None:
        packer, folder, made = self._tools.packer, self._folder, []
        for seed in self._seeds:
            report = self._placed(result, seed, deadline)
            if report is None:
                return None
            made.append((reports.fmax(report), seed, report, (folder / _LAYOUT).read_bytes()))
            if self._options.enough and (made[-1][0] or 0.0) >= (self._options.frequency or 0.0):
                break
        result.by_seed = {seed: fmax for fmax, seed, *_ in made if fmax is not None}
        made.sort(key=lambda placement: (placement[0] or 0.0, placement[1]))
        result.fmax, result.seed, report, layout = made[-1 if self._options.enough else (len(made) - 1) // 2]
        result.utilisation, result.path = reports.utilisation(report), reports.critical_path(report)
        if packer is None:
            return None
        (folder / _LAYOUT).write_bytes(layout)
        if self._step(result, packer, [*self._packing, _LAYOUT, _BITSTREAM], deadline):
            raise self._failed(packer)
        return (folder / _BITSTREAM).read_bytes()

    def _placed(self, result: Result, seed: int, deadline: Deadline) -> dict[str, Any] | None:
        """The report on one placement; ``None`` if the design does not fit."""
        placer, folder = self._tools.placer, self._folder
        assert placer is not None
        (folder / _REPORT).unlink(missing_ok=True)  # of the seed before
        if self._step(result, placer, [*self.placement, str(seed)], deadline) or not (folder / _REPORT).exists():
            log = (folder / f"{placer.name}.log").read_text(errors="replace")
            result.utilisation = reports.logged_utilisation(log)
            result.overflow = reports.overflow(result.utilisation, self._target.family)
            if not result.overflow:
                raise self._failed(placer)
            return None
        report: dict[str, Any] = json.loads((folder / _REPORT).read_text())
        return report

    def _step(self, result: Result, tool: Tool, arguments: list[str], deadline: Deadline) -> int:
        self._tell(f"{tool.name} for {self._target.name}")
        code, seconds = run(tool, arguments, self._folder, deadline)
        result.seconds[tool.name] = result.seconds.get(tool.name, 0.0) + seconds
        return code

    def _failed(self, tool: Tool, *logs: str) -> ToolError:
        said = complaint(self._folder, f"{tool.name}.log", *logs)
        return ToolError(f"{tool.name} failed: {said}", self._folder / f"{tool.name}.log")


# A long wire costs most of a clock: placement heeds timing more than it does by itself (10). Of 20, 40 and 100 the second
# gave most.
_TIMELY = ("--placer-heap-timingweight", "40")
_PLACER_OPTIONS = {
    ("nextpnr-ecp5", False): (("--lpf-allow-unconstrained", *_TIMELY), "--textcfg"),
    ("nextpnr-ecp5", True): (("--lpf", _PLACES, *_TIMELY), "--textcfg"),
    ("nextpnr-ice40", False): (("--pcf-allow-unconstrained",), "--asc"),
    ("nextpnr-ice40", True): (("--pcf", _PLACES), "--asc"),
    ("nextpnr-nexus", True): (("--pdc", _PLACES), "--fasm"),
    ("nextpnr-himbaechel-gowin", True): (("--vopt", f"cst={_PLACES}"), "--write"),
}
"""By placer, and by whether it is known where the pins are: that, and what placement heeds; where the layout goes."""
