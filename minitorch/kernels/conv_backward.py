"""The gradients of a convolution, which are products of the same kind.

By the input: a convolution again, of the output's gradient with the weights turned round, each
pair of channels exchanged. By the weights: for each tap, the sum over all positions of the
output's gradient times the image as that tap sees it::

    by_weight[o, tap] = sum over p of grad[o, p] * flat[offset[tap] + p]

where the gradient is laid at the width of the padded image, with zeros at the seams. With few
output channels that is a tile of inner products; with many, packing the shifted views pays off.

Where ReLU was applied to the output, the gradient is masked while it is copied.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from ..jit import Kernel
from .conv import convolve_part, place_images, tap_offsets
from .dots import add_dot_products
from .machine import DEPTH_BLOCK, DOT_TILE, HEIGHTS, VECTOR_BYTES, VECTORS
from .micro import accumulate_tile
from .packing import pack, pack_views
from .rows import copy_row

__all__ = ["add_products", "convolution_backward_kernel", "sum_shares"]

_DOT_ROWS, _DOT_COLUMNS = DOT_TILE

# Up to so many output channels, inner products are faster than packing.
_FEW = 16


def _turned(weight: Any, out_channels: int, channels: int, taps: int) -> Any:
    """Return weights (channels, out_channels, taps) with the taps in reverse order."""
    turned = np.empty(weight.size, weight.dtype)
    for o in range(out_channels):
        for c in range(channels):
            for tap in range(taps):
                turned[(c * out_channels + o) * taps + taps - 1 - tap] = weight[
                    (o * channels + c) * taps + tap
                ]
    return turned


def add_products(
    totals: Any, by_bias: Any, laid: Any, grad_plane: int, flat: Any, starts: Any, length: int,
    out_channels: int, taps: int, line: int, tile: int,
    grad_panels: Any, view_panels: Any, offsets: Any,
) -> None:  # fmt: skip
    """Add a stack's share of the gradients by weight and by bias, within kernels.

    Args:
        totals, line: (out_channels, taps), its rows `line` apart.
        laid, grad_plane: the output's gradient at the width of the padded images, a plane for
            each channel.
        flat, starts, length: the images, where each tap's view of them starts, and how long
            it is.
        grad_panels, view_panels, offsets: room for the tiles of many output channels.
    """
    for channel in range(out_channels):
        total = laid.dtype.type(0)
        for position in range(channel * grad_plane, (channel + 1) * grad_plane):
            total += laid[position]
        by_bias[channel] += total
    lanes = VECTOR_BYTES // laid.itemsize
    if out_channels <= _FEW:
        for channel in range(0, out_channels, _DOT_ROWS):
            for tap in range(0, taps, _DOT_COLUMNS):
                add_dot_products(
                    -(-length // lanes), laid, channel * grad_plane, grad_plane, flat, starts,
                    tap, totals, channel * line + tap, line,
                )  # fmt: skip
        return
    tall, wide = HEIGHTS[tile], VECTORS[tile] * lanes
    views, deepest = len(starts), len(offsets)
    for k0 in range(0, length, deepest):
        depth = min(deepest, -(-(length - k0) // 4) * 4)
        pack(grad_panels, 0, laid, k0, grad_plane, 1, out_channels, depth, tall)
        pack_views(view_panels, wide * deepest, flat[k0:], starts, views, depth, wide)
        for j in range(0, taps, wide):
            for i in range(0, out_channels, tall):
                accumulate_tile(
                    tile, depth, grad_panels, i * depth, view_panels, j * deepest, offsets,
                    totals, i * line + j, line, 1,
                )  # fmt: skip


def _weight_gradient_part(
    by_weight: Any, by_bias: Any, grad: Any, mask: Any, input: Any,
    first: int, last: int, channels: int, height: int, columns: int, top: int, left: int,
    out_channels: int, out_rows: int, out_columns: int, kh: int, kw: int, stack: int, tile: int,
) -> None:  # fmt: skip
    """Set one part's share of the gradients by weight (out_channels, taps) and by bias."""
    width, stacked_rows = out_columns + kw - 1, out_rows + kh - 1
    taps = channels * kh * kw
    plane = stack * stacked_rows * width
    tall = HEIGHTS[tile]
    wide = VECTORS[tile] * (VECTOR_BYTES // grad.itemsize)
    # Whole vectors and fours: what is too much in them meets zeros in the gradient.
    lanes = VECTOR_BYTES // grad.itemsize
    step = max(4, lanes)  # NEON has two float64
    grad_plane = -(-plane // step) * step
    views = -(-taps // 4) * 4
    line = -(-taps // wide) * wide
    deepest = min(grad_plane, DEPTH_BLOCK)
    flat = np.zeros(channels * plane + step, grad.dtype)
    laid = np.zeros(-(-out_channels // 4) * 4 * grad_plane, grad.dtype)
    starts = tap_offsets(channels, plane, kh, kw, width, views - taps)
    grad_panels = np.empty(-(-out_channels // tall) * tall * deepest, grad.dtype)
    view_panels = np.zeros(line * deepest, grad.dtype)
    offsets = np.arange(deepest) * wide
    totals = np.zeros(-(-out_channels // tall) * tall * line, grad.dtype)
    by_bias[:] = 0
    for image in range(first, last, stack):
        images = min(stack, last - image)
        if images < stack:
            laid[:] = 0
        place_images(flat, plane, width, top, left, stacked_rows, input,
                      image * channels * height * columns, images, channels, height, columns,
                      laid[:0])  # fmt: skip
        place_images(laid, grad_plane, width, 0, 0, stacked_rows, grad,
                      image * out_channels * out_rows * out_columns, images, out_channels,
                      out_rows, out_columns, mask)  # fmt: skip
        length = ((images - 1) * stacked_rows + out_rows - 1) * width + out_columns
        add_products(totals, by_bias, laid, grad_plane, flat, starts, length, out_channels, taps,
                     line, tile, grad_panels, view_panels, offsets)  # fmt: skip
    for channel in range(out_channels):
        copy_row(by_weight, channel * taps, totals, channel * line, taps)


def sum_shares(totals: Any, shares: Any) -> None:
    """Set each of the totals to the sum of its shares (parts, totals), within kernels."""
    for i in range(len(totals)):
        total = shares[0, i]
        for part in range(1, len(shares)):
            total += shares[part, i]
        totals[i] = total


def _convolution_backward(
    by_input: Any, by_weight: Any, by_bias: Any, grad: Any, mask: Any, input: Any, weight: Any,
    batch: int, channels: int, height: int, columns: int, top: int, left: int,
    out_channels: int, out_rows: int, out_columns: int, kh: int, kw: int,
    stack: int, parts: int, tile: int, band: int, weight_tile: int,
) -> None:  # fmt: skip
    """Fill the gradients of a convolution; arguments as for `_convolution`, and:

    Args:
        by_input: like the input, or empty where it is not wanted.
        by_weight: like the weight, or empty where it is not wanted.
        by_bias: (out_channels,), filled when `by_weight` is.
        grad: the gradient by the output, contiguous.
        mask: the output where ReLU was applied to it; empty where not.
        stack, parts, tile, band: the plan for the gradient by the input.
        weight_tile: which of `machine.TILES` serves the gradient by the weight.
    """
    stacks = -(-batch // stack)
    shares = np.empty((parts, by_weight.size), grad.dtype)
    bias_shares = np.empty((parts, out_channels), grad.dtype)
    turned = _turned(weight, out_channels, channels, kh * kw)
    for part in prange(parts):
        first = part * stacks // parts * stack
        last = min((part + 1) * stacks // parts * stack, batch)
        if by_weight.size:
            _weight_gradient_part(
                shares[part], bias_shares[part], grad, mask, input, first, last, channels,
                height, columns, top, left, out_channels, out_rows, out_columns, kh, kw, stack,
                weight_tile,
            )  # fmt: skip
        if by_input.size:
            convolve_part(
                by_input, grad, mask, turned, grad[:0], False, first, last, out_channels,
                out_rows, out_columns, kh - 1 - top, kw - 1 - left, channels, height, columns,
                kh, kw, stack, tile, band,
            )  # fmt: skip
    if by_weight.size:
        sum_shares(by_weight, shares)
        sum_shares(by_bias, bias_shares)


convolution_backward_kernel = Kernel(_convolution_backward)
