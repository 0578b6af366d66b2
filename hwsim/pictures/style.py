"""The house style of pictures: panels, colours that stay apart, titles, and how they are saved."""

import io
import math

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from hwsim.design import Design
from hwsim.results.directory import RunDirectory

# Colours that stay apart in grey and for all kinds of colour vision (P. Tol, "bright").
BLUE, RED, GREEN, YELLOW, GREY = "#4477AA", "#EE6677", "#228833", "#CCBB44", "#BBBBBB"
SHARES = LinearSegmentedColormap.from_list("shares", ["#FFFFFF", BLUE])

PANELS_PER_ROW = 3


def panels(
    count: int = 1, width: float = 3.5, height: float = 3.0, per_row: int = PANELS_PER_ROW
) -> tuple[Figure, list[Axes]]:
    """An empty picture in the house style, independent of any global state; ``width`` and ``height`` are one panel's."""
    columns = min(count, per_row)
    rows = math.ceil(count / columns)
    fig = Figure(figsize=(max(width * columns, 5.0), height * rows + 0.6), layout="constrained", dpi=200)
    FigureCanvasAgg(fig)
    axes = list(fig.subplots(rows, columns, squeeze=False).flat)
    for ax in axes[count:]:
        ax.remove()
    for ax in axes[:count]:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(True, color="#E6E6E6", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.tick_params(labelsize=8, which="both")
    return fig, axes[:count]


def save(fig: Figure, directory: RunDirectory, name: str) -> None:
    """Write a picture as PNG; the bytes depend on the picture and the version of matplotlib only."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", metadata={"Software": None})
    directory.write_bytes(name, buffer.getvalue())


def title_of(fig: Figure, design: Design, facts: str) -> None:
    """Head a picture with the design's name and some facts, on one line if there is room."""
    name = design.config.name
    between = " " if len(name) + len(facts) < 70 else "\n"
    fig.suptitle(f"{name if len(name) <= 70 else name[:69] + '…'}:{between}{facts}", fontsize=9, x=0.01, ha="left")
