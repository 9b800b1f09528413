"""Pooling over windows as one `Function` each on the tuned backend.

Windows that tile the images go to the kernels of tiles, all others to those of windows. What
comes here was checked by the decorators of the compositions; where the windows stand is worked
out once more, by which kernels get no other sizes than theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .autodiff import Context
from .function import Function
from .fusion import register_fused
from .kernels.pool import pooling
from .kernels.windows import (
    maxima_back_kernel,
    maxima_kernel,
    means_back_kernel,
    means_kernel,
)
from .tensor import Tensor
from .tuned_nn import AvgPool2d, MaxPool2d, tiles_of
from .tuned_ops import TunedOps, elements_of

if TYPE_CHECKING:
    from .layers.functional.windows import Windows

__all__ = ["TileMaxima", "WindowMaxima", "WindowMeans", "window_maxima", "window_means"]


class TileMaxima(MaxPool2d):
    """The largest element of each tile; the first of them has the gradient."""

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, None]:
        """Return grad where the first of the largest elements stands."""
        input, out, kernel = ctx.saved_values
        by_input = input.new_empty(input.shape)
        if grad._tensor.size:
            pooling(*kernel).first_back.launch(
                input._tensor.size, by_input._tensor._storage, input._tensor._storage,
                out._tensor._storage, elements_of(grad), *tiles_of(input.shape, kernel),
            )  # fmt: skip
        return by_input, None


class WindowMaxima(Function):
    """The largest element of each window; the first of them has the gradient."""

    @staticmethod
    def forward(ctx: Context, input: Tensor, windows: Windows) -> Tensor:
        """Return the largest: (batch, channel, height, width) -> (batch, channel, *places)."""
        shape = input.shape
        places = windows.places("max_pool2d", shape[2:])
        out = input.new_empty((*shape[:2], *places))
        size = out._tensor.size
        index = np.empty(size, np.int64)
        ctx.save_for_backward(shape, index)
        if size:
            maxima_kernel.launch(
                size * windows.kernel[0] * windows.kernel[1], out._tensor._storage, index,
                elements_of(input), shape[0] * shape[1], *shape[2:], *places, *windows.kernel,
                *windows.stride, *windows.padding, *windows.dilation,
            )  # fmt: skip
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, None]:
        """Return the sums of grad over the windows of which an element is the largest."""
        shape, index = ctx.saved_values
        by_input = grad.new_empty(shape)
        if grad._tensor.size:
            planes = shape[0] * shape[1]
            maxima_back_kernel.launch(
                by_input._tensor.size, by_input._tensor._storage, elements_of(grad), index, planes,
                shape[2] * shape[3], len(index) // planes,
            )  # fmt: skip
        return by_input, None


class WindowMeans(Function):
    """The mean of each window."""

    @staticmethod
    def forward(ctx: Context, input: Tensor, windows: Windows, include_pad: bool) -> Tensor:
        """Return the means: (batch, channel, height, width) -> (batch, channel, *places)."""
        shape = input.shape
        counts = windows.counts("avg_pool2d", shape[2:], include_pad)
        out = input.new_empty((*shape[:2], *[len(n) for n in counts]))
        geometry: tuple[Any, ...] = (
            *[n.astype(out.dtype) for n in counts], shape[0] * shape[1], *shape[2:],
            *windows.kernel, *windows.stride, *windows.padding,
        )  # fmt: skip
        ctx.save_for_backward(shape, geometry)
        size = out._tensor.size
        if size:
            means_kernel.launch(
                size * windows.kernel[0] * windows.kernel[1], out._tensor._storage,
                elements_of(input), *geometry,
            )  # fmt: skip
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, None, None]:
        """Return the sums of grad / elements over the windows in which an element stands."""
        shape, geometry = ctx.saved_values
        by_input = grad.new_empty(shape)
        if grad._tensor.size:
            means_back_kernel.launch(
                by_input._tensor.size, by_input._tensor._storage, elements_of(grad), *geometry
            )
        return by_input, None, None


def window_maxima(input: Tensor, windows: Windows) -> Tensor:
    """Return the largest element of each window; see `layers.functional.max_pool2d`."""
    if windows.tile(input.shape[2:]):
        return TileMaxima.apply(input, windows.kernel)
    return WindowMaxima.apply(input, windows)


def window_means(input: Tensor, windows: Windows, include_pad: bool) -> Tensor:
    """Return the mean of each window; see `layers.functional.avg_pool2d`."""
    if windows.tile(input.shape[2:]):
        return AvgPool2d.apply(input, windows.kernel)
    return WindowMeans.apply(input, windows, include_pad)


for fused in (window_maxima, window_means):
    register_fused(TunedOps, fused.__name__, fused)
