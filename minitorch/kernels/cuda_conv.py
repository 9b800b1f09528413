"""Convolution on a GPU: a matrix product whose right matrix is never written down.

Each output is a sum over channels and taps. Number these sums by k = (channel, row, column) of the
weight, and the places of the output by (image, y, x). Then it is a product of two matrices::

    out[channel, place] = sum over k of  weight[channel, k] * seen[k, place]
    seen[(c, row, column), (image, y, x)] = input[image, c, y + row, x + column]

The right one has each element of the input once for each tap. It is not made: whoever brings a
number of a tile (`cuda_tiles.py`, `cuda_matmul.py`) looks it up in the image, zero outside of it.
Chetlur and others describe this in cuDNN: efficient primitives for deep learning (2014).

From one of its numbers to the next a thread's k grows by a fixed amount, of so many channels, rows
and columns; these are added as one adds hours, minutes and seconds, carrying over, and no division
is needed. Both gradients are convolutions too, with other sizes. That by the weight has few results
and long sums, so several blocks share each (`planned`).
"""

from __future__ import annotations

import functools
from typing import Any

import numba
import numpy as np

from .. import operators
from ..cuda_target import CudaKernel, cuda, empty
from ..tensor_data import contiguous_strides
from .cuda_reduce import fold
from .cuda_tiles import ALIGNMENT, VECTOR, Tile, planned, tile_functions, unsigned

__all__ = ["convolution_kernel", "convolve"]

Ints = tuple[int, ...]


@functools.cache
def convolution_kernel(dtype: np.dtype[Any], tile: Tile) -> CudaKernel:
    """Return the kernel that fills `out` with a 2-D convolution, by tiles.

    It takes `(out, out_shape, out_steps, input, input_shape, input_steps, weight, weight_shape,
    weight_steps, direction, a_hop, b_hop, span, part_step)`, shapes and strides as `cuda_conv.py`
    has them. `direction` is -1 where the weight is anchored at its bottom right, else 1; `a_hop`
    and `b_hop` are tile.depth and tile.threads / tile.columns in (channels, rows, columns) of the
    weight. Part p of the sums has `span` products from p * span on and goes to where `out` is,
    p * part_step further on. It is launched with blocks of tile.across x tile.down threads: along
    x for all tiles of (channels, places), the places running fastest, along y for all parts.
    """
    kind = numba.from_dtype(dtype)
    cleared, multiplied, first_of = tile_functions(kind, tile)
    high, wide, across, depth = tile.high, tile.wide, tile.across, tile.depth
    tile_rows, tile_columns, pad = tile.rows, tile.columns, tile.pad
    a_line, b_line = tile_rows + pad, tile_columns + pad
    a_size, b_size = depth * a_line, depth * b_line
    a_two, b_two = 2 * a_size, 2 * b_size
    a_share, b_share = tile_rows * depth // tile.threads, tile_columns * depth // tile.threads
    row_group, column_group = min(high, VECTOR), min(wide, VECTOR)
    next_rows, next_columns = tile.down * row_group, across * column_group

    def split(number: int, height: int, width: int) -> tuple[int, int, int]:
        """Return the number as (whole images, rows, columns)."""
        return number // (height * width), number // width % height, number % width

    def onward(at: Any, hop: Any, height: int, width: int) -> tuple[int, int, int]:
        """Return (channel, row, column) further on by a hop, carrying over."""
        channel, row, column = at[0] + hop[0], at[1] + hop[1], at[2] + hop[2]
        if column >= width:
            column -= width
            row += 1
        if row >= height:
            row -= height
            channel += 1
        return channel, row, column

    def weights(
        coming: Any, weight: Any, steps: Any, tap: Any, row: int, row_hop: int, rows: int,
        inside: bool,
    ) -> None:  # fmt: skip
        """Read a thread's share of the weights at one k into registers."""
        at = row * steps[0] + tap[0] * steps[1] + tap[1] * steps[2] + tap[2] * steps[3]
        for i in range(a_share):
            coming[i] = 0
            if inside and row + i * row_hop < rows:
                coming[i] = weight[unsigned(at + i * row_hop * steps[0])]

    def seen(
        coming: Any, input: Any, shape: Any, steps: Any, image: int, y: int, x: int,
        weight_shape: Any, tap: tuple[int, int, int], hop: Any, direction: int,
        k: int, k_hop: int, k_end: int,
    ) -> tuple[int, int, int]:  # fmt: skip
        """Read what one place sees through its share of the taps; return the next tap."""
        for i in range(b_share):
            coming[i] = 0
            v, h = y + direction * tap[1], x + direction * tap[2]
            if k + i * k_hop < k_end and 0 <= v < shape[2] and 0 <= h < shape[3]:
                at = image * steps[0] + tap[0] * steps[1] + v * steps[2] + h * steps[3]
                coming[i] = input[unsigned(at)]
            tap = onward(tap, hop, weight_shape[2], weight_shape[3])
        return tap

    def convolution(
        out: Any, out_shape: Any, out_steps: Any, input: Any, input_shape: Any, input_steps: Any,
        weight: Any, weight_shape: Any, weight_steps: Any,
        direction: int, a_hop: Any, b_hop: Any, span: int, part_step: int,
    ) -> None:  # fmt: skip
        a_tile = cuda.shared.array(a_two, kind, ALIGNMENT)
        b_tile = cuda.shared.array(b_two, kind, ALIGNMENT)
        sums = cuda.local.array((high, wide), kind)
        a_coming = cuda.local.array(a_share, kind)
        b_coming = cuda.local.array(b_share, kind)
        rows, columns = out_shape[1], out_shape[0] * out_shape[2] * out_shape[3]
        tiles_across = (columns + tile_columns - 1) // tile_columns
        column = cuda.blockIdx.x % tiles_across * tile_columns
        row = cuda.blockIdx.x // tiles_across * tile_rows
        k_height, k_width = weight_shape[2], weight_shape[3]
        k = cuda.blockIdx.y * span
        k_end = min(k + span, weight_shape[1] * k_height * k_width)

        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        thread = y * across + x
        # A thread's weights are all at one k, its numbers of the input all of one place.
        a_side, a_k, a_side_hop, _ = first_of(thread, tile_rows, True)
        b_side, b_k, _, b_k_hop = first_of(thread, tile_columns, False)
        image, top, left = split(column + b_side, out_shape[2], out_shape[3])
        b_end = k_end if column + b_side < columns else 0
        a_tap = split(k + a_k, k_height, k_width)
        b_tap = split(k + b_k, k_height, k_width)
        a_put = a_k * a_line + a_side
        b_put = b_k * b_line + b_side
        a_side += row

        cleared(sums)
        weights(a_coming, weight, weight_steps, a_tap, a_side, a_side_hop, rows, k + a_k < k_end)
        b_tap = seen(
            b_coming, input, input_shape, input_steps, image, top, left,
            weight_shape, b_tap, b_hop, direction, k + b_k, b_k_hop, b_end,
        )  # fmt: skip
        now = 0
        while k < k_end:
            for i in range(a_share):
                a_tile[unsigned(now * a_size + a_put + i * a_side_hop)] = a_coming[i]
            for i in range(b_share):
                b_tile[unsigned(now * b_size + b_put + i * b_k_hop * b_line)] = b_coming[i]
            cuda.syncthreads()
            k += depth
            a_tap = onward(a_tap, a_hop, k_height, k_width)
            weights(
                a_coming, weight, weight_steps, a_tap, a_side, a_side_hop, rows, k + a_k < k_end
            )
            b_tap = seen(
                b_coming, input, input_shape, input_steps, image, top, left,
                weight_shape, b_tap, b_hop, direction, k + b_k, b_k_hop, b_end,
            )  # fmt: skip
            for line in range(depth):
                multiplied(
                    sums,
                    a_tile, now * a_size + line * a_line + y * row_group,
                    b_tile, now * b_size + line * b_line + x * column_group,
                )  # fmt: skip
            now = 1 - now

        row += y * row_group
        column += x * column_group
        for j in range(wide):
            c = column + j // column_group * next_columns + j % column_group
            if c < columns:
                image, top, left = split(c, out_shape[2], out_shape[3])
                at = image * out_steps[0] + top * out_steps[2] + left * out_steps[3]
                for i in range(high):
                    r = row + i // row_group * next_rows + i % row_group
                    if r < rows:
                        part = cuda.blockIdx.y * part_step
                        out[unsigned(part + at + r * out_steps[1])] = sums[i, j]

    return CudaKernel(convolution)


