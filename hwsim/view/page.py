"""The page: what Python recorded, a style, and a small program that draws it; one file that needs nothing else."""

import html
import json
from importlib import resources
from typing import Any

from hwsim.pictures.style import BLUE, GREEN, RED, YELLOW
from hwsim.view.recording import Recording
from hwsim.view.scene import scene
from hwsim.vocabulary import ACCESSES, OPERATIONS


def page(recording: Recording, junctions: tuple[int, ...] | None = None) -> str:
    """A self-contained HTML page that plays a recording.

    Parameters
    ----------
    junctions
        Those that can be looked at; all when left out.
    """
    config, log = recording.design.config, recording.log
    there = junctions or tuple(range(1, len(recording.design.patterns) + 1))
    clocking = log.header.clocking
    told: dict[str, Any] = {
        "name": config.name,
        "layers": list(config.network.layers),
        "configuration": log.header.configuration,
        "first": recording.first,
        "last": recording.last,
        "shortened": recording.shortened,
        "operations": list(OPERATIONS),
        "accesses": list(ACCESSES),
        "labels": recording.labels.tolist(),
        "clocking": None if clocking is None else vars(clocking) | {"offsets": list(clocking.offsets)},
        "junctions": [scene(recording, j) for j in there],
    }
    # In a script element nothing but "</" and "<!--" has a meaning.
    data = json.dumps(told, separators=(",", ":")).replace("<", "\\u003c")
    colours = "".join(
        f"--{name}:{c};" for name, c in zip(("ff", "bp", "up", "host"), (BLUE, RED, GREEN, YELLOW), strict=True)
    )
    parts = {
        "TITLE": html.escape(f"{config.name}: the accelerator, clock by clock"),
        "STYLE": f":root{{{colours}}}\n{_part('page.css')}",
        "DATA": data,
        "PROGRAM": "\n".join(_part(name) for name in ("page.js", "drawing.js")),
    }
    text = _part("page.html")
    for name, part in parts.items():
        before, after = text.split(f"@{name}@")
        text = f"{before}{part}{after}"
    return text


def _part(name: str) -> str:
    return resources.files("hwsim.view").joinpath(name).read_text(encoding="utf-8")
