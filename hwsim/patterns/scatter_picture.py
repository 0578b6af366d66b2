"""Which windows starve: a panel for every entry of the scatter vector."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hwsim.design import Design
from hwsim.patterns.scatter_report import STARVING, Entry, entries
from hwsim.pictures.style import BLUE, GREY, RED, panels
from models.pattern_quality.scatter import Scatter

_MOST_COLUMNS = 5
_MOST_BARS = 200
"""Windows of a panel that can be told apart; of more, only the least of some neighbours is drawn."""


def scatter(design: Design, found: Scatter) -> Figure:
    """Coverage of every window against what it could be: junctions and the network side by side, forward above backward.

    Windows of images are drawn where they lie, others in a row. Of many junctions those with the least values are shown.
    """
    every = entries(design, found)
    pairs = list(zip(every[::2], every[1::2], strict=True))
    junctions = pairs[:-1]
    if len(pairs) > _MOST_COLUMNS:
        ranked = sorted(range(len(junctions)), key=lambda i: min(e.coverage.value for e in junctions[i]))
        junctions = [junctions[i] for i in sorted(ranked[: _MOST_COLUMNS - 1])]
    shown = [*junctions, pairs[-1]]
    fig, axes = panels(2 * len(shown), width=2.9, height=2.7, per_row=len(shown))
    image = None
    for column, pair in enumerate(shown):
        for row, e in enumerate(pair):
            drawn = _draw(axes[row * len(shown) + column], e)
            image = drawn or image
    if image is not None:
        bar = fig.colorbar(image, ax=axes, pad=0.01, shrink=0.6)
        bar.set_label("coverage of a window, of the attainable", fontsize=8)
        bar.ax.tick_params(labelsize=7)
    left_out = f"; the {len(shown) - 1} worst of {len(pairs) - 1} junctions" if len(shown) < len(pairs) else ""
    name = design.config.name
    title = f"{name if len(name) <= 60 else name[:59] + '…'}: scatter {found.minimum:.3f}{left_out}"
    fig.suptitle(title, fontsize=9, x=0.01, ha="left")
    return fig


def _draw(ax: Axes, e: Entry) -> Any:
    """One entry; returns what a colour bar needs if colours mean something."""
    size = " × ".join(map(str, e.grid.size))
    plural = "s" if e.grid.size != (1,) else ""
    value = f"{e.coverage.value:.3f}" + (f" of {e.coverage.attainable:.3f}" if e.coverage.attainable < 1 else "")
    windows = f"windows of {size} neuron{plural}, ideal {e.coverage.ideal:.3g}"
    ax.set_title(f"{e.title}: {value}\n{windows}", fontsize=8)
    flat = len(e.grid.counts) == 1 or min(e.grid.counts[:2]) == 1
    return _bars(ax, e) if flat else _map(ax, e)


def _map(ax: Axes, e: Entry) -> Any:
    """Windows where they lie in the image; over the third direction the mean."""
    coverage = e.shares.reshape(*e.grid.counts[:2], -1).mean(axis=2)
    rows, columns = e.grid.shape[:2]
    ax.grid(False)
    ax.spines[:].set_visible(True)
    y, x = (np.arange(n + 1) * step for n, step in zip(coverage.shape, e.grid.stride, strict=False))
    drawn = ax.pcolormesh(x, y, coverage, cmap="viridis", vmin=0, vmax=1)
    ax.set_xlim(0, columns)
    ax.set_ylim(rows, 0)
    ax.set_aspect("equal")
    ax.set_xlabel(f"column of layer {e.layer}", fontsize=8)
    ax.set_ylabel("row", fontsize=8)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    return drawn


def _bars(ax: Axes, e: Entry) -> None:
    """Coverage of the windows in their order below the attainable, those that starve in another colour."""
    coverage, most = e.coverage.by_window, e.coverage.attainable
    each = -(-coverage.size // _MOST_BARS)
    edges = np.minimum(np.arange(0, coverage.size + each, each), coverage.size)
    least = np.minimum.reduceat(coverage, edges[:-1])
    starves = least < STARVING * most
    for part, colour in ((~starves, BLUE), (starves, RED)):
        ax.stairs(np.where(part, least, 0), edges, fill=True, color=colour)
    ax.axhline(e.coverage.value, color="#555555", linewidth=0.8, linestyle="--")
    ax.axhline(most, color=GREY, linewidth=0.8)
    ax.annotate(
        "attainable", (coverage.size, most), (-2, 2), textcoords="offset points", fontsize=7, ha="right", color="#555555"
    )
    ax.set_xlim(0, coverage.size)
    ax.set_ylim(0, 1.05)
    ax.set_xlabel(f"window of layer {e.layer}" + (f" (least of {each})" if each > 1 else ""), fontsize=8)
    ax.set_ylabel("coverage", fontsize=8)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
