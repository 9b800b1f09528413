"""Pooling over windows on a GPU: what `layers` asks of a backend.

Given, not a task. Windows may overlap, have gaps between their elements, and reach over the edge.
In both directions a thread has one element to itself: forward one of the output, whose window it
goes through; backward one of the image, for which it looks up all windows that see it. So no two
threads write to one place, and results do not depend on who comes first.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .autodiff import Context
from .cuda_memory import launch_each
from .cuda_ops import CudaOps
from .cuda_target import CudaKernel, cuda, empty
from .function import Function
from .fusion import register_fused

if TYPE_CHECKING:
    from .layers.functional.windows import Windows
    from .tensor import Tensor

__all__ = ["WindowMaxima", "WindowMeans", "window_maxima", "window_means"]


def first_tap(start: int, apart: int) -> int:
    """Return the number of the first element of a window that is not before the image."""
    return 0 if start >= 0 else (-start + apart - 1) // apart


def covered(place: int, size: int, k: int, step: int, pad: int, include_pad: bool) -> int:
    """Return over how many rows the window at `place` reaches, the padding's with `include_pad`."""
    first = place * step - pad
    if include_pad:
        return min(first + k, size + pad) - first
    return min(first + k, size) - max(first, 0)


def window_at(y: int, tap: int, step: int, pad: int, apart: int, places: int) -> int:
    """Return which window has row `y` as its element number `tap`; -1 if none has."""
    start = y + pad - tap * apart
    if start < 0 or start % step != 0 or start // step >= places:
        return -1
    return start // step


def _maxima(
    out: Any, index: Any, input: Any, image: Any, places: Any, windows: Any, size: int
) -> None:
    """Fill `out` with the largest elements of windows, `index` with where in the image they are.

    A thread for each of `size` elements of `out`.

    Args:
        out, index: (planes, *places), contiguous.
        input: (planes, *image), contiguous.
        image: height and width.
        places: how many windows stand below and beside one another.
        windows: height, width, vertical and horizontal stride, padding and dilation.
        size: the number of elements of `out`.
    """
    i = cuda.grid(1)
    if i >= size:
        return
    x = i % places[1]
    y = i // places[1] % places[0]
    plane = i // (places[0] * places[1]) * image[0] * image[1]
    top, left = y * windows[2] - windows[4], x * windows[3] - windows[5]
    best = -math.inf
    at = -1
    for row in range(first_tap(top, windows[6]), windows[0]):
        for column in range(first_tap(left, windows[7]), windows[1]):
            v = top + row * windows[6]
            h = left + column * windows[7]
            if v < image[0] and h < image[1]:
                element = input[plane + v * image[1] + h]
                # NaN counts as largest; the first of several is kept.
                if at < 0 or element > best or (element != element and best == best):
                    best = element
                    at = v * image[1] + h
    out[i] = best
    index[i] = at


def _maxima_back(
    by_input: Any, grad: Any, index: Any, image: Any, places: Any, windows: Any, size: int
) -> None:
    """Fill `by_input` with the sums of grad over the windows whose largest element it is.

    A thread for each of `size` elements of `by_input`; the other arguments are as above.
    """
    i = cuda.grid(1)
    if i >= size:
        return
    at = i % (image[0] * image[1])
    y, x = at // image[1], at % image[1]
    plane = i // (image[0] * image[1]) * places[0] * places[1]
    total = 0.0
    for row in range(windows[0]):
        v = window_at(y, row, windows[2], windows[4], windows[6], places[0])
        if v >= 0:
            for column in range(windows[1]):
                h = window_at(x, column, windows[3], windows[5], windows[7], places[1])
                if h >= 0 and index[plane + v * places[1] + h] == at:
                    total += grad[plane + v * places[1] + h]
    by_input[i] = total


def _means(
    out: Any, input: Any, image: Any, places: Any, windows: Any, include_pad: bool, size: int
) -> None:
    """Fill `out` with the means of windows, over padding too with `include_pad`.

    A thread for each of `size` elements of `out`; the other arguments are as for `_maxima`.
    """
    i = cuda.grid(1)
    if i >= size:
        return
    x = i % places[1]
    y = i // places[1] % places[0]
    plane = i // (places[0] * places[1]) * image[0] * image[1]
    top, left = y * windows[2] - windows[4], x * windows[3] - windows[5]
    total = 0.0
    for v in range(max(top, 0), min(top + windows[0], image[0])):
        for h in range(max(left, 0), min(left + windows[1], image[1])):
            total += input[plane + v * image[1] + h]
    rows = covered(y, image[0], windows[0], windows[2], windows[4], include_pad)
    columns = covered(x, image[1], windows[1], windows[3], windows[5], include_pad)
    out[i] = total / (rows * columns)


