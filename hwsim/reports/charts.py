"""Charts of reports, as traces and layouts of Plotly; colours are names of the page's, which differ by day and night."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

SERIES = tuple(f"var(--series-{k})" for k in range(1, 7))
"""Colours that stay apart; :mod:`hwsim.pictures.style` has the same ones."""
_DASHES = ("solid", "dash", "dot", "dashdot")
_SPLITS = {"train": "training, as fed", "validation": "validation", "test": "test"}
_MOST_MARKED = 60
_MOST_TICKED = 12

Chart = dict[str, Any]


def curves(histories: Mapping[str, Mapping[str, Sequence[float | None]]], quantity: str, title: str) -> Chart:
    """Accuracy or loss after every epoch; of several runs a colour each, and a line style a split.

    Parameters
    ----------
    histories
        By run: figures of epochs by name, ``test_accuracy`` and the like.
    quantity
        ``accuracy``, a share that is shown in per cent, or ``loss``.
    title
        Of the upright axis.
    """
    scale, unit = (100, " %") if quantity == "accuracy" else (1, "")
    traces, several = [], len(histories) > 1
    for k, (run, history) in enumerate(histories.items()):
        for s, (split, label) in enumerate(_SPLITS.items()):
            values = history.get(f"{split}_{quantity}")
            if not values:
                continue
            name = f"{run}, {label}" if several else label
            shown = [None if v is None or not math.isfinite(v) else round(scale * v, 6) for v in values]
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers" if len(shown) <= _MOST_MARKED else "lines",
                    "name": name,
                    "x": list(range(1, len(shown) + 1)),
                    "y": shown,
                    "line": {"color": SERIES[(k if several else s) % len(SERIES)], "dash": _DASHES[s if several else 0]},
                    "hovertemplate": f"epoch %{{x}}: %{{y:.4~g}}{unit}<extra>{_plain(name)}</extra>",
                }
            )
    epochs = max((len(t["x"]) for t in traces), default=0)
    ticks = {"tick0": 1, "dtick": 1} if epochs <= _MOST_TICKED else {}  # else Plotly would halve few epochs
    return {
        "traces": traces,
        "layout": {"xaxis": {"title": "epoch", **ticks}, "yaxis": {"title": title}, "showlegend": True},
    }


def storage(memories: Sequence[Mapping[str, Any]]) -> Chart:
    """Bits of every memory of an accelerator, as bars."""
    bar = {
        "type": "bar",
        "orientation": "h",
        "y": [m["name"] for m in memories],
        "x": [m["bits"] for m in memories],
        "customdata": [[m["banks"], m["lanes"], m["depth"], m["width"]] for m in memories],
        "marker": {"color": SERIES[0]},
        "hovertemplate": (
            "%{x:,} bits: %{customdata[0]} banks of %{customdata[1]} memories, "
            "%{customdata[2]:,} words of %{customdata[3]} bits<extra></extra>"
        ),
    }
    return {
        "traces": [bar],
        "layout": {
            "xaxis": {"title": "bits"},
            "yaxis": {"autorange": "reversed", "automargin": True},
            "height": 60 + 26 * len(memories) + 40,
        },
    }


def _plain(text: str) -> str:
    """A name for a place where Plotly knows some HTML and fills in values: it shall be the name and nothing else."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("%{", "% {")
