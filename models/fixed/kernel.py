"""The pipeline of the fixed-point engine, compiled; :mod:`models.fixed.engine` explains the state that it works on.

Arguments ``like`` carry the type of exact sums in plain loops (:mod:`models.fixed.rows`), arguments ``short`` the type of
all other integers in loops on vectors (:mod:`models.fixed.vectors`). One of both is None, and what it asks for is not even
compiled: the compiler leaves out what stands behind ``is not None`` there, but not the other way round.

The left activations of a junction are given as an array ``g`` in which those of the first right neuron begin at ``g_first``
and those of the next each ``g_step`` further: gathered by edge, or, where rows are full (a place for every left neuron), one
row for all.
"""

import numpy as np

from models.fixed.layout import GATHER_CHUNK
from models.fixed.packing import pack, unpack
from models.fixed.rows import (
    MOST_DROP,
    STOCHASTIC,
    as_,
    clip,
    compiled,
    draw,
    inlined,
    lifted,
    narrow,
    rounding_terms,
    row_dot,
    row_scatter,
    row_update,
    row_update_random,
    shift,
)
from models.fixed.vectors import MOST_VECTORS, dots, dots_narrowed, partials, partials_narrowed, steps, steps_rounded
from models.vector_code import LANES

PREACTIVATION, DELTA, WEIGHT_STEP, BIAS_STEP = 0, 1, 2, 3
"""Columns of the saturation counters."""

BUBBLE, INFERENCE, TRAINING = 0, 1, 2
"""What a place in the pipeline holds."""

MOST_SHORT_DROP = 31
"""No product of 16-bit integers reaches 2**30 here, so dropping more bits than this changes nothing any more."""

_UNROUNDED = 15
"""A weight step on vectors is a product of 2**(this - drop) times the delta, of which this many bits are dropped."""


@inlined
def _feedforward(net, j, weights, biases, g, g_first, g_step, work, like, short):
    """Pre-activations of junction j; returns how many saturated."""
    base, d_in, right = net.edge_start[j], net.d_in[j], net.right_start[j]
    drop, n, sums, pre = net.product_drop[j], net.n_right[j], work.sums, work.pre
    if short is not None:
        half, odd = rounding_terms(drop, net.product_mode, np.int32(0))
        for first in range(np.uint64(0), d_in, net.part[j]):
            length = min(net.part[j], d_in - first)
            if drop > 0:
                dots_narrowed(weights, base + first, d_in, g, g_first + first, g_step, n, length, sums, drop, half, odd)
            else:
                dots(weights, base + first, d_in, g, g_first + first, g_step, n, length, sums)
            if net.wide[j]:
                add_parts(sums, n, first, work.wide)
        if net.wide[j]:
            return round_sums(net, j, biases[right : right + n], work.wide, pre)
    if like is not None:
        half, odd = rounding_terms(drop, net.product_mode, like)
        for r in range(n):
            sums[r] = row_dot(weights, g, base, d_in, drop, half, odd, like)
            base += d_in
    return round_sums(net, j, biases[right : right + n], sums, pre)


@inlined
def add_parts(sums, n, first, wide):
    """Add n sums of parts of rows to those of whole rows, which begin with the part that begins at 0."""
    for r in range(n):
        wide[r] = sums[r] if first == 0 else wide[r] + sums[r]


@inlined
def round_sums(net, j, biases, sums, pre):
    """Pre-activations of exact sums of products, in the type of these; returns how many saturated."""
    like = sums[0]
    appended, bias_appended = max(-net.product_drop[j], 0), -net.bias_drop
    half, odd = rounding_terms(net.preactivation_drop, net.preactivation_mode, like)
    drop, out_appended = max(net.preactivation_drop, 0), max(-net.preactivation_drop, 0)
    if net.preactivation_drop <= 0:
        half, odd = as_(0, like), as_(0, like)
    low, high = as_(net.preactivation_low, like), as_(net.preactivation_high, like)
    saturated = np.int32(0)
    for r in range(biases.size):
        exact = as_(lifted(sums[r], appended) + lifted(as_(biases[r], like), bias_appended), like)
        total = lifted(exact, out_appended)
        wide = shift(as_(as_(total + half, like) + as_(shift(total, drop) & odd, like), like), drop)
        s = clip(wide, low, high)
        saturated = np.int32(saturated + np.int32(s != wide))
        pre[r] = s
    return saturated


