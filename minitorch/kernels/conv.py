"""Convolution as a matrix product, without building the matrix.

Pad each image with zeros once, and lay its rows one after another. Seen from there, each tap of
the kernel is the same flat image, shifted::

    padded image, width 5        flat   . . . . . . a b c . . d e f . . . . . . .
    . . . . .                    tap (0, 0) starts at 0, tap (0, 1) at 1,
    . a b c .                    tap (1, 0) at 5, tap (1, 1) at 6
    . d e f .
    . . . . .        out[p] = sum over taps of weight[tap] * flat[offset[tap] + p]

So the output, as long as it is at the padded width, is the product of the weights (channels x
taps) with a matrix whose row k is the flat image from `offset[k]` on: the micro-kernel with
these offsets. The few columns that come out at the seam of two rows are dropped. Several images
stand below one another, so that even small ones fill the vectors.

Shifted views instead of copies ("im2col") are described in Anderson et al., High-Performance
Low-Memory Lowering (arXiv:1709.03395).
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numba import prange

from ..jit import Kernel
from .machine import HEIGHTS, IMAGE_BLOCK, TILES, VECTOR_BYTES, VECTORS, best_tile
from .micro import accumulate_tile
from .packing import pack
from .rows import copy_row, copy_row_where_positive, finish_row

__all__ = [
    "Plan",
    "convolution_kernel",
    "convolution_plan",
    "convolve_part",
    "convolve_stack",
    "place_images",
    "tap_offsets",
]


# At most so many parts of a batch run at once; fixed, so that sums never depend on the threads.
_PARTS = 16


class Plan(NamedTuple):
    """How a convolution is cut.

    Args:
        stack: images that stand below one another in the padded planes.
        parts: of the batch; each may run on another core.
        tile: which of `machine.TILES`.
        band: rows of the output computed at a time.
    """

    stack: int
    parts: int
    tile: int
    band: int


@functools.lru_cache(maxsize=1024)
def convolution_plan(
    batch: int, channels: int, rows: int, width: int, out_channels: int, taps: int, itemsize: int
) -> Plan:
    """Return how a convolution is cut.

    Args:
        batch, channels, rows, width: of the padded input.
        taps: of the kernel, over all input channels.
        itemsize: of its numbers, in bytes.
    """
    image = rows * width * itemsize * (channels + out_channels)
    stack = max(1, min(IMAGE_BLOCK // max(1, image), -(-batch // 4)))
    parts = min(_PARTS, -(-batch // stack), max(1, (1 << 23) // (taps * out_channels * itemsize)))
    tile = best_tile(out_channels, stack * rows * width, itemsize)
    wide = TILES[tile][1] * (VECTOR_BYTES // itemsize)

    def waste(band: int) -> float:
        return -(-band * width // wide) * wide / (band * width) + 0.1 / band

    highest = max(1, min(stack * rows, 1024 // width))
    return Plan(stack, parts, tile, min(range(1, highest + 1), key=waste))


def tap_offsets(channels: int, plane: int, kh: int, kw: int, width: int, room: int) -> Any:
    """Return where each tap's view of the flat image starts, then `room` zeros."""
    offsets = np.zeros(channels * kh * kw + room, np.int64)
    tap = 0
    for channel in range(channels):
        for i in range(kh):
            for j in range(kw):
                offsets[tap] = channel * plane + i * width + j
                tap += 1
    return offsets


def place_images(
    flat: Any, plane: int, width: int, top: int, left: int, stacked_rows: int,
    source: Any, start: int, images: int, channels: int, rows: int, columns: int, mask: Any,
) -> None:  # fmt: skip
    """Copy images (images, channels, rows, columns) into the middle of padded planes.

    Args:
        flat, plane, width: the planes, one for each channel, of rows of `width`.
        stacked_rows: from one image of the stack to the next.
        mask: where this is not positive, 0 is copied instead; empty for none.
    """
    for image in range(images):
        for channel in range(channels):
            at = channel * plane + (image * stacked_rows + top) * width + left
            begin = start + (image * channels + channel) * rows * columns
            for _ in range(rows):
                if len(mask):
                    copy_row_where_positive(flat, at, source, begin, mask, columns)
                else:
                    copy_row(flat, at, source, begin, columns)
                at += width
                begin += columns


