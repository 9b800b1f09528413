"""Making tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .backends import TensorBackend, get_backend
from .dtypes import as_floats, checked_dtype, get_default_dtype
from .errors import DTypeError, ShapeError
from .rng import generator
from .shapes import whole_shape
from .tensor import Tensor
from .tensor_data import TensorData

__all__ = [
    "from_dlpack",
    "from_numpy",
    "ones",
    "rand",
    "randn",
    "tensor",
    "tensor_fromlist",
    "zeros",
]

Backend = TensorBackend | str | None


def _made(array: npt.NDArray[Any], backend: Backend, requires_grad: bool) -> Tensor:
    whole_shape(array.shape, "tensor")
    out = Tensor(TensorData.from_array(array), backend=get_backend(backend))
    return out.requires_grad_(True) if requires_grad else out


def _dtype(dtype: npt.DTypeLike | None) -> np.dtype[Any]:
    return get_default_dtype() if dtype is None else checked_dtype(dtype)


def tensor(
    ls: Any,
    shape: Any = None,
    backend: Backend = None,
    requires_grad: bool = False,
    dtype: npt.DTypeLike | None = None,
) -> Tensor:
    """Return a tensor with a copy of `ls`.

    Args:
        ls: a number, nested lists, an array or a tensor.
        shape: a shape for flat `ls`, as older course material gives it.
        backend: what runs the operations: a backend or its name.
        requires_grad: record operations, so that gradients can be asked for.
        dtype: float32 or float64; by default that of a float array, else the default dtype.

    Raises:
        ShapeError: if rows differ in length, or `shape` does not fit.
        DTypeError: if the elements are not real numbers.
    """
    if isinstance(ls, Tensor) and backend is None:
        backend = ls.backend
    array = np.array(as_floats(ls, dtype))
    if shape is not None:
        target = whole_shape(shape, "tensor")
        if array.size != int(np.prod(target)):
            raise ShapeError(f"tensor: {array.size} elements do not fit shape {target}")
        array = array.reshape(target)
    return _made(array, backend, requires_grad)


def tensor_fromlist(ls: Any, backend: Backend = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor from nested lists; the name of `tensor` in older course material."""
    return tensor(ls, backend=backend, requires_grad=requires_grad)


def from_numpy(array: npt.NDArray[Any], backend: Backend = None) -> Tensor:
    """Return a tensor that shares the memory of `array`.

    An array with negative strides is copied.

    Raises:
        DTypeError: if the array is not float32 or float64.
        ValueError: if it is read-only; `tensor` copies it.
    """
    if not isinstance(array, np.ndarray):
        raise DTypeError(f"from_numpy: takes a numpy array, not a {type(array).__name__}")
    if isinstance(array, np.ma.MaskedArray):
        raise DTypeError("from_numpy: the array is masked; fill it, or take its data")
    array = np.asarray(array)
    checked_dtype(array.dtype)
    if not array.flags.writeable:
        raise ValueError("from_numpy: the array is read-only; tensor(array) makes a copy")
    return _made(array, backend, False)


def from_dlpack(source: Any, backend: Backend = None) -> Tensor:
    """Return a tensor that shares memory with an object of another library, by DLPack."""
    return from_numpy(np.from_dlpack(source), backend)


def _sizes(shape: tuple[Any, ...], operation: str) -> tuple[int, ...]:
    """Return the shape given as one tuple, or as several numbers."""
    return whole_shape(shape[0] if len(shape) == 1 else shape, operation)


def zeros(
    *shape: Any,
    backend: Backend = None,
    requires_grad: bool = False,
    dtype: npt.DTypeLike | None = None,
) -> Tensor:
    """Return a tensor of zeros."""
    return _made(np.zeros(_sizes(shape, "zeros"), _dtype(dtype)), backend, requires_grad)


def ones(
    *shape: Any,
    backend: Backend = None,
    requires_grad: bool = False,
    dtype: npt.DTypeLike | None = None,
) -> Tensor:
    """Return a tensor of ones."""
    return _made(np.ones(_sizes(shape, "ones"), _dtype(dtype)), backend, requires_grad)


def rand(
    *shape: Any,
    backend: Backend = None,
    requires_grad: bool = False,
    dtype: npt.DTypeLike | None = None,
) -> Tensor:
    """Return a tensor of random numbers, uniform from 0 up to 1; see `manual_seed`."""
    values = generator().random(_sizes(shape, "rand"), _dtype(dtype))
    return _made(values, backend, requires_grad)


def randn(
    *shape: Any,
    backend: Backend = None,
    requires_grad: bool = False,
    dtype: npt.DTypeLike | None = None,
) -> Tensor:
    """Return a tensor of random numbers, normal of mean 0 and variance 1."""
    values = generator().standard_normal(_sizes(shape, "randn"), _dtype(dtype))
    return _made(values, backend, requires_grad)