@inlined
def _backpropagate(net, j, weights, delta, partial, small, like, short):
    """Partial deltas of the left layer of junction j."""
    if short is not None:  # noqa: SIM102  # left out of what is compiled only if it stands alone
        if net.full[j]:
            _backpropagate_full(net, j, weights, delta, partial, small)
            return
    base, d_in, drop = net.edge_start[j], net.d_in[j], net.delta_product_drop
    half, odd = rounding_terms(drop, net.product_mode, partial[0])
    for q in range(partial.size):
        partial[q] = 0
    for r in range(delta.size):
        if delta[r] != 0:  # every rounding narrows 0 to 0
            row_scatter(partial, net.left, weights, base, d_in, delta[r], drop, half, odd, partial[0])
        base += d_in


@inlined
def _backpropagate_full(net, j, weights, delta, partial, small):
    """The same for full rows, in which nothing needs scattering."""
    base, d_in, drop = net.edge_start[j], net.d_in[j], net.delta_product_drop
    for r in range(delta.size):
        small[r] = delta[r]
    if drop > 0:
        half, odd = rounding_terms(drop, net.product_mode, partial[0])
        partials_narrowed(weights, base, delta.size, d_in, small, partial, drop, half, odd)
    else:
        partials(weights, base, delta.size, d_in, small, partial)
        for q in range(d_in):
            partial[q] = lifted(partial[q], -drop)


@inlined
def _scaled(net, delta, drop, small):
    """Whether weight steps that drop so many bits fit 16 bits: then ``small`` holds deltas scaled for that."""
    up = np.int64(0)
    if net.short_steps and 1 <= drop <= _UNROUNDED:
        up = _UNROUNDED - drop
    lost = np.int32(0)
    for r in range(delta.size):
        small[r] = delta[r] << up
        lost = np.int32(lost | np.int32(np.int32(small[r]) != np.int32(delta[r] << up)))
    if lost:
        for r in range(delta.size):
            small[r] = delta[r]
    return net.short_steps and 1 <= drop <= _UNROUNDED and not lost


@inlined
def _update_rows(net, j, weights, g, delta, drop, states, like):
    """Weight steps of junction j in plain loops, of the type of ``like``; returns how many weights saturated."""
    base, d_in = net.edge_start[j], net.d_in[j]
    half, odd = rounding_terms(drop, net.weight_mode, like)
    low, high = as_(net.weight_low, like), as_(net.weight_high, like)
    random = net.weight_mode == STOCHASTIC and drop > 0
    saturated = np.int64(0)
    for r in range(delta.size):
        d = delta[r]
        if d != 0:  # every rounding narrows 0 to 0: no weight would change
            if random:
                saturated += row_update_random(
                    weights, g, base, d_in, d, drop, states, net.row, net.rotation, low, high, like
                )
            else:
                saturated += row_update(weights, g, base, d_in, d, drop, half, odd, low, high, like)
        base += d_in
    return saturated


