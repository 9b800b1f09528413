"""The affine map of a fully connected layer."""

from __future__ import annotations

from typing import Any

from ...fusion import fusable
from ...tensor import Tensor
from .operands import checked_tensor, refuse_shapes

__all__ = ["linear"]


def _prepared_linear(
    name: str, input: Any, weight: Any, bias: Any = None, relu: bool = False
) -> tuple[Any, ...]:
    input, weight = checked_tensor(name, "input", input), checked_tensor(name, "weight", weight)
    bias = None if bias is None else checked_tensor(name, "bias", bias)
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
        refuse_shapes(name, problem, input=input, weight=weight, bias=bias)
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
