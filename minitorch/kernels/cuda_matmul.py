"""The matrix product on a GPU: tiles in shared memory, results in registers.

Each block computes one tile of the output, going along k through both matrices (`cuda_tiles.py`
tells what it does with the tiles). What it waits for is global memory. So the numbers of the next
tile are asked for before the present one is multiplied, and are put into shared memory after it::

    global memory    fetch 1          fetch 2          fetch 3
    shared memory             put 1            put 2            put 3
    arithmetic       multiply 0       multiply 1       multiply 2

Any strides are right. Rows that lie contiguously are read along k on the left and along the columns
on the right, transposed ones the other way round: a warp always reads neighbours.
"""

from __future__ import annotations

import functools
from typing import Any

import numba
import numpy as np

from .. import operators
from ..cuda_target import CudaKernel, cuda, empty
from .cuda_reduce import fold
from .cuda_tiles import ALIGNMENT, VECTOR, Tile, planned, tile_functions, unsigned

__all__ = ["multiply", "product_kernel"]

Ints = tuple[int, ...]


@functools.cache
def product_kernel(dtype: np.dtype[Any], tile: Tile) -> CudaKernel:
    """Return the kernel that fills `out` with matrix products, by tiles.

    It takes `(out, out_steps, a, a_steps, b, b_steps, sizes, parts, span)`: three storages, `out`
    of `dtype`, with their strides over (batch, rows, columns), and `sizes` of (rows, columns,
    length). Each sum is cut into `parts`: part p has `span` products from k = p * span on, and the
    parts of a matrix follow one another in `out` as matrices of their own. It is launched with
    blocks of tile.across x tile.down threads, one for each tile, part and matrix of the batch, the
    tiles of a row running fastest.
    """
    kind = numba.from_dtype(dtype)
    cleared, multiplied, first_of = tile_functions(kind, tile)
    high, wide, across, depth = tile.high, tile.wide, tile.across, tile.depth
    tile_rows, tile_columns, pad = tile.rows, tile.columns, tile.pad
    # The numbers of a line of each tile, of a tile, and of those that one thread brings.
    a_line, b_line = tile_rows + pad, tile_columns + pad
    a_size, b_size = depth * a_line, depth * b_line
    a_two, b_two = 2 * a_size, 2 * b_size
    a_share, b_share = tile_rows * depth // tile.threads, tile_columns * depth // tile.threads
    row_group, column_group = min(high, VECTOR), min(wide, VECTOR)
    next_rows, next_columns = tile.down * row_group, across * column_group

    def fetched(
        coming: Any, share: int, storage: Any, at: int, step: int,
        side: int, side_hop: int, side_end: int, k: int, k_hop: int, k_end: int,
    ) -> None:  # fmt: skip
        """Read a thread's share of a tile into registers; zeros outside of the matrix."""
        for i in range(share):
            coming[i] = 0
            if side + i * side_hop < side_end and k + i * k_hop < k_end:
                coming[i] = storage[unsigned(at + i * step)]

    def product(
        out: Any, out_steps: Any, a: Any, a_steps: Any, b: Any, b_steps: Any,
        sizes: Any, parts: int, span: int,
    ) -> None:  # fmt: skip
        a_tile = cuda.shared.array(a_two, kind, ALIGNMENT)
        b_tile = cuda.shared.array(b_two, kind, ALIGNMENT)
        sums = cuda.local.array((high, wide), kind)
        a_coming = cuda.local.array(a_share, kind)
        b_coming = cuda.local.array(b_share, kind)
        rows, columns = sizes[0], sizes[1]
        tiles_across = (columns + tile_columns - 1) // tile_columns
        tiles_down = (rows + tile_rows - 1) // tile_rows
        column = cuda.blockIdx.x % tiles_across * tile_columns
        rest = cuda.blockIdx.x // tiles_across
        row = rest % tiles_down * tile_rows
        matrix = rest // tiles_down
        k = matrix % parts * span
        k_end = min(k + span, sizes[2])

        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        thread = y * across + x
        a_side, a_k, a_side_hop, a_k_hop = first_of(thread, tile_rows, a_steps[2] == 1)
        b_side, b_k, b_side_hop, b_k_hop = first_of(thread, tile_columns, b_steps[1] == 1)
        a_put, a_put_hop = a_k * a_line + a_side, a_k_hop * a_line + a_side_hop
        b_put, b_put_hop = b_k * b_line + b_side, b_k_hop * b_line + b_side_hop
        a_side += row
        b_side += column
        a_at = matrix // parts * a_steps[0] + a_side * a_steps[1] + (k + a_k) * a_steps[2]
        b_at = matrix // parts * b_steps[0] + b_side * b_steps[2] + (k + b_k) * b_steps[1]
        a_hop = a_side_hop * a_steps[1] + a_k_hop * a_steps[2]
        b_hop = b_side_hop * b_steps[2] + b_k_hop * b_steps[1]

        cleared(sums)
        fetched(
            a_coming, a_share, a, a_at, a_hop, a_side, a_side_hop, rows, k + a_k, a_k_hop, k_end
        )
        fetched(
            b_coming, b_share, b, b_at, b_hop, b_side, b_side_hop, columns, k + b_k, b_k_hop, k_end
        )
        now = 0
        while k < k_end:
            for i in range(a_share):
                a_tile[unsigned(now * a_size + a_put + i * a_put_hop)] = a_coming[i]
            for i in range(b_share):
                b_tile[unsigned(now * b_size + b_put + i * b_put_hop)] = b_coming[i]
            # After this all have put their share, and none still reads what will be put next.
            cuda.syncthreads()
            k += depth
            a_at += depth * a_steps[2]
            b_at += depth * b_steps[1]
            fetched(
                a_coming, a_share, a, a_at, a_hop, a_side, a_side_hop, rows, k + a_k, a_k_hop, k_end
            )
            fetched(
                b_coming,
                b_share,
                b,
                b_at,
                b_hop,
                b_side,
                b_side_hop,
                columns,
                k + b_k,
                b_k_hop,
                k_end,
            )
            for line in range(depth):
                multiplied(
                    sums,
                    a_tile, now * a_size + line * a_line + y * row_group,
                    b_tile, now * b_size + line * b_line + x * column_group,
                )  # fmt: skip
            now = 1 - now

        row += y * row_group
        column += x * column_group
        for i in range(high):
            r = row + i // row_group * next_rows + i % row_group
            if r < rows:
                for j in range(wide):
                    c = column + j // column_group * next_columns + j % column_group
                    if c < columns:
                        at = matrix * out_steps[0] + r * out_steps[1] + c * out_steps[2]
                        out[unsigned(at)] = sums[i, j]

    return CudaKernel(product)


def multiply(
    out: Any, out_steps: Ints, a: Any, a_steps: Ints, b: Any, b_steps: Ints,
    batch: int, rows: int, columns: int, length: int,
) -> None:  # fmt: skip
    """Fill `out` with a batch of matrix products.

    Args:
        out, a, b: device storages; `out` is contiguous, and its dtype that of the arithmetic.
        out_steps, a_steps, b_steps: their strides over (batch, rows, columns).
        batch, rows, columns, length: (batch, rows, length) @ (batch, length, columns).
    """
    tile, parts, span = planned(rows, columns, length, batch, out.dtype.itemsize)
    target, steps = out, out_steps
    if parts > 1:
        target = empty(batch * parts * rows * columns, out.dtype)
        steps = (rows * columns, columns, 1)
    product_kernel(out.dtype, tile).launch(
        batch * parts * tile.blocks(rows, columns), (tile.across, tile.down),
        target, steps, a, a_steps, b, b_steps, (rows, columns, length), parts, span,
    )  # fmt: skip
    if parts > 1:
        fold(operators.add, 0.0, out, target, batch, parts, rows * columns)
