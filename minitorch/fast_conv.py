"""Module 4: convolution in one and two dimensions, compiled by Numba and run in parallel.

The weight slides over the input. Unreversed, its top left corner stands at the output's
position and what sticks out on the right and below meets zeros; reversed, its bottom right
corner does, and it sticks out on the left and above. The output has the input's size::

    input   a b c d e                     input   a b c d e
    weight      x y z                     weight  z y x        reverse
    out[2] = c x + d y + e z              out[2] = a z + b y + c x

The gradients are convolutions too: by the input, of the output's gradient with the weight,
reversed; by the weight, of the input with the output's gradient in the weight's place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange

from .autodiff import Context
from .backends import register_kernel
from .errors import DTypeError, ShapeError, describe_shapes
from .fast_ops import FastOps
from .function import Function, is_tensor
from .fusion import fusable
from .jit import Kernel

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Conv1dFun", "Conv2dFun", "conv1d", "conv2d", "tensor_conv1d", "tensor_conv2d"]


def _tensor_conv1d(
    out: Any, out_shape: Any, out_strides: Any, out_size: int,
    input: Any, input_shape: Any, input_strides: Any,
    weight: Any, weight_shape: Any, weight_strides: Any,
    reverse: bool,
) -> None:  # fmt: skip
    """Fill `out` with the 1-D convolution of `input` and `weight`.

    The width of `out` may be less than that of the input (it is, where this computes the
    gradient by the weight); positions outside of the input count as zeros. No operand need be
    contiguous.

    Args:
        out, out_shape, out_strides, out_size: (batch, out_channels, out_width)
        input, input_shape, input_strides: (batch, in_channels, width)
        weight, weight_shape, weight_strides: (out_channels, in_channels, k_width)
        reverse: anchor the weight at its right end instead of its left.
    """
    batch, out_channels, out_width = out_shape
    _, in_channels, width = input_shape
    k_width = weight_shape[2]
    direction = -1 if reverse else 1
    for pair in prange(batch * out_channels):
        image, channel = pair // out_channels, pair % out_channels
        out_row = image * out_strides[0] + channel * out_strides[1]
        for x in range(out_width):
            # The taps of the weight that meet the input.
            taps = min(k_width, x + 1 if reverse else width - x)
            total = out.dtype.type(0)
            for c in range(in_channels):
                at = image * input_strides[0] + c * input_strides[1] + x * input_strides[2]
                tap = channel * weight_strides[0] + c * weight_strides[1]
                step = direction * input_strides[2]
                for k in range(taps):
                    total += input[at + k * step] * weight[tap + k * weight_strides[2]]
            out[out_row + x * out_strides[2]] = total


def _tensor_conv2d(
    out: Any, out_shape: Any, out_strides: Any, out_size: int,
    input: Any, input_shape: Any, input_strides: Any,
    weight: Any, weight_shape: Any, weight_strides: Any,
    reverse: bool,
) -> None:  # fmt: skip
    """Fill `out` with the 2-D convolution of `input` and `weight`.

    The height and width of `out` may be less than those of the input (they are, where this
    computes the gradient by the weight); positions outside of the input count as zeros. No
    operand need be contiguous.

    Args:
        out, out_shape, out_strides, out_size: (batch, out_channels, out_height, out_width)
        input, input_shape, input_strides: (batch, in_channels, height, width)
        weight, weight_shape, weight_strides: (out_channels, in_channels, k_height, k_width)
        reverse: anchor the weight at its bottom right instead of its top left.
    """
    batch, out_channels, out_height, out_width = out_shape
    _, in_channels, height, width = input_shape
    _, _, k_height, k_width = weight_shape
    direction = -1 if reverse else 1
    row_step = direction * input_strides[2]
    column_step = direction * input_strides[3]
    tap_step = weight_strides[3]
    for pair in prange(batch * out_channels):
        image, channel = pair // out_channels, pair % out_channels
        out_image = image * out_strides[0] + channel * out_strides[1]
        for y in range(out_height):
            rows = min(k_height, y + 1 if reverse else height - y)
            for x in range(out_width):
                columns = min(k_width, x + 1 if reverse else width - x)
                total = out.dtype.type(0)
                for c in range(in_channels):
                    at = (
                        image * input_strides[0] + c * input_strides[1]
                        + y * input_strides[2] + x * input_strides[3]
                    )  # fmt: skip
                    tap = channel * weight_strides[0] + c * weight_strides[1]
                    for _ in range(rows):
                        for k in range(columns):
                            total += input[at + k * column_step] * weight[tap + k * tap_step]
                        at += row_step
                        tap += weight_strides[2]
                out[out_image + y * out_strides[2] + x * out_strides[3]] = total


def _multiplications(*args: Any) -> int:
    """Return how often the kernel with these arguments multiplies, the edges included."""
    out_size, weight_shape = args[3], args[8]
    return int(out_size * np.prod(weight_shape[1:]))


tensor_conv1d = Kernel(_tensor_conv1d, _multiplications)
tensor_conv2d = Kernel(_tensor_conv2d, _multiplications)

register_kernel(FastOps, "conv1d", tensor_conv1d)
register_kernel(FastOps, "conv2d", tensor_conv2d)


def _convolve(
    name: str, input: Tensor, weight: Tensor, sizes: tuple[int, ...], reverse: bool
) -> Tensor:
    """Return the convolution as a tensor (batch, out_channels, *sizes)."""
    dtype = np.result_type(input.dtype, weight.dtype)
    out = input.new_empty((input.shape[0], weight.shape[0], *sizes), dtype)
    if out.size:
        kernel = input.backend.kernel(name)
        kernel(*out.tuple(), out.size, *input.tuple(), *weight.tuple(), reverse)
    return out


def _swapped(a: Tensor) -> Tensor:
    """Return a with its first two dimensions exchanged."""
    return a._new(a._tensor.permute(1, 0, *range(2, a.dims)))


class _Convolution(Function):
    """What the convolutions in one and two dimensions share."""

    name: str
    spatial: int

    @classmethod
    def _check(cls, input: Tensor, weight: Tensor) -> None:
        for name, value in (("input", input), ("weight", weight)):
            if not is_tensor(value):
                kind = type(value).__name__
                raise DTypeError(f"{cls.name}: the {name} must be a tensor, not a {kind}")
        dims = cls.spatial + 2
        sides = "width" if cls.spatial == 1 else "height, width"
        k_sides = "k_width" if cls.spatial == 1 else "k_height, k_width"
        problem = None
        if input.dims != dims or weight.dims != dims:
            problem = (
                f"the input must be (batch, in_channels, {sides}), "
                f"the weight (out_channels, in_channels, {k_sides})"
            )
        elif input.shape[1] != weight.shape[1]:
            problem = (
                f"in_channels, dimension 1, is {input.shape[1]} in the input and "
                f"{weight.shape[1]} in the weight"
            )
        elif any(k > n for k, n in zip(weight.shape[2:], input.shape[2:], strict=True)):
            problem = (
                f"the kernel {weight.shape[2:]} is larger than the image {input.shape[2:]}: "
                "it may be as large at most"
            )
        if problem:
            operands = [("input", input.shape), ("weight", weight.shape)]
            raise ShapeError(describe_shapes(cls.name, operands) + f"\n{problem}")

    @classmethod
    def forward(cls, ctx: Context, input: Tensor, weight: Tensor) -> Tensor:
        """Return the convolution of input and weight."""
        ctx.save_for_backward(input, weight)
        return _convolve(cls.name, input, weight, input.shape[2:], reverse=False)

    @classmethod
    def backward(cls, ctx: Context, grad: Tensor) -> tuple[Any, Any]:
        """Return the gradients by input and weight, where they are wanted."""
        input, weight = ctx.saved_values
        need_input, need_weight = ctx.needs_input_grad
        by_input = by_weight = None
        if need_input:
            by_input = _convolve(cls.name, grad, _swapped(weight), input.shape[2:], reverse=True)
        if need_weight:
            # Channels take the place of the batch, and the batch that of the channels.
            by_weight = _swapped(
                _convolve(
                    cls.name, _swapped(input), _swapped(grad), weight.shape[2:], reverse=False
                )
            )
        return by_input, by_weight

    @classmethod
    def apply(cls, *inputs: Any) -> Tensor:
        """Return the recorded convolution, after checking the shapes."""
        cls._check(*inputs)
        return super().apply(*inputs)


class Conv1dFun(_Convolution):
    """1-D convolution: (batch, in_channels, width), (out_channels, in_channels, k_width)."""

    name, spatial = "conv1d", 1


class Conv2dFun(_Convolution):
    """2-D convolution: (batch, in_channels, h, w), (out_channels, in_channels, kh, kw)."""

    name, spatial = "conv2d", 2


def _check_operands(name: str, input: Tensor, weight: Tensor) -> None:
    (Conv1dFun if name == "conv1d" else Conv2dFun)._check(input, weight)


@fusable(_check_operands)
def conv1d(input: Tensor, weight: Tensor) -> Tensor:
    """Return the 1-D convolution of a batch, anchored left, of the input's width.

    Args:
        input: (batch, in_channels, width)
        weight: (out_channels, in_channels, k_width)

    Returns:
        (batch, out_channels, width)

    Raises:
        ShapeError: if the shapes do not fit, or the kernel is wider than the input.
    """
    return Conv1dFun.apply(input, weight)


@fusable(_check_operands)
def conv2d(input: Tensor, weight: Tensor) -> Tensor:
    """Return the 2-D convolution of a batch, anchored top left, of the input's size.

    Args:
        input: (batch, in_channels, height, width)
        weight: (out_channels, in_channels, k_height, k_width)

    Returns:
        (batch, out_channels, height, width)

    Raises:
        ShapeError: if the shapes do not fit, or the kernel is larger than the image.
    """
    return Conv2dFun.apply(input, weight)
