"""Scales of the axes in pictures of studies."""

import pytest

from hwsim.pictures.style import panels
from hwsim.studies.report.axes import axis_title, scaled, set_scale


@pytest.mark.parametrize(
    ("column", "values", "scale"),
    [
        ("check.density", [0.0025, 0.01, 1.0], "log"),  # what a design costs, over decades
        ("check.density", [0.2, 1.0], "linear"),
        ("check.density", [0.0, 1.0], "linear"),  # no logarithm
        ("fixed.test_accuracy", [0.01, 0.9], "linear"),  # no cost: an interval of five points looks the same everywhere
        ("check.multipliers", [2, 512], "log"),
        ("check.multipliers", [2, 16], "linear"),
    ],
)
def test_scales(column, values, scale):
    _, (ax,) = panels(width=3, height=2)
    set_scale(ax, "x", column, values)
    assert ax.get_xscale() == scale


@pytest.mark.parametrize(
    ("column", "values", "ticks"),
    [
        ("check.density", [0.0025, 0.01, 1.0], ["0.2", "0.5", "1", "2", "5", "10", "20", "50", "100"]),
        ("check.multipliers", [2, 512], ["2", "4", "8", "16", "32", "64", "128", "256", "512"]),
        ("check.storage_bits", [1e3, 1e8], ["1,000", "10,000", "100,000", "1,000,000", "10,000,000", "100,000,000"]),
    ],
)
def test_ticks_of_logarithmic_axes(column, values, ticks):
    fig, (ax,) = panels(width=6, height=2)
    set_scale(ax, "x", column, values)
    ax.plot([scaled(column, v) for v in values], [0] * len(values))
    fig.canvas.draw()
    low, high = ax.get_xlim()
    shown = [label.get_text() for label in ax.get_xticklabels() if low <= label.get_position()[0] <= high]
    assert shown == ticks


@pytest.mark.parametrize(
    ("column", "title"),
    [
        ("check.density", "density (%)"),
        ("check.storage_bits", "storage (bits)"),
        ("difficulty.upper_bound", "upper bound U (errors per sample)"),  # a name that brings its unit gets no other
        ("difficulty.upper_bound_as_coded", "upper bound U (errors per sample), as coded"),
        ("check.edges", "edges"),
    ],
)
def test_titles_name_the_unit_once(column, title):
    assert axis_title(column) == title
