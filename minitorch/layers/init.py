"""The numbers that layers begin with."""

from __future__ import annotations

from ..creation import from_numpy
from ..dtypes import get_default_dtype
from ..module import Parameter
from ..rng import generator

__all__ = ["uniform_parameter"]


def uniform_parameter(shape: tuple[int, ...], fan_in: int) -> Parameter:
    """Return a parameter of random numbers, uniform within 1 / sqrt(fan_in) of zero.

    So PyTorch draws weights (`kaiming_uniform_` with a = sqrt(5), whose bound is
    sqrt(6 / ((1 + a^2) fan_in)); see He et al., https://arxiv.org/abs/1502.01852) and biases.

    Args:
        shape: the parameter's shape.
        fan_in: how many inputs each output of the layer sums over; with none, all are 0.
    """
    bound = fan_in**-0.5 if fan_in else 0.0
    values = generator().random(shape, get_default_dtype())
    values *= 2 * bound
    values -= bound
    return Parameter(from_numpy(values))
