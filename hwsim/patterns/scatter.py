"""The scatter of a design: its patterns against the windows that its configuration asks for."""

from hwsim.configuration import scatter_windows
from hwsim.design import Design
from models.pattern_quality import scatter as measure
from models.pattern_quality.scatter import Scatter


def scatter(design: Design) -> Scatter:
    """How evenly a design's patterns join neurons to windows of neurons; padding is left out.

    Parameters
    ----------
    design
        Its configuration says in ``scatter`` which windows.

    Returns
    -------
    Scatter
        The scatter vector, and every value of it window by window.

    Raises
    ------
    InputError
        If the windows do not fit the layers, or the patterns cannot be drawn.

    Examples
    --------
    >>> from hwsim import load
    >>> found = scatter(Design(load("sim_configs/demo.yaml")))
    >>> [*found.vector]
    ['1f', '1b', '2f', '2b', 'net_f', 'net_b']
    >>> found.coverage["1f"].by_window.shape, 0 < found.minimum <= 1
    ((49,), True)
    """
    windows, network = scatter_windows.windows(design.config)
    inputs, outputs = scatter_windows.real_neurons(design.config)
    return measure.scatter(design.patterns, windows, network, inputs, outputs)
