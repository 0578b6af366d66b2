"""From the accelerator to a netlist in Yosys' language, every name in it being one that Verilog takes as it is.

Amaranth makes signals of one name in one module differ by a number, and names a part of a signal that crosses the border of
a module by a number, too. Here a signal of a submodule is called after it, and such a part after the signal it is part of.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import amaranth
from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Fragment, Signal, Value, ValueCastable
from amaranth.hdl._ast import SignalDict
from amaranth.hdl._ir import Design, PortDirection, build_netlist

from hwsim.configuration.identifiers import RESERVED
from rtl.verilog.quick import forget, quickly
from rtl.verilog.sharing import shared

Ports = Mapping[str, tuple[Value, PortDirection]]


@dataclass(frozen=True, eq=False)
class Netlist:
    """A design in RTLIL.

    Attributes
    ----------
    top
        The top module.
    text
        All modules, the top one first; ``src`` attributes name files relative to the packages they are in.
    modules
        Name of the module by the names of the instances on the way to it, the top module's name first.
    """

    top: str
    text: str
    modules: dict[tuple[str, ...], str]
    _classes: dict[tuple[str, ...], str]
    _signals: Any

    @classmethod
    def of(cls, component: Elaboratable, ports: Ports, top: str, kept: Iterable[Signal | ValueCastable] = ()) -> "Netlist":
        """Elaborate a component under a top module of this name; signals in ``kept`` have wires of their own."""
        with quickly(), patch.object(rtlil, "_make_attributes", _attributes):
            design = Fragment.get(component, None).prepare(ports=dict(ports), hierarchy=(top,))
            _name_signals(design, design.fragment, (top,))
            netlist = build_netlist(design)
            _name_ports(netlist)
            signals: Any = SignalDict()
            empty = rtlil.EmptyModuleChecker(netlist)
            classes = {info.name: _class(fragment) for fragment, info in design.fragments.items()}
            kinds, made = {}, {}
            for index, module in enumerate(netlist.modules):
                if not empty.is_empty(index):
                    kinds[module.name] = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", classes[module.name]).lower()
                    made[module.name] = builder = _Module(".".join(module.name), module.src_loc)
                    emitter = rtlil.ModuleEmitter(builder, netlist, module, signals, empty_checker=empty)
                    emitter.emit()
                    forget(emitter)
            for signal in kept:
                *path, name = signals[Value.cast(signal)]
                made[tuple(path)].contents[f"\\{name}"].attributes["keep"] = 1
            for builder in made.values():
                builder.name_fields()
            text, modules = shared({module.name: str(module) for module in made.values()}, kinds)
        return cls(top, text, modules, classes, signals)

    def path(self, signal: Signal | ValueCastable) -> tuple[str, ...]:
        """Instance names from the top module down, then the signal's own."""
        return tuple(self._signals[Value.cast(signal)])

    @property
    def titles(self) -> dict[str, str]:
        """What each module is: class of the component, and where its instances are."""
        places: dict[str, list[tuple[str, ...]]] = {}
        for path, module in self.modules.items():
            places.setdefault(module, []).append(path)
        return {
            module: f"{self._classes[paths[0]]}: {', '.join('.'.join(path[1:]) or 'the top module' for path in paths)}"
            for module, paths in places.items()
        }


def _class(fragment: Fragment) -> str:
    return type((fragment.origins or [fragment])[0]).__name__


def _unused(wanted: str, taken: set[str]) -> str:
    """The name made plain, numbered if it is taken; it is taken then."""
    plain = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_") or "unnamed"
    plain = f"_{plain}" if plain[0].isdigit() else f"{plain}_" if plain in RESERVED else plain
    name, number = plain, 1
    while name in taken:
        number += 1
        name = f"{plain}_{number}"
    taken.add(name)
    return name


def _name_signals(design: Design, fragment: Fragment, path: tuple[str, ...]) -> None:
    """Name the signals of a fragment, and do so in the fragments in it.

    A value with several names has the first: that of a port, else one of the fragment itself, else of the fragment inside
    that it comes from, else of one that it goes to.
    """
    info = design.fragments[fragment]
    info.name = path
    top = fragment is design.fragment
    taken = {name for name, _, _ in design.ports} if top else set()
    names: list[tuple[int, Signal, str]] = []  # rank, signal, name
    fixed = [(signal, name) for signal, name in info.signal_names.items() if name in taken]
    inside: Any = SignalDict()  # what the fragments inside call a signal
    for index, (part, name, _) in enumerate(fragment.subfragments):
        instance = _unused(name or f"part_{index}", taken)
        _name_signals(design, part, (*path, instance))
        for signal, called in design.fragments[part].signal_names.items():
            inside.setdefault(signal, []).append(f"{instance}__{called}")
    driven: Any = SignalDict()
    for statements in fragment.statements.values():
        for statement in statements:
            for signal in statement._lhs_signals():
                driven[signal] = True
    outside = SignalDict() if top else design.fragments[info.parent].used_signals
    for signal in info.used_signals:
        users = inside.get(signal, ())
        if signal in outside:
            names.append((0, signal, signal.name))
        elif len(users) != 1 or signal.name in ("clk", "rst"):
            names.append((1, signal, signal.name))
        else:
            names.append((3 if signal in driven else 2, signal, users[0]))
    info.signal_names = SignalDict(fixed)
    for _, signal, name in sorted(names, key=itemgetter(0)):
        if name and signal not in info.signal_names:
            info.signal_names[signal] = _unused(name, taken)


