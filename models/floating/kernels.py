"""Compiled arithmetic of the float engine beyond the junctions: output layer, update rules, training sample by sample.

These kernels call each other, and the compiler's cache notices changes of a kernel's own file only: so one file. Loops
over edges run over slices: indices counted from 0 need no check for negative values and leave the loop open to vector
instructions. ``net`` is a :class:`FlatNetwork` throughout.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.compiled import njit

SIGMOID, RELU, CLIPPED_RELU, TANH, SOFTMAX = range(5)
ACTIVATION_CODES = {"sigmoid": SIGMOID, "relu": RELU, "clipped_relu": CLIPPED_RELU, "tanh": TANH, "softmax": SOFTMAX}

SGD, MOMENTUM, ADAM = range(3)
OPTIMISER_CODES = {"sgd": SGD, "momentum": MOMENTUM, "adam": ADAM}

_kernel = njit(cache=True, error_model="numpy")
_sum_kernel = njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})


class FlatNetwork(NamedTuple):
    """A network without its parameters, for the float engine.

    Attributes
    ----------
    layer
        int64 [L + 2]: neurons ``layer[i] .. layer[i + 1] - 1`` form layer i.
    start
        int64 [R + 1], R neurons right of a junction: the edges of right neuron r are ``start[r] .. start[r + 1] - 1``;
        r counts from 0 at the first neuron of layer 1.
    source
        uint32 [W]: the neuron every edge comes from.
    codes
        int64 [L]: activation code of layers 1..L.
    quadratic
        The cost: quadratic, or else cross-entropy.
    classes
        int64 [classes]: output neuron of every class, counted within layer L.
    """

    layer: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    source: npt.NDArray[np.uint32]
    codes: npt.NDArray[np.int64]
    quadratic: bool
    classes: npt.NDArray[np.int64]


@_kernel
def _value(code, s):  # type: ignore[no-untyped-def]
    """Activation of one pre-activation, in float64."""
    if code == RELU:
        return max(s, 0.0)
    if code == CLIPPED_RELU:
        return min(max(s, 0.0), 1.0)
    if code == TANH:
        return math.tanh(s)
    e = math.exp(-abs(s))
    return 1.0 / (1.0 + e) if s >= 0 else e / (1.0 + e)


@_kernel
def _slope(code, a, one):  # type: ignore[no-untyped-def]
    """Derivative of the activation where its value is ``a``; ``one`` lends its type."""
    zero = one - one
    if code == SIGMOID:
        return a * (one - a)
    if code == TANH:
        return one - a * a
    if code == RELU:
        return one if a > zero else zero
    return one if zero < a < one else zero


@_kernel
def apply_derivative(code, activation, delta):  # type: ignore[no-untyped-def]
    """Multiply ``delta`` by the derivative, found from the *activation* so that no pre-activation need be kept.

    Both arrays are flat and of one length.
    """
    one = activation.dtype.type(1)
    for k in range(delta.size):
        delta[k] *= _slope(code, activation[k], one)


@_kernel
def output_layer(code, quadratic, classes, sums, labels, scale, delta, predictions):  # type: ignore[no-untyped-def]
    """Predictions, loss and output deltas of a batch.

    Cross-entropy with sigmoid is summed over all outputs, padding included, whose target is 0; with softmax the padding
    takes no part (probability 0, delta 0). Quadratic cost is half the squared error, summed over all outputs. Exponents
    are never positive, so nothing overflows.

    Parameters
    ----------
    code
        Activation of layer L.
    quadratic
        Cost, see :class:`FlatNetwork`.
    classes
        int64 [classes]: output neuron of each class.
    sums
        [N_L, batch]: pre-activations.
    labels
        int64 [batch].
    scale
        Factor of the deltas, 1 / batch for a mean.
    delta
        [N_L, batch], overwritten.
    predictions
        int64 [batch], overwritten: lowest class with the greatest pre-activation.

    Returns
    -------
    float
        Loss summed over the batch.
    """
    loss = 0.0
    outputs, batch = sums.shape
    for n in range(batch):
        target = classes[labels[n]]
        best = 0
        for c in range(1, classes.size):
            if sums[classes[c], n] > sums[classes[best], n]:
                best = c
        predictions[n] = best
        if code == SOFTMAX:
            top = float(sums[classes[best], n])
            total = 0.0
            for j in range(outputs):
                delta[j, n] = 0
            for c in range(classes.size):
                power = math.exp(sums[classes[c], n] - top)
                delta[classes[c], n] = power
                total += power
            for c in range(classes.size):
                delta[classes[c], n] *= scale / total
            delta[target, n] -= scale
            loss += math.log(total) - (sums[target, n] - top)
            continue
        for j in range(outputs):
            s = float(sums[j, n])
            a = _value(code, s)
            error = a - 1.0 if j == target else a
            if quadratic:
                loss += 0.5 * error * error
                error *= _slope(code, a, 1.0)
            else:
                loss += max(s, 0.0) - (s if j == target else 0.0) + math.log1p(math.exp(-abs(s)))
            delta[j, n] = scale * error
    return loss


@_kernel
def add_penalty(factor, weights, gradient):  # type: ignore[no-untyped-def]
    """``gradient += factor * weights``: the gradient of the L2 penalty."""
    f = weights.dtype.type(factor)
    for e in range(weights.size):
        gradient[e] += f * weights[e]


@_kernel
def step(kind, hyper, iterations, values, gradient, first, second):  # type: ignore[no-untyped-def]
    """One update of ``values`` in place.

    Parameters
    ----------
    kind
        Optimiser code.
    hyper
        float64 [6]: rate, decay, momentum, beta1, beta2, epsilon.
    iterations
        Updates made before this one.
    values, gradient
        [n], one type.
    first, second
        [n]: velocity or first moment, second moment; length 0 where the optimiser has none.
    """
    number = values.dtype.type
    rate = hyper[0] / (1.0 + hyper[1] * iterations)
    if kind == SGD:
        r = number(rate)
        for k in range(values.size):
            values[k] -= r * gradient[k]
    elif kind == MOMENTUM:
        r = number(rate)
        mu = number(hyper[2])
        for k in range(values.size):
            first[k] = mu * first[k] - r * gradient[k]
            values[k] += first[k]
    else:
        t = iterations + 1
        r = number(rate * math.sqrt(1.0 - hyper[4] ** t) / (1.0 - hyper[3] ** t))
        b1, c1 = number(hyper[3]), number(1.0 - hyper[3])
        b2, c2 = number(hyper[4]), number(1.0 - hyper[4])
        epsilon = number(hyper[5])
        for k in range(values.size):
            first[k] = b1 * first[k] + c1 * gradient[k]
            second[k] = b2 * second[k] + c2 * gradient[k] * gradient[k]
            values[k] -= r * first[k] / (np.sqrt(second[k]) + epsilon)


@_kernel
def _read(net, i, neurons, gathered):  # type: ignore[no-untyped-def]
    """Fetch the left activation of every edge of junction i, once for the feedforward and the update."""
    edges = slice(net.start[net.layer[i] - net.layer[1]], net.start[net.layer[i + 1] - net.layer[1]])
    source, out = net.source[edges], gathered[edges]
    for e in range(out.size):
        out[e] = neurons[source[e]]


@_sum_kernel
def _feed_forward(net, i, weights, biases, gathered, neurons):  # type: ignore[no-untyped-def]
    """Pre-activations of layer i into ``neurons``."""
    first = net.layer[1]
    for q in range(net.layer[i], net.layer[i + 1]):
        edges = slice(net.start[q - first], net.start[q - first + 1])
        w, a = weights[edges], gathered[edges]
        total = biases[q - first]
        for e in range(w.size):
            total += w[e] * a[e]
        neurons[q] = total


@_kernel
def _propagate_back(net, i, weights, neurons, deltas):  # type: ignore[no-untyped-def]
    """Deltas of layer i - 1 from those of layer i."""
    left, right = net.layer[i - 1], net.layer[i]
    deltas[left:right] = 0
    for q in range(right, net.layer[i + 1]):
        edges = slice(net.start[q - net.layer[1]], net.start[q - net.layer[1] + 1])
        w, source = weights[edges], net.source[edges]
        d = deltas[q]
        for e in range(w.size):
            deltas[source[e]] += w[e] * d
    apply_derivative(net.codes[i - 2], neurons[left:right], deltas[left:right])


@_kernel
def _edge_gradients(net, i, gathered, deltas, gradient):  # type: ignore[no-untyped-def]
    """Gradient of the weights of junction i for one sample."""
    for q in range(net.layer[i], net.layer[i + 1]):
        edges = slice(net.start[q - net.layer[1]], net.start[q - net.layer[1] + 1])
        a, out = gathered[edges], gradient[edges]
        d = deltas[q]
        for e in range(out.size):
            out[e] = d * a[e]


@_kernel
def train_samples(  # type: ignore[no-untyped-def]
    net,
    hops,
    inputs,
    labels,
    rates,
    scales,
    kind,
    hyper,
    iterations,
    penalty,
    values,
    gradient,
    first,
    second,
    neurons,
    gathered,
    deltas,
    predictions,
):
    """Train on single samples in the pipelined order of ``hops`` (:mod:`models.network.order`).

    All operations of a cycle use the weights as they stood when it began: every junction feeds forward before any
    updates, and propagates back before it updates itself. Sample n keeps its data in row n mod banks from its entry to
    its last update.

    Parameters
    ----------
    net
        :class:`FlatNetwork`.
    hops
        (forward, turn, backward) of :class:`models.network.order.Hops`.
    inputs
        [n, N_0], any floating type.
    labels
        int64 [n].
    rates
        float64 [n]: learning rate that travels with each sample, put into ``hyper[0]``.
    scales
        float64 [L]: at how many times that rate the weights of each junction learn.
    kind, hyper, iterations
        As for :func:`step`; the update by sample n is number ``iterations + n``.
    penalty
        Twice the L2 coefficient.
    values, gradient, first, second
        [W + R]: weights of all junctions, then biases of all layers; R neurons right of a junction.
    neurons, deltas
        [banks, N_0 + R]: work. As many banks as there are samples in flight.
    gathered
        [banks, W]: work.
    predictions
        int64 [n], overwritten.

    Returns
    -------
    float
        Loss summed over the samples.
    """
    forward, turn, backward = hops
    junctions, edges, n_left = net.codes.size, net.source.size, net.layer[1]
    drain = (forward + backward) * (junctions - 1) + turn
    weights, biases = values[:edges], values[edges:]
    last, banks = net.layer[junctions], neurons.shape[0]
    loss = 0.0
    for t in range(labels.size + drain):
        for i in range(1, junctions + 1):
            n = t - forward * (i - 1)
            if not 0 <= n < labels.size:
                continue
            a, g, d = neurons[n % banks], gathered[n % banks], deltas[n % banks]
            if i == 1:
                for q in range(n_left):
                    a[q] = inputs[n, q]
            _read(net, i, a, g)
            _feed_forward(net, i, weights, biases, g, a)
            if i < junctions:
                for q in range(net.layer[i], net.layer[i + 1]):
                    a[q] = _value(net.codes[i - 1], float(a[q]))
            else:
                sums, delta = a[last:].reshape(-1, 1), d[last:].reshape(-1, 1)
                label, prediction = labels[n : n + 1], predictions[n : n + 1]
                loss += output_layer(net.codes[i - 1], net.quadratic, net.classes, sums, label, 1.0, delta, prediction)
        for i in range(junctions, 0, -1):
            n = t - (drain - backward * (i - 1))
            if not 0 <= n < labels.size:
                continue
            a, g, d = neurons[n % banks], gathered[n % banks], deltas[n % banks]
            if i > 1:
                _propagate_back(net, i, weights, a, d)
            _edge_gradients(net, i, g, d, gradient)
            right = slice(net.layer[i], net.layer[i + 1])
            w = slice(net.start[right.start - n_left], net.start[right.stop - n_left])
            b = slice(edges + right.start - n_left, edges + right.stop - n_left)
            if penalty != 0.0:
                add_penalty(penalty, values[w], gradient[w])
            hyper[0] = rates[n] * scales[i - 1]
            step(kind, hyper, iterations + n, values[w], gradient[w], first[w], second[w])
            hyper[0] = rates[n]
            step(kind, hyper, iterations + n, values[b], d[right], first[b], second[b])
    return loss
