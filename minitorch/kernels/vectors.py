"""Vector instructions for kernels, in the words of LLVM.

What Numba compiles is LLVM's intermediate language, and a function decorated as an `intrinsic`
may write it directly. It is called twice: with types, it returns the signature and a generator;
the generator then gets the builder, which appends instructions. This file keeps what the
intrinsics of the other files share, and the untyped corners of Numba that they stand on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba.core.types
import numba.extending
from llvmlite import ir
from numba.core import cgutils

__all__ = ["Vectors", "for_range", "intrinsic", "ir", "types", "utilities"]

utilities: Any = cgutils
for_range: Any = utilities.for_range
types: Any = numba.core.types


def intrinsic(function: Callable[..., Any]) -> Any:
    """Return `numba.extending.intrinsic(function)`."""
    return numba.extending.intrinsic(function)


class Vectors:
    """Vector instructions on arrays of one kind of number, as LLVM has them.

    Args:
        context, builder: what Numba hands to the code of an intrinsic.
        kind: the Numba type of the arrays.
        vector_bytes: the width of a vector.
    """

    def __init__(self, context: Any, builder: Any, kind: Any, vector_bytes: int) -> None:
        self.context, self.builder, self.kind = context, builder, kind
        self.itemsize = kind.dtype.bitwidth // 8
        self.lanes = vector_bytes // self.itemsize
        self.number = context.get_value_type(kind.dtype)
        self.vector = ir.VectorType(self.number, self.lanes)
        self.index = context.get_value_type(types.intp)

    def constant(self, number: int) -> Any:
        """Return a whole number for address arithmetic."""
        return ir.Constant(self.index, number)

    def at(self, array: Any, start: Any) -> Any:
        """Return the address of an array's element."""
        data = self.context.make_array(self.kind)(self.context, self.builder, array).data
        return self.builder.gep(data, [start])

    def beyond(self, address: Any, count: int) -> Any:
        """Return the address `count` elements further on."""
        return self.builder.gep(address, [self.constant(count)])

    def _place(self, address: Any, number: int) -> Any:
        return self.builder.bitcast(
            self.beyond(address, number * self.lanes), self.vector.as_pointer()
        )

    def load(self, address: Any, number: int = 0) -> Any:
        """Return the vector that lies `number` vectors after `address`."""
        loaded = self.builder.load(self._place(address, number))
        loaded.align = self.itemsize
        return loaded

    def store(self, value: Any, address: Any, number: int = 0) -> None:
        """Store a vector `number` vectors after `address`."""
        stored = self.builder.store(value, self._place(address, number))
        stored.align = self.itemsize

    def in_all_lanes(self, value: Any) -> Any:
        """Return a vector with one number in all lanes."""
        whole = ir.IntType(32)
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.Constant(whole, 0))
        zeros = ir.Constant(ir.VectorType(whole, self.lanes), None)
        return self.builder.shuffle_vector(first, undefined, zeros)

    def accumulators(self, rows: int, columns: int) -> list[list[Any]]:
        """Return rows x columns variables for vectors, which LLVM keeps in registers."""
        return [
            [utilities.alloca_once(self.builder, self.vector) for _ in range(columns)]
            for _ in range(rows)
        ]

    def zero(self, tile: list[list[Any]]) -> None:
        """Set accumulators to zero."""
        for row in tile:
            for accumulator in row:
                self.builder.store(ir.Constant(self.vector, None), accumulator)

    def add_product(self, accumulator: Any, left: Any, right: Any) -> None:
        """Add left * right; where the processor cannot fuse, a product and a sum."""
        multiply_add = utilities.get_or_insert_function(
            self.builder.module,
            ir.FunctionType(self.vector, [self.vector] * 3),
            f"llvm.fmuladd.v{self.lanes}f{8 * self.itemsize}",
        )
        total = self.builder.load(accumulator)
        self.builder.store(self.builder.call(multiply_add, [left, right, total]), accumulator)

    def sum(self, vector: Any) -> Any:
        """Return the sum of the lanes."""
        reduce = utilities.get_or_insert_function(
            self.builder.module,
            ir.FunctionType(self.number, [self.number, self.vector]),
            f"llvm.vector.reduce.fadd.v{self.lanes}f{8 * self.itemsize}",
        )
        zero = ir.Constant(self.number, 0.0)
        return self.builder.call(reduce, [zero, vector], fastmath=("reassoc", "nsz"))
