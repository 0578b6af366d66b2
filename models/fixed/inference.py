"""Feedforward of many samples with the weights as they are, compiled: side by side, since there is no order to keep.

Activations are kept by neuron, for :data:`models.vector_code.LANES` samples each; so an edge takes one load of them
all, wherever its left neuron is, and nothing is gathered. For 16-bit integers alone; others take
:func:`models.fixed.kernel.infer`.
"""

from typing import NamedTuple

import numpy as np

from models.fixed.kernel import add_parts, round_sums
from models.fixed.layout import Net, spaced
from models.fixed.packing import turn
from models.fixed.rows import compiled, inlined, rounding_terms
from models.fixed.vectors import sample_dots, sample_dots_narrowed
from models.vector_code import LANES


class Batch(NamedTuple):
    """Buffers: rows of :data:`LANES` samples."""

    inputs: np.ndarray  # int16 [LANES, spaced N_0]
    rows: np.ndarray  # int64: offsets of its rows
    left: np.ndarray  # int16
    sums: np.ndarray  # int32
    wide: np.ndarray  # int64
    pre: np.ndarray  # int32
    bias: np.ndarray  # int32: the same for all samples
    best: np.ndarray  # int32: greatest pre-activation so far

    @classmethod
    def of(cls, net: Net) -> "Batch":
        """For the widest layer."""
        size = net.widest * LANES
        inputs = spaced(LANES, net.n_input, np.int16)
        return cls(
            inputs=inputs,
            rows=np.arange(LANES) * inputs.shape[1],
            left=np.zeros(size + LANES, np.int16),
            sums=np.zeros(LANES, np.int32),
            wide=np.zeros(LANES, np.int64),
            pre=np.zeros(size, np.int32),
            bias=np.zeros(LANES, np.int32),
            best=np.zeros(LANES, np.int32),
        )


@inlined
def _enter(net, inputs, first, batch):
    """Inputs of the samples from ``first`` on; behind the last comes the last."""
    left = batch.left
    for s in range(LANES):  # row after row, which is the order that memory is fast in
        row, x = batch.inputs[s], inputs[min(first + s, inputs.shape[0] - 1)]
        for q in range(net.n_input):
            row[q] = x[q]
    turn(batch.inputs, batch.rows, net.n_input, left)
    for q in range(net.n_input - net.n_input % LANES, net.n_input):
        for s in range(LANES):
            left[q * LANES + s] = batch.inputs[s, q]


@inlined
def _feedforward(net, j, weights, biases, batch):
    """Pre-activations of junction j."""
    base, d_in, right = net.edge_start[j], net.d_in[j], net.right_start[j]
    left, sums, bias = batch.left, batch.sums, batch.bias
    for s in range(LANES):
        left[net.left_size[j] * LANES + s] = 0
    drop = net.product_drop[j]
    half, odd = rounding_terms(drop, net.product_mode, np.int32(0))
    for r in range(net.n_right[j]):
        for first in range(np.uint64(0), d_in, net.part[j]):
            length = min(net.part[j], d_in - first)
            if drop > 0:
                sample_dots_narrowed(weights, net.left, base + first, length, left, sums, drop, half, odd)
            else:
                sample_dots(weights, net.left, base + first, length, left, sums)
            if net.wide[j]:
                add_parts(sums, LANES, first, batch.wide)
        base += d_in
        for s in range(LANES):
            bias[s] = biases[right + r]
        pre = batch.pre[r * LANES : (r + 1) * LANES]
        if net.wide[j]:
            round_sums(net, j, bias, batch.wide, pre)
        else:
            round_sums(net, j, bias, sums, pre)


@compiled
def infer(net, weights, biases, batch, inputs, prediction, outputs):
    """Predictions [n] and outputs [n, N_L] of ``inputs`` [n, N_0]; nothing else changes."""
    last = net.n_right.size - 1
    pre, left, best = batch.pre, batch.left, batch.best
    for first in range(0, inputs.shape[0], LANES):
        _enter(net, inputs, first, batch)
        for j in range(last + 1):
            _feedforward(net, j, weights, biases, batch)
            for i in range(net.n_right[j] * LANES):
                left[i] = net.value_table[j, pre[i] - net.preactivation_low]
        n = min(LANES, inputs.shape[0] - first)
        for c in range(net.output_neurons.size):
            at = net.output_neurons[c] * LANES
            for s in range(n):
                if c == 0 or pre[at + s] > best[s]:
                    best[s], prediction[first + s] = pre[at + s], c
        for r in range(outputs.shape[1]):
            for s in range(n):
                outputs[first + s, r] = left[r * LANES + s]
