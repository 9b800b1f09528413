"""Pooling over windows, which may overlap, have gaps, and stick out of the image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...fusion import fusable
from ...more_functions import Pick
from ...tensor import Tensor
from ..arguments import Sizes
from .operands import checked_tensor, refuse_shapes
from .windows import Unfold, Windows, checked_windows, inside_windows

__all__ = ["avg_pool2d", "max_pool2d", "window_maxima", "window_means"]


# What errors call the functions below, which take the arguments in another form.
_NAMES = {"window_maxima": "max_pool2d", "window_means": "avg_pool2d"}


def _prepared(function: str, input: Any, windows: Windows, *more: Any) -> tuple[Any, ...]:
    name = _NAMES[function]
    input = checked_tensor(name, "input", input)
    shape = input.shape
    if len(shape) != 4:
        refuse_shapes(name, "it must be (batch, channel, height, width)", input=input)
    if 0 in shape[1:]:
        refuse_shapes(name, "only the batch may be of size 0", input=input)
    windows.places(name, shape[2:])
    return (input, windows, *more)


@fusable(_prepared)
def window_maxima(input: Tensor, windows: Windows) -> Tensor:
    """Return the largest element of each window; see `max_pool2d`."""
    image = input.shape[2:]
    places = windows.places("max_pool2d", image)
    lines = Unfold.apply(input, windows, places, -math.inf)
    values = lines.to_numpy()
    largest = (values == values.max(4, keepdims=True)) | np.isnan(values)
    # Of an image of -inf, the padding is no more than the image is.
    first = (largest & inside_windows(windows, places, image)).argmax(4)
    return Pick.apply(lines, first[..., None], 4).view(*input.shape[:2], *places)


@fusable(_prepared)
def window_means(input: Tensor, windows: Windows, include_pad: bool) -> Tensor:
    """Return the mean of each window; see `avg_pool2d`."""
    image = input.shape[2:]
    places = windows.places("avg_pool2d", image)
    rows, columns = windows.counts("avg_pool2d", image, include_pad)
    counts = np.multiply.outer(rows, columns).astype(input.dtype)
    sums = Unfold.apply(input, windows, places, 0.0).sum(4)
    return sums.view(*input.shape[:2], *places) / input._from_array(counts)


def max_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the largest element of each window, as `torch.nn.functional.max_pool2d`.

    The gradient goes to the first of the largest in reading order; NaN counts as largest. The
    padding never counts.

    Args:
        input: (batch, channel, height, width)
        kernel_size: of a window: one number, or (height, width); so all that follow.
        stride: from one window to the next, by default the kernel's size.
        padding: how far windows reach over the image's edges, half of kernel_size at most.
        dilation: from one element of a window to the next.
        ceil_mode: let a last window reach beyond that too, if it starts in the image or before.

    Returns:
        (batch, channel, new_height, new_width), each
        (size + 2 padding - dilation (kernel - 1) - 1) // stride + 1, or rounded up.

    Raises:
        ShapeError: if the input has other dimensions, or nothing would be left of the images.
        ValueError: if another argument is none of these.
    """
    windows = checked_windows("max_pool2d", kernel_size, stride, padding, dilation, ceil_mode)
    return window_maxima(input, windows)


def avg_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the mean of each window, as `torch.nn.functional.avg_pool2d`.

    Args:
        input, kernel_size, stride, padding, ceil_mode: as for `max_pool2d`.
        count_include_pad: the padding counts as zeros, else not at all; beyond it nothing does.

    Returns:
        (batch, channel, new_height, new_width), as for `max_pool2d`.

    Raises:
        ShapeError: if the input has other dimensions, or nothing would be left of the images.
        ValueError: if another argument is none of these.
    """
    windows = checked_windows("avg_pool2d", kernel_size, stride, padding, 1, ceil_mode)
    return window_means(input, windows, bool(count_include_pad))
