"""Making tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from . import cuda_exchange
from .backends import TensorBackend, get_backend
from .dtypes import as_floats, checked_dtype, get_default_dtype
from .errors import BackendError, DTypeError, ShapeError
from .rng import generator
from .shapes import whole_shape
from .tensor import Tensor
from .tensor_data import TensorData

__all__ = [
    "arange",
    "eye",
    "from_dlpack",
    "from_numpy",
    "full",
    "linspace",
    "ones",
    "ones_like",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "tensor",
    "tensor_fromlist",
    "zeros",
    "zeros_like",
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
    if isinstance(ls, Tensor):
        backend = ls.backend if backend is None else backend
        ls = ls.to_numpy()
    elif _is_on_gpu(ls):
        return _copied_on_gpu(from_dlpack(ls), shape, backend, requires_grad, dtype)
    array = np.array(as_floats(ls, dtype))
    if shape is not None:
        target = whole_shape(shape, "tensor")
        if array.size != int(np.prod(target)):
            raise ShapeError(f"tensor: {array.size} elements do not fit shape {target}")
        array = array.reshape(target)
    return _made(array, backend, requires_grad)


def _copied_on_gpu(
    shared: Tensor, shape: Any, backend: Backend, requires_grad: bool, dtype: npt.DTypeLike | None
) -> Tensor:
    """Return a copy of a tensor over another library's memory, as `tensor` is asked for."""
    out = shared.clone() if dtype is None else shared.clone().to(checked_dtype(dtype))
    out = out if shape is None else out.view(*whole_shape(shape, "tensor"))
    out = out if backend is None else out.to(get_backend(backend))
    return out.requires_grad_(True) if requires_grad else out


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
    """Return a tensor that shares memory with an object of another library, by DLPack.

    An array on a GPU, of CuPy or PyTorch, gives a tensor on the CUDA backend.

    Raises:
        BackendError: if the backend's tensors do not lie where the array does.
        DTypeError: if the array is not float32 or float64.
    """
    if not _is_on_gpu(source):
        return from_numpy(np.from_dlpack(source), backend)
    chosen = get_backend("cuda" if backend is None else backend)
    if not chosen.cuda:
        raise BackendError(f"from_dlpack: the array is on a GPU, tensors of {chosen} are not")
    storage, shape, strides = cuda_exchange.from_device(source)
    return Tensor(
        TensorData.over(storage, whole_shape(shape, "from_dlpack"), strides), None, None, chosen
    )


def _is_on_gpu(source: Any) -> bool:
    """Return whether an object of another library lies on a GPU."""
    if hasattr(source, "__cuda_array_interface__"):
        return True
    # DLPack's numbers for CUDA's own and its managed memory.
    return hasattr(source, "__dlpack_device__") and source.__dlpack_device__()[0] in (2, 13)


def _sizes(shape: tuple[Any, ...], size: Any, operation: str) -> tuple[int, ...]:
    """Return the shape given as one tuple, as several numbers, or as `size`."""
    if size is not None:
        if shape:
            raise ShapeError(f"{operation}: the shape is given twice, as {shape} and size={size}")
        return whole_shape(size, operation)
    return whole_shape(shape[0] if len(shape) == 1 else shape, operation)


def zeros(
    *shape: Any,
    size: Any = None,
    backend: Backend = None,
    requires_grad: bool = False,
    dtype: npt.DTypeLike | None = None,
) -> Tensor:
    """Return a tensor of zeros."""
    sizes = _sizes(shape, size, "zeros")
    return _made(np.zeros(sizes, _dtype(dtype)), backend, requires_grad)


def ones(
    *shape: Any,
    size: Any = None,
    backend: Backend = None,
    requires_grad: bool = False,
    dtype: npt.DTypeLike | None = None,
) -> Tensor:
    """Return a tensor of ones."""
    sizes = _sizes(shape, size, "ones")
    return _made(np.ones(sizes, _dtype(dtype)), backend, requires_grad)


def rand(
    *shape: Any,
    size: Any = None,
    backend: Backend = None,
    requires_grad: bool = False,
    dtype: npt.DTypeLike | None = None,
) -> Tensor:
    """Return a tensor of random numbers, uniform from 0 up to 1; see `manual_seed`."""
    sizes = _sizes(shape, size, "rand")
    return _made(generator().random(sizes, _dtype(dtype)), backend, requires_grad)


