"""Modules that are equal become one."""

import re
from collections import defaultdict
from collections.abc import Mapping

_MODULE = re.compile(r"^module \\(\S+)$", re.MULTILINE)
_INSTANCE = re.compile(r"^( *cell )\\(\S+)( \\\S+)$", re.MULTILINE)


def shared(text: str, kinds: Mapping[tuple[str, ...], str]) -> tuple[str, dict[tuple[str, ...], str]]:
    """RTLIL with one module for all that are equal, and the name of the module by the path of its instances.

    Parameters
    ----------
    text
        Modules named by their paths, with dots, those of instances behind the one they are in.
    kinds
        What each is, by path: the name of one that is at several places.
    """
    bodies = re.split(r"^(?=attribute \\generator)", text, flags=re.MULTILINE)[1:]
    same: dict[str, list[str]] = defaultdict(list)  # body by members
    first: dict[str, str] = {}  # by module
    for body in reversed(bodies):  # instances first
        name = _module_of(body)
        known = _INSTANCE.sub(lambda found: f"{found[1]}\\{first.get(found[2], found[2])}{found[3]}", body)
        members = same[_MODULE.sub("", known)]
        members.append(name)
        first[name] = members[0]
    paths = {".".join(path): path for path in kinds}
    top = next(iter(paths))
    names: dict[str, str] = {}
    taken: set[str] = {name.replace(".", "_") for name in paths}
    for members in reversed(same.values()):
        name = members[0].replace(".", "_")
        if len(members) > 1:
            name = _numbered(f"{top}_{kinds[paths[members[0]]]}", taken)
        names |= dict.fromkeys(members, name)
    kept = []
    for body in bodies:
        name = _module_of(body)
        if first[name] == name:
            body = _MODULE.sub(lambda found: f"module \\{names[found[1]]}", body)
            kept.append(_INSTANCE.sub(lambda found: f"{found[1]}\\{names.get(found[2], found[2])}{found[3]}", body))
    return "".join(kept), {path: names[name] for name, path in paths.items()}


def _module_of(body: str) -> str:
    found = _MODULE.search(body)
    assert found is not None
    return found[1]


def _numbered(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    return name
