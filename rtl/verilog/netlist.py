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

import amaranth
from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Fragment, Signal, Value, ValueCastable
from amaranth.hdl._ast import SignalDict
from amaranth.hdl._ir import Design, PortDirection, build_netlist

from hwsim.configuration.identifiers import RESERVED
from rtl.verilog.quick import quickly
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
        with quickly():
            design = Fragment.get(component, None).prepare(ports=dict(ports), hierarchy=(top,))
            _name_signals(design, design.fragment, (top,))
            netlist = build_netlist(design)
            _name_ports(netlist)
            signals: Any = SignalDict()
            empty = rtlil.EmptyModuleChecker(netlist)
            classes = {info.name: _class(fragment) for fragment, info in design.fragments.items()}
            builder, kinds = rtlil.Design(), {}
            for index, module in enumerate(netlist.modules):
                if not empty.is_empty(index):
                    kinds[module.name] = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", classes[module.name]).lower()
                    made = builder.module(".".join(module.name), src_loc=module.src_loc)
                    rtlil.ModuleEmitter(made, netlist, module, signals, empty_checker=empty).emit()
        for signal in kept:
            *path, name = signals[Value.cast(signal)]
            builder.modules[".".join(path)].contents[f"\\{name}"].attributes["keep"] = 1
        text, modules = shared(_plain(_relative(str(builder))), kinds)
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
_OF_WIRE = re.compile(r"^ *attribute \\src .*\n(?=(?: *attribute .*\n)* *wire)", re.MULTILINE)
_FILE = re.compile(r'^( *attribute \\src ")([^"]*?)(:\d+"\n)', re.MULTILINE)


def _relative(text: str) -> str:
    """Files of the source references relative to where the packages are; wires need none, and Python's own are dropped."""

    @cache
    def inside(name: str) -> str:
        file = Path(name)
        return next((file.relative_to(p.parent).as_posix() for p in _PACKAGES if file.is_relative_to(p)), "")

    def name(found: re.Match[str]) -> str:
        return f"{found[1]}{file}{found[3]}" if (file := inside(found[2])) else ""

    return _PROCESS.sub(_of_decisions, _FILE.sub(name, _OF_WIRE.sub("", text)))


_PROCESS = re.compile(r"^( *attribute \\src .*\n)( *process .*\n(?:.*\n)*?  end\n)", re.MULTILINE)


def _of_decisions(found: re.Match[str]) -> str:
    """A process, its source reference at all of its decisions."""
    return found[1] + re.sub(r"^(?= +switch )", lambda _: found[1], found[2], flags=re.MULTILINE)


_FIELD = re.compile(r"(?<= )\\(\w+(?:\.\w+|\[\d+\])+)(?=[ \n])")


def _plain(text: str) -> str:
    """Fields of signals, ``tag.label`` or ``data[3]``, as ``tag_label`` and ``data_3``; modules keep their dots."""
    modules = []
    for module in re.split(r"^(?=attribute \\generator)", text, flags=re.MULTILINE):
        taken = set(re.findall(r" \\(\w+)(?=[ \n])", module))
        kinds = set(re.findall(r"^ *(?:cell|module) \\(\S+)", module, re.MULTILINE))
        names = {f: _unused(f, taken) for f in dict.fromkeys(_FIELD.findall(module)) if f not in kinds}
        modules.append(_FIELD.sub(lambda found, names=names: f"\\{names.get(found[1], found[1])}", module))
    return "".join(modules)
