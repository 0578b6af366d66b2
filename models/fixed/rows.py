"""Plain compiled loops over the edges of one right neuron, for integers of any width, and what rounds one integer.

Three habits make the loops over edges vectorise; all of them were measured:

- index arithmetic is unsigned (offsets are uint64), so that no negative index needs handling;
- shifts and sums are spelled with :func:`as_` and :func:`shift`, since plain operators would promote them to 64 bits;
- every right neuron has the same number of edges: shorter rows are padded with edges from a left neuron that is always 0,
  whose weights are 0 and stay so.

``like`` arguments carry a type, not a value: the accumulator type that the ranges of the formats allow. Rows of weights
``w`` and of left activations ``g``, gathered by edge, begin at ``base``.
"""

import numpy as np

from models.compiled import intrinsic, njit

FLOOR, HALF_UP, HALF_EVEN, STOCHASTIC = 0, 1, 2, 3
"""Rounding modes as the kernels know them."""

MOST_DROP = 62
"""No number here reaches 2**61, so dropping more bits than this changes nothing any more."""


@intrinsic
def as_(typingctx, value, like):
    """``value`` in the integer type of ``like``, wrapping around."""

    def codegen(context, builder, signature, args):
        return context.cast(builder, args[0], signature.args[0], signature.return_type)

    return like(value, like), codegen


@intrinsic
def shift(typingctx, value, bits):
    """``value`` shifted right by ``bits``, in its own type: arithmetic if it is signed, logical otherwise."""

    def codegen(context, builder, signature, args):
        amount = context.cast(builder, args[1], signature.args[1], signature.args[0])
        return (builder.ashr if signature.args[0].signed else builder.lshr)(args[0], amount)

    return value(value, bits), codegen


@intrinsic
def lifted(typingctx, value, bits):
    """``value`` shifted left by ``bits``, in its own type."""

    def codegen(context, builder, signature, args):
        return builder.shl(args[0], context.cast(builder, args[1], signature.args[1], signature.args[0]))

    return value(value, bits), codegen


# Nothing allocates, so the compiler may leave out reference counts, which cost much where arrays are sliced.
compiled = njit(cache=True, error_model="numpy", _nrt=False)
inlined = njit(cache=True, error_model="numpy", _nrt=False, forceinline=True)


@inlined
def rounding_terms(drop, mode, like):
    """``half`` and ``odd`` such that narrowing x (drop > 0) is (x + half + ((x >> drop) & odd)) >> drop."""
    if mode == FLOOR:
        return as_(0, like), as_(0, like)
    half = np.int64(1) << (drop - 1)
    if mode == HALF_UP:
        return as_(half, like), as_(0, like)
    return as_(half - 1, like), as_(1, like)


@inlined
def narrow(x, drop, mode):
    """One 64-bit integer narrowed as :func:`models.numbers.format.narrow` does."""
    if drop <= 0:
        return x << -drop
    half, odd = rounding_terms(drop, mode, np.int64(0))
    return (x + half + ((x >> drop) & odd)) >> drop


@inlined
def clip(x, lowest, highest):
    """``x`` within lowest..highest."""
    return min(max(x, lowest), highest)


@inlined
def row_dot(w, g, base, d_in, drop, half, odd, like):
    """Sum of the products of one row, each product narrowed by ``drop`` bits (none if that is not positive)."""
    total = as_(0, like)
    if drop <= 0:
        for e in range(d_in):
            total = as_(total + as_(w[base + e], like) * as_(g[base + e], like), like)
        return total
    for e in range(d_in):
        p = as_(as_(w[base + e], like) * as_(g[base + e], like), like)
        total = as_(total + shift(as_(p + half + (shift(p, drop) & odd), like), drop), like)
    return total


@inlined
def row_scatter(partial, left, w, base, d_in, delta, drop, half, odd, like):
    """Add the narrowed products of one right neuron's delta with its weights to the partial deltas of the left."""
    d = as_(delta, like)
    if drop <= 0:
        for e in range(d_in):
            q = left[base + e]
            partial[q] = as_(partial[q] + as_(as_(w[base + e], like) * d << -drop, like), like)
        return
    for e in range(d_in):
        q = left[base + e]
        p = as_(as_(w[base + e], like) * d, like)
        partial[q] = as_(partial[q] + shift(as_(p + half + (shift(p, drop) & odd), like), drop), like)


@inlined
def row_update(w, g, base, d_in, delta, drop, half, odd, low, high, like):
    """Weight step of one right neuron; returns how many weights saturated."""
    d = as_(delta, like)
    saturated = np.int32(0)
    if drop <= 0:
        for e in range(d_in):
            v = as_(as_(w[base + e], like) - as_(as_(g[base + e], like) * d << -drop, like), like)
            u = clip(v, low, high)
            saturated = np.int32(saturated + np.int32(u != v))
            w[base + e] = u
    elif odd:
        for e in range(d_in):
            p = as_(as_(g[base + e], like) * d, like)
            v = as_(as_(w[base + e], like) - shift(as_(p + half + (shift(p, drop) & odd), like), drop), like)
            u = clip(v, low, high)
            saturated = np.int32(saturated + np.int32(u != v))
            w[base + e] = u
    else:
        for e in range(d_in):
            p = as_(as_(g[base + e], like) * d, like)
            v = as_(as_(w[base + e], like) - shift(as_(p + half, like), drop), like)
            u = clip(v, low, high)
            saturated = np.int32(saturated + np.int32(u != v))
            w[base + e] = u
    return saturated


@inlined
def row_update_random(w, g, base, d_in, delta, drop, states, rows, rotations, low, high, like):
    """Weight step of one right neuron, rounded by the random bits of its edges' rows and lanes; how many saturated."""
    d = as_(delta, like)
    mask = np.uint32((np.int64(1) << drop) - 1)
    saturated = np.int32(0)
    for e in range(d_in):
        state, by = states[rows[base + e]], rotations[base + e]
        turned = np.uint32(np.uint32(state << by) | shift(state, np.uint32((np.uint32(32) - by) & np.uint32(31))))
        p = as_(as_(g[base + e], like) * d, like)
        v = as_(as_(w[base + e], like) - shift(as_(p + as_(turned & mask, like), like), drop), like)
        u = clip(v, low, high)
        saturated = np.int32(saturated + np.int32(u != v))
        w[base + e] = u
    return saturated


@inlined
def draw(states, random, j, n_rows):
    """The states of the generator of junction j for the weight rows of one sample; it steps once for each."""
    x = random[j]
    for c in range(n_rows):
        states[c] = x
        x = np.uint32(x ^ np.uint32(x << np.uint32(13)))
        x = np.uint32(x ^ shift(x, np.uint32(17)))
        x = np.uint32(x ^ np.uint32(x << np.uint32(5)))
    random[j] = x
