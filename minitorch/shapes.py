"""Checking the shapes and dimensions that users give."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

from .errors import IndexingError, ShapeError

__all__ = ["MAX_DIMS", "checked_dim", "checked_order", "checked_view", "whole_shape"]

MAX_DIMS = 32


def whole_shape(shape: Any, operation: str) -> tuple[int, ...]:
    """Return `shape`, one number or several, as a tuple of Python integers.

    Raises:
        ShapeError: if a size is negative or not an integer, or there are too many.
    """
    sizes = shape if type(shape) is tuple or isinstance(shape, Iterable) else (shape,)
    try:
        result = tuple(map(operator.index, sizes))
    except TypeError:
        raise ShapeError(f"{operation}: shape {shape!r} must be made of integers") from None
    if result and min(result) < 0:
        raise ShapeError(f"{operation}: shape {result} has a negative size")
    if len(result) > MAX_DIMS:
        raise ShapeError(f"{operation}: {len(result)} dimensions; there may be {MAX_DIMS}")
    return result


def checked_dim(dim: Any, shape: Sequence[int], operation: str) -> int:
    """Return dimension `dim`, counted from the end if negative, as a number from 0.

    Raises:
        IndexingError: if a tensor of `shape` has no such dimension.
    """
    dims = len(shape)
    try:
        number: int = dim.__index__()
    except AttributeError:
        raise IndexingError(f"{operation}: dimension {dim!r} must be an integer") from None
    if not -dims <= number < dims:
        raise IndexingError(
            f"{operation}: shape {tuple(shape)} has no dimension {number}; "
            + (f"there are -{dims} to {dims - 1}" if dims else "it has none")
        )
    return number % dims


def checked_view(
    sizes: tuple[Any, ...], shape: tuple[int, ...], operation: str = "view"
) -> tuple[int, ...]:
    """Return the sizes in which a tensor of `shape` is to be seen, -1 worked out.

    Raises:
        ShapeError: if they are not sizes, or -1 cannot be worked out.
    """
    try:
        return _checked_view(tuple(map(operator.index, sizes)), shape, operation)
    except TypeError:
        return whole_shape(sizes, operation)


@functools.lru_cache(maxsize=1024)
def _checked_view(
    sizes: tuple[int, ...], shape: tuple[int, ...], operation: str
) -> tuple[int, ...]:
    size = math.prod(shape)
    if sizes.count(-1) == 1:
        known = math.prod(n for n in sizes if n != -1)
        if not known or size % known:
            raise ShapeError(f"{operation}: shape {shape} does not divide into {sizes}")
        sizes = tuple([size // known if n == -1 else n for n in sizes])
    return whole_shape(sizes, operation)


@functools.lru_cache(maxsize=1024)
def checked_order(order: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return an order of the dimensions of `shape`, as numbers from 0.

    Raises:
        ShapeError: if `order` does not name each dimension once.
    """
    dims = tuple([checked_dim(dim, shape, "permute") for dim in order])
    if sorted(dims) != list(range(len(shape))):
        raise ShapeError(
            f"permute: {order} must name each of the {len(shape)} dimensions of shape {shape} once"
        )
    return dims
