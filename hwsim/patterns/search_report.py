"""What ``hwsim search`` prints, writes and draws: by how much the best pattern found beats random draws."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import MaxNLocator

from hwsim import tables
from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.configuration.provenance import provenance
from hwsim.design import Design
from hwsim.figure import Figure, Figures
from hwsim.patterns.search import FoundPatterns
from hwsim.pictures.style import BLUE, GREEN, GREY, RED, YELLOW, panels, save
from hwsim.results.directory import CONNECTIVITY, SEARCH, SEARCH_PICTURE, RunDirectory
from models.connectivity.files import write_connectivity
from models.files.regular import absolute

_COLOURS = (BLUE, GREEN, YELLOW, "#66CCEE", "#AA3377")


_VECTOR = Figure("1", "its scatter vector")
SEARCH_FIGURES = Figures(
    "search",
    {
        "weighed": Figure("bool", "whether windows of the input layer are weighed by the variance of their inputs"),
        "best": Figure("1", "score (least value of the scatter vector) of the best pattern found", "more"),
        "best_vector": _VECTOR,
        "own": Figure("1", "score of the pattern that the configuration draws by itself", "more"),
        "own_vector": _VECTOR,
        "draws_mean": Figure("1", "mean score of the random draws", "more"),
        "draws_deviation": Figure("1", "standard deviation of their scores"),
        "draws_best": Figure("1", "best of their scores", "more"),
        "gain": Figure("1", "best minus draws_mean", "more"),
        "draws": Figure("1", "score of every random draw"),
        "history": Figure("moves, 1", "of every restart: moves judged and score, at its start and whenever the score rose"),
        "moves": Figure("moves", "judged, of every restart"),
        "refused": Figure("moves", "proposed but refused because they would repeat an edge"),
    },
)
"""By name, as ``search.json`` has them."""

VECTORS = Figures(
    "scatter vectors",
    {
        "own": Figure("1", "scatter of the pattern that the configuration draws by itself", "more"),
        "best": Figure("1", "scatter of the best pattern found", "more"),
    },
)
"""Entry by entry, as a table has them."""


def table(design: Design, found: FoundPatterns, weighed: bool) -> tables.Table:
    """The vectors of the configuration's own pattern and of the best one, and scores of the draws."""
    c = design.config
    kind = f"type {c.connectivity.type}{', dither' if c.connectivity.dither else ''}"
    counts = f"{sum(found.moves):,} moves judged, {found.refused:,} refused, {len(found.draws):,} random draws"
    caption = f"f: forward, b: backward; {counts}."
    if weighed:
        caption += "\nWindows of the input layer are weighed by the variance of their inputs."
    title = f"{c.name}: scatter {found.best.score:.4f} ({kind})"
    heads = tables.columns(VECTORS, own="configuration's own", best="best found")
    rows = tables.table(title, tables.Column("scatter", key="entry"), *heads, caption=caption)
    for name, value in found.best.vector.items():
        rows.add_row(name, tables.number(found.own.vector[name], ".4f"), tables.number(value, ".4f"))
    rows.add_row("least", *(tables.number(p.score, ".4f") for p in (found.own, found.best)), bold=True)
    return rows


def line(found: FoundPatterns) -> str:
    """The gain over random draws in one line."""
    if not found.draws:
        return "interrupted before the first random draw"
    draws = np.array(found.draws)
    return (
        f"random draws: mean {draws.mean():.4f}, deviation {draws.std():.4f}, best {draws.max():.4f}; "
        f"best found: {found.best.score - draws.mean():+.4f} over their mean"
    )


def as_json(design: Design, found: FoundPatterns, weighed: bool) -> dict[str, Any]:
    """``search.json``."""
    draws = np.array(found.draws)
    result = provenance(design.config) | {"status": "finished" if found.finished else "interrupted"}
    some = draws.size > 0
    return result | SEARCH_FIGURES.all_told(
        {
            "weighed": weighed,
            "best": found.best.score,
            "best_vector": found.best.vector,
            "own": found.own.score,
            "own_vector": found.own.vector,
            "draws_mean": float(draws.mean()) if some else None,
            "draws_deviation": float(draws.std()) if some else None,
            "draws_best": float(draws.max()) if some else None,
            "gain": found.best.score - float(draws.mean()) if some else None,
            "draws": found.draws,
            "history": [[list(point) for point in climb] for climb in found.history],
            "moves": found.moves,
            "refused": found.refused,
        }
    )


def picture(design: Design, found: FoundPatterns) -> Picture:
    """Scores of the random draws, and how each restart climbed."""
    fig, (left, right) = panels(2, width=3.6)
    left.hist(found.draws, bins=min(30, max(5, len(found.draws) // 5)), orientation="horizontal", color=GREY)
    left.set_xlabel("random draws", fontsize=9)
    left.set_ylabel("scatter", fontsize=9)
    left.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    for k, (climb, end) in enumerate(zip(found.history, found.moves, strict=True)):
        moves, scores = (list(v) for v in zip(*climb, strict=True))
        colour = _COLOURS[k % len(_COLOURS)]
        right.step([*moves, end], [*scores, scores[-1]], where="post", color=colour, linewidth=1.2)
    right.set_xlabel("moves judged", fontsize=9)
    right.set_xlim(0, max([*found.moves, 1]))
    right.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    low = min([found.own.score, *found.draws])
    margin = 0.06 * max(found.best.score - low, 0.01)
    for ax in (left, right):
        ax.set_ylim(low - margin, found.best.score + margin)
    own = left.axhline(found.own.score, color="#555555", linewidth=1, linestyle=":")
    best = left.axhline(found.best.score, color=RED, linewidth=1.2, linestyle="--")
    right.axhline(found.best.score, color=RED, linewidth=1.2, linestyle="--")
    handles = [own, best]
    labels = [f"configuration's own: {found.own.score:.3f}", f"best found: {found.best.score:.3f}"]
    if found.draws:
        mean = float(np.mean(found.draws))
        handles.append(right.axhline(mean, color=GREY, linewidth=1.2))
        labels.append(f"mean of random draws: {mean:.3f}")
    fig.legend(handles, labels, frameon=False, fontsize=8, ncols=3, loc="outside lower center")
    name, c = design.config.name, design.config.connectivity
    kind = f"clash-free type {c.type}{', with dither' if c.dither else ''}"
    fig.suptitle(f"{name if len(name) <= 60 else name[:59] + '…'}: {kind}", fontsize=9, x=0.01, ha="left")
    return fig


def write(design: Design, found: FoundPatterns, weighed: bool, directory: RunDirectory) -> Configuration:
    """Leave the best pattern, the figures, the picture, and a configuration that trains on that pattern."""
    directory.begin()
    write_connectivity(directory / CONNECTIVITY, found.best.patterns)
    directory.write_json(SEARCH, as_json(design, found, weighed))
    save(picture(design, found), directory, SEARCH_PICTURE)
    given = {"connectivity.file": str(absolute(directory / CONNECTIVITY))}
    using = config_file.parse(config_file.with_overrides(config_file.resolved(design.config), given))
    directory.write_config(using)
    return using
