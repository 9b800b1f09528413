"""What layers compute, as functions of tensors: a readable composition of each.

A backend may register a fused form of a composition, under its name. Either gets the same
arguments, checked and in one form::

    linear(x, w)  ->  prepare  ->  (x, w, None, False)  ->  the fused form, or the composition

so that a kernel meets no shapes that do not fit it, no label that is none of the classes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DTypeError, IndexingError, ShapeError, describe_shapes
from ..fast_conv import conv1d, conv2d
from ..function import is_tensor
from ..fusion import fusable
from ..module import Parameter
from ..more_functions import Pad, Pick
from ..nn import logsoftmax
from ..tensor import Tensor

__all__ = ["Padding", "convolution", "cross_entropy", "linear", "nll_loss"]

Labels = npt.NDArray[np.int64]
# For each spatial dimension, how many zeros come before and after the image.
Padding = tuple[tuple[int, int], ...]


def _tensor(name: str, role: str, value: Any) -> Tensor:
    """Return the tensor given as `role`, or that which a given parameter holds."""
    tensor: Any = value.value if isinstance(value, Parameter) else value
    if not is_tensor(tensor):
        raise DTypeError(f"{name}: the {role} must be a tensor, not a {type(value).__name__}")
    return tensor


def _refuse_shapes(name: str, problem: str, **operands: Tensor | None) -> None:
    """Raise `ShapeError` with the operands' shapes and what is wrong with them."""
    shapes = [(role, tensor.shape) for role, tensor in operands.items() if tensor is not None]
    raise ShapeError(f"{describe_shapes(name, shapes)}\n{problem}")


def _prepared_linear(
    name: str, input: Any, weight: Any, bias: Any = None, relu: bool = False
) -> tuple[Any, ...]:
    input, weight = _tensor(name, "input", input), _tensor(name, "weight", weight)
    bias = None if bias is None else _tensor(name, "bias", bias)
    shape, matrix = input.shape, weight.shape
    problem = None
    if not shape or len(matrix) != 2:
        problem = "the input must be (..., in_features), the weight (out_features, in_features)"
    elif shape[-1] != matrix[1]:
        problem = (
            f"in_features, the last dimension, is {shape[-1]} in the input and {matrix[1]} in "
            "the weight"
        )
    elif bias is not None and bias.shape != matrix[:1]:
        problem = f"the bias must be of shape {matrix[:1]}"
    if problem:
        _refuse_shapes(name, problem, input=input, weight=weight, bias=bias)
    return input, weight, bias, bool(relu)


@fusable(_prepared_linear)
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None, relu: bool = False) -> Tensor:
    """Return input @ weight^T + bias, and with `relu` 0 where that is negative.

    Args:
        input: (..., in_features)
        weight: (out_features, in_features)
        bias: (out_features,), or None.
        relu: end with a ReLU.

    Returns:
        (..., out_features)

    Raises:
        ShapeError: if the shapes do not fit.
    """
    out = input @ weight.permute(1, 0)
    if bias is not None:
        out = out + bias
    return out.relu() if relu else out


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
    input, weight = _tensor(name, "input", input), _tensor(name, "weight", weight)
    bias = None if bias is None else _tensor(name, "bias", bias)
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
        _refuse_shapes(name, problem, input=input, weight=weight, bias=bias)
    pairs = ((0, 0),) * spatial if padding is None else _checked_padding(name, padding, spatial)
    for (before, after), n, k in zip(pairs, images[2:], kernels[2:], strict=True):
        if n + before + after < k:
            problem = (
                f"the kernel {kernels[2:]} is larger than the image {images[2:]} padded by "
                f"{pairs}: it may be as large at most"
            )
            _refuse_shapes(name, problem, input=input, weight=weight)
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


def _checked_labels(name: str, input: Tensor, labels: Any) -> Labels:
    """Return a copy of the labels, which nobody can change before the backward pass.

    Args:
        input: (batch, classes)
        labels: the number of a class for each row.

    Returns:
        (batch,), C-contiguous

    Raises:
        DTypeError: if they are not integers.
        ShapeError: unless there is one for each row.
        IndexingError: if one is none of the classes.
    """
    batch, classes = input.shape
    try:
        given = np.asarray(labels)
    except ValueError as error:
        raise ShapeError(f"{name}: labels in rows of different lengths; {error}") from None
    if given.dtype.kind not in "iu" and (given.size or isinstance(labels, np.ndarray)):
        raise DTypeError(
            f"{name}: the labels must be integers, the numbers of classes, not {given.dtype}"
        )
    if given.shape != (batch,):
        operands = [("input", input.shape), ("labels", given.shape)]
        raise ShapeError(f"{describe_shapes(name, operands)}\nthe labels must be ({batch},)")
    own = np.array(given, np.int64)
    unsigned = own.view(np.uint64)  # which takes a negative label for a large one
    if batch and np.maximum.reduce(unsigned) >= classes:
        place = int(np.flatnonzero(unsigned >= classes)[0])
        raise IndexingError(
            f"{name}: label {own[place]} at position {place} of {batch}: the input of shape "
            f"{input.shape} has the classes 0 to {classes - 1}"
        )
    return own


def _prepared_loss(name: str, input: Any, labels: Any) -> tuple[Tensor, Labels]:
    input = _tensor(name, "input", input)
    if len(input.shape) != 2 or not input.shape[1]:
        _refuse_shapes(name, "it must be (batch, classes), with a class or more", input=input)
    return input, _checked_labels(name, input, labels)


@fusable(_prepared_loss)
def nll_loss(input: Tensor, labels: Labels) -> Tensor:
    """Return the mean of -input at the labels: the negative log-likelihood.

    Args:
        input: (batch, classes), the logarithms of the classes' probabilities.
        labels: (batch,), integers from 0 to classes - 1, in an array or a list.

    Returns:
        (), NaN for an empty batch.

    Raises:
        ShapeError: if the shapes do not fit.
        DTypeError: if the labels are not integers.
        IndexingError: if a label is none of the classes.
    """
    likelihoods = Pick.apply(input, labels.reshape(-1, 1), 1)
    return -likelihoods.mean().view(())


@fusable(_prepared_loss)
def cross_entropy(input: Tensor, labels: Labels) -> Tensor:
    """Return the mean of -log softmax(input) at the labels.

    Args:
        input: (batch, classes), scores of the classes, from minus to plus infinity.
        labels: (batch,), integers from 0 to classes - 1, in an array or a list.

    Returns:
        (), NaN for an empty batch.

    Raises:
        ShapeError: if the shapes do not fit.
        DTypeError: if the labels are not integers.
        IndexingError: if a label is none of the classes.
    """
    return nll_loss(logsoftmax(input, 1), labels)
