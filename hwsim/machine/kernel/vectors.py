"""Loops over the edges of a junction of 16-bit integers, on vectors (:mod:`models.vector_code`).

Rows of weights and of left activations follow each other without gaps, and so do those of a sweep. Of the last vector of a
row only what belongs to it counts; loads reach up to a vector behind the end of an array, and so do stores of :func:`turn`.
"""

from typing import Any

from models.compiled import intrinsic
from models.vector_code import LANES, Writer

GROUP = 8
"""Rows whose sums are made together."""


def _rest(v: Writer, length: Any) -> tuple[Any, Any]:
    """How many integers of a row its whole vectors leave over, and a mask of those in a vector."""
    rest = v.b.urem(length, v.whole(LANES))
    lane = v.ir.Constant(v.vector(16, LANES), list(range(LANES)))
    return rest, v.b.icmp_signed("<", lane, v.splat(rest, 16, LANES))


@intrinsic
def dots(typingctx, w, x, rows, step, length, out):
    """out[r] = sum of w[r * step + i] * x[r * step + i], i < length, modulo 2**32; ``out`` is int32 [rows]."""
    from numba import types

    def codegen(context, builder, signature, values):
        v = Writer(context, builder, signature, values)
        rows, step, length = values[2:5]
        rest, mask = _rest(v, length)
        nothing = v.constant(0, 16, LANES)

        def sums(first_row: Any, n: int) -> Any:
            totals = [v.zeros(32, LANES // 2) for _ in range(n)]
            starts = [builder.mul(builder.add(first_row, v.whole(r)), step) for r in range(n)]

            def add(first: Any, last: bool) -> None:
                for total, start in zip(totals, starts, strict=True):
                    a, b = (v.load(v.pointer(i, start, first), LANES) for i in (0, 1))
                    a = builder.select(mask, a, nothing) if last else a
                    v.add_to(total, v.pairs(builder.mul(v.wide(a), v.wide(b))))

            v.along(length, lambda first: add(first, last=False))
            with builder.if_then(builder.icmp_unsigned("!=", rest, v.whole(0))):
                add(builder.sub(length, rest), last=True)
            vectors = [builder.load(total) for total in totals]
            while len(vectors) > 1:
                vectors = [builder.add(*v.every_other(a, b)) for a, b in zip(vectors[::2], vectors[1::2], strict=True)]
            while vectors[0].type.count > n:
                vectors = [v.pairs(vectors[0])]
            return vectors[0]

        left_over = builder.urem(rows, v.whole(GROUP))
        with v.cgutils.for_range(builder, builder.udiv(rows, v.whole(GROUP))) as loop:
            r = builder.mul(loop.index, v.whole(GROUP))
            v.store(sums(r, GROUP), v.pointer(5, r))
        with v.cgutils.for_range(builder, left_over) as loop:
            r = builder.add(builder.sub(rows, left_over), loop.index)
            v.store(sums(r, 1), v.pointer(5, r))
        return context.get_dummy_value()

    return types.void(w, x, rows, step, length, out), codegen


@intrinsic
def steps(typingctx, w, x, rows, length, delta, low, high):
    """w[r, i] -= (x[r, i] * delta[r] + 2**14) >> 15, then the nearest in low..high; returns how often that is another.

    No such product may be 2**30; ``delta`` is int16 [rows].
    """
    from numba import types

    def codegen(context, builder, signature, values):
        v = Writer(context, builder, signature, values)
        rows, length = values[2:4]
        limits = [v.splat(limit, 16, LANES) for limit in values[5:7]]
        rest, mask = _rest(v, length)
        count = v.variable(v.whole(0))
        bits = v.ir.IntType(LANES)
        ones = v.cgutils.get_or_insert_function(builder.module, v.ir.FunctionType(bits, [bits]), f"llvm.ctpop.i{LANES}")

        def change(r: Any, delta: Any, first: Any, last: bool) -> None:
            start = builder.mul(r, length)
            place = v.pointer(0, start, first)
            old, left = v.load(place, LANES), v.load(v.pointer(1, start, first), LANES)
            step = v.half_high_product(left, delta)
            exact = builder.sub(old, step)
            near = v.clipped(v.saturating_difference(old, step), *limits)
            differ = builder.icmp_signed("!=", near, exact)
            if last:
                near, differ = builder.select(mask, near, old), builder.and_(differ, mask)
            v.store(near, place)
            v.add_to(count, builder.zext(builder.call(ones, [builder.bitcast(differ, bits)]), v.ir.IntType(64)))

        with v.cgutils.for_range(builder, rows) as loop:
            one = builder.load(v.pointer(4, loop.index))
            with builder.if_then(builder.icmp_signed("!=", one, v.ir.Constant(one.type, 0))):
                delta = v.splat(one, 16, LANES)
                v.along(length, lambda first: change(loop.index, delta, first, last=False))
                with builder.if_then(builder.icmp_unsigned("!=", rest, v.whole(0))):
                    change(loop.index, delta, builder.sub(length, rest), last=True)
        return builder.load(count)

    return types.int64(w, x, rows, length, delta, low, high), codegen


DEPTHS = 2, 4, 8, 16
"""Rows of a bank (words of a memory) whose columns can be turned: unrolled, all rows of some columns are in registers."""


def _turning(back: bool, *arguments: Any) -> Any:
    from numba import types

    def codegen(context, builder, signature, values):
        v = Writer(context, builder, signature, values)
        depth, columns, sweeps = values[3:6]
        last = builder.udiv(builder.sub(columns, v.whole(1)), v.whole(LANES))
        wide = builder.mul(builder.add(last, v.whole(1)), v.whole(LANES))
        size = builder.mul(depth, columns)

        def turned(rows: int, sweep: Any, column: Any) -> list[Any]:
            """All rows of some columns of one sweep."""
            start = builder.mul(sweep, size) if back else v.whole(0)
            x = [v.load(v.pointer(0, start, builder.mul(columns, v.whole(r)), column), LANES) for r in range(rows)]
            stages = rows.bit_length() - 1
            for stage in range(stages):
                at = builder.add(builder.mul(sweep, v.whole(stages)), v.whole(stage))
                mask = v.load(v.pointer(2, builder.mul(at, wide), column), LANES)
                mask = v.wide(mask) if back else mask
                by = -(1 << stage) if back else 1 << stage
                others = [x[(r + by) % rows] for r in range(rows)]
                x = [builder.xor(a, builder.and_(builder.xor(a, b), mask)) for a, b in zip(x, others, strict=True)]
            return x

        def columns_of(rows: int, column: Any) -> None:
            sums = [v.zeros(32, LANES) for _ in range(rows)] if back else []
            with v.cgutils.for_range(builder, sweeps) as sweep:
                for r, one in enumerate(turned(rows, sweep.index, column)):
                    if back:
                        v.add_to(sums[r], one)
                    else:
                        at = builder.add(builder.mul(sweep.index, size), builder.mul(columns, v.whole(r)))
                        v.store(one, v.pointer(1, at, column))
            for r, total in enumerate(sums):
                v.store(builder.load(total), v.pointer(1, builder.mul(columns, v.whole(r)), column))

        for rows in DEPTHS:
            with (
                builder.if_then(builder.icmp_unsigned("==", depth, v.whole(rows))),
                v.cgutils.for_range(builder, builder.add(last, v.whole(1))) as block,
            ):
                # The last columns come first: what is stored behind a row is where the columns that follow belong.
                columns_of(rows, builder.mul(builder.sub(last, block.index), v.whole(LANES)))
        return context.get_dummy_value()

    return types.void(*arguments), codegen


@intrinsic
def turn(typingctx, x, out, masks, rows, columns, sweeps):
    """out[s, r, m] = x[(r + by[s, m]) modulo rows, m], where ``rows`` is one of :data:`DEPTHS`.

    Bit k of ``by`` is that of masks[s, k, m] (int16, 0 or -1), the rows of which are whole vectors.
    """
    return _turning(False, x, out, masks, rows, columns, sweeps)


@intrinsic
def turn_back(typingctx, x, out, masks, rows, columns, sweeps):
    """out[r, m] = sum over s of x[s, (r - by[s, m]) modulo rows, m]; both are int32."""
    return _turning(True, x, out, masks, rows, columns, sweeps)
