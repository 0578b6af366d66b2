"""A network as compiled loops walk it: all neurons in one row, all edges in another."""

import numpy as np

from models.errors import InputError
from models.floating.kernels import ACTIVATION_CODES, FlatNetwork
from models.network.activations import ACTIVATIONS
from models.network.network import Network

COSTS = ("cross_entropy", "quadratic")


def flatten(network: Network) -> FlatNetwork:
    """The flat form of ``network``, refused if its activations and cost do not go together.

    Cross-entropy goes with a sigmoid or softmax output layer, quadratic cost with any but softmax; softmax stands nowhere
    but at the output.
    """
    last = len(network.patterns)
    for i, name in enumerate(network.activations, 1):
        if name not in ACTIVATIONS and not (name == "softmax" and i == last):
            legal = [*ACTIVATIONS, *["softmax"] * (i == last)]
            raise InputError(f"network.activation of layer {i}", name, "must be an activation that fits", legal)
    output = network.activations[-1]
    fitting = {"softmax": COSTS[:1], "sigmoid": COSTS}.get(output, COSTS[1:])
    if network.cost not in fitting:
        raise InputError("network.cost", network.cost, f"must go with a {output} output layer", fitting)
    layer = np.concatenate(([0], np.cumsum(network.layers)))
    edge = np.concatenate(([0], np.cumsum([p.n_edges for p in network.patterns])))
    starts = [p.row_start[:-1] + edge[i] for i, p in enumerate(network.patterns)]
    return FlatNetwork(
        layer=layer,
        start=np.concatenate([*starts, edge[-1:]]),
        source=np.concatenate([p.left + layer[i] for i, p in enumerate(network.patterns)]).astype(np.uint32),
        codes=np.array([ACTIVATION_CODES[a] for a in network.activations], np.int64),
        quadratic=network.cost == "quadratic",
        classes=network.output_neurons.astype(np.int64),
    )
