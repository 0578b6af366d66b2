"""Pictures of a run, made to be read before the tables."""

import io
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hwsim.design import Design
from hwsim.rundir import RunDirectory
from hwsim.training import Epoch, Outcome
from models.network import Parameters
from models.pattern import Pattern

# Colours that stay apart in grey and for all kinds of colour vision (P. Tol, "bright").
BLUE, RED, GREEN, YELLOW, GREY = "#4477AA", "#EE6677", "#228833", "#CCBB44", "#BBBBBB"

_MOST_MARKS = 40_000
"""Edges drawn one by one; denser pictures show counts per cell instead."""


def figure(width: float = 7.0, height: float = 3.2, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """An empty figure in the house style, independent of any global state."""
    fig = Figure(figsize=(width, height), layout="constrained", dpi=150)
    FigureCanvasAgg(fig)
    axes = fig.subplots(1, columns, squeeze=False)[0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(True, color="#E6E6E6", linewidth=0.6)
        ax.set_axisbelow(True)
    return fig, list(axes)


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


def training(design: Design, history: list[Epoch]) -> Figure:
    """Accuracy and loss per epoch."""
    fig, (left, right) = figure(columns=2)
    x = [e.epoch + 1 for e in history]
    splits = (("train", "training, as fed", BLUE, "o"), ("validation", "validation", GREEN, "^"), ("test", "test", RED, "s"))
    for key, label, colour, marker in splits:
        for ax, quantity, scale in ((left, "accuracy", 100), (right, "loss", 1)):
            y = [getattr(e, f"{key}_{quantity}") for e in history]
            if y[-1] is not None:
                ax.plot(x, [scale * v for v in y], color=colour, marker=marker, markersize=3.5, label=label)
    left.set_ylabel("accuracy (%)")
    right.set_ylabel(f"mean {design.config.network.cost.replace('_', ' ')} per sample")
    for ax in (left, right):
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        _mark_rates(ax, design, len(history))
    left.legend(frameon=False, loc="lower right")
    fig.suptitle(_title(design), fontsize=10, x=0.01, ha="left")
    return fig


def _mark_rates(ax: Axes, design: Design, epochs: int) -> None:
    """Dotted lines where the learning rate changes."""
    t = design.config.training
    if t.engine == "float" and (t.learning_rate is not None or t.optimiser == "adam"):
        return
    for start, kappa in t.rate_shift:
        if 0 < start < epochs:
            ax.axvline(start + 0.5, color=GREY, linewidth=0.8, linestyle=":")
        if start < epochs:
            ax.text(start + 0.6, 1.0, f"$2^{{-{kappa}}}$", transform=ax.get_xaxis_transform(), fontsize=7, color="#777777")


def _title(design: Design) -> str:
    c = design.config
    layers = "-".join(map(str, c.network.layers))
    numbers = f"{c.numbers.width} bits" if c.training.engine == "fixed" else c.training.precision
    return f"{c.name}: {layers}, {design.network.n_edges:,} edges ({100 * design.network.density:.3g} %), {numbers}"


def connectivity(design: Design) -> Figure:
    """Which left neuron each right neuron reads, junction by junction."""
    n = len(design.patterns)
    fig, axes = figure(width=max(3.5 * n, 5), height=3.4, columns=n)
    for i, (ax, p) in enumerate(zip(axes, design.patterns, strict=True), 1):
        ax.grid(False)
        _draw_pattern(ax, p)
        ax.set_xlabel(f"neuron of layer {i - 1}")
        ax.set_ylabel(f"neuron of layer {i}")
        ax.set_title(f"junction {i}: {p.n_edges:,} edges, {100 * p.density:.3g} %", fontsize=9)
    fig.suptitle(
        f"{design.config.name}: {design.config.connectivity.kind.replace('_', '-')} connectivity",
        fontsize=10,
        x=0.01,
        ha="left",
    )
    return fig


def _draw_pattern(ax: Axes, p: Pattern) -> None:
    if p.n_edges <= _MOST_MARKS:
        size = np.clip(3000 / np.sqrt(p.n_left * p.n_right), 0.3, 40)
        ax.scatter(p.left, p.right, s=size, marker="s", color=BLUE, linewidths=0)
        ax.set_xlim(-0.5, p.n_left - 0.5)
        ax.set_ylim(p.n_right - 0.5, -0.5)
        return
    cells = [min(128, p.n_left), min(128, p.n_right)]
    counts, *_ = np.histogram2d(p.left, p.right, cells, [[0, p.n_left], [0, p.n_right]])
    share = counts / (p.n_left / cells[0] * p.n_right / cells[1])
    extent = (0, p.n_left, p.n_right, 0)
    image = ax.imshow(share.T, extent=extent, aspect="auto", cmap="Blues", vmin=0, interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label="share of possible edges")


def weights(design: Design, final: Parameters, history: list[Epoch]) -> Figure:
    """Histograms of initial and final weights against the representable range."""
    c, n = design.config, len(design.patterns)
    fixed = c.training.engine == "fixed"
    legal = c.numbers.system.weight
    real: Callable[[np.ndarray], np.ndarray] = legal.real if fixed else np.asarray
    fig, axes = figure(width=max(3.5 * n, 5), columns=n)
    for i, ax in enumerate(axes):
        before, after = real(design.initial.weights[i]), real(final.weights[i])
        reach = max(np.abs(before).max(), np.abs(after).max(), 1e-9) * 1.05
        edges = np.linspace(-reach, reach, 61).tolist()
        ax.hist(before, edges, color=GREY, label="initial")
        ax.hist(after, edges, color=BLUE, histtype="step", linewidth=1.3, label="final")
        ax.set_yscale("log")
        ax.set_xlabel("weight")
        ax.set_ylabel("number of weights")
        note = f"junction {i + 1}"
        if fixed:
            low, high = legal.lowest / legal.one, legal.highest / legal.one
            for x in (low, high):
                if abs(x) <= reach:
                    ax.axvline(x, color=RED, linewidth=1, linestyle="--")
            events = history[-1].saturation["weight"][i] if history else 0
            note += f": range {low:g} … {high:.4g}, {events:,} saturated steps"
        ax.set_title(note, fontsize=9)
    axes[0].legend(frameon=False)
    fig.suptitle(_title(design), fontsize=10, x=0.01, ha="left")
    return fig
