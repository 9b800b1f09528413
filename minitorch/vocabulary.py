"""What tensors do by methods, as functions with the names that PyTorch gives them."""

from __future__ import annotations

from numbers import Real
from typing import Any

from . import nn
from .errors import DTypeError, ShapeError, describe_shapes
from .parameter import value_of
from .powers import LeakyReLU
from .selection import Where, as_mask
from .tensor import Tensor
from .tensor_data import shape_broadcast

__all__ = [
    "abs",
    "allclose",
    "clamp",
    "clip",
    "clone",
    "flatten",
    "ge",
    "gt",
    "le",
    "leaky_relu",
    "log_softmax",
    "matmul",
    "mean",
    "mm",
    "ne",
    "norm",
    "numel",
    "permute",
    "pow",
    "reshape",
    "sqrt",
    "squeeze",
    "std",
    "t",
    "transpose",
    "unsqueeze",
    "var",
    "where",
]


def _tensor(name: str, input: Any) -> Tensor:
    """Return a tensor, or that of a Parameter."""
    value = value_of(input)
    if not isinstance(value, Tensor):
        raise DTypeError(f"{name}: takes a tensor, not a {type(input).__name__}")
    return value


def abs(input: Any) -> Any:
    """Return the absolute value of each element of a tensor, or of a number."""
    return input.__abs__() if isinstance(input, Real) else _tensor("abs", input).abs()


def pow(input: Any, exponent: Any) -> Any:
    """Return input to the power exponent; either may be a number."""
    return input**exponent


def sqrt(input: Tensor) -> Tensor:
    """Return the square root of each element: NaN below 0."""
    return _tensor("sqrt", input).sqrt()


def clamp(input: Tensor, min: float | None = None, max: float | None = None) -> Tensor:
    """Return each element, but `min` where it is less, and `max` where it is more."""
    return _tensor("clamp", input).clamp(min, max)


clip = clamp


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Return each element where positive, else negative_slope times it."""
    return LeakyReLU.apply(_tensor("leaky_relu", input), float(negative_slope))


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """Return the logarithm of the softmax along a dimension; see `logsoftmax`."""
    return nn.logsoftmax(_tensor("log_softmax", input), dim)


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """Return the elements of a where a condition holds, else those of b, after broadcasting.

    Args:
        condition: a tensor of 0 and 1, or a boolean numpy array.
        a, b: tensors or numbers.

    Raises:
        ShapeError: if the three do not broadcast to one shape.
        IndexingError: if the condition is not made of 0 and 1.
    """
    mask = as_mask(condition, "where")
    a, b = value_of(a), value_of(b)
    known = next((v for v in (a, b, condition) if isinstance(v, Tensor)), None)
    if known is None:
        raise DTypeError("where: one of the condition and the two values must be a tensor")
    left, right = known._coerced(a), known._coerced(b)
    try:
        shape_broadcast(mask.shape, shape_broadcast(left.shape, right.shape))
    except ShapeError as error:
        operands = [("condition", mask.shape), ("a", left.shape), ("b", right.shape)]
        raise ShapeError(f"{describe_shapes('where', operands)}\n{error}") from None
    return Where.apply(mask, left, right)


def le(input: Any, other: Any) -> Any:
    """Return 1 where input <= other, else 0."""
    return input <= other


def ge(input: Any, other: Any) -> Any:
    """Return 1 where input >= other, else 0."""
    return input >= other


def gt(input: Any, other: Any) -> Any:
    """Return 1 where input > other, else 0."""
    return input > other


def ne(input: Any, other: Any) -> Any:
    """Return 1 where input != other, else 0."""
    return input != other


def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Return whether |input - other| <= atol + rtol |other| everywhere, after broadcasting."""
    return _tensor("allclose", input).allclose(other, rtol, atol, equal_nan)


def mean(input: Tensor, dim: Any = None, keepdim: bool = True) -> Tensor:
    """Return `Tensor.mean`."""
    return _tensor("mean", input).mean(dim, keepdim)


def var(input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False) -> Tensor:
    """Return `Tensor.var`."""
    return _tensor("var", input).var(dim, unbiased, keepdim)


def std(input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False) -> Tensor:
    """Return `Tensor.std`."""
    return _tensor("std", input).std(dim, unbiased, keepdim)


def norm(input: Tensor, p: float | str = 2, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Return `Tensor.norm`."""
    return _tensor("norm", input).norm(p, dim, keepdim)


def matmul(input: Tensor, other: Any) -> Tensor:
    """Return the matrix product, `input @ other`."""
    return _tensor("matmul", input).matmul(other)


def mm(input: Tensor, mat2: Any) -> Tensor:
    """Return the product of two matrices."""
    return _tensor("mm", input).mm(mat2)


def clone(input: Tensor) -> Tensor:
    """Return a copy, through which gradients flow."""
    return _tensor("clone", input).clone()


def numel(input: Tensor) -> int:
    """Return the number of elements."""
    return _tensor("numel", input).numel()


def reshape(input: Tensor, shape: Any) -> Tensor:
    """Return the same elements in another shape: a view where one can be, else a copy."""
    return _tensor("reshape", input).reshape(shape)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return the tensor with the dimensions from one to another as one."""
    return _tensor("flatten", input).flatten(start_dim, end_dim)


def squeeze(input: Tensor, dim: int | tuple[int, ...] | None = None) -> Tensor:
    """Return the tensor without its dimensions of size 1."""
    return _tensor("squeeze", input).squeeze(dim)


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return the tensor with a new dimension of size 1 at place `dim`."""
    return _tensor("unsqueeze", input).unsqueeze(dim)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return the tensor with two dimensions exchanged."""
    return _tensor("transpose", input).transpose(dim0, dim1)


def permute(input: Tensor, dims: Any) -> Tensor:
    """Return the tensor with its dimensions in another order."""
    return _tensor("permute", input).permute(dims)


def t(input: Tensor) -> Tensor:
    """Return the transpose of a matrix; a vector or a number as it is."""
    return _tensor("t", input).t()
