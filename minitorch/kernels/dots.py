"""A tile of inner products: the other way to hold a product in registers.

Where both operands are contiguous along the summed dimension and the result is small, nothing
need be packed. Lanes are neighbouring k, and each accumulator is summed up at the end::

                     B0   B1   B2   B3       4 + 4 loads for 16 multiply-adds, and
              A0   [ .... ....  .      ]     a sum over the lanes of each accumulator,
              A1   [ .... each a vector]     which pays off when k runs long
"""

from __future__ import annotations

from typing import Any

from .machine import DOT_TILE, VECTOR_BYTES
from .vectors import Vectors, for_range, intrinsic, types

__all__ = ["add_dot_products"]


def _dot_kernel(rows: int, columns: int, vector_bytes: int) -> Any:
    """Return the intrinsic for tiles of inner products; see `add_dot_products`."""

    @intrinsic
    def dots(
        context: Any, vectors: Any, a: Any, a_start: Any, a_row: Any,
        b: Any, starts: Any, first: Any, c: Any, c_start: Any, c_row: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            vectors, a, a_start, a_row, b, starts, first, c, c_start, c_row = values
            v = Vectors(context, builder, signature.args[1], vector_bytes)
            table = context.make_array(signature.args[5])(context, builder, starts).data
            table = builder.gep(table, [first])

            def row(array: Any, start: Any, step: Any, number: int) -> Any:
                return v.at(array, builder.add(start, builder.mul(step, v.constant(number))))

            a_rows = [row(a, a_start, a_row, m) for m in range(rows)]
            b_rows = [v.at(b, builder.load(v.beyond(table, n))) for n in range(columns)]
            tile = v.accumulators(rows, columns)
            v.zero(tile)
            with for_range(builder, vectors, intp=v.index) as loop:
                at = builder.mul(loop.index, v.constant(v.lanes))
                right = [v.load(builder.gep(b_row, [at])) for b_row in b_rows]
                for m in range(rows):
                    left = v.load(builder.gep(a_rows[m], [at]))
                    for n in range(columns):
                        v.add_product(tile[m][n], left, right[n])
            for m in range(rows):
                c_place = row(c, c_start, c_row, m)
                for n in range(columns):
                    place = v.beyond(c_place, n)
                    total = v.sum(builder.load(tile[m][n]))
                    builder.store(builder.fadd(builder.load(place), total), place)
            return context.get_dummy_value()

        return types.void(vectors, a, a_start, a_row, b, starts, first, c, c_start, c_row), generate

    return dots


_dots = _dot_kernel(*DOT_TILE, VECTOR_BYTES)


def add_dot_products(
    vectors: int, a: Any, a_start: int, a_row: int, b: Any, starts: Any, first: int,
    c: Any, c_start: int, c_row: int,
) -> None:  # fmt: skip
    """Add a tile of inner products to C, within kernels::

        C[c_start + m c_row + n] += sum over k < vectors * lanes of
            A[a_start + m a_row + k] * B[starts[first + n] + k]

    for the rows m and the columns n of `machine.DOT_TILE`. Nothing is checked: the sums go over
    whole vectors, so operands need room for them, and zeros in one of them.
    """
    _dots(vectors, a, a_start, a_row, b, starts, first, c, c_start, c_row)
