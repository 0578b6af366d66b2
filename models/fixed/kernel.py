"""Compiled loops of the fixed-point engine; :mod:`models.fixed.engine` explains the state they work on.

Three habits make the loops over edges vectorise; all of them were measured:

- index arithmetic is unsigned (offsets are uint64), so that no negative index needs handling;
- shifts and sums are spelled with :func:`_as` and :func:`_shift`, since plain operators would promote them to 64 bits;
- every right neuron has the same number of edges: shorter rows are padded with edges from a left neuron that is always 0,
  whose weights are 0 and stay so.

``like`` arguments carry a type, not a value: the accumulator type that the ranges of the formats allow. All kernels share
one file because the compiler's cache looks at the file of the outermost function only.
"""

import numpy as np

from models.compiled import intrinsic, njit

FLOOR, HALF_UP, HALF_EVEN, STOCHASTIC = 0, 1, 2, 3
"""Rounding modes as the kernels know them."""

PREACTIVATION, DELTA, WEIGHT_STEP, BIAS_STEP = 0, 1, 2, 3
"""Columns of the saturation counters."""

BUBBLE, INFERENCE, TRAINING = 0, 1, 2
"""What a place in the pipeline holds."""

_MOST_DROP = 62
"""No number here reaches 2**61, so dropping more bits than this changes nothing any more."""

GATHER_CHUNK = 1024
"""Edges gathered at a time in packed form: small enough for the scratch to stay in the first-level cache."""


@intrinsic
def _as(typingctx, value, like):
    """``value`` in the integer type of ``like``, wrapping around."""

    def codegen(context, builder, signature, args):
        return context.cast(builder, args[0], signature.args[0], signature.return_type)

    return like(value, like), codegen


@intrinsic
def _shift(typingctx, value, bits):
    """``value`` shifted right by ``bits``, in its own type: arithmetic if it is signed, logical otherwise."""

    def codegen(context, builder, signature, args):
        amount = context.cast(builder, args[1], signature.args[1], signature.args[0])
        return (builder.ashr if signature.args[0].signed else builder.lshr)(args[0], amount)

    return value(value, bits), codegen


# Nothing here allocates, so the compiler may leave out reference counts, which cost much where arrays are sliced.
_compiled = njit(cache=True, error_model="numpy", _nrt=False)
_inlined = njit(cache=True, error_model="numpy", _nrt=False, forceinline=True)


@_inlined
def _rounding_terms(drop, mode, like):
    """``half`` and ``odd`` such that narrowing x (drop > 0) is (x + half + ((x >> drop) & odd)) >> drop."""
    if mode == FLOOR:
        return _as(0, like), _as(0, like)
    half = np.int64(1) << (drop - 1)
    if mode == HALF_UP:
        return _as(half, like), _as(0, like)
    return _as(half - 1, like), _as(1, like)


@_inlined
def _narrow(x, drop, mode):
    """One 64-bit integer narrowed as :func:`models.numbers.format.narrow` does."""
    if drop <= 0:
        return x << -drop
    half, odd = _rounding_terms(drop, mode, np.int64(0))
    return (x + half + ((x >> drop) & odd)) >> drop


@_inlined
def _clip(x, lowest, highest):
    return min(max(x, lowest), highest)


@_inlined
def _row_dot(w, g, base, d_in, drop, half, odd, like):
    """Sum of the products of one row, each product narrowed by ``drop`` bits (none if that is not positive)."""
    total = _as(0, like)
    if drop <= 0:
        for e in range(d_in):
            total = _as(total + _as(w[base + e], like) * _as(g[base + e], like), like)
        return total
    for e in range(d_in):
        p = _as(_as(w[base + e], like) * _as(g[base + e], like), like)
        total = _as(total + _shift(_as(p + half + (_shift(p, drop) & odd), like), drop), like)
    return total


@_inlined
def _row_scatter(partial, left, w, base, d_in, delta, drop, half, odd, like):
    """Add the narrowed products of one right neuron's delta with its weights to the partial deltas of the left."""
    d = _as(delta, like)
    if drop <= 0:
        for e in range(d_in):
            q = left[base + e]
            partial[q] = _as(partial[q] + _as(_as(w[base + e], like) * d << -drop, like), like)
        return
    for e in range(d_in):
        q = left[base + e]
        p = _as(_as(w[base + e], like) * d, like)
        partial[q] = _as(partial[q] + _shift(_as(p + half + (_shift(p, drop) & odd), like), drop), like)


