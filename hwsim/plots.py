"""Pictures of a run, made to be read before the tables."""

import io
import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, PercentFormatter

from hwsim.design import Design
from hwsim.outcome import Epoch, Outcome
from hwsim.rundir import RunDirectory
from models.fixedpoint import Format
from models.network import IntegerParameters, Parameters
from models.pattern import Pattern

# Colours that stay apart in grey and for all kinds of colour vision (P. Tol, "bright").
BLUE, RED, GREEN, YELLOW, GREY = "#4477AA", "#EE6677", "#228833", "#CCBB44", "#BBBBBB"
_SHARES = LinearSegmentedColormap.from_list("shares", ["#FFFFFF", BLUE])

_PANELS_PER_ROW = 3
_MOST_CELLS = 160
"""Cells of a connectivity picture in either direction: each is then at least three pixels wide, and none is lost."""
_MOST_FRAMED = 48
"""Up to so many cells in either direction, lines tell one cell from the next."""
_BINS = 60


def figure(
    panels: int = 1, width: float = 3.5, height: float = 3.0, per_row: int = _PANELS_PER_ROW
) -> tuple[Figure, list[Axes]]:
    """An empty figure in the house style, independent of any global state; ``width`` and ``height`` are one panel's."""
    columns = min(panels, per_row)
    rows = math.ceil(panels / columns)
    fig = Figure(figsize=(max(width * columns, 5.0), height * rows + 0.6), layout="constrained", dpi=200)
    FigureCanvasAgg(fig)
    axes = list(fig.subplots(rows, columns, squeeze=False).flat)
    for ax in axes[panels:]:
        ax.remove()
    for ax in axes[:panels]:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(True, color="#E6E6E6", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.tick_params(labelsize=8, which="both")
    return fig, axes[:panels]


def save(fig: Figure, directory: RunDirectory, name: str) -> None:
    """Write a figure as PNG; the bytes depend on the picture and the version of matplotlib only."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", metadata={"Software": None})
    directory.write_bytes(name, buffer.getvalue())


def all_of_training(outcome: Outcome, final: Parameters, directory: RunDirectory) -> list[str]:
    """Every picture of a training run; returns the file names."""
    design = outcome.design
    made = {"connectivity.png": connectivity(design), "weights.png": weights(design, final, outcome.history)}
    if outcome.history:
        made["training.png"] = training(design, outcome.history)
    for name, fig in made.items():
        save(fig, directory, name)
    return sorted(made)


def _title(fig: Figure, design: Design, facts: str) -> None:
    name = design.config.name
    between = " " if len(name) + len(facts) < 70 else "\n"
    fig.suptitle(f"{name if len(name) <= 70 else name[:69] + '…'}:{between}{facts}", fontsize=9, x=0.01, ha="left")


def _layers(design: Design) -> str:
    layers = design.config.network.layers
    shown = [*layers] if len(layers) <= 6 else [*layers[:3], "…", *layers[-2:]]
    edges = f"{design.network.n_edges:,} edges ({100 * design.network.density:.3g} %)"
    return f"{'-'.join(map(str, shown))}, {edges}"


def _numbers(design: Design) -> str:
    c = design.config
    return f"{c.numbers.width} bits" if c.training.engine != "float" else c.training.precision


def training(design: Design, history: list[Epoch]) -> Figure:
    """Accuracy and loss per epoch."""
    fig, (left, right) = figure(panels=2)
    x = [e.epoch + 1 for e in history]
    splits = (("train", "training, as fed", BLUE, "o"), ("validation", "validation", GREEN, "^"), ("test", "test", RED, "s"))
    for key, label, colour, marker in splits:
        for ax, quantity, scale in ((left, "accuracy", 100), (right, "loss", 1)):
            y = [getattr(e, f"{key}_{quantity}") for e in history]
            if y[-1] is not None:
                values = [scale * v if math.isfinite(v) else math.nan for v in y]
                size = 3.5 if len(x) <= 60 else 0
                ax.plot(x, values, color=colour, marker=marker, markersize=size, linewidth=1.2, label=label)
    left.set_ylabel("accuracy (%)", fontsize=9)
    right.set_ylabel(f"mean {design.config.network.cost.replace('_', ' ')}", fontsize=9)
    for ax in (left, right):
        ax.set_xlabel("epoch", fontsize=9)
        ax.set_xlim(x[0] - 0.5, x[-1] + 0.5)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True) if len(x) > 8 else FixedLocator(x))
        _mark_rates(ax, design, x[0] - 0.5, x[-1] + 0.5)
    fig.legend(*left.get_legend_handles_labels(), frameon=False, fontsize=8, ncols=3, loc="outside lower center")
    _title(fig, design, f"{_layers(design)}, {_numbers(design)}")
    return fig


def _mark_rates(ax: Axes, design: Design, first: float, last: float) -> None:
    """Dotted lines where the learning rate changes, labelled where there is room."""
    t = design.config.training
    if t.engine == "float" and (t.learning_rate is not None or t.optimiser == "adam"):
        return
    free = -math.inf
    for start, kappa in t.rate_shift:
        x = start + 0.5
        if not first <= x < last:
            continue
        if start:
            ax.axvline(x, color=GREY, linewidth=0.8, linestyle=":")
        if x >= free:
            text = f"$2^{{-{kappa}}}$" if free > first else f"$\\eta = 2^{{-{kappa}}}$"
            ax.text(x, 1.01, f" {text}", transform=ax.get_xaxis_transform(), fontsize=7, color="#555555")
            free = x + (last - first) * (0.09 if free > first else 0.16)


def connectivity(design: Design) -> Figure:
    """Which left neuron each right neuron reads, junction by junction."""
    fig, axes = figure(len(design.patterns), height=3.2)
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
    _title(fig, design, f"{kind} connectivity")
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
    cells = ax.pcolormesh(x - 0.5, y - 0.5, share, cmap=_SHARES, vmin=0, vmax=1 if single else share.max(), **frame)
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


def weights(design: Design, final: Parameters, history: list[Epoch]) -> Figure:
    """Histograms of initial and final weights against the representable range."""
    c = design.config
    fig, axes = figure(len(design.patterns))
    numbers = c.numbers.system
    legal = numbers.weight if isinstance(final, IntegerParameters) else None
    began, ended = (p.real(numbers).weights for p in (design.initial, final))
    for i, ax in enumerate(axes):
        before, after = (weights[np.isfinite(weights)] for weights in (began[i], ended[i]))
        edges = _bin_edges(np.concatenate([before, after]), legal)
        ax.hist(before, edges, color=GREY, label="initial")
        ax.hist(after, edges, color=BLUE, histtype="step", linewidth=1.2, label="final")
        ax.set_yscale("log")
        ax.set_ylim(0.7, max(ax.get_ylim()[1], 12))  # at least two powers of ten to read heights by
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.set_xlabel("weight", fontsize=9)
        if i % _PANELS_PER_ROW == 0:
            ax.set_ylabel("number of weights", fontsize=9)
        note = f"junction {i + 1}"
        lost = final.weights[i].size - after.size
        if lost:
            note += f"\n{lost:,} weights are no finite numbers"
        if legal is not None:
            events = history[-1].saturation["weight"][i] if history else 0
            note += f"\n{_mark_range(ax, legal)}, {events:,} saturated steps"
        ax.set_title(note, fontsize=8)
    fig.legend(*axes[0].get_legend_handles_labels(), frameon=False, fontsize=8, ncols=2, loc="outside lower center")
    _title(fig, design, f"{_layers(design)}, {_numbers(design)}")
    return fig


def _bin_edges(values: np.ndarray, legal: Format | None) -> list[float]:
    """Bins around zero that hold all values; in fixed point each covers the same number of representable ones."""
    reach = max(float(np.abs(values).max(initial=0)), 1e-9)
    if legal is None:
        edges: list[float] = np.linspace(-1.02 * reach, 1.02 * reach, _BINS + 2).tolist()
        return edges
    each = max(1, math.ceil(2 * reach * legal.one / _BINS))
    half = math.ceil(reach * legal.one / each + 0.5)
    centred = (np.arange(-half, half + 2) - 0.5) * each + (0.5 * (each - 1) % 1 if each > 1 else 0)
    fixed: list[float] = (centred / legal.one).tolist()
    return fixed


def _mark_range(ax: Axes, legal: Format) -> str:
    """Dashed lines at the ends of the representable range, unless they lie so far out that nothing else could be seen."""
    low, high = legal.lowest / legal.one, legal.highest / legal.one
    reach = max(map(abs, ax.get_xlim()))
    if max(-low, high) <= 4 * reach:
        for x in (low, high):
            ax.axvline(x, color=RED, linewidth=1, linestyle="--")
        margin = 0.03 * (high - low)
        ax.set_xlim(min(low - margin, -reach), max(high + margin, reach))
    return f"range {low:.6g} … {high:.6g}".replace("-", "−")
