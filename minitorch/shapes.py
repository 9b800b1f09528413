"""Checking the shapes and dimensions that users give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .errors import IndexingError, ShapeError

__all__ = ["MAX_DIMS", "checked_dim", "whole_shape"]

MAX_DIMS = 32


def whole_shape(shape: Any, operation: str) -> tuple[int, ...]:
    """Return `shape`, one number or several, as a tuple of Python integers.

    Raises:
        ShapeError: if a size is negative or not an integer, or there are too many.
    """
    sizes = shape if isinstance(shape, Iterable) else (shape,)
    try:
        result = tuple([size.__index__() for size in sizes])
    except AttributeError:
        raise ShapeError(f"{operation}: shape {shape!r} must be made of integers") from None
    if any(size < 0 for size in result):
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
