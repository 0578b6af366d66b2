"""The inner loops of a network of 16-bit integers, on vectors.

Every one computes the integers of a plain loop of :mod:`models.fixed.rows`. Rows have a multiple of
:data:`models.vector_code.LANES` places; sums are proved to fit 32 bits (:mod:`models.fixed.ranges`). Arrays are given
with a first index.
"""

from typing import Any

from models.compiled import intrinsic
from models.vector_code import LANES, Writer

GROUP = 4
"""Rows whose sums are made together."""

MOST_VECTORS = (1 << 15) - 1
"""In one call of :func:`steps`, which counts in 16 bits."""


def _narrowed(v: Writer, x: Any, drop: Any, half: Any, odd: Any) -> Any:
    """32-bit integers narrowed by :func:`models.fixed.rows.rounding_terms`."""
    by, half, odd = (v.splat(term, 32, x.type.count) for term in (drop, half, odd))
    return v.b.ashr(v.b.add(v.b.add(x, half), v.b.and_(v.b.ashr(x, by), odd)), by)


def _dots(typingctx: Any, narrowing: bool, *arguments: Any) -> Any:
    from numba import types

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        v = Writer(context, builder, signature, values)
        (w_first, w_step), (g_first, g_step), (rows, length) = values[1:3], values[4:6], values[6:8]

        def sums(first_row: Any, n: int) -> Any:
            """Sums of n rows, side by side in one vector."""
            totals = [v.zeros(32, LANES // 2) for _ in range(n)]
            starts = [
                [builder.add(first, builder.mul(builder.add(first_row, v.whole(r)), step)) for r in range(n)]
                for first, step in ((w_first, w_step), (g_first, g_step))
            ]

            def add(first: Any) -> None:
                for total, w_start, g_start in zip(totals, *starts, strict=True):
                    w, g = v.load(v.pointer(0, w_start, first), LANES), v.load(v.pointer(3, g_start, first), LANES)
                    product = builder.mul(v.wide(w), v.wide(g))
                    if narrowing:
                        product = _narrowed(v, product, *values[9:])
                    v.add_to(total, v.pairs(product))

            v.along(length, add)
            vectors = [builder.load(total) for total in totals]
            while len(vectors) > 1:
                vectors = [builder.add(*v.every_other(x, y)) for x, y in zip(vectors[::2], vectors[1::2], strict=True)]
            while vectors[0].type.count > n:
                vectors = [v.pairs(vectors[0])]
            return vectors[0]

        with v.cgutils.for_range(builder, builder.udiv(rows, v.whole(GROUP))) as loop:
            r = builder.mul(loop.index, v.whole(GROUP))
            v.store(sums(r, GROUP), v.pointer(8, r))
        with v.cgutils.for_range(builder, builder.urem(rows, v.whole(GROUP))) as loop:
            r = builder.add(builder.sub(rows, builder.urem(rows, v.whole(GROUP))), loop.index)
            v.store(sums(r, 1), v.pointer(8, r))
        return context.get_dummy_value()

    return types.void(*arguments), codegen


@intrinsic
def dots(typingctx, w, w_first, w_step, g, g_first, g_step, rows, length, out):
    """out[r] = sum of ``length`` products of row r of w and row r of g, r < rows; ``out`` is int32.

    Row r of w begins at w_first + r * w_step, that of g at g_first + r * g_step.
    """
    return _dots(typingctx, False, w, w_first, w_step, g, g_first, g_step, rows, length, out)


@intrinsic
def dots_narrowed(typingctx, w, w_first, w_step, g, g_first, g_step, rows, length, out, drop, half, odd):
    """Like :func:`dots`, but each product is narrowed by ``drop`` > 0 bits."""
    return _dots(typingctx, True, w, w_first, w_step, g, g_first, g_step, rows, length, out, drop, half, odd)


def _partials(typingctx: Any, narrowing: bool, *arguments: Any) -> Any:
    from numba import types

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        v = Writer(context, builder, signature, values)
        w_first, rows, length = values[1:4]

        def columns(first: Any) -> None:
            total = v.zeros(32, LANES)
            with v.cgutils.for_range(builder, rows) as loop:
                w = v.wide(v.load(v.pointer(0, w_first, builder.mul(loop.index, length), first), LANES))
                product = builder.mul(w, v.splat(builder.load(v.pointer(4, loop.index)), 32, LANES))
                v.add_to(total, _narrowed(v, product, *values[6:]) if narrowing else product)
            v.store(builder.load(total), v.pointer(5, first))

        v.along(length, columns)
        return context.get_dummy_value()

    return types.void(*arguments), codegen


@intrinsic
def partials(typingctx, w, w_first, rows, length, delta, out):
    """out[i] = sum over r < rows of w[w_first + r * length + i] * delta[r], i < length; ``out`` is int32."""
    return _partials(typingctx, False, w, w_first, rows, length, delta, out)


@intrinsic
def partials_narrowed(typingctx, w, w_first, rows, length, delta, out, drop, half, odd):
    """Like :func:`partials`, but each product is narrowed by ``drop`` > 0 bits."""
    return _partials(typingctx, True, w, w_first, rows, length, delta, out, drop, half, odd)


def _steps(typingctx: Any, rounding: bool, *arguments: Any) -> Any:
    from numba import types

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        v = Writer(context, builder, signature, values)
        w_first, (g_first, g_step), (rows, length), limits = values[1], values[3:5], values[6:8], values[9:11]
        masks = context.make_array(signature.args[5])(context, builder, values[5])
        masked = builder.icmp_signed("!=", masks.nitems, v.whole(0))
        count = v.zeros(16, LANES)

        def row(r: Any, delta: Any, masking: bool) -> None:
            def step(first: Any) -> None:
                at = w_first, builder.mul(r, length), first
                place = v.pointer(0, *at)
                old, g = v.load(place, LANES), v.load(v.pointer(2, g_first, builder.mul(r, g_step), first), LANES)
                bits = 32 if rounding else 16
                if rounding:
                    product = builder.mul(v.wide(g), v.splat(delta, 32, LANES))
                    lifted = builder.shl(product, v.splat(values[11], 32, LANES))
                    old, change = v.wide(old), _narrowed(v, lifted, *values[12:])
                else:
                    change = v.half_high_product(g, v.splat(delta, 16, LANES))
                if masking:
                    mask = v.load(v.pointer(5, *at), LANES)
                    change = builder.and_(change, v.wide(mask) if rounding else mask)
                new = builder.sub(old, change)
                near = new if rounding else v.saturating_difference(old, change)
                kept = v.clipped(near, *(v.splat(limit, bits, LANES) for limit in limits))
                short = v.vector(16, LANES)
                v.store(builder.trunc(kept, short) if rounding else kept, place)
                v.add_to(count, builder.zext(builder.icmp_signed("!=", kept, new), short))

            v.along(length, step)

        def all_rows(masking: bool) -> None:
            with v.cgutils.for_range(builder, rows) as loop:
                delta = builder.load(v.pointer(8, loop.index))
                with builder.if_then(builder.icmp_signed("!=", delta, v.ir.Constant(delta.type, 0))):
                    row(loop.index, delta, masking)

        v.either(masked, lambda: all_rows(True), lambda: all_rows(False))
        return builder.sext(v.total(v.wide(builder.load(count))), v.ir.IntType(64))

    return types.int64(*arguments), codegen


@intrinsic
def steps(typingctx, w, w_first, g, g_first, g_step, mask, rows, length, delta, low, high):
    """w[r, i] -= (g[r, i] * delta[r] + 2**14) >> 15, clipped to low..high; returns how many were clipped.

    Row r of w begins at w_first + r * length, that of g at g_first + r * g_step. Where ``mask`` (0 or -1, the same places as
    w, or of size 0 if there is none) is 0, w stays. At most :data:`MOST_VECTORS` in all.
    """
    return _steps(typingctx, False, w, w_first, g, g_first, g_step, mask, rows, length, delta, low, high)


@intrinsic
def steps_rounded(
    typingctx, w, w_first, g, g_first, g_step, mask, rows, length, delta, low, high, appended, drop, half, odd
):
    """Like :func:`steps`, but products get ``appended`` bits or are narrowed by ``drop``, in 32 bits."""
    rounding = appended, drop, half, odd
    return _steps(typingctx, True, w, w_first, g, g_first, g_step, mask, rows, length, delta, low, high, *rounding)


def _sample_dots(typingctx: Any, narrowing: bool, *arguments: Any) -> Any:
    from numba import types

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        v = Writer(context, builder, signature, values)
        first, half = values[2], LANES // 2
        sums = [v.zeros(32, half) for _ in range(2)]
        # Registers of 128 bits are interleaved each by itself, which is the cheapest order there is.
        orders = [[8 * k + 4 * part + i // 2 + LANES * (i % 2) for k in range(4) for i in range(8)] for part in range(2)]

        with v.cgutils.for_range(builder, builder.udiv(values[3], v.whole(2))) as loop:
            e = builder.add(first, builder.mul(loop.index, v.whole(2)))
            at = [builder.zext(builder.load(v.pointer(1, e, v.whole(i))), v.ir.IntType(64)) for i in range(2)]
            x = [v.load(v.pointer(4, builder.mul(a, v.whole(LANES))), LANES) for a in at]
            w = v.load(v.pointer(0, e), 2)
            w = v.wide(v.shuffle(w, w, [0, 1] * half))
            for place, order in zip(sums, orders, strict=True):
                product = builder.mul(v.wide(v.shuffle(*x, order)), w)
                v.add_to(place, v.pairs(_narrowed(v, product, *values[6:]) if narrowing else product))
        low, high = (builder.load(place) for place in sums)
        back = [4 * k + i + half * part for k in range(4) for part in range(2) for i in range(4)]
        v.store(v.shuffle(low, high, back), v.pointer(5, v.whole(0)))
        return context.get_dummy_value()

    return types.void(*arguments), codegen


@intrinsic
def sample_dots(typingctx, w, left, first, length, x, out):
    """out[s] = sum of w[first + i] * x[left[first + i], s], i < length, for LANES samples s at once."""
    return _sample_dots(typingctx, False, w, left, first, length, x, out)


@intrinsic
def sample_dots_narrowed(typingctx, w, left, first, length, x, out, drop, half, odd):
    """Like :func:`sample_dots`, but each product is narrowed by ``drop`` > 0 bits."""
    return _sample_dots(typingctx, True, w, left, first, length, x, out, drop, half, odd)
