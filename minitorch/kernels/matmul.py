"""The matrix product: panels for the registers, blocks for the caches.

The micro-kernel wants rows of B side by side, one tile wide, and the factors of A in the order
in which it uses them. So both are copied first, into panels, which costs little beside the
product (each number copied is used many times) and serves any strides alike::

          columns                A, packed: for each k the       B, packed: for each k one
         +---+---+--.            factors of one tile's rows      row, one tile wide
     C   |   |   |               [k0: m0 m1 .. ][k1: ..]         [k0: j0 j1 ..][k1: ..]
         +---+---+--.
         |   |   |               edges are filled up with zeros: there are only whole tiles

The loops cut the work so that what is used often is near: a panel of B (one tile wide,
`DEPTH_BLOCK` deep) in the first-level cache, `ROW_BLOCK` rows of A in the second, a block of B
in the third. This is the order of Goto and van de Geijn, Anatomy of High-Performance Matrix
Multiplication (ACM TOMS 34, 2008). Each number of the result is one chain of additions whose
order depends on its k alone, so cutting the rows and columns for threads changes nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from ..jit import Kernel
from .machine import COLUMN_BLOCK, DEPTH_BLOCK, HEIGHTS, ROW_BLOCK, VECTOR_BYTES, VECTORS
from .micro import accumulate_tile
from .packing import pack

# Numbers of a matrix that the first-level cache holds, near enough.
SMALL = 1 << 14

__all__ = ["bias_kernel", "bias_relu_backward_kernel", "multiply", "product_kernel"]


def multiply(
    c: Any, c_start: int, c_row: int,
    a: Any, a_start: int, a_row: int, a_step: int,
    b: Any, b_start: int, b_step: int, b_column: int,
    rows: int, columns: int, length: int, tile: int,
) -> None:  # fmt: skip
    """Set a matrix C = A B, within kernels.

    Args:
        c, c_start, c_row: rows x columns, its columns at stride 1.
        a, a_start, a_row, a_step: rows x length.
        b, b_start, b_step, b_column: length x columns.
        tile: which of `machine.TILES`.
    """
    height = HEIGHTS[tile]
    width = VECTORS[tile] * (VECTOR_BYTES // c.itemsize)
    deepest = min(length, DEPTH_BLOCK)
    widest = min(COLUMN_BLOCK, -(-columns // width) * width)
    tallest = min(ROW_BLOCK, -(-rows // height) * height)
    # A small B whose rows hold whole tiles is used as it lies.
    as_it_lies = b_column == 1 and columns % width == 0 and columns * length <= SMALL
    b_panels = b if as_it_lies else np.empty(deepest * widest, c.dtype)
    a_panels = np.empty(deepest * tallest, c.dtype)
    edge = np.empty(height * width, c.dtype)
    offsets = np.arange(deepest) * (b_step if as_it_lies else width)
    for j0 in range(0, columns, COLUMN_BLOCK):
        block_columns = min(COLUMN_BLOCK, columns - j0)
        for k0 in range(0, length, deepest):
            depth = min(deepest, length - k0)
            if not as_it_lies:
                pack(b_panels, 0, b, b_start + k0 * b_step + j0 * b_column, b_column, b_step,
                      block_columns, depth, width)  # fmt: skip
            for i0 in range(0, rows, ROW_BLOCK):
                block_rows = min(ROW_BLOCK, rows - i0)
                pack(a_panels, 0, a, a_start + i0 * a_row + k0 * a_step, a_row, a_step,
                      block_rows, depth, height)  # fmt: skip
                for j in range(0, block_columns, width):
                    panel = j * depth
                    if as_it_lies:
                        panel = b_start + k0 * b_step + j0 + j
                    for i in range(0, block_rows, height):
                        corner = c_start + (i0 + i) * c_row + j0 + j
                        if i + height <= block_rows and j + width <= block_columns:
                            accumulate_tile(
                                tile, depth, a_panels, i * depth,
                                b_panels, panel, offsets, c, corner, c_row, k0,
                            )  # fmt: skip
                            continue
                        accumulate_tile(
                            tile, depth, a_panels, i * depth,
                            b_panels, panel, offsets, edge, 0, width, 0,
                        )  # fmt: skip
                        for m in range(min(height, block_rows - i)):
                            for n in range(min(width, block_columns - j)):
                                total = edge[m * width + n]
                                if k0:
                                    total += c[corner + m * c_row + n]
                                c[corner + m * c_row + n] = total


def _products(
    c: Any, a: Any, a_batch: Any, a_row: int, a_step: int,
    b: Any, b_batch: Any, b_step: int, b_column: int,
    rows: int, columns: int, length: int, tile: int, row_parts: int, column_parts: int,
) -> None:  # fmt: skip
    """Fill `c` with a batch of products, cut into parts that run in parallel.

    Args:
        c: (batch, rows, columns), contiguous.
        a, a_batch, a_row, a_step: matrices of rows x length that start at `a_batch`.
        b, b_batch, b_step, b_column: matrices of length x columns that start at `b_batch`.
        tile: which of `machine.TILES`.
        row_parts, column_parts: into how many parts each result is cut.
    """
    height = HEIGHTS[tile]
    width = VECTORS[tile] * (VECTOR_BYTES // c.itemsize)
    tall = -(-rows // (height * row_parts)) * height
    wide = -(-columns // (width * column_parts)) * width
    parts = row_parts * column_parts
    for task in prange(len(a_batch) * parts):
        batch, part = task // parts, task % parts
        i, j = part // column_parts * tall, part % column_parts * wide
        if i < rows and j < columns:
            multiply(
                c, (batch * rows + i) * columns + j, columns,
                a, a_batch[batch] + i * a_row, a_row, a_step,
                b, b_batch[batch] + j * b_column, b_step, b_column,
                min(tall, rows - i), min(wide, columns - j), length, tile,
            )  # fmt: skip


product_kernel = Kernel(_products)


def _add_bias(out: Any, bias: Any, rows: int, columns: int, biased: bool, relu: bool) -> None:
    """Add `bias` (columns,) to `out` (rows, columns), and set negative numbers to 0."""
    for row in range(rows):
        line = out[row * columns : (row + 1) * columns]
        if biased:
            for j in range(columns):
                line[j] += bias[j]
        if relu:
            for j in range(columns):
                line[j] = 0 if line[j] <= 0 else line[j]


def _bias_relu_backward(
    masked: Any, sums: Any, grad: Any, mask: Any, rows: int, columns: int
) -> None:
    """Take the gradients of bias and ReLU, before those of the product.

    Args:
        masked: (rows, columns), grad where mask is positive; empty where there was no ReLU.
        sums: (columns,), the gradient by the bias; empty where it is not wanted.
        grad, mask: (rows, columns), the gradient and the result; mask may be empty.
    """
    sums[:] = 0
    for row in range(rows):
        line = grad[row * columns : (row + 1) * columns]
        if len(masked):
            passed = mask[row * columns : (row + 1) * columns]
            kept = masked[row * columns : (row + 1) * columns]
            for j in range(columns):
                kept[j] = line[j] if passed[j] > 0 else 0
            line = kept
        if len(sums):
            for j in range(columns):
                sums[j] += line[j]


bias_kernel = Kernel(_add_bias)
bias_relu_backward_kernel = Kernel(_bias_relu_backward)
