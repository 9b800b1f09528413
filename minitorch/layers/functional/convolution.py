"""Convolution of images with one or two dimensions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...fast_conv import conv1d, conv2d
from ...fusion import fusable
from ...more_functions import Pad
from ...tensor import Tensor
from .operands import checked_tensor, refuse_shapes

__all__ = ["Padding", "convolution"]

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
    for (before, after), n, k in zip(pairs, images[2:], kernels[2:], strict=True):
        if n + before + after < k:
            problem = (
                f"the kernel {kernels[2:]} is larger than the image {images[2:]} padded by "
                f"{pairs}: it may be as large at most"
            )
            refuse_shapes(name, problem, input=input, weight=weight)
    return input, weight, bias, pairs, bool(relu)


@fusable(_prepared_convolution)
def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    padding: Padding | None = None,
    relu: bool = False,
) -> Tensor:
    """Return the convolution of padded images at the places where the whole kernel fits.

    Args:
        input: (batch, in_channels, *image), an image of 1 or 2 dimensions.
        weight: (out_channels, in_channels, *kernel)
        bias: (out_channels,), or None.
        padding: for each dimension of the image, how many zeros come (before, after) it; by
            default none. Fused forms always get the pairs.
        relu: end with a ReLU.

    Returns:
        (batch, out_channels, *sizes), each size image + before + after - kernel + 1.

    Raises:
        ShapeError: if the shapes do not fit, or the kernel is larger than the padded image.
        ValueError: if the padding is none.
    """
    if padding and any(map(any, padding)):
        input = Pad.apply(input, padding)
    image, kernel = input.shape[2:], weight.shape[2:]
    # The course's convolution is as large as the image: at the end its kernel sticks out.
    out: Tensor = (conv1d if len(image) == 1 else conv2d)(input, weight)
    whole = [slice(n - k + 1) for n, k in zip(image, kernel, strict=True)]
    out = out[(slice(None), slice(None), *whole)]
    if bias is not None:
        out = out + bias.contiguous().view(len(bias), *[1] * len(image))
    return out.relu() if relu else out
