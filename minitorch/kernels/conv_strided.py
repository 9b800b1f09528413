"""Convolution with strides and dilation: the same product, over phases of the images.

Where the kernel moves s places at a time, each of its taps sees every s-th number only. So the
numbers of each row are dealt out like cards, to s rows; and the rows likewise. Within such a
*phase*, what a tap sees are neighbours again::

    a row    a b c d e f g         stride 2, a kernel of three taps:
    phase 0  a   c   e   g         tap 0 sees a c e, phase 0 from 0 on
    phase 1    b   d   f           tap 1 sees b d f, phase 1 from 0 on
                                   tap 2 sees c e g, phase 0 from 1 on

From there on all is as in `conv.py`: each tap is a shifted view of flat memory. The taps of a
dilated kernel lie further apart, and fall on phases in the same way. A phase on which no tap
falls is not copied at all: of a 1x1 kernel's, all but one.

The gradient by the images has the same phases. Each is a convolution, of stride 1, of the
output's gradient with the taps that fall on it, turned round.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numba import prange

from ..jit import Kernel
from .conv import convolve_stack, place_images
from .conv_backward import add_products, sum_shares
from .machine import DEPTH_BLOCK, HEIGHTS, VECTOR_BYTES, VECTORS
from .packing import pack
from .rows import copy_row

__all__ = ["Taps", "laid_sizes", "strided_backward_kernel", "strided_kernel", "taps_in_phases"]


class Taps(NamedTuple):
    """Where the taps of a kernel meet the phases of an image, along one dimension.

    Args:
        phases: those on which taps fall.
        number: of each tap, the position of its phase among these.
        shift: of each tap, where it starts in its phase; never less than of the tap before.
    """

    phases: Any
    number: Any
    shift: Any


@functools.lru_cache(maxsize=256)
def taps_in_phases(size: int, stride: int, dilation: int) -> Taps:
    """Return where the taps of a kernel of `size` meet the phases; the arrays are not to be
    changed."""
    places = np.arange(size, dtype=np.int64) * dilation
    phases, number = np.unique(places % stride, return_inverse=True)
    return Taps(phases, number.astype(np.int64), places // stride)


def _deal(
    flat: Any, plane: int, width: int, stacked_rows: int, source: Any, start: int,
    images: int, channels: int, rows: int, columns: int, top: int, left: int,
    row_stride: int, column_stride: int, row_phases: Any, column_phases: Any,
) -> None:  # fmt: skip
    """Copy padded images (images, channels, rows, columns) into planes, one for each phase.

    Args:
        flat, plane, width: the planes, of rows of `width`: those of channel 0 first.
        stacked_rows: from one image of the stack to the next.
        top, left: the zeros before the images, which stand in the planes already.
    """
    step = np.uint64(column_stride)
    for image in range(images):
        for channel in range(channels):
            begin = start + (image * channels + channel) * rows * columns
            for p in range(len(row_phases)):
                # Row r of the phase is row r * row_stride - above of the image.
                above = top - row_phases[p]
                first_row = max(0, -(-above // row_stride))
                last_row = min(stacked_rows, (rows - 1 + above) // row_stride + 1)
                for q in range(len(column_phases)):
                    before = left - column_phases[q]
                    first = max(0, -(-before // column_stride))
                    count = min(width, (columns - 1 + before) // column_stride + 1) - first
                    number = (channel * len(row_phases) + p) * len(column_phases) + q
                    at = number * plane + image * stacked_rows * width + first
                    for r in range(first_row, last_row):
                        source_row = (r * row_stride - above) * columns
                        seen = np.uint64(begin + source_row + first * column_stride - before)
                        target = np.uint64(at + r * width)
                        for c in range(np.uint64(max(0, count))):
                            flat[target + c] = source[seen + c * step]


def _starts(
    channels: int, plane: int, width: int, room: int,
    row_number: Any, row_shift: Any, row_phases: int,
    column_number: Any, column_shift: Any, column_phases: int,
) -> Any:  # fmt: skip
    """Return where each tap's view of the planes starts, then `room` zeros."""
    kh, kw = len(row_shift), len(column_shift)
    starts = np.zeros(channels * kh * kw + room, np.int64)
    tap = 0
    for channel in range(channels):
        for i in range(kh):
            row = (channel * row_phases + row_number[i]) * column_phases
            for j in range(kw):
                starts[tap] = (
                    (row + column_number[j]) * plane + row_shift[i] * width + column_shift[j]
                )
                tap += 1
    return starts