@_inlined
def _row_update(w, g, base, d_in, delta, drop, half, odd, low, high, like):
    """Weight step of one right neuron; returns how many weights saturated."""
    d = _as(delta, like)
    saturated = np.int32(0)
    if drop <= 0:
        for e in range(d_in):
            v = _as(_as(w[base + e], like) - _as(_as(g[base + e], like) * d << -drop, like), like)
            u = _clip(v, low, high)
            saturated = np.int32(saturated + np.int32(u != v))
            w[base + e] = u
    elif odd:
        for e in range(d_in):
            p = _as(_as(g[base + e], like) * d, like)
            v = _as(_as(w[base + e], like) - _shift(_as(p + half + (_shift(p, drop) & odd), like), drop), like)
            u = _clip(v, low, high)
            saturated = np.int32(saturated + np.int32(u != v))
            w[base + e] = u
    else:
        for e in range(d_in):
            p = _as(_as(g[base + e], like) * d, like)
            v = _as(_as(w[base + e], like) - _shift(_as(p + half, like), drop), like)
            u = _clip(v, low, high)
            saturated = np.int32(saturated + np.int32(u != v))
            w[base + e] = u
    return saturated


@_inlined
def _row_update_random(w, g, base, d_in, delta, drop, states, rows, rotations, low, high, like):
    """Weight step of one right neuron, rounded by the random bits of its edges' rows and lanes; how many saturated."""
    d = _as(delta, like)
    mask = np.uint32((np.int64(1) << drop) - 1)
    saturated = np.int32(0)
    for e in range(d_in):
        state, by = states[rows[base + e]], rotations[base + e]
        turned = np.uint32(np.uint32(state << by) | _shift(state, np.uint32((np.uint32(32) - by) & np.uint32(31))))
        p = _as(_as(g[base + e], like) * d, like)
        v = _as(_as(w[base + e], like) - _shift(_as(p + _as(turned & mask, like), like), drop), like)
        u = _clip(v, low, high)
        saturated = np.int32(saturated + np.int32(u != v))
        w[base + e] = u
    return saturated


@_inlined
def _draw(states, random, j, n_rows):
    """The states of the generator of junction j for the weight rows of one sample; it steps once for each."""
    x = random[j]
    for c in range(n_rows):
        states[c] = x
        x = np.uint32(x ^ np.uint32(x << np.uint32(13)))
        x = np.uint32(x ^ _shift(x, np.uint32(17)))
        x = np.uint32(x ^ np.uint32(x << np.uint32(5)))
    random[j] = x


@_inlined
def _learn_rows(net, j, weights, biases, gathered, partial, delta, kappa, saturation, states, like):
    """Backpropagation (but for the first junction) and update of junction j, whose right neurons have ``delta``.

    ``like`` is the type of the weight steps; partial deltas have the type of their array. ``states`` are those of
    :func:`_draw`, where it draws.
    """
    base, d_in = net.edge_start[j], net.d_in[j]
    right = net.right_start[j]
    back_drop = net.delta_product_drop
    back_half, back_odd = _rounding_terms(back_drop, net.product_mode, partial[0])
    drop = min(net.weight_drop[j] + kappa, _MOST_DROP)
    half, odd = _rounding_terms(drop, net.weight_mode, like)
    low, high = _as(net.weight_low, like), _as(net.weight_high, like)
    bias_drop = min(net.bias_step_drop + kappa, _MOST_DROP)
    saturated, saturated_biases = np.int64(0), np.int64(0)
    for r in range(net.n_right[j]):
        d = delta[r]
        if d != 0:  # every rounding narrows 0 to 0: no partial delta, weight or bias would change
            if j > 0:
                _row_scatter(partial, net.left, weights, base, d_in, d, back_drop, back_half, back_odd, partial[0])
            if net.weight_mode == STOCHASTIC and drop > 0:
                saturated += _row_update_random(
                    weights, gathered, base, d_in, d, drop, states, net.row, net.rotation, low, high, like
                )
            else:
                saturated += _row_update(weights, gathered, base, d_in, d, drop, half, odd, low, high, like)
            v = biases[right + r] - _narrow(np.int64(d), bias_drop, net.bias_mode)
            u = _clip(v, net.bias_low, net.bias_high)
            saturated_biases += u != v
            biases[right + r] = u
        base += d_in
    saturation[j, WEIGHT_STEP] += saturated
    saturation[j, BIAS_STEP] += saturated_biases


