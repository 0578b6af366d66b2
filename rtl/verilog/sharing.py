"""Modules that are equal become one."""

import re
from collections import defaultdict
from collections.abc import Mapping

_INSTANCE = re.compile(r"cell \\(\S+)(?= \\\S+\n)")


def shared(bodies: Mapping[str, str], kinds: Mapping[tuple[str, ...], str]) -> tuple[str, dict[tuple[str, ...], str]]:
    """RTLIL with one module for all that are equal, and the name of the module by the path of its instances.

    Parameters
    ----------
    bodies
        Modules by their names, which are their paths, with dots; those of instances behind the one they are in.
    kinds
        What each is, by path: the name of one that is at several places.
    """
    same: dict[str, list[str]] = defaultdict(list)  # body by members
    first: dict[str, str] = {}  # by module
    for name, body in reversed(list(bodies.items())):  # instances first
        members = same[_renamed(body, name, "", first)]
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
    kept = [_renamed(body, name, names[name], names) for name, body in bodies.items() if first[name] == name]
    return "".join(kept), {path: names[name] for name, path in paths.items()}


def _renamed(body: str, name: str, instead: str, names: Mapping[str, str]) -> str:
    """A module under another name, its instances being of modules of other names."""
    rest = _INSTANCE.sub(lambda found: f"cell \\{names.get(found[1], found[1])}", body)
    head, _, rest = rest.partition(f"module \\{name}\n")
    return f"{head}module \\{instead}\n{rest}"


def _numbered(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    return name