def _name_ports(netlist: Any) -> None:
    """Name the ports that are no signal of their module after what they are, or are part of, here or outside."""
    for module in netlist.modules[1:]:
        outside = netlist.modules[module.parent]
        inside = [netlist.modules[i] for i in module.submodules]
        taken = {*module.signal_names.values(), *module.ports, *(part.name[-1] for part in inside)}
        ports = {}
        for name, (value, flow) in module.ports.items():
            if "$" in name:
                name = _unused(next(_names_of(value, netlist, (outside, module, *inside)), "net"), taken)
            ports[name] = value, flow
        module.ports = ports


def _names_of(value: Any, netlist: Any, modules: Iterable[Any]) -> Iterator[str]:
    """Names that a value has in one of the modules, then those of what it is part of."""
    known = [
        (name, of)
        for module in modules
        for name, of in [
            *((name, netlist.signals[signal]) for signal, name in module.signal_names.items()),
            *((name, of) for name, (of, _) in module.ports.items() if "$" not in name),
        ]
    ]
    yield from (name for name, of in known if of == value)
    wanted = tuple(value)
    for name, of in known:
        nets = tuple(of)
        for low in range(len(nets) - len(wanted) + 1):
            if nets[low : low + len(wanted)] == wanted:
                yield f"{name}_{low + len(wanted) - 1}_{low}" if len(wanted) > 1 else f"{name}_{low}"


_PACKAGES = (*(Path(__file__).parents[2] / name for name in ("rtl", "hwsim", "models")), Path(amaranth.__file__).parent)


@cache
def _inside(name: str) -> str:
    """A file relative to where the packages are; nothing for Python's own."""
    file = Path(name)
    return next((file.relative_to(p.parent).as_posix() for p in _PACKAGES if file.is_relative_to(p)), "")


def _attributes(others: Mapping[str, Any] | None, place: tuple[str, int] | None) -> dict[str, Any]:
    """Attributes of a part of a module that comes from this place."""
    file = _inside(place[0]) if place is not None else ""
    source = {"src": f"{file}:{place[1]}"} if place is not None and file else {}
    return source | dict(others or {})


class _Module(rtlil.Module):
    """As it comes from Amaranth, but for source references: wires need none, and decisions have that of their process."""

    def __init__(self, name: str, place: tuple[str, int] | None) -> None:
        super().__init__(name, attrs=_attributes(None, place))

    def wire(self, width: int, *, name: str | None = None, src_loc: Any = None, **kwargs: Any) -> rtlil.Wire:
        return super().wire(width, name=name, **kwargs)

    def process(self, *, name: str | None = None, **kwargs: Any) -> rtlil.Process:
        name = self._name(name)
        self.contents[name] = process = _Process(name=name, **kwargs)
        return process

    def name_fields(self) -> None:
        """Fields of signals, ``tag.label`` or ``data[3]``, become ``tag_label`` and ``data_3``."""
        wires = {name: item for name, item in self.contents.items() if isinstance(item, rtlil.Wire)}
        fields = {name: item for name, item in wires.items() if _FIELD.fullmatch(name)}
        if not fields:
            return
        taken = {name[1:] for name in self.contents if name[0] == "\\"}
        names = {name: f"\\{_unused(name[1:], taken)}" for name in fields}
        for name, wire in fields.items():
            wire.name = names[name]
        self.connections[:] = [(names.get(left, left), right) for left, right in self.connections]

    def __str__(self) -> str:
        emitter = rtlil.Emitter()
        self.emit(emitter)
        return str(emitter)


class _Process(rtlil.Process):
    def emit(self, line: rtlil.Emitter) -> None:
        begin = len(line._lines)
        super().emit(line)
        if "src" in self.attributes:
            source, *rest = line._lines[begin:]
            line._lines[begin:] = [
                source,
                *(t for text in rest for t in ((source, text) if _SWITCH.match(text) else (text,))),
            ]


_SWITCH = re.compile(" +switch ")
_FIELD = re.compile(r"\\\w+(?:\.\w+|\[\d+\])+")
