"""Initialisers: the numbers that parameters begin with. They fill a tensor in place.

Glorot and Bengio (Xavier), https://proceedings.mlr.press/v9/glorot10a.html, and He et al.
(Kaiming), https://arxiv.org/abs/1502.01852, choose the variance so that signals neither grow
nor fade from layer to layer; each output of a layer sums over its `fan_in` inputs.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy.typing as npt

from ..autodiff import no_grad
from ..creation import from_numpy
from ..dtypes import get_default_dtype
from ..errors import DTypeError, ShapeError
from ..function import is_tensor
from ..parameter import Parameter, value_of
from ..rng import generator

__all__ = [
    "calculate_gain",
    "constant_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "uniform_",
    "uniform_parameter",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

T = TypeVar("T")  # a Tensor or a Parameter


def uniform_parameter(shape: tuple[int, ...], fan_in: int) -> Parameter:
    """Return a parameter of random numbers, uniform within 1 / sqrt(fan_in) of zero.

    So PyTorch draws weights (`kaiming_uniform_` with a = sqrt(5), whose bound is
    sqrt(6 / ((1 + a^2) fan_in))) and biases.

    Args:
        shape: the parameter's shape.
        fan_in: how many inputs each output of the layer sums over; with none, all are 0.
    """
    bound = fan_in**-0.5 if fan_in else 0.0
    values = generator().random(shape, get_default_dtype())
    values *= 2 * bound
    values -= bound
    return Parameter(from_numpy(values))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return by how much the standard deviation before a nonlinearity must be raised.

    Args:
        nonlinearity: "linear", "conv1d", "conv2d", "sigmoid", "tanh", "relu" or "leaky_relu".
        param: the slope of a leaky ReLU, by default 0.01.

    Raises:
        ValueError: if it is another, or the slope is no finite number.
    """
    slope = 0.01 if param is None else param
    gains = {
        "linear": 1.0,
        "conv1d": 1.0,
        "conv2d": 1.0,
        "sigmoid": 1.0,
        "tanh": 5.0 / 3.0,
        "relu": math.sqrt(2.0),
        "leaky_relu": math.sqrt(2.0 / (1.0 + slope**2)),
    }
    if nonlinearity not in gains or not math.isfinite(slope):
        raise ValueError(
            f"calculate_gain: no gain for {nonlinearity!r} with {param}; there are those for "
            f"{', '.join(gains)}"
        )
    return gains[nonlinearity]


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0) -> T:
    """Fill with numbers uniform from a up to b.

    Raises:
        ValueError: if b is below a, or one is not finite.
    """
    if not (math.isfinite(a) and math.isfinite(b) and a <= b):
        raise ValueError(f"uniform_: from {a} to {b}: both must be finite, the first not above")
    target = _target("uniform_", tensor)
    return _filled(tensor, generator().random(target.shape, target.dtype) * (b - a) + a)


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0) -> T:
    """Fill with normal numbers of this mean and standard deviation.

    Raises:
        ValueError: if they are not finite, or the standard deviation is negative.
    """
    if not (math.isfinite(mean) and math.isfinite(std) and std >= 0):
        raise ValueError(f"normal_: mean {mean}, std {std}: both must be finite, std not negative")
    target = _target("normal_", tensor)
    return _filled(tensor, generator().standard_normal(target.shape, target.dtype) * std + mean)


def constant_(tensor: T, val: float) -> T:
    """Fill with one number."""
    _target("constant_", tensor)
    return _filled(tensor, val)


def zeros_(tensor: T) -> T:
    """Fill with zeros."""
    return constant_(tensor, 0.0)


def ones_(tensor: T) -> T:
    """Fill with ones."""
    return constant_(tensor, 1.0)


def xavier_uniform_(tensor: T, gain: float = 1.0) -> T:
    """Fill with uniform numbers of variance 2 gain^2 / (fan_in + fan_out), around 0.

    Raises:
        ShapeError: if the tensor has less than 2 dimensions.
    """
    fan_in, fan_out = _fans("xavier_uniform_", tensor)
    bound = gain * math.sqrt(6.0 / max(fan_in + fan_out, 1))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: T, gain: float = 1.0) -> T:
    """Fill with normal numbers of variance 2 gain^2 / (fan_in + fan_out), around 0.

    Raises:
        ShapeError: if the tensor has less than 2 dimensions.
    """
    fan_in, fan_out = _fans("xavier_normal_", tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / max(fan_in + fan_out, 1)))


def kaiming_uniform_(
    tensor: T, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> T:
    """Fill with uniform numbers of variance gain^2 / fan, around 0.

    Args:
        tensor: a weight, (out, in, *kernel).
        a: the slope of the leaky ReLU that follows.
        mode: "fan_in" keeps the variance of what goes forward, "fan_out" of the gradients.
        nonlinearity: what follows; see `calculate_gain`.

    Raises:
        ShapeError: if the tensor has less than 2 dimensions.
        ValueError: if the mode or the nonlinearity is none of these.
    """
    bound = math.sqrt(3.0) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(
    tensor: T, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> T:
    """Fill with normal numbers of variance gain^2 / fan; see `kaiming_uniform_`."""
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity))


def _kaiming_std(name: str, tensor: Any, a: float, mode: str, nonlinearity: str) -> float:
    fans = dict(zip(("fan_in", "fan_out"), _fans(name, tensor), strict=True))
    if mode not in fans:
        raise ValueError(f'{name}: mode is {mode!r}; it must be "fan_in" or "fan_out"')
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fans[mode], 1))


def _fans(name: str, tensor: Any) -> tuple[int, int]:
    """Return how many inputs an output sums over, and how many outputs an input goes into.

    Raises:
        ShapeError: if the tensor has less than 2 dimensions.
    """
    shape = _target(name, tensor).shape
    if len(shape) < 2:
        raise ShapeError(f"{name}: a weight must be (out, in, *kernel); the shape is {shape}")
    taps = math.prod(shape[2:])
    return shape[1] * taps, shape[0] * taps


def _target(name: str, tensor: Any) -> Any:
    """Return the tensor that a parameter holds, or that was given.

    Raises:
        DTypeError: if it is no tensor.
    """
    held = value_of(tensor)
    if not is_tensor(held):
        raise DTypeError(f"{name}: fills a tensor or a parameter, not a {type(tensor).__name__}")
    return held


def _filled(tensor: T, values: npt.NDArray[Any] | float) -> T:
    """Write the values into the tensor, which is returned."""
    with no_grad():
        _target("fill", tensor)[...] = values
    return tensor
