"""Activations, which change each element by itself or weigh those of a line."""

from __future__ import annotations

from ..module import Module
from ..tensor import Tensor
from .functional.activation import leaky_relu, log_softmax, relu, sigmoid, softmax, tanh

__all__ = ["LeakyReLU", "LogSoftmax", "ReLU", "Sigmoid", "Softmax", "Tanh"]


class ReLU(Module):
    """Each element where positive, else 0."""

    def forward(self, input: Tensor) -> Tensor:
        """Return each element where positive, else 0."""
        return relu(input)


class LeakyReLU(Module):
    """Each element where positive, else a small part of it.

    Args:
        negative_slope: the part.
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        """Return each element where positive, else `negative_slope` times it."""
        return leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        """Return the slope."""
        return f"negative_slope={self.negative_slope}"


class Sigmoid(Module):
    """1 / (1 + exp(-x)) of each element."""

    def forward(self, input: Tensor) -> Tensor:
        """Return 1 / (1 + exp(-x)) of each element."""
        return sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent of each element."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the hyperbolic tangent of each element."""
        return tanh(input)


class _AlongDim(Module):
    """What softmax and its logarithm share."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        """Return the dimension."""
        return f"dim={self.dim}"


class Softmax(_AlongDim):
    """exp(x_i) / sum_i exp(x_i) along a dimension.

    Args:
        dim: the dimension; without one, PyTorch's choice of old is made, with a warning: 0 for
            inputs of 0, 1 or 3 dimensions, 1 for others.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input normalised along the dimension; see `functional.softmax`."""
        return softmax(input, self.dim)


class LogSoftmax(_AlongDim):
    """The logarithm of `Softmax`, with no overflow between.

    Args:
        dim: the dimension, chosen as by `Softmax` if it is None.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input normalised along the dimension; see `functional.log_softmax`."""
        return log_softmax(input, self.dim)
