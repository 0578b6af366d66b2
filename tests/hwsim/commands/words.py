"""The words that a shell may offer, from what defines them; ``python -m tests.hwsim.commands.words`` writes the file."""

import json
from collections.abc import Iterator
from typing import Any

from hwsim.commands.completion import WORDS
from hwsim.commands.simulate import CHECKS
from hwsim.configuration import config_file
from hwsim.costs import power
from hwsim.simulation.files import TRACE_FORMATS
from hwsim.solver.solver import SORT
from models.data.catalogue import CATALOGUE
from rtl.boards.boards import BOARDS
from rtl.cosim.simulators import SIMULATORS
from rtl.synthesis.targets import TARGETS


def keys(schema: dict[str, Any]) -> dict[str, list[str]]:
    """Every key that a configuration may have, with its values where they are words."""
    found: dict[str, list[str]] = {}

    def walk(node: dict[str, Any], prefix: str) -> None:
        for several in _meant(node, schema):
            for name, child in several.get("properties", {}).items():
                values = sorted({w for c in _meant(child, schema) for w in _words(c)})
                if not any("properties" in c for c in _meant(child, schema)):
                    found[prefix + name] = values
                walk(child, f"{prefix}{name}.")

    walk(schema, "")
    return found


def _meant(node: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A node of the schema, references followed and alternatives apart."""
    if "$ref" in node:
        yield from _meant(schema["$defs"][node["$ref"].rpartition("/")[2]], schema)
    elif several := node.get("anyOf") or node.get("oneOf") or node.get("allOf"):
        for one in several:
            yield from _meant(one, schema)
    else:
        yield node


def _words(node: dict[str, Any]) -> list[str]:
    if node.get("type") == "boolean":
        return ["false", "true"]
    told = node.get("enum", [node["const"]] if "const" in node else [])
    return [str(v) for v in told]


def words() -> dict[str, Any]:
    """All of them."""
    shipped = [name for name, known in CATALOGUE.items()]
    by_key = keys(config_file.json_schema())
    by_key["data.name"] = shipped
    return {
        "keys": by_key,
        "datasets": shipped,
        "targets": [*TARGETS],
        "powered": [*power.load().devices],
        "boards": [*BOARDS],
        "choices": {
            "engine": by_key["training.engine"],
            "order": by_key["training.order"],
            "simulator": [*SIMULATORS],
            "trace_format": [*TRACE_FORMATS],
            "check": [*CHECKS],
            "sort": [*SORT],
        },
    }


def text() -> str:
    """As the file has them."""
    return json.dumps(words(), indent=1) + "\n"


if __name__ == "__main__":
    WORDS.write_text(text())
