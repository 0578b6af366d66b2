"""The scatter of a design: its patterns against the windows that its configuration asks for."""

from hwsim.configuration import scatter_windows
from hwsim.design import Design
from models.pattern_quality.scatter import Scatter, scatter


def of_design(design: Design) -> Scatter:
    """The scatter vector, window by window, of the design's patterns; padding is left out."""
    windows, network = scatter_windows.windows(design.config)
    inputs, outputs = scatter_windows.real_neurons(design.config)
    return scatter(design.patterns, windows, network, inputs, outputs)