@inlined
def _update_short(net, j, weights, g, g_first, g_step, delta, kappa, small):
    """The same for 16-bit integers, on vectors."""
    drop = min(net.weight_drop[j] + kappa, MOST_SHORT_DROP)
    half, odd = rounding_terms(max(drop, 1), net.weight_mode, np.int32(0))
    if drop <= 0:
        half, odd = np.int32(0), np.int32(0)
    in_sixteen = _scaled(net, delta, drop, small)
    base, d_in, low, high = net.edge_start[j], net.d_in[j], net.weight_low, net.weight_high
    mask = net.mask if net.masked[j] else net.no_mask
    saturated, some = np.int64(0), max(MOST_VECTORS // (np.int64(d_in) // LANES), 1)
    for r in range(0, delta.size, some):
        n, d = min(some, delta.size - r), small[r : delta.size]
        if in_sixteen:
            saturated += steps(weights, base, g, g_first, g_step, mask, n, d_in, d, low, high)
        else:
            saturated += steps_rounded(
                weights, base, g, g_first, g_step, mask, n, d_in, d, low, high, max(-drop, 0), max(drop, 0), half, odd
            )
        base += np.uint64(n) * d_in
        g_first += np.uint64(n) * g_step
    return saturated


@inlined
def _update(net, j, weights, g, g_first, g_step, delta, kappa, work, like, short):
    """Weight steps of junction j; returns how many weights saturated."""
    saturated = np.int64(0)
    if short is not None:
        saturated = _update_short(net, j, weights, g, g_first, g_step, delta, kappa, work.small)
    if like is not None:
        drop = min(net.weight_drop[j] + kappa, MOST_DROP)
        if kappa <= net.narrow_kappa[j]:
            saturated = _update_rows(net, j, weights, g, delta, drop, work.states, np.int32(0))
        else:
            saturated = _update_rows(net, j, weights, g, delta, drop, work.states, np.int64(0))
    return saturated


@inlined
def _update_biases(net, biases, delta, kappa):
    """Bias steps of one junction; returns how many biases saturated."""
    drop = min(net.bias_step_drop + kappa, MOST_DROP)
    low, high = np.int64(net.bias_low), np.int64(net.bias_high)
    saturated = np.int64(0)
    for r in range(delta.size):
        v = biases[r] - narrow(np.int64(delta[r]), drop, net.bias_mode)
        u = clip(v, low, high)
        saturated += u != v
        biases[r] = u
    return saturated


@inlined
def _gather(net, j, x, gathered):
    """Left activation of every edge of junction j."""
    base = net.edge_start[j]
    for e in range(net.edge_start[j + 1] - base):
        gathered[base + e] = x[net.left[base + e]]


@inlined
def _gather_inputs(net, cycle, first, source, inputs, gathered, work, like, short):
    """Left activations of the edges of the first junction for the next samples to enter, several at a time."""
    if short is not None:
        _gather_short(net, cycle, first, source, inputs, gathered, work)
    if like is not None:
        _gather_packed(net, cycle, first, source, inputs, gathered, work.packed, work.scratch)


@inlined
def _gather_packed(net, cycle, first, source, inputs, gathered, packed, scratch):
    """In plain loops.

    Gathering costs a load per edge however wide the element, so ``net.input_lanes`` samples are packed into one.
    """
    bits, lowest = net.input_bits, np.int32(net.input_lowest)
    mask = np.uint32((np.int64(1) << bits) - 1)
    lanes = min(net.input_lanes, source.size - first)
    for q in range(packed.size):
        packed[q] = np.uint32(0)
    for lane in range(lanes):
        s = source[first + lane]
        if s >= 0:
            x = inputs[s]
            up = np.uint32(lane * bits)
            for q in range(x.size):
                packed[q] = np.uint32(packed[q] | (np.uint32(np.int32(x[q]) - lowest) << up))
            packed[x.size] = np.uint32(packed[x.size] | (np.uint32(-lowest) << up))
    n_edges = net.edge_start[1]
    for base in range(np.uint64(0), n_edges, np.uint64(GATHER_CHUNK)):
        size = min(n_edges - base, np.uint64(GATHER_CHUNK))
        for e in range(size):
            scratch[e] = packed[net.left[base + e]]
        for lane in range(lanes):
            row = gathered[(cycle + first + lane) & net.ring_mask]
            down = np.uint32(lane * bits)
            for e in range(size):
                row[base + e] = np.int32(np.int32(shift(scratch[e], down) & mask) + lowest)


@inlined
def _gather_short(net, cycle, first, source, inputs, gathered, work):
    """The same for 16-bit integers, on vectors."""
    lanes, bits, lowest = net.input_lanes, net.input_bits, net.input_lowest
    rows, packed, scratch = work.rows, work.packed, work.scratch
    some = np.int64(-1)
    for lane in range(min(lanes, source.size - first)):
        some = max(some, source[first + lane])
    if some < 0:
        return
    for lane in range(lanes):  # in place of a sample that does not exist comes any that does: nobody will look
        s = source[first + lane] if first + lane < source.size else np.int64(-1)
        rows[lane] = (s if s >= 0 else some) * net.n_input
    pack(inputs, rows, net.n_input, lowest, bits, packed)
    for q in range(net.n_input - net.n_input % LANES, net.n_input):
        word = np.uint64(0)
        for lane in range(lanes):
            field = np.uint64(np.int64(inputs[rows[lane] // net.n_input, q]) - lowest)
            word = np.uint64(word | field << np.uint64(lane * bits))
        packed[q] = word
    for lane in range(lanes):
        rows[lane] = ((cycle + first + lane) & net.ring_mask) * gathered.shape[1]
    n_edges = net.edge_start[1]
    for base in range(np.uint64(0), n_edges, np.uint64(GATHER_CHUNK)):
        size = min(n_edges - base, np.uint64(GATHER_CHUNK))
        for e in range(size):
            scratch[e] = packed[net.left[base + e]]
        unpack(scratch, size, lowest, bits, gathered, rows, base)


@inlined
def _predict(pre, output_neurons):
    """Lowest class with the greatest pre-activation."""
    best = 0
    for c in range(1, output_neurons.size):
        if pre[output_neurons[c]] > pre[output_neurons[best]]:
            best = c
    return best


@inlined
def _output_delta(net, pre, label, delta):
    """Deltas of the output layer; returns how many saturated."""
    last = net.n_right.size - 1
    target = net.output_neurons[label]
    saturated = np.int64(0)
    for r in range(net.n_right[last]):
        k = pre[r] - net.preactivation_low
        error = np.int64(net.value_table[last, k])
        if r == target:
            error -= net.activation_one
        if net.quadratic:
            error *= net.derivative_table[last, k]
        wide = narrow(error, net.output_delta_drop, net.delta_mode)
        d = clip(wide, net.delta_low, net.delta_high)
        saturated += d != wide
        delta[r] = d
    return saturated


@inlined
def _consume_partial(net, partial, derivative, delta):
    """Deltas of a hidden layer from its partial deltas, one multiplication each; returns how many saturated."""
    saturated = np.int64(0)
    for r in range(delta.size):
        wide = narrow(np.int64(partial[r]) * derivative[r], net.delta_drop, net.delta_mode)
        d = clip(wide, net.delta_low, net.delta_high)
        saturated += d != wide
        delta[r] = d
    return saturated


@compiled
def infer(net, weights, biases, work, inputs, prediction, outputs, like):
    """Feedforward of ``inputs`` [n, N_0] with the weights as they are; nothing else changes."""
    gathered, x, pre = work.gathered, work.left, work.pre
    last = net.n_right.size - 1
    for n in range(inputs.shape[0]):
        for q in range(net.n_input):
            x[q] = inputs[n, q]
        x[net.n_input] = 0
        for j in range(last + 1):
            _gather(net, j, x, gathered)
            _feedforward(net, j, weights, biases, gathered, net.edge_start[j], net.d_in[j], work, like, None)
            for r in range(net.n_right[j]):
                x[r] = net.value_table[j, pre[r] - net.preactivation_low]
            x[net.n_right[j]] = 0
        prediction[n] = _predict(pre, net.output_neurons)
        for r in range(outputs.shape[1]):
            outputs[n, r] = x[r]


@compiled
def run(
    net, weights, biases, random, pipe, work, cycle, source, inputs, labels, kappas, trains, results, saturation, like, short
):
    """Advance the pipeline by ``source.size`` junction cycles, starting with junction cycle ``cycle``.

    ``source[c]`` is the row of ``inputs`` that enters in cycle ``cycle + c``, or -1 for a bubble. Returns how many rows of
    ``results`` were filled.
    """
    last = net.n_right.size - 1
    pre = work.pre
    filled = 0
    for c in range(source.size):
        t = cycle + c
        slot = t & net.ring_mask
        s = source[c]
        pipe.kind[slot] = BUBBLE
        if s >= 0:
            pipe.kind[slot] = TRAINING if trains[c] else INFERENCE
            pipe.label[slot] = labels[s]
            pipe.kappa[slot] = kappas[c]
            if net.keeps_inputs or c + net.ring_mask >= source.size:  # what a checkpoint may ask for
                for q in range(net.n_input):
                    pipe.activation[slot, q] = inputs[s, q]
        if net.input_lanes > 1 and c % net.input_lanes == 0 and not net.full[0]:
            _gather_inputs(net, cycle, c, source, inputs, pipe.gathered, work, like, short)
        for j in range(last + 1):
            n = t - net.forward_lag[j]
            slot = n & net.ring_mask
            if n < 0 or pipe.kind[slot] == BUBBLE:
                continue
            g, g_first, g_step = pipe.gathered[slot], net.edge_start[j], net.d_in[j]
            if net.full[j]:
                g, g_first, g_step = pipe.activation[slot], np.uint64(net.left_start[j]), np.uint64(0)
            elif j > 0 or net.input_lanes == 1:
                _gather(net, j, pipe.activation[slot, net.left_start[j] : net.left_start[j + 1]], g)
            saturation[j, PREACTIVATION] += _feedforward(net, j, weights, biases, g, g_first, g_step, work, like, short)
            if j < last:
                a = pipe.activation[slot, net.left_start[j + 1] : net.left_start[j + 2]]
                d = pipe.derivative[slot, net.right_start[j] : net.right_start[j + 1]]
                for r in range(net.n_right[j]):
                    k = pre[r] - net.preactivation_low
                    a[r] = net.value_table[j, k]
                    d[r] = net.derivative_table[j, k]
                continue
            results.prediction[filled] = _predict(pre, net.output_neurons)
            results.label[filled] = pipe.label[slot]
            results.kind[filled] = pipe.kind[slot]
            for r in range(net.n_right[j]):
                results.output[filled, r] = net.value_table[j, pre[r] - net.preactivation_low]
            filled += 1
            if pipe.kind[slot] == TRAINING:
                saturation[j, DELTA] += _output_delta(net, pre, pipe.label[slot], pipe.output_delta[slot])
        for j in range(last, -1, -1):
            n = t - net.backward_lag[j]
            slot = n & net.ring_mask
            if n < 0 or pipe.kind[slot] != TRAINING:
                continue
            delta = pipe.output_delta[slot]
            if j < last:
                a, b = net.partial_start[j + 1], net.right_start[j]
                delta = pre[: net.n_right[j]]
                saturation[j, DELTA] += _consume_partial(
                    net, pipe.partial[slot, a : a + delta.size], pipe.derivative[slot, b : b + delta.size], delta
                )
            delta = delta[: net.n_right[j]]
            if j > 0:
                partial = pipe.partial[slot, net.partial_start[j] : net.partial_start[j + 1]]
                _backpropagate(net, j, weights, delta, partial, work.small, like, short)
            if net.weight_mode == STOCHASTIC:
                draw(work.states, random, j, net.n_rows[j])
            g, g_first, g_step = pipe.gathered[slot], net.edge_start[j], net.d_in[j]
            if net.full[j]:
                g, g_first, g_step = pipe.activation[slot], np.uint64(net.left_start[j]), np.uint64(0)
            kappa, right = pipe.kappa[slot], net.right_start[j]
            saturation[j, WEIGHT_STEP] += _update(net, j, weights, g, g_first, g_step, delta, kappa, work, like, short)
            saturation[j, BIAS_STEP] += _update_biases(net, biases[right : right + delta.size], delta, kappa)
    return filled
