"""Convolutional layers.

The kernel stands wherever it fits on the padded image, or at every stride-th place; each output
channel sums over all input channels::

    padding=0, "valid"     n - k + 1 places
    padding=p              n + 2 p - k + 1 places
    padding="same"         n places; of k - 1 zeros, half come before, a zero left over after
    stride=s               of N places (N - 1) // s + 1
    dilation=d             for k, d (k - 1) + 1: between the kernel's elements come d - 1 others
"""

from __future__ import annotations

import math
from typing import Any

from ..module import Module
from ..tensor import Tensor
from .arguments import Sizes, convolution_padding, is_fused_relu, whole_number, whole_numbers
from .functional.convolution import convolution
from .init import uniform_parameter

__all__ = ["Conv1d", "Conv2d"]


class _Convolution(Module):
    """What the convolutions in one and two dimensions share."""

    _spatial: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        *,
        bias: bool = True,
        activation: str | None = None,
    ) -> None:
        super().__init__()
        name, spatial = type(self).__name__, self._spatial
        self.in_channels = whole_number(name, "in_channels", in_channels, 1)
        self.out_channels = whole_number(name, "out_channels", out_channels, 1)
        self.kernel_size = whole_numbers(name, "kernel_size", kernel_size, spatial, 1)
        self.stride = whole_numbers(name, "stride", stride, spatial, 1)
        self.dilation = whole_numbers(name, "dilation", dilation, spatial, 1)
        self.padding, self._pairs = convolution_padding(
            name, padding, self.kernel_size, self.stride, self.dilation
        )
        # The number 1 is taken without a check, which would cost a microsecond or two.
        self._steps: tuple[Any, Any] = (self.stride, self.dilation)
        if max(self.stride + self.dilation) == 1:
            self._steps = 1, 1
        self.activation = activation
        self._relu = is_fused_relu(name, activation)
        shape = (self.out_channels, self.in_channels, *self.kernel_size)
        fan_in = math.prod(shape[1:])
        self.weight = uniform_parameter(shape, fan_in)
        self.bias = uniform_parameter(shape[:1], fan_in) if bias else None

    def forward(self, input: Tensor) -> Tensor:
        """Return the layer's output; see `functional.convolution`."""
        own: Any = self._parameters  # a look-up here costs a microsecond less than an attribute
        return convolution(
            input, own["weight"], own.get("bias"), self._pairs, self._relu, *self._steps
        )

    def extra_repr(self) -> str:
        """Return the arguments, as they are printed."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"]
        parts.append(f"stride={self.stride}")
        if isinstance(self.padding, str) or any(self.padding):
            parts.append(f"padding={self.padding}")
        if max(self.dilation) > 1:
            parts.append(f"dilation={self.dilation}")
        if self.bias is None:
            parts.append("bias=False")
        if self.activation:
            parts.append(f"activation={self.activation!r}")
        return ", ".join(parts)


class Conv1d(_Convolution):
    """1-D convolution: (batch, in_channels, width) -> (batch, out_channels, new_width).

    Args:
        in_channels, out_channels: the sizes of dimension 1.
        kernel_size: k, or (k,); `weight` is (out_channels, in_channels, k).
        stride: from one place of the kernel to the next.
        padding: how many zeros stand on both sides, or "same" or "valid".
        dilation: from one element of the kernel to the next.
        bias: add one, `bias` of shape (out_channels,).
        activation: None, or "relu" for what a ReLU behind the layer gives, in one kernel
            where the backend has one.

    Raises:
        ValueError: if an argument is none of these.
    """

    _spatial = 1


class Conv2d(_Convolution):
    """2-D convolution: (batch, in_channels, h, w) -> (batch, out_channels, new_h, new_w).

    Args:
        in_channels, out_channels: the sizes of dimension 1.
        kernel_size: k, or (kh, kw); `weight` is (out_channels, in_channels, kh, kw).
        stride: from one place of the kernel to the next, or (downwards, to the right).
        padding: how many zeros stand on all sides, or (above and below, left and right), or
            "same" or "valid".
        dilation: from one element of the kernel to the next, or (downwards, to the right).
        bias: add one, `bias` of shape (out_channels,).
        activation: None, or "relu" for what a ReLU behind the layer gives, in one kernel
            where the backend has one.

    Raises:
        ValueError: if an argument is none of these.
    """

    _spatial = 2