def _means_back(
    by_input: Any, grad: Any, image: Any, places: Any, windows: Any, include_pad: bool, size: int
) -> None:
    """Fill `by_input` with the sums of grad / elements over the windows that see an element.

    A thread for each of `size` elements of `by_input`; the other arguments are as above.
    """
    i = cuda.grid(1)
    if i >= size:
        return
    at = i % (image[0] * image[1])
    y, x = at // image[1], at % image[1]
    plane = i // (image[0] * image[1]) * places[0] * places[1]
    total = 0.0
    for row in range(windows[0]):
        v = window_at(y, row, windows[2], windows[4], 1, places[0])
        if v >= 0:
            rows = covered(v, image[0], windows[0], windows[2], windows[4], include_pad)
            for column in range(windows[1]):
                h = window_at(x, column, windows[3], windows[5], 1, places[1])
                if h >= 0:
                    columns = covered(h, image[1], windows[1], windows[3], windows[5], include_pad)
                    total += grad[plane + v * places[1] + h] / (rows * columns)
    by_input[i] = total


maxima_kernel = CudaKernel(_maxima)
maxima_back_kernel = CudaKernel(_maxima_back)
means_kernel = CudaKernel(_means)
means_back_kernel = CudaKernel(_means_back)


def _flat(windows: Windows) -> tuple[int, ...]:
    """Return height, width, strides, paddings and dilations as one tuple."""
    return (*windows.kernel, *windows.stride, *windows.padding, *windows.dilation)


class WindowMaxima(Function):
    """The largest element of each window; the first of them has the gradient."""

    @staticmethod
    def forward(ctx: Context, input: Tensor, windows: Windows) -> Tensor:
        """Return the largest: (batch, channel, height, width) -> (batch, channel, *places)."""
        image = input.shape[2:]
        places = windows.places("max_pool2d", image)
        out = input.new_empty((*input.shape[:2], *places))
        size = out._tensor.size
        index = empty(size, np.int64)
        geometry = image, places, _flat(windows)
        ctx.save_for_backward(input.shape, index, geometry)
        source = input.contiguous()._tensor._storage
        launch_each(maxima_kernel, size, out._tensor._storage, index, source, *geometry)
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, None]:
        """Return the sums of grad over the windows of which an element is the largest."""
        shape, index, geometry = ctx.saved_values
        by_input = grad.new_empty(shape)
        target, slope = by_input._tensor, grad.contiguous()._tensor._storage
        launch_each(maxima_back_kernel, target.size, target._storage, slope, index, *geometry)
        return by_input, None


class WindowMeans(Function):
    """The mean of each window."""

    @staticmethod
    def forward(ctx: Context, input: Tensor, windows: Windows, include_pad: bool) -> Tensor:
        """Return the means: (batch, channel, height, width) -> (batch, channel, *places)."""
        image = input.shape[2:]
        places = windows.places("avg_pool2d", image)
        out = input.new_empty((*input.shape[:2], *places))
        geometry = image, places, _flat(windows), include_pad
        ctx.save_for_backward(input.shape, geometry)
        source = input.contiguous()._tensor._storage
        launch_each(means_kernel, out._tensor.size, out._tensor._storage, source, *geometry)
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, None, None]:
        """Return the sums of grad / elements over the windows in which an element stands."""
        shape, geometry = ctx.saved_values
        by_input = grad.new_empty(shape)
        target, slope = by_input._tensor, grad.contiguous()._tensor._storage
        launch_each(means_back_kernel, target.size, target._storage, slope, *geometry)
        return by_input, None, None


def window_maxima(input: Tensor, windows: Windows) -> Tensor:
    """Return the largest element of each window; see `layers.functional.max_pool2d`."""
    return WindowMaxima.apply(input, windows)


def window_means(input: Tensor, windows: Windows, include_pad: bool) -> Tensor:
    """Return the mean of each window; see `layers.functional.avg_pool2d`."""
    return WindowMeans.apply(input, windows, include_pad)


register_fused(CudaOps, "window_maxima", window_maxima)
register_fused(CudaOps, "window_means", window_means)
