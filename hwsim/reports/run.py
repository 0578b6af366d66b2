"""The report of one run: key figures first, then curves, figures, configuration, connectivity, storage, timeline, origin."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwsim.reports import charts
from hwsim.reports.configuration import configuration_table
from hwsim.reports.content import RunContent
from hwsim.reports.html import Child, Html, joined, table, tag
from hwsim.reports.page import Page, Section
from hwsim.reports.values import Told, figure_table, text, tiles, with_unit

_KEYS = (
    *("test_accuracy", "validation_accuracy", "train_accuracy", "fmax", "samples_per_second", "clocks_per_input"),
    *("clocks_compared", "resources: LUT", "resources: DSP", "resources: block RAM"),
    *("multipliers", "storage", "density", "clocks", "power", "energy_per_sample"),
)
"""Key figures, the most important first."""
_MOST_TILES = 6
_PICTURES = {
    "connectivity": {
        "connectivity.png": "Which left neuron each right neuron is joined to, junction by junction",
        "weights.png": "Histograms of initial and final weights, against the range of their format",
        "scatter.png": "How evenly the pattern joins neurons to windows of neurons",
        "search.png": "Scatter of the patterns that a search has tried",
    },
    "timeline": {
        "timeline.png": "Which sample each operation of each junction works on, and what each bank holds",
        "occupancy.png": "Which memory is accessed in which clock, by which operation",
        "utilisation.png": "Share of all clocks in which each operation of each junction works",
    },
}
_LARGEST_PICTURE = 1 << 24


def page(path: Path, repeat: str) -> bytes:
    """The report of the run in a directory.

    Parameters
    ----------
    path
        The directory; what it lacks is named in the report.
    repeat
        The command that does the same once more, told from inside the directory.

    Raises
    ------
    InputError
        If it holds no configuration of a run, or no legal one.
    """
    run = RunContent(path)
    shown = {t.name: t for t in run.figures if not isinstance(t.value, dict | list)}
    best = [shown[name] for name in _KEYS if name in shown and shown[name].value is not None][:_MOST_TILES]
    made = Page(run.config.name, f"hwsim {run.command or 'run'}", headline(run), tiles(best))
    for what, why in run.missing:
        made.lacks(what, why)
    for section in (_curves(made, run), _figures(run), _connectivity(made, run), _storage(made, run), _timeline(made, run)):
        made.add(section)
    made.add(Section("configuration", "Configuration", configuration_table(run.config)))
    made.add(_origin(run, repeat))
    return made.html


def headline(run: RunContent) -> Child:
    """One sentence with what the run has come to."""
    config, found = run.config, {t.name: t for t in run.figures}
    layers = "-".join(map(str, config.network.layers))
    what = f"{layers}, {sum(config.edges):,} edges"
    return joined(tag("b", _result(run, found)), f" {what}, {_numbers(run)}.")


def _numbers(run: RunContent) -> str:
    c = run.config
    return f"{c.numbers.width} bits" if c.training.engine != "float" else c.training.precision


def _result(run: RunContent, found: Mapping[str, Told]) -> str:
    """What the command has come to, in words."""
    content = run.content
    told = {name: with_unit(t) for name, t in found.items()}
    if content.get("first_difference"):
        return f"Verilog and machine differ: {content['first_difference']}."
    if run.command == "cosim" and "clocks_compared" in told:
        return f"The Verilog equals the machine in each of {told['clocks_compared']}."
    if "equals_reference" in found:
        equal = "Every integer equals the reference's" if found["equals_reference"].value else "The reference differs"
        return f"{equal}; an input every {told['clocks_per_input']}."
    if "fmax" in found and found["fmax"].value is not None:
        return f"{told['fmax']} on {_target(content)}: {told['samples_per_second']}."
    if "target" in content and "resources: LUT" in told:
        return f"{told['resources: LUT']} on {_target(content)}."
    for name, of in (("test_accuracy", "test"), ("validation_accuracy", "held-out"), ("train_accuracy", "training")):
        if name in told:
            after = f" after {told['epochs']}" if "epochs" in told else ""
            stopped = ", interrupted" if content.get("status") == "interrupted" else ""
            return f"{told[name]} of the {of} samples are predicted right{after}{stopped}."
    return "A run without figures."


def _target(content: Mapping[str, Any]) -> str:
    target = content.get("target")
    return str(target.get("name")) if isinstance(target, dict) else "its target"


def _curves(made: Page, run: RunContent) -> Section | None:
    history = run.history
    if not history:
        return None
    cost = f"mean {run.config.network.cost.replace('_', ' ')}"
    of = {run.config.name: history}
    drawn = [
        made.chart(
            "accuracy", f"Accuracy by epoch: {_ends(history, 'accuracy')}", charts.curves(of, "accuracy", "accuracy (%)")
        ),
        made.chart("loss", f"Loss by epoch: {_ends(history, 'loss')}", charts.curves(of, "loss", cost)),
    ]
    names = list(history)
    units = {name: "1" if name.endswith("accuracy") else "" for name in names}
    rows = [
        [str(e + 1), *(text(history[n][e] if e < len(history[n]) else None, units[n]) for n in names)]
        for e in range(len(history[names[0]]))
    ]
    head = ["epoch", *(n.replace("_", " ") + (" (%)" if units[n] else "") for n in names)]
    numbers = tag("details", tag("summary", "As a table"), table(head, rows, "Figures after every epoch", class_="numbers"))
    return Section("curves", "Curves", tag("div", drawn, class_="pair"), numbers)


def _ends(history: Mapping[str, list[float | None]], quantity: str) -> str:
    """First and last value of every split, for those who cannot see the chart."""
    unit = "1" if quantity == "accuracy" else ""
    ends = [
        f"{name.removesuffix('_' + quantity)} from {text(v[0], unit)} to {text(v[-1], unit)}"
        for name, v in history.items()
        if name.endswith(quantity) and v
    ]
    return ", ".join(ends)


def _figures(run: RunContent) -> Section | None:
    shown = [t for t in run.figures if t.name not in ("history", "files", "memories")]
    return Section("figures", "Figures", figure_table(shown, "Every figure with unit and meaning")) if shown else None


def _connectivity(made: Page, run: RunContent) -> Section:
    c, accelerator = run.config, run.accelerator
    layers, fixed = c.network.layers, c.out_degrees is not None
    rows: list[list[Child]] = []
    for i, edges in enumerate(c.edges):
        left, right = layers[i], layers[i + 1]
        about = "" if fixed else "about "
        row = [f"{left:,} → {right:,}", f"{edges:,}", f"{about}{edges / left:.4g}", f"{about}{edges / right:.4g}"]
        row.append(f"{100 * edges / left / right:.3g} %")
        if accelerator is not None:
            j = accelerator.junctions[i]
            row += [f"{j.z:,}", f"{j.rows:,}", f"{j.depth:,}"]
        rows.append([str(i + 1), *row])
    head = ["junction", "neurons", "edges", "d_out", "d_in", "density", *(["z", "C", "D"] if accelerator else [])]
    note = "z: edges per clock; C = edges / z: clocks of one pass; D = left neurons / z: words of each left memory."
    body = [table(head, rows, "Junctions", class_="numbers"), tag("p", note, class_="note") if accelerator else None]
    return Section("connectivity", "Connectivity", *body, *_pictures(made, run, "connectivity"))


def _storage(made: Page, run: RunContent) -> Section | None:
    if run.accelerator is None:
        return None
    memories = [m.as_dict() for m in run.accelerator.memories]
    total = sum(int(m["bits"]) for m in memories)
    label = f"Bits of every memory, {total:,} in all; the table has the same"
    rows = [[str(m["name"]), *(f"{m[k]:,}" for k in ("banks", "lanes", "depth", "width", "bits"))] for m in memories]
    rows.append(["all", "", "", "", "", f"{total:,}"])
    head = ["memory", "banks", "memories a bank", "words", "bits a word", "bits"]
    drawn = made.chart("storage", label, charts.storage(memories)) if run.has_charts else None
    return Section("storage", "Storage", drawn, table(head, rows, "Every memory of the accelerator", class_="numbers"))


def _timeline(made: Page, run: RunContent) -> Section | None:
    drawn = _pictures(made, run, "timeline")
    return Section("timeline", "Timeline", *drawn) if drawn else None


def _pictures(made: Page, run: RunContent, part: str) -> list[Html]:
    """The pictures of a part that are there, inside the page."""
    shown = []
    for name, says in _PICTURES[part].items():
        image = run.read(name, _LARGEST_PICTURE)
        if image is not None:
            source = f"data:image/png;base64,{base64.b64encode(image).decode()}"
            picture = tag("img", src=source, alt=says)
            shown.append(tag("figure", picture, tag("figcaption", f"{says}."), class_="picture"))
    return shown


def _origin(run: RunContent, repeat: str) -> Section:
    content = run.content
    rows: list[list[Child]] = [["status", str(content["status"])]] if "status" in content else []
    rows += [
        [name.replace("_", " "), tag("code", str(content[name]))]
        for name in ("seed", "configuration_hash")
        if name in content
    ]
    tools = content.get("tools")
    rows += [[name, str(version)] for name, version in tools.items()] if isinstance(tools, dict) else []
    files = next((t for t in run.figures if t.name == "files"), None)
    if files is not None and isinstance(files.value, dict):
        rows += [
            [joined("SHA-256 of ", tag("code", name)), tag("code", str(digest))] for name, digest in files.value.items()
        ]
    command = tag("div", tag("pre", tag("code", repeat, id="repeat"), tabindex=0), class_="command")
    told = "In the directory of this report, this does the same once more, to the same bits:"
    notes = content.get("notes")
    listed = tag("ul", (tag("li", str(n)) for n in notes)) if isinstance(notes, list) and notes else None
    return Section(
        "origin", "Provenance", listed, tag("p", told), command, table(["what", "value"], rows, "What it was made with")
    )
