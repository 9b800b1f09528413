"""Pooling layers: the largest or the mean of each window on an image."""

from __future__ import annotations

from ..module import Module
from ..tensor import Tensor
from .arguments import Sizes
from .functional.pooling import window_maxima, window_means
from .functional.windows import checked_windows

__all__ = ["AvgPool2d", "MaxPool2d"]


class AvgPool2d(Module):
    """The mean of each window: (batch, channel, h, w) -> (batch, channel, new_h, new_w).

    Args:
        kernel_size: k, or (kh, kw), of a window.
        stride: from one window to the next, by default the kernel's size.
        padding: how far windows reach over the image's edges, half of kernel_size at most.
        ceil_mode: let a last window reach beyond that too, if it starts in the image or before.
        count_include_pad: the padding counts as zeros, else not at all.

    Raises:
        ValueError: if an argument is none of these.
    """

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self._windows = checked_windows(name, kernel_size, stride, padding, 1, ceil_mode)
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """Return the mean of each window; see `functional.avg_pool2d`."""
        return window_means(input, self._windows, bool(self.count_include_pad))

    def extra_repr(self) -> str:
        """Return the arguments, as they are printed."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxPool2d(Module):
    """The largest of each window: (batch, channel, h, w) -> (batch, channel, new_h, new_w).

    The gradient goes to the first of the largest, in reading order.

    Args:
        kernel_size: k, or (kh, kw), of a window.
        stride: from one window to the next, by default the kernel's size.
        padding: how far windows reach over the image's edges, half of kernel_size at most; the
            padding never counts.
        dilation: from one element of a window to the next.
        ceil_mode: let a last window reach beyond that too, if it starts in the image or before.

    Raises:
        ValueError: if an argument is none of these.
    """

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        *,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self._windows = checked_windows(name, kernel_size, stride, padding, dilation, ceil_mode)
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """Return the largest element of each window; see `functional.max_pool2d`."""
        return window_maxima(input, self._windows)

    def extra_repr(self) -> str:
        """Return the arguments, as they are printed."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )
