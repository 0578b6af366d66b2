"""Scaling a trained network so that its signals use the ranges of fixed-point formats, without changing what it predicts.

ReLU is positively homogeneous: dividing the weights in front of a layer and multiplying those behind it by one number
changes nothing but the size of the layer's signals. Inputs that another program makes can be scaled likewise, and the last
layer's pre-activations, of which only the greatest matters, can be divided by any positive number.
"""

import numpy as np
import numpy.typing as npt

from models.network.activations import ACTIVATIONS
from models.network.network import Network
from models.network.parameters import RealParameters
from models.numbers.format import Format
from models.numbers.system import NumberSystem

_CANDIDATES = np.exp2(-np.arange(17) / 4)
"""Shares of the greatest input that are tried as the limit of the range."""


def input_scale(inputs: npt.NDArray[np.floating], to: Format) -> float:
    """By what to divide non-negative inputs so that, in [0, 1] and in the format ``to``, they lose least.

    A smaller number saves precision and clips the greatest inputs; the one with the least squared error is taken.

    Parameters
    ----------
    inputs
        Any shape, not negative.
    """
    greatest = float(inputs.max(initial=0))
    if greatest == 0:
        return 1.0
    highest = min(1.0, to.highest / to.one)
    scales = greatest * _CANDIDATES / highest
    errors = [float(((to.real(to.quantise(np.minimum(inputs / s, highest))) * s - inputs) ** 2).sum()) for s in scales]
    return float(scales[int(np.argmin(errors))])


def rescaled(
    network: Network,
    parameters: RealParameters,
    inputs: npt.NDArray[np.floating],
    numbers: NumberSystem,
    input_divisor: float = 1.0,
) -> tuple[RealParameters, list[float]]:
    """Parameters whose weights, biases, pre-activations and activations fit their formats as well as scaling can make them.

    Parameters
    ----------
    network
        Softmax in the last place is taken for what it is in fixed point: a comparison of pre-activations.
    parameters
        Real numbers, for inputs as they were before the division.
    inputs
        Samples [n, N_0] by which the size of every signal is judged, divided already.
    numbers
        The formats.
    input_divisor
        By what the inputs have been divided.

    Returns
    -------
    tuple
        The parameters, and by what the signals of layers 0..L are now divided. A hidden layer is scaled, up or down, only
        behind a ReLU; the last layer only down, and only where it would saturate.
    """
    last = len(network.patterns) - 1
    divisors, scaled = [input_divisor], RealParameters([], [])
    activations: np.ndarray = np.asarray(inputs, np.float64)
    for i, pattern in enumerate(network.patterns):
        weights = parameters.weights[i] * divisors[-1]
        matrix = np.zeros((pattern.n_left, pattern.n_right))
        matrix[pattern.left, pattern.right] = weights
        sums = activations @ matrix + parameters.biases[i]
        name = network.activations[i]
        divisor = _needed(sums, weights, parameters.biases[i], numbers, name == "relu")
        if i == last:
            divisor = max(divisor, 1.0)
        elif name != "relu" or divisor == 0:
            divisor = 1.0
        divisors.append(divisor)
        scaled.weights.append(weights / divisor)
        scaled.biases.append(parameters.biases[i] / divisor)
        if i < last:
            activations = ACTIVATIONS[name].value(sums / divisor)
    return scaled, divisors


def _needed(sums: np.ndarray, weights: np.ndarray, bias: np.ndarray, numbers: NumberSystem, relu: bool) -> float:
    """The least divisor with which nothing leaves its range; 0 if all is 0."""
    pairs = [(np.abs(sums), numbers.preactivation), (np.abs(weights), numbers.weight), (np.abs(bias), numbers.bias)]
    pairs += [(sums, numbers.activation)] * relu
    return max(float(values.max(initial=0)) * to.one / to.highest for values, to in pairs)
