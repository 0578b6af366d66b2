"""Changes to JSON and YAML: other types, other nesting, huge numbers, keys that are missing or too many."""

import copy
import random
import sys
from typing import Any

import yaml

ODD = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        3,
        7,
        10**9,
        2**31,
        2**63,
        -(10**30),
        10**400,
        0.5,
        1e308,
        -0.0,
        float("nan"),
        float("inf"),
    ),
    *(
        "",
        "x",
        "0",
        "null",
        "[0]*10**9",
        "\u202e",
        "\0",
        "a" * 5000,
        "2018-13-42",
        "../..",
        "=1+1",
        [],
        {},
        [[]],
        {"": 0},
        [None],
    ),
    *([1, 2, 3], ["a", "b"], {"a": {"b": {"c": 1}}}, [10**20], [float("nan")], {"value": 0.5, "unit": "x"}),
)


def mutated(tree: Any, rng: random.Random) -> tuple[str, Any]:
    """What was done to a tree, and what came of it; the tree itself stays."""
    changed = copy.deepcopy(tree)
    holders = list(_holders(changed))
    if not holders or rng.random() < 0.02:
        return "all replaced", rng.choice(ODD)
    holder, key = rng.choice(holders)
    what = rng.choice(("replaced", "replaced", "replaced", "near", "removed", "added", "nested", "moved", "type"))
    old = holder[key]
    if what == "replaced":
        holder[key] = rng.choice(ODD)
    elif what == "near":
        number = isinstance(old, int | float) and not isinstance(old, bool)
        holder[key] = old + rng.choice((1, -1)) if number else old * 2 if isinstance(old, list | str) else old
    elif what == "removed":
        del holder[key]
    elif what == "added" and isinstance(holder, dict):
        holder[rng.choice(("x", "", 3, None, "seed", "value", True))] = rng.choice(ODD)
    elif what == "added":
        holder.insert(key, rng.choice((old, rng.choice(ODD))))
    elif what == "nested":
        holder[key] = rng.choice(([old], {"x": old}, _deep(rng.choice((30, 300)))))
    elif what == "moved":
        holder[key] = copy.deepcopy(_at(rng.choice(holders)))
    else:
        holder[key] = str(old) if not isinstance(old, str) else len(old)
    return f"{key!s:.30}: {what}", changed


def _at(place: tuple[Any, Any]) -> Any:
    return (
        place[0].get(place[1])
        if isinstance(place[0], dict)
        else place[0][min(place[1], len(place[0]) - 1)]
        if place[0]
        else 0
    )


def _holders(tree: Any) -> Any:
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from _holders(tree[key])


def _deep(depth: int) -> Any:
    tree: Any = 0
    for _ in range(depth):
        tree = [tree]
    return tree


def as_yaml(tree: Any) -> bytes:
    """A tree as YAML; aliases for what is there twice, as YAML's own writers make them."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)  # for us, who write what is nested too deeply; not for those who read it
    try:
        return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True).encode(errors="surrogatepass")
    finally:
        sys.setrecursionlimit(usual)
