"""The inner loop of every product: a tile of the result, held in vector registers.

Plain loops reach a tenth of what the processor can do, since compilers do not keep a block of
the result in registers. So this loop is written as LLVM vector instructions, by hand::

                       B[row k]   [ b0 b1 .. | .. ]         `vectors` loads
                                      |
    A[k, m]  one factor for     C[m]  += A[k, m] * B[k]     rows x vectors fused
    each row, copied to         tile of rows x vectors      multiply-adds, nothing
    all lanes of a vector       accumulators                stored until k is done

Each step loads `rows` factors and `vectors` vectors and does rows x vectors multiply-adds on
them: the larger the tile, the fewer loads for each. Row k of B lies where `offsets[k]` says.
In a matrix product that is k times the width of a packed panel; in a convolution it is where
the k-th tap of the kernel meets the image, so that the same loop does both.

The scheme is that of BLIS (Van Zee and van de Geijn, ACM TOMS 41, 2015), where this loop is
called the micro-kernel.
"""

from __future__ import annotations

from typing import Any

from .machine import TILES, VECTOR_BYTES
from .vectors import Vectors, for_range, intrinsic, ir, types

__all__ = ["accumulate_tile"]


def _micro_kernel(rows: int, vectors: int, vector_bytes: int) -> Any:
    """Return the intrinsic for tiles of `rows` x `vectors`; see `accumulate_tile`."""

    @intrinsic
    def micro(
        context: Any, length: Any, a: Any, a_start: Any, b: Any, b_start: Any, offsets: Any,
        c: Any, c_start: Any, c_row: Any, keep: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            length, a, a_start, b, b_start, offsets, c, c_start, c_row, keep = values
            v = Vectors(context, builder, signature.args[6], vector_bytes)
            first_row = v.at(c, c_start)
            c_rows = [
                builder.gep(first_row, [builder.mul(c_row, v.constant(m))]) for m in range(rows)
            ]
            tile = v.accumulators(rows, vectors)
            kept = builder.icmp_signed("!=", keep, ir.Constant(keep.type, 0))
            with builder.if_else(kept) as (then, otherwise):
                with then:
                    for m in range(rows):
                        for n in range(vectors):
                            builder.store(v.load(c_rows[m], n), tile[m][n])
                with otherwise:
                    v.zero(tile)
            a, b = v.at(a, a_start), v.at(b, b_start)
            offsets = context.make_array(signature.args[5])(context, builder, offsets).data
            with for_range(builder, length, intp=v.index) as loop:
                b_row = builder.gep(b, [builder.load(builder.gep(offsets, [loop.index]))])
                columns = [v.load(b_row, n) for n in range(vectors)]
                factors = builder.gep(a, [builder.mul(loop.index, v.constant(rows))])
                for m in range(rows):
                    factor = v.in_all_lanes(builder.load(v.beyond(factors, m)))
                    for n in range(vectors):
                        v.add_product(tile[m][n], factor, columns[n])
            for m in range(rows):
                for n in range(vectors):
                    v.store(builder.load(tile[m][n]), c_rows[m], n)
            return context.get_dummy_value()

        return (
            types.void(length, a, a_start, b, b_start, offsets, c, c_start, c_row, keep),
            generate,
        )

    return micro


_square, _lower, _lowest = (_micro_kernel(*tile, VECTOR_BYTES) for tile in TILES)


def accumulate_tile(
    tile: int, length: int, a: Any, a_start: int, b: Any, b_start: int, offsets: Any,
    c: Any, c_start: int, c_row: int, keep: int,
) -> None:  # fmt: skip
    """Set, or with `keep` increase, a tile of C by a product, within kernels::

        C[c_start + m c_row + j] (+)= sum over k < length of
            A[a_start + k rows + m] * B[b_start + offsets[k] + j]

    for the rows m and the columns j of the tile. Nothing is checked: whole tiles are read and
    written, so operands need room for them.

    Args:
        tile: which of `machine.TILES`.
    """
    if tile == 0:
        _square(length, a, a_start, b, b_start, offsets, c, c_start, c_row, keep)
    elif tile == 1:
        _lower(length, a, a_start, b, b_start, offsets, c, c_start, c_row, keep)
    else:
        _lowest(length, a, a_start, b, b_start, offsets, c, c_start, c_row, keep)
