"""Compiled loops over whole batches: products over the edges of a junction, and sums along rows.

Batches lie in memory as [neurons, batch], so that the innermost loop runs over neighbouring samples and every edge costs
one multiply-add per sample and no search. Two habits of the compiler shape the code: a signed index may be negative and is
checked for it, which defeats vector instructions, so indices are uint32 and rows are sliced before the inner loop; and a
literal such as ``0.0`` is a float64 that would drag float32 arithmetic with it, so constants are cast to the type of the
arrays.
"""

from models.compiled import njit

_kernel = njit(cache=True, error_model="numpy")
_sum_kernel = njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
"""Sums may be reordered for the sake of vector instructions; the order is fixed when the code is compiled."""


@_kernel
def transpose(samples, out):  # type: ignore[no-untyped-def]
    """Write [batch, neurons] into [neurons, batch].

    In tiles that use up a cache line of float32 once it is loaded: rows a power of two apart compete for the same few
    places in the cache.
    """
    tile = 16
    batch, neurons = samples.shape
    for n0 in range(0, batch, tile):
        for q0 in range(0, neurons, tile):
            for n in range(n0, min(n0 + tile, batch)):
                row = samples[n]
                for q in range(q0, min(q0 + tile, neurons)):
                    out[q, n] = row[q]


@_kernel
def scatter(values, position, out):  # type: ignore[no-untyped-def]
    """``out[position] = values``."""
    for e in range(values.size):
        out[position[e]] = values[e]


@_kernel
def gather(values, position, out):  # type: ignore[no-untyped-def]
    """``out = values[position]``."""
    for e in range(out.size):
        out[e] = values[position[e]]


@_sum_kernel
def weighted_sums(weights, source, start, rows, out):  # type: ignore[no-untyped-def]
    """``out[j] = sum of weights[e] * rows[source[e]]`` over the edges ``start[j] .. start[j + 1] - 1``.

    Four edges at a time, so that ``out[j]`` is loaded and stored once for four multiply-adds.

    Parameters
    ----------
    weights
        [W].
    source
        uint32 [W], rows of ``rows``.
    start
        int64 [n + 1].
    rows
        [m, batch].
    out
        [n, batch], overwritten.
    """
    batch = rows.shape[1]
    for j in range(out.shape[0]):
        total = out[j]
        total[:] = 0
        stop = start[j + 1]
        fours = start[j] + (stop - start[j]) // 4 * 4
        for e in range(start[j], fours, 4):
            w0, w1, w2, w3 = weights[e], weights[e + 1], weights[e + 2], weights[e + 3]
            r0, r1, r2, r3 = rows[source[e]], rows[source[e + 1]], rows[source[e + 2]], rows[source[e + 3]]
            for n in range(batch):
                total[n] += w0 * r0[n] + w1 * r1[n] + w2 * r2[n] + w3 * r3[n]
        for e in range(fours, stop):
            w0, r0 = weights[e], rows[source[e]]
            for n in range(batch):
                total[n] += w0 * r0[n]


@_sum_kernel
def edge_products(source, start, left, right, out):  # type: ignore[no-untyped-def]
    """``out[e] = sum over the batch of left[source[e]] * right[j]`` for every edge e of every right neuron j.

    Parameters
    ----------
    source
        uint32 [W].
    start
        int64 [n_right + 1].
    left
        [n_left, batch].
    right
        [n_right, batch].
    out
        [W], overwritten.
    """
    batch = left.shape[1]
    zero = left.dtype.type(0)
    for j in range(right.shape[0]):
        d = right[j]
        stop = start[j + 1]
        fours = start[j] + (stop - start[j]) // 4 * 4
        for e in range(start[j], fours, 4):
            r0, r1, r2, r3 = left[source[e]], left[source[e + 1]], left[source[e + 2]], left[source[e + 3]]
            s0, s1, s2, s3 = zero, zero, zero, zero
            for n in range(batch):
                s0 += d[n] * r0[n]
                s1 += d[n] * r1[n]
                s2 += d[n] * r2[n]
                s3 += d[n] * r3[n]
            out[e], out[e + 1], out[e + 2], out[e + 3] = s0, s1, s2, s3
        for e in range(fours, stop):
            r0 = left[source[e]]
            s0 = zero
            for n in range(batch):
                s0 += d[n] * r0[n]
            out[e] = s0


@_kernel
def add_bias(bias, low, high, sums):  # type: ignore[no-untyped-def]
    """Add ``bias`` [n] to ``sums`` [n, batch] in place and clip the result to ``low .. high``."""
    low, high = sums.dtype.type(low), sums.dtype.type(high)
    for j in range(sums.shape[0]):
        row, b = sums[j], bias[j]
        for n in range(row.size):
            s = row[n] + b
            s = low if s < low else s  # written so that a NaN passes through
            row[n] = high if s > high else s


@_sum_kernel
def row_sums(rows, out):  # type: ignore[no-untyped-def]
    """Sums of the rows [n, batch] into ``out`` [n]: the bias gradient from the deltas."""
    for j in range(out.size):
        row = rows[j]
        total = rows.dtype.type(0)
        for n in range(row.size):
            total += row[n]
        out[j] = total
