"""Functions that take tensors, Scalars and plain numbers alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

from . import elementwise, operators
from .errors import DTypeError
from .parameter import value_of
from .scalar import Scalar
from .tensor import Tensor

__all__ = [
    "add",
    "eq",
    "exp",
    "inv",
    "is_close",
    "log",
    "lt",
    "mul",
    "neg",
    "prod",
    "relu",
    "sigmoid",
    "sum",
    "tanh",
]


def _unary(x: Any, name: str, number: Callable[[float], float]) -> Any:
    if isinstance(x, Real):
        return number(float(x))
    x = value_of(x)
    if isinstance(x, Tensor | Scalar):
        return getattr(x, name)()
    raise DTypeError(f"{name}: takes a tensor, a Scalar or a number, not a {type(x).__name__}")


def exp(x: Any) -> Any:
    """Return e to the power x."""
    return _unary(x, "exp", operators.exp)


def log(x: Any) -> Any:
    """Return the natural logarithm of x; of x + 1e-6 for Scalars and numbers."""
    return _unary(x, "log", operators.log)


def relu(x: Any) -> Any:
    """Return x where positive, else 0."""
    return _unary(x, "relu", operators.relu)


def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x))."""
    return _unary(x, "sigmoid", operators.sigmoid)


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent of x."""
    if isinstance(x, Scalar):
        return (x * 2.0).sigmoid() * 2.0 - 1.0
    return _unary(x, "tanh", elementwise.tanh)


def neg(x: Any) -> Any:
    """Return -x."""
    return -x


def inv(x: Any) -> Any:
    """Return 1 / x."""
    return 1.0 / x


def add(x: Any, y: Any) -> Any:
    """Return x + y."""
    return x + y


def mul(x: Any, y: Any) -> Any:
    """Return x * y."""
    return x * y


def lt(x: Any, y: Any) -> Any:
    """Return 1 where x < y, else 0."""
    both = isinstance(x, Real) and isinstance(y, Real)
    return operators.lt(float(x), float(y)) if both else x < y


def eq(x: Any, y: Any) -> Any:
    """Return 1 where x == y, else 0."""
    both = isinstance(x, Real) and isinstance(y, Real)
    return operators.eq(float(x), float(y)) if both else x == y


def is_close(x: Any, y: Any) -> Any:
    """Return 1 where x and y differ by less than 0.01, else 0."""
    x, y = value_of(x), value_of(y)
    for own, other in ((x, y), (y, x)):
        if isinstance(own, Tensor):
            return own.is_close(other)
    return operators.is_close(float(x), float(y))


def sum(x: Any, dim: Any = None, keepdim: bool = True) -> Any:
    """Return the sum of a list of numbers, or `Tensor.sum` of a tensor."""
    x = value_of(x)
    return x.sum(dim, keepdim) if isinstance(x, Tensor) else operators.sum(x)


def prod(x: Iterable[float]) -> float:
    """Return the product of a list of numbers."""
    if isinstance(value_of(x), Tensor):
        raise DTypeError("prod: takes a list of numbers, not a Tensor")
    return operators.prod(x)
