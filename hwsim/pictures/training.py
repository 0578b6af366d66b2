"""Pictures of a training run: accuracy and loss by epoch, and the weights at the end."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter

from hwsim.design import Design
from hwsim.pictures.connectivity import connectivity
from hwsim.pictures.style import BLUE, GREEN, GREY, PANELS_PER_ROW, RED, panels, save, title_of
from hwsim.results.directory import RunDirectory
from hwsim.training.outcome import Epoch, Outcome
from models.network.parameters import IntegerParameters, Parameters
from models.numbers.format import Format

_BINS = 60


def all_of_training(outcome: Outcome, directory: RunDirectory) -> list[str]:
    """Every picture of a training run; returns the file names."""
    design = outcome.design
    made = {"connectivity.png": connectivity(design), "weights.png": weights(design, outcome.parameters, outcome.history)}
    if outcome.history:
        made["training.png"] = training(design, outcome.history)
    for name, fig in made.items():
        save(fig, directory, name)
    return sorted(made)


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
    fig, (left, right) = panels(2)
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
    title_of(fig, design, f"{_layers(design)}, {_numbers(design)}")
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


def weights(design: Design, final: Parameters, history: list[Epoch]) -> Figure:
    """Histograms of initial and final weights against the representable range."""
    c = design.config
    fig, axes = panels(len(design.patterns))
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
        if i % PANELS_PER_ROW == 0:
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
    title_of(fig, design, f"{_layers(design)}, {_numbers(design)}")
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