def hop_of(number: int, shape: Ints) -> Ints:
    """Return a number in (channels, rows, columns) of a weight of this shape."""
    taps = shape[2] * shape[3]
    return number // taps, number % taps // shape[3], number % shape[3]


def convolve(
    out: Any, out_shape: Ints, out_steps: Ints, input: Any, input_shape: Ints, input_steps: Ints,
    weight: Any, weight_shape: Ints, weight_steps: Ints, reverse: bool,
) -> None:  # fmt: skip
    """Fill `out`, contiguous, with the 2-D convolution of `cuda_conv.tensor_conv2d`.

    Args:
        out, out_shape, out_steps: (batch, out_channels, out_height, out_width)
        input, input_shape, input_steps: (batch, in_channels, height, width)
        weight, weight_shape, weight_steps: (out_channels, in_channels, k_height, k_width)
        reverse: anchor the weight at its bottom right instead of its top left.
    """
    rows, columns = out_shape[1], out_shape[0] * out_shape[2] * out_shape[3]
    length = weight_shape[1] * weight_shape[2] * weight_shape[3]
    tile, parts, span = planned(rows, columns, length, 1, out.dtype.itemsize)
    size = rows * columns
    target = out if parts == 1 else empty(parts * size, out.dtype)
    steps = out_steps if parts == 1 else contiguous_strides(out_shape)
    convolution_kernel(out.dtype, tile).launch(
        (tile.blocks(rows, columns), parts), (tile.across, tile.down),
        target, out_shape, steps, input, input_shape, input_steps,
        weight, weight_shape, weight_steps, -1 if reverse else 1,
        hop_of(tile.depth, weight_shape), hop_of(tile.threads // tile.columns, weight_shape),
        span, size,
    )  # fmt: skip
    if parts > 1:
        fold(operators.add, 0.0, out, target, 1, parts, size)
