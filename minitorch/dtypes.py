"""The dtypes that minitorch computes in, float32 and float64, and how values come to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import DTypeError, ShapeError

__all__ = ["as_floats", "checked_dtype", "get_default_dtype", "set_default_dtype"]

_DTYPES = {np.dtype(np.float32), np.dtype(np.float64)}
_default_dtype = np.dtype(np.float64)


def get_default_dtype() -> np.dtype[Any]:
    """Return the dtype of tensors made from Python numbers, integers and booleans."""
    return _default_dtype


def set_default_dtype(dtype: npt.DTypeLike) -> None:
    """Make `dtype`, float32 or float64, that of tensors made without naming one.

    Raises:
        DTypeError: if it is another dtype.
    """
    global _default_dtype
    _default_dtype = checked_dtype(dtype)


def checked_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Return `dtype` as a numpy dtype.

    Raises:
        DTypeError: if it is neither float32 nor float64.
    """
    try:
        result: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        result = np.dtype(object)
    if result not in _DTYPES:
        raise DTypeError(f"dtype {dtype!r}: minitorch computes in float32 and float64")
    return result


def as_floats(values: Any, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
    """Return `values` as a numpy array of `dtype`, float32 or float64.

    Without `dtype`, float arrays keep theirs; integers and booleans become the default.

    Raises:
        DTypeError: if the values are not real numbers, or the dtype is another.
        ShapeError: if nested lists have rows of different lengths.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ShapeError(f"tensor: rows of different lengths; {error}") from None
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"tensor: holds real numbers, not {array.dtype} ({_sample(values)})")
    if dtype is None:
        keeps = array.dtype in _DTYPES and (
            isinstance(values, np.ndarray | np.generic) or hasattr(values, "__array__")
        )
        dtype = array.dtype if keeps else _default_dtype
    return array.astype(checked_dtype(dtype), copy=False)


def _sample(values: Any) -> str:
    text = repr(values)
    return text if len(text) <= 60 else text[:57] + "..."
