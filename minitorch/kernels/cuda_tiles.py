"""A tile of a product on a GPU: what a thread reads often, it holds in registers.

A block of the course's product (`cuda_ops.py`) reads two numbers from shared memory for each
multiplication, and so spends its time on reading. Here a thread computes not one result but, say,
8 x 8. For each k it reads 8 numbers of the left tile and 8 of the right into registers, and
multiplies each with each: 64 multiplications for 16 numbers, which come four at a time::

                        right   b b b b b b b b     one line k of the right tile
             left  a            . . . . . . . .
                   a            . . . . . . . .     sums[i, j] += left[i] * right[j]
                   a            . . . . . . . .     64 sums, each in a register
                   ...          ...

Both tiles lie in shared memory with k as the slow dimension, so that these numbers are neighbours.
There are two of each: while one is multiplied with, the next is on its way from global memory, and
one barrier for each tile is enough.

The arithmetic is that of Volkov and Demmel, Benchmarking GPUs to tune dense linear algebra (2008);
the vector loads and the two buffers are described in https://github.com/NVIDIA/cutlass/ (its
document on efficient GEMM).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..cuda_target import cuda

__all__ = [
    "ALIGNMENT",
    "LARGE",
    "MEDIUM",
    "SMALL",
    "TINY",
    "VECTOR",
    "WIDE",
    "Tile",
    "planned",
    "tile_functions",
    "tiles_for",
    "unsigned",
]

# Bytes that a thread reads from shared memory at once, at most; arrays there start at a multiple.
ALIGNMENT = 16

# Numbers that a thread reads at once, where it has so many results in a row.
VECTOR = 4

# Banks of shared memory: what lies so many numbers apart is read one after the other.
BANKS = 32

# A large GPU has some 130 multiprocessors; each is busy with two blocks or more.
ENOUGH_BLOCKS = 256

# A sum is not cut into parts of less than so many products.
LEAST_PART = 512

# Of a signed index Numba looks first whether it counts from the end; of an unsigned one it need
# not. With this the compiler also sees that four numbers are neighbours, and reads them at once.
unsigned = np.uint64


class Tile(NamedTuple):
    """How a block computes a part of a matrix product.

    All are powers of two, and a block has at least as many threads as its results have rows, or
    columns.

    Attributes:
        high, wide: the results of a thread, below and beside one another.
        down, across: the threads of a block.
        depth: how many products of each sum are done between two barriers.
    """

    high: int
    wide: int
    down: int
    across: int
    depth: int

    @property
    def rows(self) -> int:
        """The rows of a block's results."""
        return self.high * self.down

    @property
    def columns(self) -> int:
        """The columns of a block's results."""
        return self.wide * self.across

    @property
    def threads(self) -> int:
        """The threads of a block."""
        return self.down * self.across

    @property
    def pad(self) -> int:
        """Unused numbers after each line of a tile.

        They move each line on by some banks, so that threads that write to one column of several
        lines at once do not meet in a bank.
        """
        return BANKS // self.depth

    def blocks(self, rows: int, columns: int) -> int:
        """Return how many blocks compute a matrix."""
        return -(-rows // self.rows) * -(-columns // self.columns)


LARGE = Tile(8, 8, 16, 16, 8)
WIDE = Tile(4, 8, 16, 16, 8)
MEDIUM = Tile(4, 4, 16, 16, 8)
SMALL = Tile(2, 2, 16, 16, 16)
TINY = Tile(1, 1, 8, 8, 8)


def tiles_for(itemsize: int) -> tuple[Tile, ...]:
    """Return the tiles for numbers of so many bytes, the largest first."""
    # The 64 sums of a thread, in double precision, would take half of all registers there are.
    tiles = LARGE, WIDE, MEDIUM, SMALL, TINY
    return tiles if itemsize == 4 else tiles[1:]


@functools.lru_cache(maxsize=4096)
def planned(
    rows: int, columns: int, length: int, batch: int, itemsize: int
) -> tuple[Tile, int, int]:
    """Return the tile for a product, into how many parts its sums are cut, and a part's length.

    It is the largest tile that is not half empty and of which there are enough to fill a GPU;
    where the results are few and the sums long, several blocks share a sum.
    """
    most_parts = max(1, length // LEAST_PART)
    for tile in tiles_for(itemsize):
        blocks = batch * tile.blocks(rows, columns)
        if (
            2 * rows > tile.rows
            and 2 * columns > tile.columns
            and blocks * most_parts >= ENOUGH_BLOCKS
        ):
            break
    parts = min(most_parts, max(1, ENOUGH_BLOCKS // blocks))
    span = max(1, -(-length // parts))
    return tile, max(1, -(-length // span)), span


@functools.cache
def tile_functions(dtype: Any, tile: Tile) -> tuple[Callable[..., Any], ...]:
    """Return the device functions `cleared`, `multiplied` and `first_of` for tiles of a dtype.

    Args:
        dtype: Numba's type of the numbers.
        tile: the sizes.
    """
    high, wide, depth, threads = tile.high, tile.wide, tile.depth, tile.threads
    # A thread's results come in groups of neighbours, the next group after those of all others:
    # so the threads of a warp read from all banks.
    row_group, column_group = min(high, VECTOR), min(wide, VECTOR)
    next_rows, next_columns = tile.down * row_group, tile.across * column_group

    def cleared(sums: Any) -> None:
        """Set all sums to zero."""
        for i in range(high):
            for j in range(wide):
                sums[i, j] = 0

    def multiplied(sums: Any, a_tile: Any, a_at: int, b_tile: Any, b_at: int) -> None:
        """Add to the sums the products of one line of each tile, read from these places on."""
        left = cuda.local.array(high, dtype)
        right = cuda.local.array(wide, dtype)
        for i in range(high):
            left[i] = a_tile[unsigned(a_at + i // row_group * next_rows + i % row_group)]
        for j in range(wide):
            right[j] = b_tile[unsigned(b_at + j // column_group * next_columns + j % column_group)]
        for i in range(high):
            for j in range(wide):
                sums[i, j] += left[i] * right[j]

    def first_of(thread: int, side: int, along_k: bool) -> tuple[int, int, int, int]:
        """Return which number of a tile of `side` x depth a thread brings first, and the hops on.

        With `along_k` neighbouring threads bring neighbours along k, else along the side: as the
        numbers lie in global memory, so that a warp reads few pieces of it.

        Returns:
            its place along the side and along k, and how far on in each its next number is.
        """
        if along_k:
            return thread // depth, thread % depth, threads // depth, 0
        return thread % side, thread // side, 0, threads // side

    return cleared, multiplied, first_of
