"""Writing compiled code for vectors of integers by hand, where the compiler does not find it in plain loops by itself.

A vector of :data:`LANES` integers is an idea of the compiler's (LLVM) and not of a processor: it makes two or more registers
of one where they are narrower.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

LANES = 32
"""Integers of a vector; lengths are multiples of this."""


def is_compiled() -> bool:
    """Whether there is a compiler to write for: the variable of its own that turns it off may be set."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


class Writer:
    """Writes the instructions of one intrinsic, whose arguments are arrays (contiguous, nothing is checked) and integers."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        from llvmlite import ir
        from numba.core import cgutils

        self.ir: Any = ir
        self.cgutils: Any = cgutils
        self.context, self.b, self.types, self.arguments = context, builder, signature.args, arguments

    def vector(self, bits: int, lanes: int) -> Any:
        """The type of ``lanes`` integers."""
        return self.ir.VectorType(self.ir.IntType(bits), lanes)

    def constant(self, value: int, bits: int, lanes: int) -> Any:
        """The same known integer in every lane."""
        return self.ir.Constant(self.vector(bits, lanes), [value] * lanes)

    def whole(self, value: int) -> Any:
        """A known 64-bit integer."""
        return self.ir.Constant(self.ir.IntType(64), value)

    def shuffle(self, x: Any, y: Any, order: Iterable[int]) -> Any:
        """The elements of x followed by y that ``order`` numbers."""
        lanes = list(order)
        return self.b.shuffle_vector(x, y, self.ir.Constant(self.vector(32, len(lanes)), lanes))

    def every_other(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Elements at even and at odd places of x followed by y."""
        n = 2 * x.type.count
        return self.shuffle(x, y, range(0, n, 2)), self.shuffle(x, y, range(1, n, 2))

    def alternating(self, x: Any, y: Any) -> tuple[Any, Any]:
        """x[0], y[0], x[1], y[1] ..., as two vectors."""
        n = x.type.count
        order = [i // 2 + n * (i % 2) for i in range(2 * n)]
        return self.shuffle(x, y, order[:n]), self.shuffle(x, y, order[n:])

    def splat(self, value: Any, bits: int, lanes: int) -> Any:
        """A signed integer in every lane."""
        kind = self.ir.IntType(bits)
        if value.type.width != bits:
            value = self.b.sext(value, kind) if value.type.width < bits else self.b.trunc(value, kind)
        undefined = self.ir.Constant(self.ir.VectorType(kind, lanes), self.ir.Undefined)
        first = self.b.insert_element(undefined, value, self.ir.Constant(self.ir.IntType(32), 0))
        return self.shuffle(first, first, [0] * lanes)

    def pointer(self, argument: int, *at: Any) -> Any:
        """To the element at the sum of ``at``."""
        data = self.context.make_array(self.types[argument])(self.context, self.b, self.arguments[argument]).data
        index = at[0]
        for more in at[1:]:
            index = self.b.add(index, more)
        return self.b.gep(data, [index])

    def load(self, pointer: Any, lanes: int, bits: int = 0) -> Any:
        """``lanes`` integers, of the type that is pointed at unless ``bits`` are given."""
        kind = self.vector(bits or pointer.type.pointee.width, lanes)
        return self.b.load(self.b.bitcast(pointer, kind.as_pointer()), align=kind.element.width // 8)

    def store(self, value: Any, pointer: Any) -> None:
        """A vector, from where ``pointer`` points."""
        self.b.store(value, self.b.bitcast(pointer, value.type.as_pointer()), align=value.type.element.width // 8)

    def zeros(self, bits: int, lanes: int) -> Any:
        """A variable; what its sum of vectors needs stays in registers."""
        return self.variable(self.constant(0, bits, lanes))

    def variable(self, value: Any) -> Any:
        """A variable that begins as ``value``."""
        place = self.cgutils.alloca_once(self.b, value.type)
        self.b.store(value, place)
        return place

    def add_to(self, place: Any, value: Any) -> None:
        """Add to a variable."""
        self.b.store(self.b.add(self.b.load(place), value), place)

    def total(self, vector: Any) -> Any:
        """The sum of all lanes."""
        name = f"llvm.vector.reduce.add.v{vector.type.count}i{vector.type.element.width}"
        kind = self.ir.FunctionType(vector.type.element, [vector.type])
        return self.b.call(self.cgutils.get_or_insert_function(self.b.module, kind, name), [vector])

    def wide(self, vector: Any) -> Any:
        """In 32 bits."""
        return self.b.sext(vector, self.vector(32, vector.type.count))

    def pairs(self, vector: Any) -> Any:
        """Sums of neighbours: with the product in front of it, one instruction where the factors have 16 bits."""
        n = vector.type.count
        return self.b.add(self.shuffle(vector, vector, range(0, n, 2)), self.shuffle(vector, vector, range(1, n, 2)))

    def clipped(self, x: Any, low: Any, high: Any) -> Any:
        """Within low..high."""
        x = self.b.select(self.b.icmp_signed(">", x, low), x, low)
        return self.b.select(self.b.icmp_signed("<", x, high), x, high)

    def saturating_difference(self, x: Any, y: Any) -> Any:
        """x - y, or the nearest number that the type has."""
        name = f"llvm.ssub.sat.v{x.type.count}i{x.type.element.width}"
        kind = self.ir.FunctionType(x.type, [x.type, x.type])
        return self.b.call(self.cgutils.get_or_insert_function(self.b.module, kind, name), [x, y])

    def along(self, length: Any, body: Callable[[Any], None]) -> None:
        """``body(first)`` for every vector of ``length`` integers."""
        with self.cgutils.for_range(self.b, self.b.udiv(length, self.whole(LANES))) as loop:
            body(self.b.mul(loop.index, self.whole(LANES)))

    def either(self, condition: Any, then: Callable[[], None], otherwise: Callable[[], None]) -> None:
        """A branch."""
        with self.b.if_else(condition) as (yes, no):
            with yes:
                then()
            with no:
                otherwise()

    def half_high_product(self, x: Any, y: Any) -> Any:
        """(x * y + 2**14) >> 15 in 16 bits: one instruction of x86 that the compiler does not find."""
        lanes = x.type.count
        features = self.context.codegen().magic_tuple()[2].split(",")
        for registers, feature, name in ((32, "+avx512bw", "avx512.pmul.hr.sw.512"), (16, "+avx2", "avx2.pmul.hr.sw")):
            if feature in features and lanes == registers:
                kind = self.ir.FunctionType(x.type, [x.type, x.type])
                return self.b.call(self.cgutils.get_or_insert_function(self.b.module, kind, f"llvm.x86.{name}"), [x, y])
        if "+avx2" in features and lanes == 32:
            low, high = range(16), range(16, 32)
            parts = [self.half_high_product(self.shuffle(x, x, p), self.shuffle(y, y, p)) for p in (low, high)]
            return self.shuffle(parts[0], parts[1], range(32))
        product = self.b.mul(self.wide(x), self.wide(y))
        rounded = self.b.add(product, self.constant(1 << 14, 32, lanes))
        return self.b.trunc(self.b.ashr(rounded, self.constant(15, 32, lanes)), x.type)