def _strided_part(
    out: Any, input: Any, weight: Any, bias: Any, relu: bool,
    first: int, last: int, channels: int, height: int, columns: int, top: int, left: int,
    out_channels: int, out_rows: int, out_columns: int, row_stride: int, column_stride: int,
    row_phases: Any, row_number: Any, row_shift: Any,
    column_phases: Any, column_number: Any, column_shift: Any,
    stack: int, tile: int, band: int,
) -> None:  # fmt: skip
    """Convolve the images from `first` up to `last`."""
    width, stacked_rows = out_columns + column_shift[-1], out_rows + row_shift[-1]
    taps = channels * len(row_shift) * len(column_shift)
    plane = stack * stacked_rows * width
    planes = channels * len(row_phases) * len(column_phases)
    tall = HEIGHTS[tile]
    wide = VECTORS[tile] * (VECTOR_BYTES // out.itemsize)
    flat = np.zeros(planes * plane + wide + width, out.dtype)
    offsets = _starts(channels, plane, width, 0, row_number, row_shift, len(row_phases),
                      column_number, column_shift, len(column_phases))  # fmt: skip
    panels = np.empty(-(-out_channels // tall) * tall * taps, out.dtype)
    pack(panels, 0, weight, 0, taps, 1, out_channels, taps, tall)
    result = np.empty(tall * (band * width + wide), out.dtype)
    for image in range(first, last, stack):
        images = min(stack, last - image)
        _deal(flat, plane, width, stacked_rows, input, image * channels * height * columns,
              images, channels, height, columns, top, left, row_stride, column_stride,
              row_phases, column_phases)  # fmt: skip
        convolve_stack(out, image * out_channels * out_rows * out_columns, images, out_channels,
                       out_rows, out_columns, flat, width, stacked_rows, offsets, taps, panels,
                       tile, band, bias, relu, result)  # fmt: skip


def _strided(
    out: Any, input: Any, weight: Any, bias: Any, relu: bool,
    batch: int, channels: int, height: int, columns: int, top: int, left: int,
    out_channels: int, out_rows: int, out_columns: int, row_stride: int, column_stride: int,
    row_phases: Any, row_number: Any, row_shift: Any,
    column_phases: Any, column_number: Any, column_shift: Any,
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
        row_phases and the like: see `Taps`.
        stack, parts, tile, band: see `conv.Plan`.
    """
    stacks = -(-batch // stack)
    for part in prange(parts):
        first = part * stacks // parts * stack
        last = min((part + 1) * stacks // parts * stack, batch)
        _strided_part(
            out, input, weight, bias, relu, first, last, channels, height, columns, top, left,
            out_channels, out_rows, out_columns, row_stride, column_stride, row_phases,
            row_number, row_shift, column_phases, column_number, column_shift, stack, tile, band,
        )  # fmt: skip


strided_kernel = Kernel(_strided)


def _weight_gradient_part(
    by_weight: Any, by_bias: Any, grad: Any, mask: Any, input: Any,
    first: int, last: int, channels: int, height: int, columns: int, top: int, left: int,
    out_channels: int, out_rows: int, out_columns: int, row_stride: int, column_stride: int,
    row_phases: Any, row_number: Any, row_shift: Any,
    column_phases: Any, column_number: Any, column_shift: Any, stack: int, tile: int,
) -> None:  # fmt: skip
    """Set one part's share of the gradients by weight (out_channels, taps) and by bias."""
    width, stacked_rows = out_columns + column_shift[-1], out_rows + row_shift[-1]
    taps = channels * len(row_shift) * len(column_shift)
    plane = stack * stacked_rows * width
    planes = channels * len(row_phases) * len(column_phases)
    tall = HEIGHTS[tile]
    lanes = VECTOR_BYTES // grad.itemsize
    wide = VECTORS[tile] * lanes
    step = max(4, lanes)
    grad_plane = -(-plane // step) * step
    line = -(-taps // wide) * wide
    deepest = min(grad_plane, DEPTH_BLOCK)
    flat = np.zeros(planes * plane + step, grad.dtype)
    laid = np.zeros(-(-out_channels // 4) * 4 * grad_plane, grad.dtype)
    starts = _starts(channels, plane, width, -taps % 4, row_number, row_shift, len(row_phases),
                     column_number, column_shift, len(column_phases))  # fmt: skip
    grad_panels = np.empty(-(-out_channels // tall) * tall * deepest, grad.dtype)
    view_panels = np.zeros(line * deepest, grad.dtype)
    offsets = np.arange(deepest) * wide
    totals = np.zeros(-(-out_channels // tall) * tall * line, grad.dtype)
    by_bias[:] = 0
    for image in range(first, last, stack):
        images = min(stack, last - image)
        if images < stack:
            laid[:] = 0
        _deal(flat, plane, width, stacked_rows, input, image * channels * height * columns,
              images, channels, height, columns, top, left, row_stride, column_stride,
              row_phases, column_phases)  # fmt: skip
        place_images(laid, grad_plane, width, 0, 0, stacked_rows, grad,
                     image * out_channels * out_rows * out_columns, images, out_channels,
                     out_rows, out_columns, mask)  # fmt: skip
        length = ((images - 1) * stacked_rows + out_rows - 1) * width + out_columns
        add_products(totals, by_bias, laid, grad_plane, flat, starts, length, out_channels, taps,
                     line, tile, grad_panels, view_panels, offsets)  # fmt: skip
    for channel in range(out_channels):
        copy_row(by_weight, channel * taps, totals, channel * line, taps)


def _turned(
    weight: Any, out_channels: int, channels: int, kh: int, kw: int, rows: Any, columns: Any
) -> Any:
    """Return weights (channels, out_channels, taps) of the taps in some rows and columns."""
    turned = np.empty(channels * out_channels * len(rows) * len(columns), weight.dtype)
    place = 0
    for c in range(channels):
        for o in range(out_channels):
            for i in rows:
                for j in columns:
                    turned[place] = weight[((o * channels + c) * kh + i) * kw + j]
                    place += 1
    return turned


def _input_gradient_part(
    by_input: Any, grad: Any, mask: Any, weight: Any,
    first: int, last: int, channels: int, height: int, columns: int, top: int, left: int,
    out_channels: int, out_rows: int, out_columns: int, row_stride: int, column_stride: int,
    row_phases: Any, row_number: Any, row_shift: Any,
    column_phases: Any, column_number: Any, column_shift: Any,
    stacked_rows: int, width: int, stack: int, tile: int, band: int,
) -> None:  # fmt: skip
    """Set the gradient by the images from `first` up to `last`."""
    kh, kw = len(row_shift), len(column_shift)
    image_size = channels * height * columns
    if len(row_phases) * len(column_phases) < row_stride * column_stride:
        by_input[first * image_size : last * image_size] = 0
    plane = stack * stacked_rows * width
    tall = HEIGHTS[tile]
    wide = VECTORS[tile] * (VECTOR_BYTES // grad.itemsize)
    laid = np.zeros(out_channels * plane + wide + width, grad.dtype)
    result = np.empty(tall * (band * width + wide), grad.dtype)
    # In front of the gradient, as many rows and columns of zeros as views are shifted back.
    margin_rows, margin_columns = row_shift[-1], column_shift[-1]
    for image in range(first, last, stack):
        images = min(stack, last - image)
        place_images(laid, plane, width, margin_rows, margin_columns, stacked_rows, grad,
                     image * out_channels * out_rows * out_columns, images, out_channels,
                     out_rows, out_columns, mask)  # fmt: skip
        for p in range(len(row_phases)):
            # The first row of the image in this phase, its number there, and how many follow.
            y = (row_phases[p] - top) % row_stride
            r = (y + top) // row_stride
            rows = -(-(height - y) // row_stride)
            tap_rows = np.flatnonzero(row_number == p)
            for q in range(len(column_phases)):
                x = (column_phases[q] - left) % column_stride
                c = (x + left) // column_stride
                phase_columns = -(-(columns - x) // column_stride)
                if rows <= 0 or phase_columns <= 0:
                    continue
                tap_columns = np.flatnonzero(column_number == q)
                taps = out_channels * len(tap_rows) * len(tap_columns)
                turned = _turned(weight, out_channels, channels, kh, kw, tap_rows, tap_columns)
                panels = np.empty(-(-channels // tall) * tall * taps, grad.dtype)
                pack(panels, 0, turned, 0, taps, 1, channels, taps, tall)
                offsets = np.empty(taps, np.int64)
                tap = 0
                for o in range(out_channels):
                    for i in tap_rows:
                        row = margin_rows + r - row_shift[i]
                        for j in tap_columns:
                            column = margin_columns + c - column_shift[j]
                            offsets[tap] = o * plane + row * width + column
                            tap += 1
                phase = np.empty(images * channels * rows * phase_columns, grad.dtype)
                convolve_stack(phase, 0, images, channels, rows, phase_columns, laid, width,
                               stacked_rows, offsets, taps, panels, tile, band, grad[:0], False,
                               result)  # fmt: skip
                step = np.uint64(column_stride)
                for line in range(images * channels * rows):
                    whole, row = line // rows, line % rows
                    target = np.uint64(
                        image * image_size + (whole * height + y + row * row_stride) * columns + x
                    )
                    source = np.uint64(line * phase_columns)
                    for column in range(np.uint64(phase_columns)):
                        by_input[target + column * step] = phase[source + column]


def _strided_backward(
    by_input: Any, by_weight: Any, by_bias: Any, grad: Any, mask: Any, input: Any, weight: Any,
    batch: int, channels: int, height: int, columns: int, top: int, left: int,
    out_channels: int, out_rows: int, out_columns: int, row_stride: int, column_stride: int,
    row_phases: Any, row_number: Any, row_shift: Any,
    column_phases: Any, column_number: Any, column_shift: Any,
    stacked_rows: int, width: int, stack: int, parts: int, tile: int, band: int,
    weight_tile: int,
) -> None:  # fmt: skip
    """Fill the gradients of a convolution; arguments as for `_strided`, and:

    Args:
        by_input: like the input, or empty where it is not wanted.
        by_weight: like the weight, or empty where it is not wanted.
        by_bias: (out_channels,), filled when `by_weight` is.
        grad: the gradient by the output, contiguous.
        mask: the output where ReLU was applied to it; empty where not.
        stacked_rows, width: of the output's gradient with zeros around; see `laid_sizes`.
        stack, parts, tile, band: the plan for the gradient by the input.
        weight_tile: which of `machine.TILES` serves the gradient by the weight.
    """
    stacks = -(-batch // stack)
    shares = np.empty((parts, by_weight.size), grad.dtype)
    bias_shares = np.empty((parts, out_channels), grad.dtype)
    for part in prange(parts):
        first = part * stacks // parts * stack
        last = min((part + 1) * stacks // parts * stack, batch)
        if by_weight.size:
            _weight_gradient_part(
                shares[part], bias_shares[part], grad, mask, input, first, last, channels,
                height, columns, top, left, out_channels, out_rows, out_columns, row_stride,
                column_stride, row_phases, row_number, row_shift, column_phases, column_number,
                column_shift, stack, weight_tile,
            )  # fmt: skip
        if by_input.size:
            _input_gradient_part(
                by_input, grad, mask, weight, first, last, channels, height, columns, top, left,
                out_channels, out_rows, out_columns, row_stride, column_stride, row_phases,
                row_number, row_shift, column_phases, column_number, column_shift, stacked_rows,
                width, stack, tile, band,
            )  # fmt: skip
    if by_weight.size:
        sum_shares(by_weight, shares)
        sum_shares(by_bias, bias_shares)


strided_backward_kernel = Kernel(_strided_backward)


def laid_sizes(
    height: int, columns: int, top: int, left: int, out_rows: int, out_columns: int,
    row_stride: int, column_stride: int, row_shift: Any, column_shift: Any,
) -> tuple[int, int]:  # fmt: skip
    """Return the rows and columns of the output's gradient with the zeros that taps meet."""
    reach = (height - 1 + top) // row_stride + 1
    column_reach = (columns - 1 + left) // column_stride + 1
    return (
        int(row_shift[-1]) + max(out_rows, reach),
        int(column_shift[-1]) + max(out_columns, column_reach),
    )
