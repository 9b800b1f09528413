"""Dropout: of elements, and of whole channels."""

from __future__ import annotations

from ... import nn
from ...creation import ones
from ...tensor import Tensor
from .operands import checked_tensor, refuse_shapes

__all__ = ["dropout", "dropout2d"]


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Return the input with random elements set to 0 and the others divided by 1 - p.

    Args:
        input: a tensor.
        p: the probability of each element to be dropped.
        training: without it, return the input as it is.

    Raises:
        ValueError: if p is not between 0 and 1.
    """
    return nn.dropout(checked_tensor("dropout", "input", input), p, not training)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Return the input with random channels set to 0 and the others divided by 1 - p.

    Args:
        input: (batch, channel, height, width)
        p: the probability of each channel of each image to be dropped.
        training: without it, return the input as it is.

    Raises:
        ShapeError: if the input has other dimensions.
        ValueError: if p is not between 0 and 1.
    """
    input = checked_tensor("dropout2d", "input", input)
    if len(input.shape) != 4:
        refuse_shapes("dropout2d", "it must be (batch, channel, height, width)", input=input)
    if not training:
        return nn.dropout(input, p, True)
    kept = ones((*input.shape[:2], 1, 1), backend=input.backend, dtype=input.dtype)
    return input * nn.dropout(kept, p)
