"""Pooling over windows that overlap, have gaps, or stick out of the image.

Where windows are no tiles (those are in `pool.py`), a row of them is done at once, tap by tap:
for each tap of the window, one loop over the row, whose results stay in the cache::

    image row   a b c d e f g     windows of 3, stride 2:   a b c | c d e | e f g
    tap 0       a   c   e
    tap 1         b   d   f       best = largest(best, tap), side by side for all windows
    tap 2           c   e   g

Taps that would leave the image are left out: each loop goes over those windows only that have
them. Where a largest element stands is kept, so that its gradient finds it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from ..jit import Kernel

__all__ = ["maxima_back_kernel", "maxima_kernel", "means_back_kernel", "means_kernel"]


def _reach(shift: int, stride: int, size: int, places: int) -> tuple[int, int]:
    """Return the first window whose tap meets the image, and that after the last.

    Args:
        shift: where the tap of the first window stands, before the image if negative.
        size: of the image.
        places: how many windows there are.
    """
    return max(0, -(shift // stride)), min(places, (size - 1 - shift) // stride + 1)


def _maxima_of_plane(
    out: Any, index: Any, image: Any, height: int, columns: int, out_height: int,
    out_columns: int, kh: int, kw: int, row_stride: int, column_stride: int, top: int, left: int,
    row_dilation: int, column_dilation: int,
) -> None:  # fmt: skip
    for y in range(out_height):
        best = out[y * out_columns : (y + 1) * out_columns]
        place = index[y * out_columns : (y + 1) * out_columns]
        best[:] = -np.inf
        place[:] = -1
        for i in range(kh):
            row = y * row_stride - top + i * row_dilation
            if row < 0 or row >= height:
                continue
            for j in range(kw):
                shift = j * column_dilation - left
                first, last = _reach(shift, column_stride, columns, out_columns)
                at = row * columns + shift
                for x in range(first, last):
                    value = image[at + x * column_stride]
                    larger = value > best[x] or (value != value and best[x] == best[x])
                    taken = larger or place[x] < 0
                    best[x] = value if taken else best[x]
                    place[x] = at + x * column_stride if taken else place[x]


def _maxima(
    out: Any, index: Any, input: Any, planes: int, height: int, columns: int, out_height: int,
    out_columns: int, kh: int, kw: int, row_stride: int, column_stride: int, top: int, left: int,
    row_dilation: int, column_dilation: int,
) -> None:  # fmt: skip
    """Fill `out` (planes, out_height, out_columns) with the largest element of each window.

    Args:
        index: of the shape of `out`, int64: where in its plane each stands; -1 where a window
            has no element in the image. Of equal ones it is the first, of NaN too.
        input: (planes, height, columns)
        kh, kw, row_stride, column_stride, row_dilation, column_dilation: of the windows.
        top, left: how far the first windows stand before the image.
    """
    size, places = height * columns, out_height * out_columns
    for plane in prange(planes):
        _maxima_of_plane(
            out[plane * places : (plane + 1) * places],
            index[plane * places : (plane + 1) * places],
            input[plane * size : (plane + 1) * size], height, columns, out_height, out_columns,
            kh, kw, row_stride, column_stride, top, left, row_dilation, column_dilation,
        )  # fmt: skip


def _maxima_back(by_input: Any, grad: Any, index: Any, planes: int, size: int, places: int) -> None:
    """Fill `by_input` (planes, size) with the sums of grad (planes, places) at each index."""
    for plane in prange(planes):
        by_plane = by_input[plane * size : (plane + 1) * size]
        by_plane[:] = 0
        for i in range(plane * places, (plane + 1) * places):
            if index[i] >= 0:
                by_plane[index[i]] += grad[i]


def _means_of_plane(
    out: Any, image: Any, row_counts: Any, column_counts: Any, height: int, columns: int,
    kh: int, kw: int, row_stride: int, column_stride: int, top: int, left: int,
) -> None:  # fmt: skip
    out_columns = len(column_counts)
    for y in range(len(row_counts)):
        total = out[y * out_columns : (y + 1) * out_columns]
        total[:] = 0
        for i in range(kh):
            row = y * row_stride - top + i
            if row < 0 or row >= height:
                continue
            for j in range(kw):
                first, last = _reach(j - left, column_stride, columns, out_columns)
                at = row * columns + j - left
                for x in range(first, last):
                    total[x] += image[at + x * column_stride]
        for x in range(out_columns):
            total[x] /= row_counts[y] * column_counts[x]


def _means(
    out: Any, input: Any, row_counts: Any, column_counts: Any, planes: int, height: int,
    columns: int, kh: int, kw: int, row_stride: int, column_stride: int, top: int, left: int,
) -> None:  # fmt: skip
    """Fill `out` (planes, out_height, out_columns) with the means of windows.

    Args:
        input: (planes, height, columns)
        row_counts, column_counts: (out_height,) and (out_columns,), of the dtype of `out`:
            over how many rows and columns each window is said to reach.
        kh, kw, row_stride, column_stride, top, left: as for `_maxima`.
    """
    size, places = height * columns, len(row_counts) * len(column_counts)
    for plane in prange(planes):
        _means_of_plane(
            out[plane * places : (plane + 1) * places], input[plane * size : (plane + 1) * size],
            row_counts, column_counts, height, columns, kh, kw, row_stride, column_stride, top,
            left,
        )  # fmt: skip


def _means_back_of_plane(
    by_image: Any, grad: Any, row_counts: Any, column_counts: Any, height: int, columns: int,
    kh: int, kw: int, row_stride: int, column_stride: int, top: int, left: int,
) -> None:  # fmt: skip
    out_columns = len(column_counts)
    share = np.empty(out_columns, grad.dtype)
    by_image[:] = 0
    for y in range(len(row_counts)):
        for x in range(out_columns):
            share[x] = grad[y * out_columns + x] / (row_counts[y] * column_counts[x])
        for i in range(kh):
            row = y * row_stride - top + i
            if row < 0 or row >= height:
                continue
            for j in range(kw):
                first, last = _reach(j - left, column_stride, columns, out_columns)
                at = row * columns + j - left
                for x in range(first, last):
                    by_image[at + x * column_stride] += share[x]


def _means_back(
    by_input: Any, grad: Any, row_counts: Any, column_counts: Any, planes: int, height: int,
    columns: int, kh: int, kw: int, row_stride: int, column_stride: int, top: int, left: int,
) -> None:  # fmt: skip
    """Fill `by_input`, the gradient of `_means`, whose other arguments it takes."""
    size, places = height * columns, len(row_counts) * len(column_counts)
    for plane in prange(planes):
        _means_back_of_plane(
            by_input[plane * size : (plane + 1) * size],
            grad[plane * places : (plane + 1) * places],
            row_counts, column_counts, height, columns, kh, kw, row_stride, column_stride, top,
            left,
        )  # fmt: skip


maxima_kernel = Kernel(_maxima)
maxima_back_kernel = Kernel(_maxima_back)
means_kernel = Kernel(_means)
means_back_kernel = Kernel(_means_back)