@_inlined
def _feedforward(net, j, weights, biases, gathered, pre, like):
    """Pre-activations of junction j from its left activations, gathered per edge; returns how many saturated."""
    base, d_in = net.edge_start[j], net.d_in[j]
    right = net.right_start[j]
    drop = net.product_drop[j]
    appended = max(-drop, 0)
    half, odd = _rounding_terms(drop, net.product_mode, like)
    out_half, out_odd = _rounding_terms(net.preactivation_drop, net.preactivation_mode, np.int64(0))
    out_drop, out_appended = max(net.preactivation_drop, 0), max(-net.preactivation_drop, 0)
    if net.preactivation_drop <= 0:
        out_half, out_odd = np.int64(0), np.int64(0)
    saturated = np.int64(0)
    for r in range(net.n_right[j]):
        total = np.int64(_row_dot(weights, gathered, base, d_in, drop, half, odd, like)) << appended
        total = (total + _narrow(np.int64(biases[right + r]), net.bias_drop, FLOOR)) << out_appended
        wide = (total + out_half + ((total >> out_drop) & out_odd)) >> out_drop
        s = _clip(wide, net.preactivation_low, net.preactivation_high)
        saturated += s != wide
        pre[r] = s
        base += d_in
    return saturated


@_inlined
def _gather(net, j, x, gathered):
    """Left activation of every edge of junction j."""
    base = net.edge_start[j]
    for e in range(net.edge_start[j + 1] - base):
        gathered[base + e] = x[net.left[base + e]]


@_inlined
def _gather_inputs(net, cycle, first, source, inputs, gathered, packed, scratch):
    """Left activations of the edges of the first junction for the next samples to enter, several at a time.

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
                row[base + e] = np.int32(np.int32(_shift(scratch[e], down) & mask) + lowest)


@_inlined
def _predict(pre, output_neurons):
    """Lowest class with the greatest pre-activation."""
    best = 0
    for c in range(1, output_neurons.size):
        if pre[output_neurons[c]] > pre[output_neurons[best]]:
            best = c
    return best


@_inlined
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
        wide = _narrow(error, net.output_delta_drop, net.delta_mode)
        d = _clip(wide, net.delta_low, net.delta_high)
        saturated += d != wide
        delta[r] = d
    return saturated


@_inlined
def _consume_partial(net, partial, derivative, delta):
    """Deltas of a hidden layer from its partial deltas, one multiplication each; returns how many saturated."""
    saturated = np.int64(0)
    for r in range(delta.size):
        wide = _narrow(np.int64(partial[r]) * derivative[r], net.delta_drop, net.delta_mode)
        d = _clip(wide, net.delta_low, net.delta_high)
        saturated += d != wide
        delta[r] = d
    return saturated


@_compiled
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
            _feedforward(net, j, weights, biases, gathered, pre, like)
            for r in range(net.n_right[j]):
                x[r] = net.value_table[j, pre[r] - net.preactivation_low]
            x[net.n_right[j]] = 0
        prediction[n] = _predict(pre, net.output_neurons)
        for r in range(outputs.shape[1]):
            outputs[n, r] = x[r]


@_compiled
def run(net, weights, biases, random, pipe, work, cycle, source, inputs, labels, kappas, trains, results, saturation, like):
    """Advance the pipeline by ``source.size`` junction cycles, starting with junction cycle ``cycle``.

    ``source[c]`` is the row of ``inputs`` that enters in cycle ``cycle + c``, or -1 for a bubble. Returns how many rows of
    ``results`` were filled.
    """
    last = net.n_right.size - 1
    pre, packed, scratch = work.pre, work.packed, work.scratch
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
            for q in range(net.n_input):
                pipe.activation[slot, q] = inputs[s, q]
        if net.input_lanes > 1 and c % net.input_lanes == 0:
            _gather_inputs(net, cycle, c, source, inputs, pipe.gathered, packed, scratch)
        for j in range(last + 1):
            n = t - net.forward_lag[j]
            slot = n & net.ring_mask
            if n < 0 or pipe.kind[slot] == BUBBLE:
                continue
            gathered = pipe.gathered[slot]
            if j > 0 or net.input_lanes == 1:
                _gather(net, j, pipe.activation[slot, net.left_start[j] : net.left_start[j + 1]], gathered)
            saturation[j, PREACTIVATION] += _feedforward(net, j, weights, biases, gathered, pre, like)
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
            partial = pipe.partial[slot, net.partial_start[j] : net.partial_start[j + 1]]
            for q in range(partial.size):
                partial[q] = 0
            kappa, gathered, states = pipe.kappa[slot], pipe.gathered[slot], work.states
            if net.weight_mode == STOCHASTIC:
                _draw(states, random, j, net.n_rows[j])
            if kappa <= net.narrow_kappa[j]:
                _learn_rows(net, j, weights, biases, gathered, partial, delta, kappa, saturation, states, like)
            else:
                _learn_rows(net, j, weights, biases, gathered, partial, delta, kappa, saturation, states, np.int64(0))
    return filled
