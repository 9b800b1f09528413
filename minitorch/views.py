"""Parts of tensors, and tensors repeated, over the same storage."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .dtypes import as_floats
from .errors import IndexingError, ShapeError
from .shapes import whole_shape
from .tensor_data import TensorData

__all__ = ["broadcast_to", "sliced", "write"]


def broadcast_to(data: TensorData, shape: tuple[int, ...]) -> TensorData:
    """Return the tensor repeated along new or size-1 dimensions: their strides are 0.

    Raises:
        ShapeError: if this shape does not broadcast to `shape`.
    """
    return data.sharing(shape, *_broadcast(data.shape, data.strides, shape))


@functools.lru_cache(maxsize=1024)
def _broadcast(
    own: tuple[int, ...], strides: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[tuple[int, ...], int]:
    """Return the strides and the size of a tensor repeated to `shape`."""
    missing = len(shape) - len(own)
    padded = (1,) * missing + own
    fits = missing >= 0 and all(n in (1, big) for n, big in zip(padded, shape, strict=True))
    if not fits:
        raise ShapeError(f"expand: shape {own} does not broadcast to {shape}")
    steps = tuple([0 if n == 1 else s for n, s in zip(own, strides, strict=True)])
    return (0,) * missing + steps, math.prod(shape)


def _check_key(key: Any) -> None:
    """Raise `IndexingError` if numpy's basic indexing does not take `key`."""
    for part in key if isinstance(key, tuple) else (key,):
        is_integer = hasattr(part, "__index__") and not isinstance(part, bool | np.ndarray)
        if not (is_integer or isinstance(part, slice) or part is None or part is ...):
            raise IndexingError(
                f"index {key!r}: only integers, slices, ... and None can index a tensor"
            )


def _plainly_sliced(data: TensorData, parts: tuple[Any, ...]) -> TensorData | None:
    """Return the part for integers within range and slices that go forward, else None."""
    if len(parts) > data.dims:
        return None
    start = 0
    shape, strides = [], []
    for part, size, stride in zip(parts, data.shape, data.strides, strict=False):
        if type(part) is slice:
            first, last, step = part.indices(size)
            count = (last - first + step - 1) // step if step > 0 else 0
            if count <= 0:
                return None
            start += first * stride
            shape.append(count)
            strides.append(step * stride)
        elif type(part) is int and -size <= part < size:
            start += (part + size if part < 0 else part) * stride
        else:
            return None
    rest = len(parts)
    sizes = (*shape, *data.shape[rest:])
    return data.sharing(sizes, (*strides, *data.strides[rest:]), math.prod(sizes), start)


def sliced(data: TensorData, key: Any) -> TensorData:
    """Return the part that numpy's basic indexing gives for `key`.

    It shares the storage, from its first element on; with a negative step it is a copy.

    Raises:
        IndexingError: if an index is out of range, or not an integer, slice, `...` or None.
    """
    plain = _plainly_sliced(data, key if type(key) is tuple else (key,))
    if plain is not None:
        return plain
    _check_key(key)
    try:
        part = data.numpy()[(*key, ...) if isinstance(key, tuple) and ... not in key else key]
    except IndexError as error:
        raise IndexingError(f"index {key!r} does not fit shape {data.shape}: {error}") from None
    array = np.asarray(part)
    whole_shape(array.shape, f"index {key!r}")
    if any(stride < 0 for stride in array.strides) or not array.size:
        return TensorData.from_array(array.copy())
    itemsize = array.itemsize
    start = (array.ctypes.data - data._storage.ctypes.data) // itemsize
    strides = tuple([stride // itemsize for stride in array.strides])
    return data.sharing(array.shape, strides, array.size, start)


def write(data: TensorData, key: Any, value: Any) -> None:
    """Write `value`, broadcast, into the part that numpy's indexing gives for `key`.

    Raises:
        IndexingError: if the index does not fit.
        ShapeError: if the value does not.
        DTypeError: if the value is not made of real numbers.
    """
    _check_key(key)
    elements = as_floats(value, data.dtype)
    if elements.size == 1:
        elements = elements.reshape(())
    try:
        data.numpy()[key] = elements
    except IndexError as error:
        raise IndexingError(f"index {key!r} does not fit shape {data.shape}: {error}") from None
    except ValueError as error:
        raise ShapeError(f"writing at index {key!r} of shape {data.shape}: {error}") from None
    data.note_write()
