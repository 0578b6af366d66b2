"""Pictures of connectivity: which left neuron each right neuron is joined to."""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from hwsim.design import Design
from hwsim.pictures.style import SHARES, panels, title_of
from models.connectivity.pattern import Pattern

_MOST_CELLS = 160
"""Cells of a connectivity picture in either direction: each is then at least three pixels wide, and none is lost."""
_MOST_FRAMED = 48
"""Up to so many cells in either direction, lines tell one cell from the next."""


def connectivity(design: Design) -> Figure:
    """Which left neuron each right neuron reads, junction by junction."""
    fig, axes = panels(len(design.patterns), height=3.2)
    for i, (ax, p) in enumerate(zip(axes, design.patterns, strict=True), 1):
        ax.grid(False)
        ax.spines[:].set_visible(True)
        _draw_pattern(fig, ax, p)
        ax.set_xlabel(f"neuron of layer {i - 1}", fontsize=9)
        ax.set_ylabel(f"neuron of layer {i}", fontsize=9)
        degrees = f"$d_{{out}}$ = {p.d_out}, $d_{{in}}$ = {p.d_in}" if p.d_out and p.d_in else "degrees vary"
        ax.set_title(f"junction {i}: {p.n_edges:,} edges ({100 * p.density:.3g} %)\n{degrees}", fontsize=8)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    c = design.config.connectivity
    kind = f"clash-free type {c.type}" + (", with dither" if c.dither else "") if c.kind == "clash_free" else c.kind
    title_of(fig, design, f"{kind} connectivity")
    return fig


def _draw_pattern(fig: Figure, ax: Axes, p: Pattern) -> None:
    """One cell a pair of neurons, or, where these are too many to be seen, the share of edges in blocks of pairs."""
    across, down = _block(p.n_left), _block(p.n_right)
    columns, rows = math.ceil(p.n_left / across), math.ceil(p.n_right / down)
    counts = np.bincount(p.right // down * columns + p.left // across, minlength=rows * columns).reshape(rows, columns)
    widths = np.minimum(across, p.n_left - across * np.arange(columns))
    heights = np.minimum(down, p.n_right - down * np.arange(rows))
    share = counts / (heights[:, None] * widths[None, :])
    x, y = np.minimum(across * np.arange(columns + 1), p.n_left), np.minimum(down * np.arange(rows + 1), p.n_right)
    frame: dict[str, Any] = {"edgecolors": "#E6E6E6", "linewidth": 0.4} if max(rows, columns) <= _MOST_FRAMED else {}
    single = across == down == 1
    cells = ax.pcolormesh(x - 0.5, y - 0.5, share, cmap=SHARES, vmin=0, vmax=1 if single else share.max(), **frame)
    ax.set_ylim(p.n_right - 0.5, -0.5)
    if not single:
        label = f"edges in blocks of {across} × {down} pairs"
        bar = fig.colorbar(cells, ax=ax, format=PercentFormatter(1, symbol=" %"), pad=0.02)
        bar.set_label(label, fontsize=8)
        bar.ax.tick_params(labelsize=7)


def _block(neurons: int) -> int:
    """Neurons that share a cell; all cells are equal if a divisor is near."""
    least = math.ceil(neurons / _MOST_CELLS)
    return next((b for b in range(least, 2 * least) if neurons % b == 0), least)
