"""Convolution of images with one or two dimensions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...autodiff import Context
from ...errors import ShapeError
from ...fast_conv import conv1d as anchored_conv1d
from ...fast_conv import conv2d as anchored_conv2d
from ...function import Function
from ...fusion import fusable
from ...more_functions import Pad
from ...tensor import Tensor
from ...views import sliced
from ..arguments import Sizes, convolution_padding, whole_numbers
from .operands import checked_tensor, refuse_shapes

__all__ = ["Padding", "conv1d", "conv2d", "convolution"]

# For each spatial dimension, how many zeros come before and after the image.
Padding = tuple[tuple[int, int], ...]


def _checked_padding(name: str, padding: Any, spatial: int) -> Padding:
    """Return `padding` as pairs of Python integers.

    Raises:
        ValueError: unless there is a pair of integers of 0 or more for each dimension.
    """
    try:
        pairs = tuple([(before.__index__(), after.__index__()) for before, after in padding])
    except (AttributeError, TypeError, ValueError):
        pairs = ()
    if len(pairs) != spatial or min(map(min, pairs)) < 0:
        raise ValueError(
            f"{name}: padding {padding!r} must be a pair (before, after) of integers of 0 or "
            f"more for each of {spatial} spatial dimensions"
        )
    return pairs


def _prepared_convolution(
    name: str,
    input: Any,
    weight: Any,
    bias: Any = None,
    padding: Iterable[tuple[int, int]] | None = None,
    relu: bool = False,
    stride: Sizes = 1,
    dilation: Sizes = 1,
) -> tuple[Any, ...]:
    input, weight = checked_tensor(name, "input", input), checked_tensor(name, "weight", weight)
    bias = None if bias is None else checked_tensor(name, "bias", bias)
    images, kernels = input.shape, weight.shape
    spatial = len(kernels) - 2
    problem = None
    if spatial not in (1, 2) or len(images) != len(kernels):
        problem = (
            "the input must be (batch, in_channels, *image), the weight (out_channels, "
            "in_channels, *kernel), with an image of 1 or 2 dimensions"
        )
    elif images[1] != kernels[1]:
        problem = (
            f"in_channels, dimension 1, is {images[1]} in the input and {kernels[1]} in the weight"
        )
    elif 0 in images[1:] or 0 in kernels:
        problem = "only the batch may be of size 0"
    elif bias is not None and bias.shape != kernels[:1]:
        problem = f"the bias must be of shape {kernels[:1]}"
    if problem:
        refuse_shapes(name, problem, input=input, weight=weight, bias=bias)
    pairs = ((0, 0),) * spatial if padding is None else _checked_padding(name, padding, spatial)
    strides = (1,) * spatial if stride == 1 else whole_numbers(name, "stride", stride, spatial, 1)
    apart = (1,) * spatial
    if dilation != 1:
        apart = whole_numbers(name, "dilation", dilation, spatial, 1)
    for (before, after), n, k, step in zip(pairs, images[2:], kernels[2:], apart, strict=True):
        if n + before + after <= step * (k - 1):
            spread = f", spread by dilation {apart}," if max(apart) > 1 else ""
            problem = (
                f"the kernel {kernels[2:]}{spread} is larger than the image {images[2:]} padded "
                f"by {pairs}: it may be as large at most"
            )
            refuse_shapes(name, problem, input=input, weight=weight)
    return input, weight, bias, pairs, bool(relu), strides, apart


class Dilate(Function):
    """A tensor with zeros between its elements along its last dimensions."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, steps: tuple[int, ...]) -> Tensor:
        """Return a, its elements `steps` apart along the last dimensions."""
        leading = a.shape[: a.dims - len(steps)]
        sizes = zip(a.shape[len(leading) :], steps, strict=True)
        key: Any = (..., *[slice(None, None, step) for step in steps])
        ctx.save_for_backward(key)
        out = a.zeros((*leading, *[(n - 1) * step + 1 for n, step in sizes]))
        a.backend.ops.put(out, key, a)
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return the elements of grad between the zeros."""
        (key,) = ctx.saved_values
        return sliced(grad, key)


@fusable(_prepared_convolution)
def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    padding: Padding | None = None,
    relu: bool = False,
    stride: tuple[int, ...] = (1, 1),
    dilation: tuple[int, ...] = (1, 1),
) -> Tensor:
    """Return the convolution of padded images at the places where the whole kernel fits.

    Args:
        input: (batch, in_channels, *image), an image of 1 or 2 dimensions.
        weight: (out_channels, in_channels, *kernel)
        bias: (out_channels,), or None.
        padding: for each dimension of the image, how many zeros come (before, after) it; by
            default none. Fused forms always get the pairs.
        relu: end with a ReLU.
        stride: from one place of the kernel to the next, one number or one for each dimension.
        dilation: from one element of the kernel to the next.

    Returns:
        (batch, out_channels, *sizes), each size
        (image + before + after - dilation (kernel - 1) - 1) // stride + 1.

    Raises:
        ShapeError: if the shapes do not fit, or the kernel is larger than the padded image.
        ValueError: if padding, stride or dilation is none.
    """
    if padding and any(map(any, padding)):
        input = Pad.apply(input, padding)
    if max(dilation) > 1:
        weight = Dilate.apply(weight, dilation)
    image, kernel = input.shape[2:], weight.shape[2:]
    # The course's convolution is as large as the image: at the end its kernel sticks out.
    out: Tensor = (anchored_conv1d if len(image) == 1 else anchored_conv2d)(input, weight)
    places = zip(image, kernel, stride, strict=True)
    out = out[(slice(None), slice(None), *[slice(0, n - k + 1, step) for n, k, step in places])]
    if bias is not None:
        out = out + bias.contiguous().view(len(bias), *[1] * len(image))
    return out.relu() if relu else out


def _convolved(
    name: str, spatial: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any,
    dilation: Any,
) -> Tensor:  # fmt: skip
    """Return the convolution, with PyTorch's arguments for `spatial` dimensions."""
    weight = checked_tensor(name, "weight", weight)
    if len(weight.shape) != spatial + 2:
        raise ShapeError(
            f"{name}: the weight must be (out_channels, in_channels, *kernel), with a kernel of "
            f"{spatial} dimensions, not {weight.shape}"
        )
    strides = whole_numbers(name, "stride", stride, spatial, 1)
    apart = whole_numbers(name, "dilation", dilation, spatial, 1)
    pairs = convolution_padding(name, padding, weight.shape[2:], strides, apart)[1]
    return convolution(input, weight, bias, pairs, False, strides, apart)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
) -> Tensor:
    """Return the 1-D convolution, as `torch.nn.functional.conv1d`.

    Args:
        input: (batch, in_channels, width)
        weight: (out_channels, in_channels, k)
        bias: (out_channels,), or None.
        stride: from one place of the kernel to the next.
        padding: how many zeros stand on both sides; "valid" for none, or "same" for as many as
            keep the width, at stride 1.
        dilation: from one element of the kernel to the next.

    Returns:
        (batch, out_channels, (width + 2 padding - dilation (k - 1) - 1) // stride + 1)

    Raises:
        ShapeError: if the shapes do not fit, or the kernel is larger than the padded image.
        ValueError: if another argument is none of these.
    """
    return _convolved("conv1d", 1, input, weight, bias, stride, padding, dilation)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
) -> Tensor:
    """Return the 2-D convolution, as `torch.nn.functional.conv2d`.

    Args:
        input: (batch, in_channels, height, width)
        weight: (out_channels, in_channels, kh, kw)
        bias, stride, padding, dilation: as for `conv1d`; one number, or (vertical, horizontal).

    Returns:
        (batch, out_channels, new_height, new_width), each as for `conv1d`.

    Raises:
        ShapeError: if the shapes do not fit, or the kernel is larger than the padded image.
        ValueError: if another argument is none of these.
    """
    return _convolved("conv2d", 2, input, weight, bias, stride, padding, dilation)
