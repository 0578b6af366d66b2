"""Samples side by side, on vectors: packed into words for gathering, spread over rows again, or turned into columns.

Gathering costs a load for every edge however wide the word is, so the inputs of several samples are gathered at once.
Inputs are int16 [n, N_0]; the places of a sample's row are multiples of :data:`models.vector_code.LANES`, and what is
left of a row is for plain loops.
"""

from models.compiled import intrinsic
from models.vector_code import LANES, Writer

WORD_BITS = 64


@intrinsic
def pack(typingctx, inputs, rows, length, lowest, bits, words):
    """words[q] = inputs[rows[i], q] - lowest side by side in fields of ``bits`` (8 or 16), the first lowest; q < length.

    ``rows`` int64 [8 or 4] are offsets of first elements; ``words`` is uint64.
    """
    from numba import types

    def codegen(context, builder, signature, values):
        v = Writer(context, builder, signature, values)

        def packed(bits: int) -> None:
            n = WORD_BITS // bits
            starts = [builder.load(v.pointer(1, v.whole(i))) for i in range(n)]
            low = v.splat(values[3], 16, LANES)
            with v.cgutils.for_range(builder, builder.udiv(values[2], v.whole(LANES))) as loop:
                first = builder.mul(loop.index, v.whole(LANES))
                x = [builder.sub(v.load(v.pointer(0, start, first), LANES), low) for start in starts]
                if bits == 8:
                    up = v.constant(8, 16, LANES)
                    x = [builder.or_(a, builder.shl(b, up)) for a, b in zip(x[::2], x[1::2], strict=True)]
                even, odd = v.alternating(x[0], x[2]), v.alternating(x[1], x[3])
                halves = [half for pair in zip(even, odd, strict=True) for half in v.alternating(*pair)]
                for i, half in enumerate(halves):
                    v.store(half, v.pointer(5, first, v.whole(i * LANES // 4)))

        v.either(builder.icmp_signed("==", values[4], v.whole(8)), lambda: packed(8), lambda: packed(16))
        return context.get_dummy_value()

    return types.void(inputs, rows, length, lowest, bits, words), codegen


@intrinsic
def unpack(typingctx, words, length, lowest, bits, out, rows, first):
    """out[rows[i] + first + e] = field i of words[e] + lowest, e < length: what :func:`pack` put there."""
    from numba import types

    def codegen(context, builder, signature, values):
        v = Writer(context, builder, signature, values)

        def unpacked(bits: int) -> None:
            starts = [builder.add(builder.load(v.pointer(5, v.whole(i))), values[6]) for i in range(WORD_BITS // bits)]
            low = v.splat(values[2], 16, LANES)
            with v.cgutils.for_range(builder, builder.udiv(values[1], v.whole(LANES))) as loop:
                at = builder.mul(loop.index, v.whole(LANES))
                words = [v.load(v.pointer(0, at, v.whole(i * LANES // 4)), LANES, 16) for i in range(4)]
                parts = [words]
                if bits == 8:
                    mask, down = v.constant(255, 16, LANES), v.constant(8, 16, LANES)
                    parts = [[builder.and_(x, mask) for x in words], [builder.lshr(x, down) for x in words]]
                for offset, part in enumerate(parts):
                    (a, b), (c, d) = v.every_other(*part[:2]), v.every_other(*part[2:])
                    (first, third), (second, fourth) = v.every_other(a, c), v.every_other(b, d)
                    for i, x in enumerate((first, second, third, fourth)):
                        v.store(builder.add(x, low), v.pointer(4, starts[i * len(parts) + offset], at))

        v.either(builder.icmp_signed("==", values[3], v.whole(8)), lambda: unpacked(8), lambda: unpacked(16))
        return context.get_dummy_value()

    return types.void(words, length, lowest, bits, out, rows, first), codegen


@intrinsic
def turn(typingctx, inputs, rows, length, out):
    """out[q, i] = inputs[rows[i] + q], q < length, for LANES rows; ``rows`` as for :func:`pack`, ``out`` is int16."""
    from numba import types

    def codegen(context, builder, signature, values):
        v = Writer(context, builder, signature, values)
        with v.cgutils.for_range(builder, builder.udiv(values[2], v.whole(LANES))) as loop:
            at = builder.mul(loop.index, v.whole(LANES))
            starts = [builder.load(v.pointer(1, v.whole(i))) for i in range(LANES)]
            x = [v.load(v.pointer(0, start, at), LANES) for start in starts]
            for _ in range(LANES.bit_length() - 1):
                halves = zip(x[: LANES // 2], x[LANES // 2 :], strict=True)
                x = [part for pair in halves for part in v.alternating(*pair)]
            for i, column in enumerate(x):
                v.store(column, v.pointer(3, builder.mul(builder.add(at, v.whole(i)), v.whole(LANES))))
        return context.get_dummy_value()

    return types.void(inputs, rows, length, out), codegen
