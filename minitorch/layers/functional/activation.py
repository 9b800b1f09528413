"""Activations, which change each element by itself or weigh those of a line."""

from __future__ import annotations

import warnings

from ...autodiff import Context
from ...function import Function
from ...nn import logsoftmax
from ...nn import softmax as course_softmax
from ...powers import LeakyReLU
from ...tensor import Tensor
from .operands import checked_tensor

__all__ = ["leaky_relu", "log_softmax", "relu", "sigmoid", "softmax", "softplus", "tanh"]


def relu(input: Tensor) -> Tensor:
    """Return each element where positive, else 0."""
    return checked_tensor("relu", "input", input).relu()


def sigmoid(input: Tensor) -> Tensor:
    """Return 1 / (1 + exp(-x)) of each element."""
    return checked_tensor("sigmoid", "input", input).sigmoid()


def tanh(input: Tensor) -> Tensor:
    """Return the hyperbolic tangent of each element."""
    return checked_tensor("tanh", "input", input).tanh()


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Return each element where positive, else `negative_slope` times it."""
    return LeakyReLU.apply(checked_tensor("leaky_relu", "input", input), float(negative_slope))


def softmax(input: Tensor, dim: int | None = None) -> Tensor:
    """Return exp(x_i) / sum_i exp(x_i) along a dimension; see `minitorch.softmax`.

    Args:
        input: a tensor.
        dim: the dimension; without one, PyTorch's choice of old is made, with a warning.
    """
    input = checked_tensor("softmax", "input", input)
    return course_softmax(input, _chosen("softmax", input, dim))


def log_softmax(input: Tensor, dim: int | None = None) -> Tensor:
    """Return the logarithm of `softmax`, with no overflow between; arguments as there."""
    input = checked_tensor("log_softmax", "input", input)
    return logsoftmax(input, _chosen("log_softmax", input, dim))


def _chosen(name: str, input: Tensor, dim: int | None) -> int:
    """Return the dimension asked for, or 0 for inputs of 0, 1 or 3 dimensions and 1 for others."""
    if dim is not None:
        return dim
    warnings.warn(
        f"{name}: the choice of a dimension for shape {input.shape} is deprecated; give dim=",
        UserWarning,
        stacklevel=3,
    )
    return 0 if len(input.shape) in (0, 1, 3) else 1


class Softplus(Function):
    """log(1 + exp(x)), which neither overflows for large x nor is cut to 0 for small."""

    @staticmethod
    def forward(ctx: Context, a: Tensor) -> Tensor:
        """Return log(1 + exp(a))."""
        ctx.save_for_backward(a)
        return a.backend.softplus_map(a)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad / (1 + exp(-a))."""
        (a,) = ctx.saved_values
        return grad.backend.mul_zip(grad, grad.backend.sigmoid_map(a))


def softplus(input: Tensor) -> Tensor:
    """Return log(1 + exp(x)) of each element."""
    return Softplus.apply(checked_tensor("softplus", "input", input))