def randn(
    *shape: Any,
    size: Any = None,
    backend: Backend = None,
    requires_grad: bool = False,
    dtype: npt.DTypeLike | None = None,
) -> Tensor:
    """Return a tensor of random numbers, normal of mean 0 and variance 1."""
    sizes = _sizes(shape, size, "randn")
    return _made(generator().standard_normal(sizes, _dtype(dtype)), backend, requires_grad)


def zeros_like(input: Tensor, requires_grad: bool = False) -> Tensor:
    """Return zeros in the shape and dtype and on the backend of `input`."""
    return zeros(input.shape, backend=input.backend, requires_grad=requires_grad, dtype=input.dtype)


def ones_like(input: Tensor, requires_grad: bool = False) -> Tensor:
    """Return ones in the shape and dtype and on the backend of `input`."""
    return ones(input.shape, backend=input.backend, requires_grad=requires_grad, dtype=input.dtype)


def rand_like(input: Tensor, requires_grad: bool = False) -> Tensor:
    """Return random numbers, uniform from 0 up to 1, as `zeros_like` does zeros."""
    return rand(input.shape, backend=input.backend, requires_grad=requires_grad, dtype=input.dtype)


def randn_like(input: Tensor, requires_grad: bool = False) -> Tensor:
    """Return random numbers, normal of mean 0 and variance 1, as `zeros_like` does zeros."""
    return randn(input.shape, backend=input.backend, requires_grad=requires_grad, dtype=input.dtype)


def full(
    size: Any,
    fill_value: float,
    backend: Backend = None,
    requires_grad: bool = False,
    dtype: npt.DTypeLike | None = None,
) -> Tensor:
    """Return a tensor of shape `size` with one number everywhere."""
    return _made(
        np.full(whole_shape(size, "full"), fill_value, _dtype(dtype)), backend, requires_grad
    )


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    dtype: npt.DTypeLike = np.int64,
    backend: Backend = None,
) -> Tensor | npt.NDArray[Any]:
    """Return random integers from low up to, not including, high.

    `randint(high, size)` counts from 0.

    Args:
        low, high: the range.
        size: the shape.
        dtype: an integer dtype gives a numpy array, which serves as labels; float32 or
            float64 gives a tensor.
        backend: what runs the operations of a tensor.

    Raises:
        ValueError: if there is no integer in the range.
        DTypeError: if the range is not one of integers, or the dtype is neither of integers nor
            one that tensors have.
    """
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    sizes = whole_shape(size, "randint") if size is not None else None
    if sizes is None or high is None:
        raise ShapeError("randint: takes (low, high, size), or (high, size)")
    if not all(hasattr(bound, "__index__") for bound in (low, high)):
        raise DTypeError(f"randint: low and high are integers, not {low!r} and {high!r}")
    if not low < high:
        raise ValueError(f"randint: there is no integer from {low} up to {high}, not included")
    values = generator().integers(low, high, sizes)
    if np.dtype(dtype).kind in "iu":
        return values.astype(dtype, copy=False)
    return _made(values.astype(checked_dtype(dtype)), backend, False)


def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    backend: Backend = None,
    dtype: npt.DTypeLike | None = None,
) -> Tensor:
    """Return start, start + step, ... up to, not including, end; `arange(end)` starts at 0.

    Raises:
        ValueError: if `step` is 0, or leads away from `end`.
    """
    if end is None:
        start, end = 0, start
    if step == 0 or (end - start) / step < 0:
        raise ValueError(f"arange: there is no way from {start} to {end} by steps of {step}")
    return _made(np.arange(start, end, step).astype(_dtype(dtype)), backend, False)


def linspace(
    start: float,
    end: float,
    steps: int,
    backend: Backend = None,
    dtype: npt.DTypeLike | None = None,
) -> Tensor:
    """Return `steps` numbers at equal distances, from start to end, both included."""
    (number,) = whole_shape(steps, "linspace")
    return _made(np.linspace(start, end, number, dtype=_dtype(dtype)), backend, False)


def eye(
    n: int, m: int | None = None, backend: Backend = None, dtype: npt.DTypeLike | None = None
) -> Tensor:
    """Return the n x n unit matrix, or the n x m matrix with ones on its diagonal."""
    rows, columns = whole_shape((n, n if m is None else m), "eye")
    return _made(np.eye(rows, columns, dtype=_dtype(dtype)), backend, False)