def convolve_stack(
    out: Any, start: int, images: int, out_channels: int, rows: int, columns: int,
    flat: Any, width: int, stacked_rows: int, offsets: Any, taps: int, panels: Any, tile: int,
    band: int, bias: Any, relu: bool, result: Any,
) -> None:  # fmt: skip
    """Fill `out` (images, out_channels, rows, columns) from a stack of padded images.

    Args:
        flat, width, stacked_rows, offsets: the images and their taps.
        panels: the weights, packed.
        band: rows to compute at a time.
        bias: one number for each output channel; empty for none.
        result: room for a band of as many channels as a tile has rows.
    """
    height = HEIGHTS[tile]
    wide = VECTORS[tile] * (VECTOR_BYTES // out.itemsize)
    line = len(result) // height
    floor = out.dtype.type(0 if relu else -np.inf)
    added = out.dtype.type(0)
    all_rows = (images - 1) * stacked_rows + rows
    for first in range(0, all_rows, band):
        computed = min(band, all_rows - first)
        for channel in range(0, out_channels, height):
            for j in range(0, computed * width, wide):
                accumulate_tile(tile, taps, panels, channel * taps, flat, first * width + j,
                                offsets, result, j, line, 0)  # fmt: skip
            for r in range(computed):
                image = (first + r) // stacked_rows
                row = first + r - image * stacked_rows
                if row >= rows:
                    continue
                for m in range(min(height, out_channels - channel)):
                    if len(bias):
                        added = bias[channel + m]
                    target = (image * out_channels + channel + m) * rows + row
                    finish_row(out, start + target * columns, result, m * line + r * width,
                               columns, added, floor)  # fmt: skip


def convolve_part(
    out: Any, input: Any, mask: Any, weight: Any, bias: Any, relu: bool,
    first: int, last: int, channels: int, height: int, columns: int, top: int, left: int,
    out_channels: int, out_rows: int, out_columns: int, kh: int, kw: int,
    stack: int, tile: int, band: int,
) -> None:  # fmt: skip
    """Convolve the images from `first` up to `last`; arguments as for `_convolution`, and:

    Args:
        mask: where this, of the input's shape, is not positive, the input counts as 0; empty
            for none.
    """
    width, stacked_rows = out_columns + kw - 1, out_rows + kh - 1
    taps = channels * kh * kw
    plane = stack * stacked_rows * width
    tall = HEIGHTS[tile]
    wide = VECTORS[tile] * (VECTOR_BYTES // out.itemsize)
    flat = np.zeros(channels * plane + wide + kw, out.dtype)
    offsets = tap_offsets(channels, plane, kh, kw, width, 0)
    panels = np.empty(-(-out_channels // tall) * tall * taps, out.dtype)
    pack(panels, 0, weight, 0, taps, 1, out_channels, taps, tall)
    result = np.empty(tall * (band * width + wide), out.dtype)
    for image in range(first, last, stack):
        images = min(stack, last - image)
        place_images(flat, plane, width, top, left, stacked_rows, input,
                      image * channels * height * columns, images, channels, height, columns,
                      mask)  # fmt: skip
        convolve_stack(out, image * out_channels * out_rows * out_columns, images, out_channels,
                       out_rows, out_columns, flat, width, stacked_rows, offsets, taps, panels,
                       tile, band, bias, relu, result)  # fmt: skip


def _convolution(
    out: Any, input: Any, weight: Any, bias: Any, relu: bool,
    batch: int, channels: int, height: int, columns: int, top: int, left: int,
    out_channels: int, out_rows: int, out_columns: int, kh: int, kw: int,
    stack: int, parts: int, tile: int, band: int,
) -> None:  # fmt: skip
    """Fill `out` (batch, out_channels, out_rows, out_columns) with a convolution.

    Args:
        input: (batch, channels, height, columns), contiguous.
        weight: (out_channels, channels, kh, kw), contiguous.
        bias: (out_channels,), or empty for none.
        relu: set negative results to 0.
        top, left: the rows and columns of zeros before the image; those behind it follow from
            the size of the output.
        stack, parts, tile, band: see `Plan`.
    """
    stacks = -(-batch // stack)
    for part in prange(parts):
        first = part * stacks // parts * stack
        last = min((part + 1) * stacks // parts * stack, batch)
        convolve_part(out, input, input[:0], weight, bias, relu, first, last, channels, height,
                      columns, top, left, out_channels, out_rows, out_columns, kh, kw, stack,
                      tile, band)  # fmt: skip


convolution_kernel = Kernel(_convolution)
